/* SPDX-License-Identifier: MIT */
/* Media that change while the machine runs: nb_media_change() and what the guest sees of it, through the
 * ports of the floppy controller and of a CD-ROM drive. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/i82077.h"
#include "machine/machine.h"
#include "tests/unit/machine_rig.h"

static const u8 spin[] = { 0xeb, 0xfe };

/* An image whose sectors all hold `fill`. */
static const char *image(const char *name, u8 fill, size_t sectors)
{
    u8 *data = malloc(sectors * 512 + 1);

    memset(data, fill, sectors * 512);
    const char *path = rig_write(name, data, sectors * 512);
    free(data);
    return path;
}

static struct nb_machine *machine(const char *floppy, const char *cd, const char *state)
{
    char fd[200], cdrom[200];
    const char *pairs[] = { "drive", fd, "drive", cdrom, "drive", "file=,if=floppy,index=1",
                            state ? "loadvm" : NULL, state, NULL };

    snprintf(fd, sizeof fd, "file=%s,if=floppy,index=0", floppy);
    snprintf(cdrom, sizeof cdrom, "file=%s,if=ide,index=2,media=cdrom", cd);
    struct nb_machine *m = rig_machine(spin, sizeof spin, pairs);
    space_write(&m->io, 0xcf8, 0x80000904, 4); /* the IDE function decodes its ports */
    space_write(&m->io, 0xcfc, 1, 4);
    space_write(&m->io, 0xcf8, 0x80000940, 4);
    space_write(&m->io, 0xcfc, 0x80008000, 4);
    if (!state)
        nb_run(m, 5000000); /* the drives' reset */
    return m;
}

static u8 in(struct nb_machine *m, u32 port) { return (u8)space_read(&m->io, port, 1); }
static void out(struct nb_machine *m, u32 port, u8 v) { space_write(&m->io, port, v, 1); }
static void wait_ms(struct nb_machine *m, unsigned ms) { nb_run(m, ms * 1000000ull); }

static void refused(struct nb_machine *m, const char *drive, const char *file, unsigned flags,
                    const char *why)
{
    struct nb_error e = { 0 };

    ck_assert_msg(!nb_media_change(m, drive, file, flags, &e), "%s: %s was taken", drive, file);
    ck_assert_msg(strstr(e.text, why) != NULL, "\"%s\" has no \"%s\"", e.text, why);
    ck_assert_int_ne(e.code, 0);
}

static void changed(struct nb_machine *m, const char *drive, const char *file, unsigned flags)
{
    struct nb_error e = { 0 };

    ck_assert_msg(nb_media_change(m, drive, file, flags, &e), "%s", e.text);
}

/* What a read of the drive's first sector gives; -1: nothing. */
static int content(struct nb_machine *m, const char *drive)
{
    u8 buf[512];

    if (block_rw(drive_find(m, drive)->blk, BLOCK_READ, 0, 1, buf) != BLOCK_OK)
        return -1;
    return buf[0];
}

/* ---- the floppy drive */

static void seek(struct nb_machine *m, u8 cyl)
{
    const u8 cmd[] = { 0x0f, 0, cyl };

    for (unsigned k = 0; k < 3; k++)
        out(m, 0x3f5, cmd[k]);
    wait_ms(m, 400);
    out(m, 0x3f5, 8);
    in(m, 0x3f5);
    ck_assert_uint_eq(in(m, 0x3f5), cyl);
}

START_TEST(floppies)
{
    const char *a = image("a", 0xa1, 2880), *b = image("b", 0xb2, 1440);
    const char *large = image("large", 0, FDC_MAX_SECTORS + 1);
    struct nb_machine *m = machine("", "", NULL);

    out(m, 0x3f2, 0x1c);
    wait_ms(m, 10);
    for (unsigned k = 0; k < 4; k++) { /* the reset's interrupts */
        out(m, 0x3f5, 8);
        in(m, 0x3f5);
        in(m, 0x3f5);
    }
    seek(m, 1);
    ck_assert_uint_eq(in(m, 0x3f7), 0x80); /* empty */
    changed(m, "floppy0", a, 0);
    ck_assert_int_eq(content(m, "floppy0"), 0xa1);
    ck_assert_uint_eq(in(m, 0x3f7), 0x80);
    seek(m, 2);
    ck_assert_uint_eq(in(m, 0x3f7), 0x00);
    ck_assert(!drive_find(m, "floppy0")->blk->read_only);
    changed(m, "floppy0", b, NB_MEDIA_READ_ONLY);
    ck_assert(drive_find(m, "floppy0")->blk->read_only);
    ck_assert_uint_eq(drive_find(m, "floppy0")->blk->sectors, 1440);
    ck_assert_uint_eq(in(m, 0x3f7), 0x80);
    seek(m, 1);
    ck_assert_uint_eq(in(m, 0x3f7), 0x00);
    /* what does not work leaves the medium where it was, and the line low */
    refused(m, "floppy0", rig_path("none"), 0, "none");
    refused(m, "floppy0", large, 0, "larger than any floppy");
    refused(m, "floppy0", image("empty", 0, 0), 0, "empty");
    ck_assert_int_eq(content(m, "floppy0"), 0xb2);
    ck_assert_uint_eq(in(m, 0x3f7), 0x00);
    changed(m, "floppy0", a, NB_MEDIA_READ_WRITE);
    changed(m, "floppy0", a, 0); /* our own lock is not in the way */
    ck_assert(!drive_find(m, "floppy0")->blk->read_only);
    changed(m, "floppy1", b, 0);
    ck_assert_int_eq(content(m, "floppy1"), 0xb2);
    seek(m, 2);
    changed(m, "floppy0", NULL, 0);
    ck_assert_int_eq(content(m, "floppy0"), -1);
    ck_assert_uint_eq(in(m, 0x3f7), 0x80);
    seek(m, 1);
    ck_assert_uint_eq(in(m, 0x3f7), 0x80);
    changed(m, "floppy0", NULL, 0); /* empty already */
    char *info = nb_info(m, "block");
    ck_assert_ptr_nonnull(strstr(info, "floppy0: [not inserted]"));
    ck_assert_ptr_nonnull(strstr(info, "ide1-cd0: [not inserted]"));
    nb_string_free(info);
    unlink(b);
    refused(m, "floppy1", b, 0, "floppy1: "); /* gone, and cannot be opened again */
    ck_assert_int_eq(content(m, "floppy1"), -1);
    nb_free(m);
}
END_TEST

/* ---- the CD-ROM drive */

static void packet(struct nb_machine *m, const u8 cdb[12])
{
    out(m, 0x176, 0xa0);
    out(m, 0x171, 0);
    out(m, 0x174, 64);
    out(m, 0x175, 0);
    out(m, 0x177, 0xa0);
    wait_ms(m, 5);
    ck_assert_uint_eq(in(m, 0x177) & 0x89, 0x08);
    for (unsigned k = 0; k < 12; k += 2)
        space_write(&m->io, 0x170, ld16(cdb + k), 2);
    wait_ms(m, 20);
}

/* Key and ASC of a command that fails, 0 if it doesn't. */
static u32 command(struct nb_machine *m, u8 op, u8 b4)
{
    const u8 cdb[12] = { op, 0, 0, 0, b4 }, sense[12] = { 3, 0, 0, 0, 18 };
    u8 got[18];

    packet(m, cdb);
    if (!(in(m, 0x177) & 1))
        return 0;
    packet(m, sense);
    for (unsigned k = 0; k < 18; k += 2)
        st16(got + k, (u16)space_read(&m->io, 0x170, 2));
    wait_ms(m, 5);
    return (u32)got[2] << 8 | got[12];
}

static u8 media_event(struct nb_machine *m)
{
    const u8 cdb[12] = { 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8 };
    u8 got[8];

    packet(m, cdb);
    ck_assert_uint_eq(in(m, 0x177) & 9, 8);
    for (unsigned k = 0; k < 8; k += 2)
        st16(got + k, (u16)space_read(&m->io, 0x170, 2));
    wait_ms(m, 5);
    return got[4];
}

enum { READY = 0x00, START_STOP = 0x1b, PREVENT = 0x1e };

START_TEST(discs)
{
    const char *a = image("a", 0xa1, 400), *b = image("b", 0xb2, 800);
    struct nb_machine *m = machine("", a, NULL);

    ck_assert_uint_eq(command(m, READY, 0), 0);
    changed(m, "ide1-cd0", b, 0);
    ck_assert_int_eq(content(m, "ide1-cd0"), 0xb2);
    ck_assert(drive_find(m, "ide1-cd0")->blk->read_only);
    ck_assert_uint_eq(command(m, READY, 0), 0x23a); /* contract S12 */
    ck_assert_uint_eq(command(m, READY, 0), 0x628);
    ck_assert_uint_eq(command(m, READY, 0), 0);
    /* locked */
    ck_assert_uint_eq(command(m, PREVENT, 1), 0);
    ck_assert_uint_eq(media_event(m), 2); /* the new medium: told once */
    ck_assert_uint_eq(media_event(m), 0);
    refused(m, "ide1-cd0", NULL, 0, "the guest has locked the medium in");
    refused(m, "ide1-cd0", a, 0, "the guest has locked the medium in");
    ck_assert_int_eq(content(m, "ide1-cd0"), 0xb2);
    ck_assert_uint_eq(media_event(m), 1); /* the button was pressed */
    ck_assert_uint_eq(media_event(m), 0);
    ck_assert_uint_eq(command(m, START_STOP, 2), 0x553);
    changed(m, "ide1-cd0", NULL, NB_MEDIA_FORCE);
    ck_assert_uint_eq(command(m, READY, 0), 0x23a);
    ck_assert_uint_eq(command(m, READY, 0), 0x23a);
    changed(m, "ide1-cd0", a, 0); /* nothing is locked in */
    ck_assert_uint_eq(command(m, READY, 0), 0x23a);
    ck_assert_uint_eq(command(m, READY, 0), 0x628);
    ck_assert_uint_eq(command(m, PREVENT, 0), 0);
    /* the guest opens the tray, with the disc in it; the user changes it and closes it */
    ck_assert_uint_eq(command(m, START_STOP, 2), 0);
    ck_assert_int_eq(content(m, "ide1-cd0"), -1);
    changed(m, "ide1-cd0", b, 0);
    ck_assert_int_eq(content(m, "ide1-cd0"), 0xb2);
    refused(m, "ide1-cd0", image("short", 0, 3), 0, "too short for a CD-ROM");
    nb_free(m);
}
END_TEST

/* A change that the guest hasn't seen, and a tray that it has opened, are in the snapshot. */
START_TEST(snapshots)
{
    const char *a = image("a", 0xa1, 400), *b = image("b", 0xb2, 800), *fd = image("f", 7, 2880);
    struct nb_machine *m = machine("", a, NULL);
    struct nb_error e = { 0 };

    command(m, READY, 0);
    out(m, 0x3f2, 0x1c);
    wait_ms(m, 10);
    changed(m, "ide1-cd0", b, 0);
    changed(m, "floppy0", fd, 0);
    ck_assert_msg(nb_save(m, rig_path("s"), &e), "%s", e.text);
    nb_free(m);
    m = machine(fd, b, rig_path("s"));
    ck_assert_uint_eq(in(m, 0x3f7), 0x80);
    ck_assert_uint_eq(command(m, READY, 0), 0x23a);
    ck_assert_uint_eq(command(m, READY, 0), 0x628);
    ck_assert_uint_eq(command(m, START_STOP, 2), 0);
    ck_assert_msg(nb_save(m, rig_path("s"), &e), "%s", e.text);
    nb_free(m);
    m = machine(fd, b, rig_path("s"));
    ck_assert_int_eq(content(m, "ide1-cd0"), -1);
    ck_assert_uint_eq(command(m, READY, 0), 0x23a);
    ck_assert_uint_eq(command(m, READY, 0), 0x23a);
    ck_assert_uint_eq(command(m, START_STOP, 3), 0); /* in again: the same disc */
    ck_assert_int_eq(content(m, "ide1-cd0"), 0xb2);
    nb_free(m);
    struct nb_config *cfg = rig_config(spin, sizeof spin, NULL);
    char cd[200];
    snprintf(cd, sizeof cd, "file=%s,if=ide,index=2,media=cdrom", b);
    rig_set(cfg, "drive", "file=,if=floppy,index=0"); /* where a floppy was */
    rig_set(cfg, "drive", cd);
    rig_set(cfg, "drive", "file=,if=floppy,index=1");
    rig_set(cfg, "loadvm", rig_path("s"));
    ck_assert_ptr_null(nb_new(cfg, &e));
    ck_assert_int_eq(e.code, 5);
    ck_assert_ptr_nonnull(strstr(e.text, "floppy0 had a medium when it was made"));
    nb_config_free(cfg);
}
END_TEST

START_TEST(hard_disks_and_strangers)
{
    const char *a = image("a", 0xa1, 400), *b = image("b", 0xb2, 400);
    const char *const pairs[] = { "hda", a, NULL };
    struct nb_machine *m = rig_machine(spin, sizeof spin, pairs);

    refused(m, "ide0-hd0", b, NB_MEDIA_FORCE, "ide0-hd0 is a hard disk");
    refused(m, "ide0-hd0", NULL, 0, "ide0-hd0 is a hard disk");
    refused(m, "ide1-cd0", b, 0, "no drive \"ide1-cd0\"; \"info block\" lists them");
    ck_assert_int_eq(content(m, "ide0-hd0"), 0xa1);
    nb_free(m);
}
END_TEST

/* An access that failed and waits for cont belongs to the medium that is in. */
START_TEST(stalled_access_keeps_its_medium)
{
    struct nb_machine *m = machine(image("a", 0xa1, 2880), "", NULL);
    struct block *b = drive_find(m, "floppy0")->blk;

    b->stalled = true;
    refused(m, "floppy0", NULL, NB_MEDIA_FORCE, "a failed access waits");
    ck_assert_int_eq(content(m, "floppy0"), 0xa1);
    b->stalled = false;
    changed(m, "floppy0", NULL, 0);
    nb_free(m);
}
END_TEST

Suite *suite_media(void);
Suite *suite_media(void)
{
    Suite *s = suite_create("media");
    TCase *t = tcase_create("media");

    tcase_add_checked_fixture(t, rig_folder_new, rig_folder_remove);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, floppies);
    tcase_add_test(t, discs);
    tcase_add_test(t, snapshots);
    tcase_add_test(t, hard_disks_and_strangers);
    tcase_add_test(t, stalled_access_keeps_its_medium);
    suite_add_tcase(s, t);
    return s;
}
