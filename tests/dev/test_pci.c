/* SPDX-License-Identifier: MIT */
/* The PCI bus with functions of the test's own: BARs, ROM, INTx, multi-function bit. */
#include "devices/pci.h"
#include "tests/dev/rig.h"

struct card {
    struct pci_device pci;
    struct region port, mem, rom;
    u32 written_off, written_size;
    u8 was;
};

static u32 card_read(void *dev, u32 off, unsigned size)
{
    (void)dev;
    return (0xc0 + off) & size_mask(size);
}

static void card_write(void *dev, u32 off, u32 val, unsigned size)
{
    (void)dev;
    (void)off;
    (void)val;
    (void)size;
}

static const struct region_ops card_ops = { card_read, card_write, card_read, 1, 1, false };

static void note_write(struct pci_device *pd, u32 off, u32 size, const u8 *old)
{
    struct card *c = (struct card *)pd;
    c->written_off = off;
    c->written_size = size;
    c->was = old[off];
}

static const struct device_class card_class = { .name = "card", .size = sizeof(struct card) };

static struct card *add_card(struct rig *r, u8 devfn, u8 pin)
{
    struct card *c = (struct card *)device_new(&card_class, "card", &r->sys);
    const struct region none = { .name = "card", .kind = REGION_IO, .ops = &card_ops, .dev = c };
    struct err e = { 0 };
    c->port = c->mem = c->rom = none;
    pci_setup(&c->pci, 0x1234, 0x5678, 3, 0x020000, pin);
    pci_bar_set(&c->pci, 0, 32, true, false, &c->port);
    pci_bar_set(&c->pci, 1, 4096, false, true, &c->mem);
    pci_bar_set(&c->pci, PCI_ROM_BAR, 65536, false, false, &c->rom);
    c->pci.config_written = note_write;
    ck_assert_msg(pci_bus_add(r->sys.pci, &c->pci, devfn, &e), "%s", e.msg);
    pci_reset(&c->pci);
    return c;
}

static void drop_card(struct card *c)
{
    pci_close(&c->pci);
    device_free(&c->pci.dev);
}

static u32 cfg(struct rig *r, u32 devfn, u32 reg)
{
    out32(r, 0xcf8, 0x80000000u | devfn << 8 | reg);
    return in32(r, 0xcfc);
}

static void cfgw(struct rig *r, u32 devfn, u32 reg, u32 v)
{
    out32(r, 0xcf8, 0x80000000u | devfn << 8 | reg);
    out32(r, 0xcfc, v);
}

START_TEST(bar_sizing)
{
    struct rig *r = rig_new("i440fx", NULL);
    struct card *c = add_card(r, 0x18, 1);
    cfgw(r, 0x18, 0x10, 0xffffffff);
    ck_assert_uint_eq(cfg(r, 0x18, 0x10), 0xffffffe1);
    cfgw(r, 0x18, 0x14, 0xffffffff);
    ck_assert_uint_eq(cfg(r, 0x18, 0x14), 0xfffff008);
    cfgw(r, 0x18, 0x18, 0xffffffff);
    ck_assert_uint_eq(cfg(r, 0x18, 0x18), 0);
    cfgw(r, 0x18, 0x30, 0xffffffff);
    ck_assert_uint_eq(cfg(r, 0x18, 0x30), 0xffff0001);
    cfgw(r, 0x18, 0x30, 0xfffffffe);
    ck_assert_uint_eq(cfg(r, 0x18, 0x30), 0xffff0000);
    drop_card(c);
    rig_free(r);
}
END_TEST

START_TEST(mapping_follows_command)
{
    struct rig *r = rig_new("i440fx", NULL);
    struct card *c = add_card(r, 0x18, 1);
    cfgw(r, 0x18, 0x10, 0xc001);
    cfgw(r, 0x18, 0x14, 0xe0000000);
    ck_assert_uint_eq(in8(r, 0xc003), 0xff);
    cfgw(r, 0x18, 4, PCI_CMD_IO);
    ck_assert_uint_eq(in8(r, 0xc003), 0xc3);
    ck_assert_uint_eq(in8(r, 0xc020), 0xff);
    ck_assert_uint_eq(mem8(r, 0xe0000005), 0xff);
    cfgw(r, 0x18, 4, PCI_CMD_IO | PCI_CMD_MEM);
    ck_assert_uint_eq(mem8(r, 0xe0000005), 0xc5);
    cfgw(r, 0x18, 0x10, 0xd000); /* moved while it decodes */
    ck_assert_uint_eq(in8(r, 0xc003), 0xff);
    ck_assert_uint_eq(in8(r, 0xd003), 0xc3);
    cfgw(r, 0x18, 0x14, 0); /* 0 decodes nothing: RAM stays */
    *rig_ram(r, 5) = 0x77;
    ck_assert_uint_eq(mem8(r, 5), 0x77);
    cfgw(r, 0x18, 0x10, 0x10001); /* beyond the ports */
    ck_assert_uint_eq(in8(r, 0x0003), 0xff);
    cfgw(r, 0x18, 0x14, 0x00100000); /* a BAR never shadows RAM */
    *rig_ram(r, 0x100005) = 0x78;
    ck_assert_uint_eq(mem8(r, 0x100005), 0x78);
    pci_reset(&c->pci);
    ck_assert_uint_eq(in8(r, 0xd003), 0xff);
    ck_assert_uint_eq(cfg(r, 0x18, 0x10), 1);
    drop_card(c);
    rig_free(r);
}
END_TEST

START_TEST(rom_needs_both_enables)
{
    struct rig *r = rig_new("i440fx", NULL);
    struct card *c = add_card(r, 0x18, 1);
    cfgw(r, 0x18, 0x30, 0xe0010001);
    ck_assert_uint_eq(mem8(r, 0xe0010007), 0xff);
    cfgw(r, 0x18, 4, PCI_CMD_MEM);
    ck_assert_uint_eq(mem8(r, 0xe0010007), 0xc7);
    cfgw(r, 0x18, 0x14, 0xe0010000); /* over a BAR it wins */
    ck_assert_uint_eq(mem8(r, 0xe0010807), (u8)(0xc0 + 0x807));
    cfgw(r, 0x18, 0x30, 0xe0010000);
    ck_assert_uint_eq(mem8(r, 0xe0011007), 0xff);
    drop_card(c);
    rig_free(r);
}
END_TEST

START_TEST(byte_writes_and_callback)
{
    struct rig *r = rig_new("i440fx", NULL);
    struct card *c = add_card(r, 0x18, 1);
    out32(r, 0xcf8, 0x80001800 | 0x3c);
    out8(r, 0xcfc, 0x0b);
    ck_assert_uint_eq(c->written_off, 0x3c);
    ck_assert_uint_eq(c->written_size, 1);
    ck_assert_uint_eq(c->was, 0);
    out8(r, 0xcfd, 0x04); /* the pin is read-only */
    ck_assert_uint_eq(in32(r, 0xcfc), 0x0000010b);
    c->pci.config[PCI_STATUS + 1] |= 0x30;
    out32(r, 0xcf8, 0x80001804);
    out16(r, 0xcfe, 0x1000); /* write-one-to-clear, one bit only */
    ck_assert_uint_eq(in16(r, 0xcfe), 0x2280);
    out8(r, 0xcfc, 0x07); /* the other bytes stay */
    ck_assert_uint_eq(in32(r, 0xcfc), 0x22800007);
    drop_card(c);
    rig_free(r);
}
END_TEST

START_TEST(intx_swizzle)
{
    for (u8 slot = 1; slot < 32; slot += 5) {
        for (u8 pin = 1; pin <= 4; pin++) {
            struct rig *r = rig_new("i440fx", NULL);
            struct card *c = add_card(r, (u8)(slot << 3), pin);
            char name[16] = "pirq0";
            pci_set_irq(&c->pci, 1);
            for (u8 n = 0; n < 4; n++) {
                name[4] = (char)('0' + n);
                ck_assert_int_eq(wire(r, name), n == ((slot + pin - 2u) & 3));
            }
            pci_set_irq(&c->pci, 0);
            name[4] = (char)('0' + ((slot + pin - 2u) & 3));
            ck_assert_int_eq(wire(r, name), 0);
            drop_card(c);
            rig_free(r);
        }
    }
}
END_TEST

START_TEST(shared_lines_are_ored)
{
    struct rig *r = rig_new("i440fx", NULL);
    struct card *a = add_card(r, 0x18, 1), *b = add_card(r, 0x19, 1), *d = add_card(r, 0x38, 1);
    pci_set_irq(&a->pci, 1); /* slot 3 pin A and slot 7 pin A are both PIRQC */
    pci_set_irq(&b->pci, 1);
    pci_set_irq(&d->pci, 1);
    ck_assert_int_eq(wire(r, "pirq2"), 1);
    pci_set_irq(&a->pci, 0);
    pci_set_irq(&d->pci, 0);
    ck_assert_int_eq(wire(r, "pirq2"), 1);
    pci_set_irq(&b->pci, 0);
    ck_assert_int_eq(wire(r, "pirq2"), 0);
    ck_assert_uint_eq(wire_rises(r, "pirq2"), 1);
    drop_card(a);
    drop_card(b);
    drop_card(d);
    rig_free(r);
}
END_TEST

START_TEST(multi_function_bit)
{
    struct rig *r = rig_new("i440fx", NULL);
    struct err e = { 0 };
    struct card *a = add_card(r, 0x18, 1);
    ck_assert_uint_eq(cfg(r, 0x18, 0x0c) >> 16, 0x00);
    struct card *b = add_card(r, 0x1b, 1);
    ck_assert_uint_eq(cfg(r, 0x18, 0x0c) >> 16, 0x80);
    ck_assert_uint_eq(cfg(r, 0x1b, 0x0c) >> 16, 0x00);
    ck_assert_uint_eq(cfg(r, 0x19, 0), 0xffffffff);
    ck_assert(pci_bus_add(r->sys.pci, &a->pci, 0x18, &e)); /* twice the same is no error */
    ck_assert(!pci_bus_add(r->sys.pci, &b->pci, 0x18, &e));
    ck_assert(strstr(e.msg, "slot 3") != NULL);
    drop_card(a);
    drop_card(b);
    rig_free(r);
}
END_TEST

Suite *suite_pci(void);
Suite *suite_pci(void)
{
    Suite *s = suite_create("pci");
    TCase *t = tcase_create("pci");
    tcase_add_test(t, bar_sizing);
    tcase_add_test(t, mapping_follows_command);
    tcase_add_test(t, rom_needs_both_enables);
    tcase_add_test(t, byte_writes_and_callback);
    tcase_add_test(t, intx_swizzle);
    tcase_add_test(t, shared_lines_are_ored);
    tcase_add_test(t, multi_function_bit);
    suite_add_tcase(s, t);
    return s;
}
