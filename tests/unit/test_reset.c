/* SPDX-License-Identifier: MIT */
/* Every way to reset the machine: which keep memory and chips, and that the others leave nothing behind. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "core/strbuf.h"
#include "core/xalloc.h"
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

/* How often, where a power cycle is repeated to find what adds up. */
enum { CYCLES = HAVE_ASAN ? 100 : 1000 };

/* Bytes that this process has allocated: a cycle may keep none. The sanitizers have their own heap. */
static size_t allocated(void)
{
    return HAVE_ASAN ? 0 : mallinfo2().uordblks + mallinfo2().hblkhd;
}

/* Marks all over memory, or looks what is left of them. The guest itself changes 500h. */
static const u32 places[] = { 0x5a0, 0x1ffc, 0x6ff0, 0x7c00, 0x40000, 0x9fffc, 0x100000, 0x150000, 0x1ffffc };

static void mark(struct nb_machine *m)
{
    static const u32 v = 0xc0ffee00;

    for (unsigned k = 0; k < ARRAY_LEN(places); k++)
        ck_assert_uint_eq(nb_mem_write(m, true, places[k], &v, 4), 4);
}

static void marks_are(struct nb_machine *m, u32 want)
{
    for (unsigned k = 0; k < ARRAY_LEN(places); k++)
        ck_assert_msg(rig_mem32(m, places[k]) == want, "%08x at %x", rig_mem32(m, places[k]), places[k]);
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
    size_t heap = 0;
    mark(m);
    for (unsigned k = 0; k < CYCLES; k++) {
        ck_assert_uint_eq(boot(m), code);
        ck_assert_uint_eq(rig_mem32(m, 0x500), 0x12345678);
        marks_are(m, 0xc0ffee00);
        char *again = dump(m);
        same(once, again);
        nb_string_free(again);
        if (k == 10)
            heap = allocated();
    }
    ck_assert_uint_eq(allocated(), heap);
    nb_string_free(once);
    nb_free(m);
}
END_TEST

/* Power-on reset: as the machine was new, but for CMOS; and the same each time. */
START_TEST(power_on_leaves_nothing)
{
    enum reset_by how = (enum reset_by)_i;
    u8 code = asks_cmos(how) ? 0x04 : 0x0a; /* CF9 does not ask */
    struct nb_machine *m = machine(how, code, with_exit);
    size_t heap = 0;

    ck_assert_uint_eq(boot(m), 0);
    char *fresh = dump(m);
    for (unsigned k = 0; k < CYCLES; k++) {
        mark(m);
        ck_assert_uint_eq(boot(m), code);
        ck_assert_uint_eq(rig_mem32(m, 0x500), 0);
        marks_are(m, 0);
        char *again = dump(m);
        same(fresh, again);
        nb_string_free(again);
        if (k == 10)
            heap = allocated();
    }
    ck_assert_uint_eq(allocated(), heap);
    nb_string_free(fresh);
    nb_free(m);
}
END_TEST

/* What the monitor's system_reset does, at any moment. */
START_TEST(user_resets_leave_nothing)
{
    struct nb_machine *m = machine(BY_KBC, 0x0a, with_exit);
    size_t heap = 0;

    boot(m);
    char *fresh = dump(m);
    for (unsigned k = 0; k < CYCLES; k++) {
        nb_run(m, 1 + k * 37 % 25000);
        mark(m);
        nb_reset(m);
        boot(m);
        marks_are(m, 0);
        ck_assert_uint_eq(rig_mem32(m, 0x500), 0);
        char *again = dump(m);
        same(fresh, again);
        nb_string_free(again);
        if (k == CYCLES / 2) /* until then it comes to code of its that it had not decoded yet */
            heap = allocated();
    }
    ck_assert_uint_eq(allocated(), heap);
    nb_string_free(fresh);
    nb_free(m);
}
END_TEST

/* Opens the PM block at 600h, leaves a mark at 500h, and writes soft off. */
static const u8 turns_off[] = {
    0x66, 0xb8, 0x40, 0x0b, 0x00, 0x80,                         /* mov eax, 80000B40h */
    0xba, 0xf8, 0x0c, 0x66, 0xef,                               /* mov dx, CF8h; out dx, eax */
    0x66, 0xb8, 0x01, 0x06, 0x00, 0x00,                         /* mov eax, 601h */
    0xb2, 0xfc, 0x66, 0xef,                                     /* mov dl, FCh; out dx, eax */
    0x66, 0xb8, 0x80, 0x0b, 0x00, 0x80,                         /* mov eax, 80000B80h */
    0xb2, 0xf8, 0x66, 0xef,                                     /* mov dl, F8h; out dx, eax */
    0xb0, 0x01, 0xb2, 0xfc, 0xee,                               /* mov al, 1; mov dl, FCh; out dx, al */
    0x31, 0xc0, 0x8e, 0xd8,                                     /* xor ax, ax; mov ds, ax */
    0x66, 0xff, 0x06, 0x00, 0x05,                               /* inc dword [500h] */
    0xb0, 0xf1, 0xe6, 0xb2,                                     /* mov al, F1h; out B2h, al */
    0xb8, 0x00, 0x20, 0xba, 0x04, 0x06, 0xef, 0xf4,             /* mov ax, 2000h; mov dx, 604h; out; hlt */
};

/* Soft off, and on again by a reset, as a user with -no-shutdown does it. */
START_TEST(off_and_on)
{
    static const char *const pairs[] = { "no-shutdown", "on", NULL };
    struct nb_machine *m = rig_machine(turns_off, sizeof turns_off, pairs);
    char *off = NULL;
    size_t heap = 0;

    for (unsigned k = 0; k < CYCLES; k++) {
        ck_assert_int_eq(nb_run(m, 100000000), NB_PAUSED);
        ck_assert(nb_is_paused(m));
        ck_assert_uint_eq(rig_mem32(m, 0x500), 1);
        ck_assert_uint_eq(rig_pci32(m, PCI_AT(1, 3), 0x40), 0x601);
        char *again = dump(m);
        if (off)
            same(off, again);
        else
            off = xstrdup(again);
        nb_string_free(again);
        nb_reset(m);
        nb_cont(m);
        if (k == 10)
            heap = allocated();
    }
    ck_assert_uint_eq(allocated(), heap);
    xfree(off);
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
    tcase_add_test(t, user_resets_leave_nothing);
    tcase_add_test(t, off_and_on);
    tcase_add_test(t, other_shutdown_codes);
    tcase_add_test(t, no_reboot);
    tcase_add_test(t, user_reset);
    tcase_add_test(t, boot_once);
    suite_add_tcase(s, t);
    return s;
}
