/* SPDX-License-Identifier: MIT */
/* Snapshots that were tampered with: refused with a reason, or loaded and run.
 *
 * Input: changes to a good snapshot, three bytes each (how far behind the last one, two bytes; value), or with
 * FFh first, the file itself. */
#include "tests/fuzz/fuzz.h" /* first: it wants _GNU_SOURCE */

#include "machine/machine.h"

#define FRONT 12000u /* what lies behind is pages and disk blocks */

/* The loop of a guest that uses timers: cli-less, so that interrupts arrive. */
static const u8 guest[] = {
    0x31, 0xc0, 0x8e, 0xd8, 0xc7, 0x06, 0x20, 0x00, 0x30, 0x00, /* ds = 0; [20h] = 30h */
    0xc7, 0x06, 0x22, 0x00, 0x00, 0xf0,                         /* [22h] = f000h */
    0xb0, 0x11, 0xe6, 0x20, 0xb0, 0x08, 0xe6, 0x21,             /* icw1, icw2 */
    0xb0, 0x04, 0xe6, 0x21, 0xb0, 0x01, 0xe6, 0x21,             /* icw3, icw4 */
    0xb0, 0xfe, 0xe6, 0x21, 0xb0, 0x34, 0xe6, 0x43,             /* mask; pit mode 2 */
    0xe6, 0x40, 0xe6, 0x40, 0xfb, 0xf4, 0xeb, 0xfd,             /* count; sti; hlt; jmp hlt */
    0x50, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf,                   /* 30h: eoi; iret */
};

static u8 *good;
static size_t good_len;
static char path[64];

static struct nb_config *config(void)
{
    struct nb_config *cfg = fuzz_config(guest, sizeof guest);
    struct nb_error e = { 0 };

    MUST(nb_config_set(cfg, "snapshot", "on", &e));
    return cfg;
}

static void drop_file(void)
{
    unlink(path);
}

static void prepare(void)
{
    struct nb_config *cfg = config();
    struct nb_error e = { 0 };
    struct nb_machine *m = nb_new(cfg, &e);
    const char *tmp = getenv("TMPDIR");

    MUST(m);
    nb_config_free(cfg);
    nb_run(m, 3000000);
    snprintf(path, sizeof path, "%.40s/fuzz-snap-%ld", tmp ? tmp : "/tmp", (long)getpid());
    MUST(nb_save(m, path, &e));
    nb_free(m);
    FILE *f = fopen(path, "rb");
    MUST(f);
    good = malloc(4 << 20);
    good_len = fread(good, 1, 4 << 20, f);
    fclose(f);
    atexit(drop_file);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct fuzz_input in = { data, size };
    struct nb_error e = { 0 };

    if (!good)
        prepare();
    u8 *bad = malloc(MAX(good_len, size));
    size_t len = good_len;
    memcpy(bad, good, good_len);
    if (size && data[0] == 0xff) {
        len = size - 1;
        memcpy(bad, data + 1, len);
    } else {
        for (size_t at = 0; in.left >= 3; ) {
            at = (at + take(&in, 2)) % MIN(good_len, (size_t)FRONT);
            bad[at] = take8(&in);
        }
    }
    FILE *f = fopen(path, "wb");
    MUST(f && fwrite(bad, 1, len, f) == len);
    MUST(fclose(f) == 0);
    free(bad);
    struct nb_config *cfg = config();
    MUST(nb_config_set(cfg, "loadvm", path, &e));
    struct nb_machine *m = nb_new(cfg, &e);
    nb_config_free(cfg);
    if (!m) {
        MUST(e.code == 5 && e.text[0] && !strchr(e.text, '\n'));
        return 0;
    }
    nb_run(m, 2000000);
    struct nb_frame frame = { 0 };
    nb_frame_now(m, &frame);
    nb_frame_free(&frame);
    nb_string_free(nb_info(m, "mtree"));
    nb_reset(m);
    nb_run(m, 2000000);
    nb_free(m);
    return 0;
}
