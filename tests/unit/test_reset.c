/* SPDX-License-Identifier: MIT */
/* Every way to reset the machine: which keep memory and chips, and that the others leave nothing behind. */
#include <stdlib.h>
#include <string.h>

#include "core/strbuf.h"
#include "devices/cmos.h"
#include "devices/pci.h"
#include "machine/machine.h"
#include "tests/unit/machine_rig.h"

static const char *const with_exit[] = { "device", "isa-debug-exit", NULL };

static struct nb_machine *machine(enum reset_by how, u8 code, const char *const *pairs)
{
    u8 *guest = malloc(guest_reset_len);

    memcpy(guest, guest_reset, guest_reset_len);
    ck_assert_uint_eq(guest[RESET_CODE - 1], 0xb0);
    ck_assert_uint_eq(guest[RESET_METHOD - 1], 0xb3);
    guest[RESET_CODE] = code;
    guest[RESET_METHOD] = (u8)how;
    struct nb_machine *m = rig_machine(guest, guest_reset_len, pairs);
    free(guest);
    return m;
}

/* Runs to the guest's next report; the exit code holds the shutdown code that it found. */
static u8 boot(struct nb_machine *m)
{
    ck_assert_int_eq(nb_run(m, 100000000), NB_EXIT);
    return (u8)(nb_exit_code(m) >> 1);
}

/* All configuration space, memory and port maps, and registers of chips that no clock moves. */
static char *dump(struct nb_machine *m)
{
    static const char *const what[] = { "mtree", "pci", "pic0", "pic1", "dma", "kbc", "sys",
                                        "bridge", "isa", "com1", "vga" };
    struct strbuf sb = { 0 };

    for (unsigned devfn = 0; devfn < 256; devfn++) {
        const struct pci_device *pd = m->sys.pci->fn[devfn];
        for (unsigned k = 0; pd && k < sizeof pd->config; k += 4)
            sb_addf(&sb, "%02x.%02x %08x\n", devfn, k, ld32(pd->config + k));
    }
    for (unsigned k = 0; k < ARRAY_LEN(what); k++) {
        char *text = nb_info(m, what[k]);
        ck_assert_ptr_nonnull(text);
        sb_add(&sb, text);
        nb_string_free(text);
    }
    sb_addf(&sb, "A20 %d\n", m->a20_level);
    return sb.s;
}

static void same(const char *a, const char *b)
{
    size_t at = 0, line = 0;

    while (a[at] && a[at] == b[at]) {
        at++;
        if (a[at - 1] == '\n')
            line = at;
    }
    ck_assert_msg(!a[at] && !b[at], "\"%.80s\", then \"%.80s\"", a + line, b + line);
}

static const u8 keeping[] = { 0x05, 0x0a, 0x0b, 0x0c };

/* Which methods look at the shutdown code. */
static bool asks_cmos(enum reset_by how)
{
    return how == BY_PORT92 || how == BY_KBC || how == BY_TRIPLE;
}

/* INIT: the CPU starts again, all else is as the guest left it. */
START_TEST(init_keeps_everything)
{
    enum reset_by how = (enum reset_by)(_i / (int)ARRAY_LEN(keeping));
    u8 code = keeping[_i % (int)ARRAY_LEN(keeping)];

    if (!asks_cmos(how))
        return;
    struct nb_machine *m = machine(how, code, with_exit);
    ck_assert_uint_eq(boot(m), 0);
    ck_assert_uint_eq(boot(m), code);
    ck_assert_uint_eq(rig_mem32(m, 0x500), 0x12345678);
    ck_assert_uint_eq(rig_pci32(m, PCI_AT(0, 0), 0x58), 0x33330030);
    ck_assert_uint_eq(rig_pci32(m, PCI_AT(1, 0), 0x60), 0x0b0a0b0a);
    ck_assert_uint_eq(rig_pci32(m, PCI_AT(2, 0), 0x10), 0xe8000008);
    ck_assert_uint_eq(rig_reg(m, "cr0") & 1, 0);
    ck_assert_uint_eq(rig_reg(m, "cs"), 0xf000);
    ck_assert_uint_eq(space_peek(&m->io, 0x21, 1), 0x5a);
    char *once = dump(m);
    for (unsigned k = 0; k < 20; k++) {
        ck_assert_uint_eq(boot(m), code);
        char *again = dump(m);
        same(once, again);
        nb_string_free(again);
    }
    nb_string_free(once);
    nb_free(m);
}
END_TEST

/* Power-on reset: as the machine was new, but for CMOS; and the same each time. */
START_TEST(power_on_leaves_nothing)
{
    enum reset_by how = (enum reset_by)_i;
    u8 code = asks_cmos(how) ? 0x04 : 0x0a; /* CF9 does not ask */
    unsigned cycles = HAVE_ASAN ? 100 : 1000;
    struct nb_machine *m = machine(how, code, with_exit);

    ck_assert_uint_eq(boot(m), 0);
    char *fresh = dump(m);
    for (unsigned k = 0; k < cycles; k++) {
        ck_assert_uint_eq(boot(m), code);
        ck_assert_uint_eq(rig_mem32(m, 0x500), 0);
        ck_assert_uint_eq(rig_mem32(m, 0x6ffc), 0);
        char *again = dump(m);
        same(fresh, again);
        nb_string_free(again);
    }
    nb_string_free(fresh);
    nb_free(m);
}
END_TEST

/* The codes beside the four are power-on resets. */
START_TEST(other_shutdown_codes)
{
    for (u8 code = 0; code < 0x10; code++) {
        bool keeps = false;
        for (unsigned k = 0; k < ARRAY_LEN(keeping); k++)
            keeps |= keeping[k] == code;
        struct nb_machine *m = machine(BY_KBC, code, with_exit);
        boot(m);
        ck_assert_uint_eq(boot(m), code);
        ck_assert_uint_eq(rig_mem32(m, 0x500), keeps ? 0x12345678 : 0);
        ck_assert_uint_eq(rig_pci32(m, PCI_AT(0, 0), 0x58), keeps ? 0x33330030 : 0x10);
        nb_free(m);
    }
}
END_TEST

START_TEST(no_reboot)
{
    static const char *const pairs[] = { "device", "isa-debug-exit", "no-reboot", "on", NULL };

    for (int how = 0; how < NUM_RESET_BY; how++) {
        struct nb_machine *m = machine((enum reset_by)how, 0, pairs);
        boot(m);
        ck_assert_int_eq(nb_run(m, 100000000), how == BY_TRIPLE ? NB_SHUTDOWN : NB_RESET);
        ck_assert_uint_eq(rig_mem32(m, 0x500), 0x12345678);
        nb_free(m);
    }
    /* what the firmware wants to survive is no reboot */
    struct nb_machine *m = machine(BY_TRIPLE, 0x0a, pairs);
    boot(m);
    ck_assert_uint_eq(boot(m), 0x0a);
    nb_free(m);

    m = machine(BY_KBC, 0, pairs);
    nb_reset(m);
    ck_assert_int_eq(nb_run(m, 100000000), NB_RESET);
    nb_free(m);
}
END_TEST

START_TEST(user_reset)
{
    struct nb_machine *m = machine(BY_KBC, 0x0a, with_exit);

    boot(m);
    char *fresh = dump(m);
    nb_run(m, 20000); /* 100 instructions: the guest is in the middle of its changes */
    ck_assert_uint_eq(rig_mem32(m, 0x500), 0x12345678);
    nb_reset(m);
    boot(m);
    ck_assert_uint_eq(rig_mem32(m, 0x500), 0);
    char *again = dump(m);
    same(fresh, again);
    nb_string_free(fresh);
    nb_string_free(again);
    nb_free(m);
}
END_TEST

/* -boot once= is over with the first power-on reset, not with an INIT. */
START_TEST(boot_once)
{
    static const char *const pairs[] = { "boot", "order=dc,once=a", "device", "isa-debug-exit",
                                         NULL };
    struct nb_machine *m = machine(BY_KBC, 0x0a, pairs);

    ck_assert_uint_eq(cmos_get(m->rtc, 0x3d), 0x01);
    boot(m);
    boot(m);
    ck_assert_uint_eq(cmos_get(m->rtc, 0x3d), 0x01);
    nb_reset(m);
    boot(m);
    ck_assert_uint_eq(cmos_get(m->rtc, 0x3d), 0x23);
    ck_assert_uint_eq(cmos_get(m->rtc, 0x38), 0x01);
    nb_free(m);
}
END_TEST

Suite *suite_reset(void);
Suite *suite_reset(void)
{
    Suite *s = suite_create("reset");
    TCase *t = tcase_create("reset");

    tcase_add_checked_fixture(t, rig_folder_new, rig_folder_remove);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, init_keeps_everything, 0, NUM_RESET_BY * (int)ARRAY_LEN(keeping));
    tcase_add_loop_test(t, power_on_leaves_nothing, 0, NUM_RESET_BY);
    tcase_add_test(t, other_shutdown_codes);
    tcase_add_test(t, no_reboot);
    tcase_add_test(t, user_reset);
    tcase_add_test(t, boot_once);
    suite_add_tcase(s, t);
    return s;
}
