/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/unit/machine_rig.h"


#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine/machine.h"

static char folder[64]; /* of the one test that runs in this process */

void rig_folder_new(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%.40s/nbtest-XXXXXX", tmp && strlen(tmp) <= 40 ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

void rig_folder_remove(void)
{
    DIR *d = opendir(folder);

    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
        unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    rmdir(folder);
}

const char *rig_path(const char *name)
{
    static char path[256][160];
    static unsigned n;
    char *p = path[n++ % ARRAY_LEN(path)];

    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

const char *rig_write(const char *name, const void *data, size_t len)
{
    const char *path = rig_path(name);
    FILE *f = fopen(path, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
    return path;
}

u8 *rig_read(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    u8 *data = malloc(64 << 20);

    ck_assert_msg(f != NULL, "%s is not there", path);
    ck_assert_ptr_nonnull(data);
    *len = fread(data, 1, 64 << 20, f);
    fclose(f);
    return data;
}

void rig_set(struct nb_config *cfg, const char *key, const char *value)
{
    struct nb_error e = { 0 };

    ck_assert_msg(nb_config_set(cfg, key, value, &e), "%s=%s: %s", key, value, e.text);
}

struct nb_config *rig_config(const u8 *code, size_t len, const char *const *pairs)
{
    static const u8 start[] = { 0xea, 0x00, 0x00, 0x00, 0xf0 }; /* jmp F000:0 */
    u8 *bios = calloc(1, 65536), rom[512] = { 0x55, 0xaa, 1, 0xcb };
    struct nb_config *cfg = nb_config_new();

    memcpy(bios, code, len);
    memcpy(bios + 0xfff0, start, sizeof start);
    rig_set(cfg, "bios", rig_write("bios.bin", bios, 65536));
    rig_set(cfg, "vgabios", rig_write("vgabios.bin", rom, sizeof rom));
    free(bios);
    rig_set(cfg, "m", "2");
    rig_set(cfg, "clock", "counted,ns=200");
    for (; pairs && pairs[0]; pairs += 2)
        rig_set(cfg, pairs[0], pairs[1]);
    return cfg;
}

struct nb_machine *rig_machine(const u8 *code, size_t len, const char *const *pairs)
{
    struct nb_config *cfg = rig_config(code, len, pairs);
    struct nb_error e = { 0 };
    struct nb_machine *m = nb_new(cfg, &e);

    ck_assert_msg(m != NULL, "%s", e.text);
    nb_config_free(cfg);
    return m;
}

u32 rig_reg(struct nb_machine *m, const char *name)
{
    u32 v = 0;

    ck_assert_uint_eq(nb_reg_get(m, name, &v, 4), 4);
    return v;
}

u32 rig_mem32(struct nb_machine *m, u32 addr)
{
    u32 v = 0;

    ck_assert_uint_eq(nb_mem_read(m, true, addr, &v, 4), 4);
    return v;
}

/* By the ports, as a guest reads it; what it had written to CF8h is put back. */
u32 rig_pci32(struct nb_machine *m, unsigned devfn, unsigned off)
{
    u32 keep = space_read(&m->io, 0xcf8, 4), v;

    space_write(&m->io, 0xcf8, 0x80000000u | devfn << 8 | (off & 0xfc), 4);
    v = space_read(&m->io, 0xcfc, 4);
    space_write(&m->io, 0xcf8, keep, 4);
    return v;
}
