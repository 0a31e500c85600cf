/* SPDX-License-Identifier: MIT */
/* -device VGA: the graphics card's memory and the size that its monitor prefers, as QEMU's. */
#include "machine/config.h"

#include "machine/options.h"

enum { MAX_XRES = 2560, MAX_YRES = 1600 };

static bool number(const char *key, const char *v, u32 lo, u32 hi, u32 *to, struct err *e)
{
    u64 n;

    if (!options_number(v, &n) || n < lo || n > hi)
        return err_set(e, ERR_CONFIG, "-device VGA: %s=%s: use a number from %u to %u", key, v, lo,
                       hi);
    *to = (u32)n;
    return true;
}

bool config_vga(struct config *c, const struct options *o, struct err *e)
{
    struct vga_config v = c->vga;
    bool edid = !v.no_edid, ok = true;

    for (unsigned k = 1; k < o->n && ok; k++) {
        const char *key = o->key[k], *value = o->value[k];
        if (!strcmp(key, "vgamem_mb"))
            ok = number(key, value, 1, 256, &v.mem_mb, e);
        else if (!strcmp(key, "xres"))
            ok = number(key, value, 640, MAX_XRES, &v.xres, e);
        else if (!strcmp(key, "yres"))
            ok = number(key, value, 480, MAX_YRES, &v.yres, e);
        else if (!strcmp(key, "edid"))
            ok = options_bool("-device VGA: edid", value, &edid, e);
        else if (strcmp(key, "id"))
            ok = err_set(e, ERR_CONFIG, "-device VGA: no property %s; there are vgamem_mb, xres, "
                         "yres and edid", key);
    }
    if (!ok)
        return false;
    if (v.mem_mb & (v.mem_mb - 1))
        return err_set(e, ERR_CONFIG, "-device VGA: vgamem_mb=%u: use a power of two from 1 to 256",
                       v.mem_mb);
    v.no_edid = !edid;
    c->vga = v;
    c->no_vga = false;
    return true;
}
