/* SPDX-License-Identifier: MIT */
/* One chip of the board at a time, where it stands on the board: its ports, memory and configuration space,
 * its input pins and back ends, DMA from and to RAM, its timers. A finding is short, and coverage grows
 * in that chip instead of in the loudest one.
 *
 * The class is the name behind "fuzz_chip-" of the program (links of the build: fuzz_chip-i8254), else the
 * first byte of the input chooses. The input: verbs of one byte with their arguments. Regions are numbered in
 * the order in which the chip has them on a bus, so that what firmware moves is found again. */
#include "tests/fuzz/fuzz.h" /* first: it wants _GNU_SOURCE */

#include <errno.h>

#include "devices/pci.h"
#include "tests/fuzz/pc_board.h"

static const char *wanted(struct fuzz_input *in)
{
    const char *dash = strchr(program_invocation_short_name, '-');
    unsigned n = 0;

    if (dash)
        return dash + 1;
    while (device_classes[n])
        n++;
    return device_classes[take8(in) % n]->name;
}

/* The board may have more than one of a class: bit 7 of the second choice takes the last. */
static struct device *find(struct nb_machine *m, const char *name, bool last)
{
    struct device *found = NULL;

    for (unsigned k = 0; k < m->num_devices; k++)
        if (!strcmp(m->dev[k]->cls->name, name) && (last || !found))
            found = m->dev[k];
    return found;
}

struct target { struct nb_machine *m; struct device *dev; struct space *space; struct region *at; };

/* One of the chip's regions that is on a bus now; memory regions of a PCI chip among them. */
static bool choose(struct target *t, u8 n)
{
    const u8 *from = (const u8 *)t->dev, *to = from + t->dev->cls->size;
    struct region *all[64];
    struct space *in[64];
    unsigned num = 0;

    for (int k = 0; k < 2; k++) {
        struct space *s = k ? &t->m->mem : &t->m->io;
        for (unsigned i = 0; i < s->num_regions && num < ARRAY_LEN(all); i++) {
            struct region *r = s->regions[i];
            if ((const u8 *)r >= from && (const u8 *)r < to && r->enabled) {
                all[num] = r;
                in[num++] = s;
            }
        }
    }
    if (!num)
        return false;
    t->at = all[n % num];
    t->space = in[n % num];
    return true;
}

static paddr place(struct target *t, struct fuzz_input *in)
{
    u64 off = t->at->size <= 256 ? take8(in) : t->at->size <= 65536 ? take(in, 2) : take(in, 3);

    return t->at->base + off % t->at->size;
}

static void pin(struct target *t, u8 n, int level)
{
    unsigned num = 0;

    for (const struct pin *p = t->dev->cls->pins; p && p->name; p++)
        num += p->dir == PIN_IN ? p->count : 0;
    if (!num)
        return;
    n %= num;
    for (const struct pin *p = t->dev->cls->pins; p && p->name; p++) {
        if (p->dir != PIN_IN)
            continue;
        if (n < p->count) {
            p->input(t->dev, n, level);
            return;
        }
        n = (u8)(n - p->count);
    }
}

struct bytes { u8 *data; size_t len, at, cap; };

static bool to_bytes(void *to, const void *p, size_t n)
{
    struct bytes *b = to;

    if (n > b->cap - b->len) {
        b->cap = 2 * (b->len + n);
        b->data = realloc(b->data, b->cap);
        MUST(b->data != NULL);
    }
    memcpy(b->data + b->len, p, n);
    b->len += n;
    return true;
}

static bool from_bytes(void *from, void *p, size_t n)
{
    struct bytes *b = from;

    if (n > b->len - b->at)
        return false;
    memcpy(p, b->data + b->at, n);
    b->at += n;
    return true;
}

/* Every state that a guest can reach can be saved, is accepted again, and is the same then. */
static void save_and_load(struct device *dev)
{
    static struct bytes one, two;
    struct snap_out out1 = { to_bytes, &one }, out2 = { to_bytes, &two };
    struct snap_in in = { from_bytes, &one };
    struct err e = { 0 };

    one.len = one.at = two.len = 0;
    MUST(device_save(dev, &out1, &e));
    if (!device_load(dev, &in, &e)) {
        fprintf(stderr, "%s does not take its own state: %s\n", dev->id, e.msg);
        abort();
    }
    MUST(device_save(dev, &out2, &e));
    MUST(one.len == two.len && (!one.len || !memcmp(one.data, two.data, one.len)));
}

/* To build a machine takes hundred times what an input does: there is one, which goes back to its start. */
struct start { struct bytes dev[MACHINE_MAX_DEVICES], cpu; u64 now; };

static void remember(struct nb_machine *m, struct start *s)
{
    struct err e = { 0 };

    for (unsigned k = 0; k < m->num_devices; k++) {
        struct snap_out out = { to_bytes, &s->dev[k] };
        MUST(device_save(m->dev[k], &out, &e));
    }
    struct snap_out out = { to_bytes, &s->cpu };
    MUST(cpu_save(m->cpu, &out, &e));
    s->now = clock_now(&m->clock);
}

static void rewind_machine(struct nb_machine *m, struct start *s)
{
    struct err e = { 0 };

    m->want_reset = m->want_init = m->want_power_off = m->want_exit = m->want_io_stop = false;
    m->paused = m->powered_off = false;
    ram_zero(&m->ram, 0, m->layout.ram_frames);
    for (unsigned k = 0; k < m->num_devices; k++) { /* no timer is before the time it goes back to */
        if (m->dev[k]->cls->reset)
            m->dev[k]->cls->reset(m->dev[k], RESET_POWER_ON);
    }
    struct snap_in in_cpu = { from_bytes, &s->cpu };
    s->cpu.at = 0;
    MUST(cpu_load(m->cpu, &in_cpu, &e));
    clock_restore(&m->clock, s->now); /* behind the CPU, whose count it starts from */
    for (unsigned k = 0; k < m->num_devices; k++) {
        struct snap_in in = { from_bytes, &s->dev[k] };
        s->dev[k].at = 0;
        MUST(device_load(m->dev[k], &in, &e));
    }
    cpu_state_loaded(m->cpu);
    for (unsigned v = 0; v < 256; v++) { /* what its code did to memory */
        static const u8 vector[4] = { 0x22, 0, 0, 0xf0 };
        dma_write(&m->mem, v * 4, vector, 4);
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static struct nb_machine *machine_of_all;
    static struct start start;

    struct fuzz_input in = { data, MIN(size, (size_t)1500) };
    const char *name = wanted(&in);
    if (!machine_of_all) {
        machine_of_all = machine();
        nb_run(machine_of_all, 200000);
        remember(machine_of_all, &start);
    }
    rewind_machine(machine_of_all, &start);
    struct target t = { .m = machine_of_all };
    u8 first = take8(&in), buf[64];
    u64 time_left = 300000000;
    unsigned n, width;

    t.dev = find(t.m, name, first & 0x80);
    if (!t.dev) {
        fprintf(stderr, "no %s on the board\n", name);
        abort();
    }
    while (in.left) {
        u8 verb = take8(&in);
        width = 1u << (verb >> 4) % 3;
        switch (verb & 15) {
        case 0: case 1: case 2: case 3: case 4: case 5: case 6: case 7:
            if (!choose(&t, verb >> 6 | (verb & 6) << 1))
                break;
            if (verb & 1)
                space_read(t.space, place(&t, &in), width);
            else
                space_write(t.space, place(&t, &in), take(&in, width), width);
            break;
        case 8: { /* a string, as REP INS and OUTS move it */
            if (!choose(&t, verb >> 6))
                break;
            paddr a = place(&t, &in);
            for (unsigned k = 2 * (1 + take8(&in)); k; k--)
                if (take8(&in) & 1)
                    space_write(t.space, a, (u32)k * 0x01020305, width);
                else
                    space_read(t.space, a, width);
            break;
        }
        case 9:
            if (t.dev->cls->is_pci) {
                const struct pci_device *pd = (struct pci_device *)t.dev;
                space_write(&t.m->io, 0xcf8, 0x80000000u | (u32)pd->devfn << 8 | (take8(&in) & 0xfc), 4);
                if (verb & 0x80)
                    space_read(&t.m->io, 0xcfc, 4);
                else
                    space_write(&t.m->io, 0xcfc + (take8(&in) & (4 - width)), take(&in, width), width);
            }
            break;
        case 10: { /* time; a storm of interrupts may not take the host's for long */
            u64 ns = (u64)take(&in, 2) * (verb & 0x80 ? 4000 : verb & 0x40 ? 400 : 20);
            ns = MIN(ns, time_left);
            time_left -= ns;
            nb_run(t.m, 1 + ns);
            break;
        }
        case 11: /* RAM, for descriptors and tables */
            for (n = 0; n < 16; n++)
                buf[n] = take8(&in);
            dma_write(&t.m->mem, 0x1000u + take8(&in) * 16u, buf, 16);
            break;
        case 12:
            pin(&t, take8(&in), verb >> 4 & 1);
            break;
        case 13: /* what back ends send */
            for (n = 0; n < 20; n++)
                buf[n] = (u8)(verb + n);
            nb_serial_input(t.m, 0, buf, 1 + (verb >> 4));
            nb_key(t.m, take8(&in), verb & 0x10);
            if (verb & 0x20)
                nb_mouse(t.m, (i8)take8(&in), (i8)take8(&in), (i8)verb >> 6, take8(&in) & 7);
            break;
        case 14: {
            static struct nb_frame f;
            memset(&f, 0, sizeof f);
            nb_frame_now(t.m, &f);
            nb_frame_free(&f);
            nb_string_free(nb_info(t.m, t.dev->id));
            if (choose(&t, verb >> 6))
                space_peek(t.space, place(&t, &in), width);
            break;
        }
        default:
            if (verb == 0xff)
                nb_reset(t.m);
            else if (verb == 0x1f)
                save_and_load(t.dev);
            else
                nb_nmi(t.m);
            break;
        }
    }
    save_and_load(t.dev);
    nb_run(t.m, 1000000);
    return 0;
}
