/* SPDX-License-Identifier: MIT */
/* Soft off, the power button and nb_shutdown(), by a guest of a few bytes. */
#include "tests/unit/machine_rig.h"

/* Opens the PM block at 600h, enables PWRBTN in PMEN, turns ACPI on by port B2h if `acpi`, and waits with
 * interrupts off until PMSTS shows the button; then it writes soft off. */
static const u8 waits_for_button[] = {
    0x66, 0xb8, 0x40, 0x0b, 0x00, 0x80, /* 00 mov eax, 80000B40h */
    0xba, 0xf8, 0x0c,                   /* 06 mov dx, CF8h */
    0x66, 0xef,                         /* 09 out dx, eax */
    0x66, 0xb8, 0x01, 0x06, 0x00, 0x00, /* 0B mov eax, 601h */
    0xb2, 0xfc,                         /* 11 mov dl, FCh */
    0x66, 0xef,                         /* 13 out dx, eax */
    0x66, 0xb8, 0x80, 0x0b, 0x00, 0x80, /* 15 mov eax, 80000B80h */
    0xb2, 0xf8,                         /* 1B mov dl, F8h */
    0x66, 0xef,                         /* 1D out dx, eax */
    0xb0, 0x01,                         /* 1F mov al, 1 */
    0xb2, 0xfc,                         /* 21 mov dl, FCh */
    0xee,                               /* 23 out dx, al */
    0xb0, 0xf1,                         /* 24 mov al, F1h (25h: patched) */
    0xe6, 0xb2,                         /* 26 out B2h, al */
    0xba, 0x00, 0x06,                   /* 28 mov dx, 600h */
    0xed,                               /* 2B in ax, dx */
    0xf6, 0xc4, 0x01,                   /* 2C test ah, 1 */
    0x74, 0xfa,                         /* 2F jz 2Bh */
    0xb8, 0x00, 0x20,                   /* 31 mov ax, 2000h */
    0xb2, 0x04,                         /* 34 mov dl, 4 */
    0xef,                               /* 36 out dx, ax */
    0xf4,                               /* 37 hlt */
};

static struct nb_machine *guest(bool acpi, const char *const *pairs)
{
    u8 code[sizeof waits_for_button];

    memcpy(code, waits_for_button, sizeof code);
    if (!acpi)
        code[0x25] = 0xf0;
    struct nb_machine *m = rig_machine(code, sizeof code, pairs);
    ck_assert_int_eq(nb_run(m, 100000), NB_TIMEOUT);
    return m;
}

START_TEST(button_and_soft_off)
{
    struct nb_machine *m = guest(_i, NULL);

    nb_powerdown(m); /* the status bit comes without ACPI, too */
    ck_assert_int_eq(nb_run(m, 1000000), NB_POWER_OFF);
    nb_free(m);
}
END_TEST

START_TEST(shutdown_is_button_or_end)
{
    struct nb_machine *m = guest(_i, NULL);

    nb_shutdown(m);
    ck_assert_int_eq(nb_run(m, 1000000), _i ? NB_POWER_OFF : NB_QUIT);
    nb_free(m);
}
END_TEST

START_TEST(shutdown_of_a_paused_machine_is_its_end)
{
    struct nb_machine *m = guest(true, NULL);

    nb_pause(m);
    ck_assert_int_eq(nb_run(m, 1000000), NB_PAUSED);
    nb_shutdown(m);
    ck_assert_int_eq(nb_run(m, 1000000), NB_QUIT);
    nb_free(m);
}
END_TEST

START_TEST(no_shutdown_pauses)
{
    static const char *const pairs[] = { "no-shutdown", "on", NULL };
    struct nb_machine *m = guest(true, pairs);

    nb_powerdown(m);
    ck_assert_int_eq(nb_run(m, 1000000), NB_PAUSED);
    ck_assert(nb_is_paused(m));
    nb_free(m);
}
END_TEST

/* After a reset ACPI is off, the button's bit is gone and the block is where firmware puts it. */
START_TEST(reset_forgets)
{
    struct nb_machine *m = guest(true, NULL);

    ck_assert_uint_eq(rig_pci32(m, 0x0b, 0x40), 0x601);
    char *text = nb_info(m, "pm");
    ck_assert_ptr_nonnull(strstr(text, "cnt=0001"));
    nb_string_free(text);
    nb_reset(m);
    nb_run(m, 1);
    text = nb_info(m, "pm");
    ck_assert_ptr_nonnull(strstr(text, "off: no ACPI"));
    nb_string_free(text);
    nb_free(m);
}
END_TEST

Suite *suite_power(void);
Suite *suite_power(void)
{
    Suite *s = suite_create("power");
    TCase *t = tcase_create("power");

    tcase_add_checked_fixture(t, rig_folder_new, rig_folder_remove);
    tcase_add_loop_test(t, button_and_soft_off, 0, 2);
    tcase_add_loop_test(t, shutdown_is_button_or_end, 0, 2);
    tcase_add_test(t, shutdown_of_a_paused_machine_is_its_end);
    tcase_add_test(t, no_shutdown_pauses);
    tcase_add_test(t, reset_forgets);
    suite_add_tcase(s, t);
    return s;
}
