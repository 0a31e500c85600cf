/* SPDX-License-Identifier: MIT */
/* QEMU's isa-debug-exit (no data sheet): a guest's test program ends the machine with an exit
 * code of its choice: writing v gives (v << 1) | 1, so never 0. Reads give 0. No state. */
#include "core/device.h"

struct testexit {
    struct device dev;
    u32 iobase, iosize;
};

static u32 testexit_read(void *dev, u32 off, unsigned size)
{
    (void)dev;
    (void)off;
    (void)size;
    return 0;
}

static void testexit_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct testexit *s = dev;
    (void)off;
    val &= size_mask(size);
    LOG(s->dev.sys->log, INFO, "%s: exit with %#x", s->dev.id, val << 1 | 1);
    s->dev.sys->request(s->dev.sys->machine, SYSTEM_EXIT, (int)(val << 1 | 1));
}

static const struct region_ops testexit_ops = { testexit_read, testexit_write, testexit_read, 1, 4,
                                                true };

static bool testexit_init(struct device *dev, struct err *e)
{
    struct testexit *s = (struct testexit *)dev;

    if (s->iosize < 1 || s->iosize > 4)
        return err_set(e, ERR_CONFIG, "iosize=%u is not 1 to 4", s->iosize);
    return device_io(dev, dev->id, s->iobase, s->iosize, &testexit_ops, e) != NULL;
}

static const struct prop testexit_props[] = {
    { "iobase", PROP_U32, offsetof(struct testexit, iobase), 0xf4, NULL, "first port" },
    { "iosize", PROP_U32, offsetof(struct testexit, iosize), 4, NULL, "number of ports, 1 to 4" },
    { NULL, PROP_U32, 0, 0, NULL, NULL },
};

static const struct reg_doc testexit_regs[] = {
    { "Exit code", "io+0", REG_WO, true, NULL },
    REG_END,
};

const struct device_class testexit_class = {
    .name = "testexit",
    .desc = "exit port for test programs (isa-debug-exit)",
    .size = sizeof(struct testexit),
    .props = testexit_props,
    .regs = testexit_regs,
    .init = testexit_init,
};
