/* SPDX-License-Identifier: MIT */
/* Debug console port of Bochs and QEMU (no data sheet): each byte written goes to a character
 * backend; reads give E9h, by which SeaBIOS and others know that it is there. No state. */
#include "core/chardev.h"
#include "core/device.h"

struct debugcon {
    struct device dev;
    u32 iobase, readback;
    struct chardev *chardev;
};

static u32 debugcon_read(void *dev, u32 off, unsigned size)
{
    (void)off;
    (void)size;
    return ((struct debugcon *)dev)->readback & 0xff;
}

static void debugcon_write(void *dev, u32 off, u32 val, unsigned size)
{
    u8 byte = (u8)val;
    (void)off;
    (void)size;
    /* The port has no ready bit: what a full backend doesn't take is lost. */
    chardev_write(((struct debugcon *)dev)->chardev, &byte, 1);
}

static const struct region_ops debugcon_ops = { debugcon_read, debugcon_write, debugcon_read, 1, 1,
                                                false };

static bool debugcon_init(struct device *dev, struct err *e)
{
    struct debugcon *s = (struct debugcon *)dev;
    return device_io(dev, dev->id, s->iobase, 1, &debugcon_ops, e) != NULL;
}

static const struct prop debugcon_props[] = {
    { "iobase", PROP_U32, offsetof(struct debugcon, iobase), 0xe9, NULL, "the port" },
    { "readback", PROP_U32, offsetof(struct debugcon, readback), 0xe9, NULL, "what reads give" },
    { "chardev", PROP_CHARDEV, offsetof(struct debugcon, chardev), 0, NULL, "where bytes go" },
    { NULL, PROP_U32, 0, 0, NULL, NULL },
};

static const struct reg_doc debugcon_regs[] = {
    { "Data", "io+0", REG_RW, true, NULL },
    REG_END,
};

const struct device_class debugcon_class = {
    .name = "debugcon",
    .desc = "debug console port (E9h)",
    .size = sizeof(struct debugcon),
    .props = debugcon_props,
    .regs = debugcon_regs,
    .init = debugcon_init,
};
