/* SPDX-License-Identifier: MIT */
/* The board table against the machine that is built from it, and its snapshots: a machine that was saved,
 * loaded and saved again is the same file, and goes on as the one that was never saved. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/fw_cfg.h"
#include "devices/pci.h"
#include "machine/machine.h"
#include "tests/unit/machine_rig.h"

static const char *const with_hash[] = { "d", "hash", "serial", "callback", NULL };

static u8 *disk_image(void)
{
    u8 *disk = calloc(8, 512);

    for (u32 k = 0; k < 8 * 512; k++)
        disk[k] = (u8)(k * 7 + k / 512);
    return disk;
}

/* The busy guest with a disk; `file`: a snapshot to start from. */
static struct nb_machine *busy(const char *file, bool halting)
{
    u8 *code = malloc(guest_busy_len), *disk = disk_image();
    char drive[256];

    memcpy(code, guest_busy, guest_busy_len);
    if (halting)
        code[BUSY_PAUSE] = 0xf4;
    struct nb_config *cfg = rig_config(code, guest_busy_len, with_hash);
    snprintf(drive, sizeof drive, "file=%s,snapshot=on", rig_write("disk.img", disk, 8 * 512));
    rig_set(cfg, "drive", drive);
    if (file)
        rig_set(cfg, "loadvm", file);
    struct nb_error e = { 0 };
    struct nb_machine *m = nb_new(cfg, &e);
    ck_assert_msg(m != NULL, "%s", e.text);
    nb_config_free(cfg);
    free(code);
    free(disk);
    return m;
}

static void save(struct nb_machine *m, const char *file)
{
    struct nb_error e = { 0 };

    ck_assert_msg(nb_save(m, file, &e), "%s", e.text);
}

static void same_files(const char *a, const char *b)
{
    size_t la, lb;
    u8 *da = rig_read(a, &la), *db = rig_read(b, &lb);

    ck_assert_uint_eq(la, lb);
    for (size_t k = 0; k < la; k++)
        ck_assert_msg(da[k] == db[k], "byte %zu: %02x, then %02x (after \"%.40s\")", k, da[k], db[k],
                      (const char *)da + (k > 60 ? k - 60 : 0));
    free(da);
    free(db);
}

/* ---- the table */

START_TEST(endpoints_exist)
{
    static const char *const all_ports[] = {
        "serial", "null", "serial", "null", "serial", "null", "serial", "null",
        "parallel", "null", "parallel", "null", NULL,
    };
    struct nb_machine *m = rig_machine(guest_busy, guest_busy_len, all_ports);
    const struct board *b = &board_pc;

    ck_assert_ptr_eq(board_find("pc"), b);
    ck_assert_ptr_null(board_find("pc2"));
    for (const struct board_chip *c = b->chips; c->cls; c++) {
        struct device *dev = machine_device(m, c->id);
        ck_assert_msg(device_class_find(c->cls) != NULL, "no class %s", c->cls);
        ck_assert_msg(dev != NULL, "no device %s", c->id);
        ck_assert_str_eq(dev->cls->name, c->cls);
        for (const struct board_chip *d = c + 1; d->cls; d++) {
            ck_assert_msg(strcmp(c->id, d->id) != 0, "two devices %s", c->id);
            ck_assert_msg(c->devfn == NOT_PCI || c->devfn != d->devfn, "%s and %s share a slot",
                          c->id, d->id);
        }
    }
    for (const struct board_wire *w = b->wires; w->from; w++) {
        char id[24];
        struct wire to;
        const char *dot = strchr(w->from, '.');
        snprintf(id, sizeof id, "%.*s", (int)(dot - w->from), w->from);
        struct wire *out = !strcmp(w->from, "cpu.ferr") ? &m->ferr :
                           device_out(machine_device(m, id), dot + 1);
        ck_assert_msg(out && out->set, "%s leads nowhere", w->from);
        dot = strchr(w->to, '.');
        snprintf(id, sizeof id, "%.*s", (int)(dot - w->to), w->to);
        if (!strcmp(id, "cpu"))
            ck_assert_msg(!strcmp(dot, ".intr") || !strcmp(dot, ".nmi") || !strcmp(dot, ".a20") ||
                              !strcmp(dot, ".ignne"),
                          "%s", w->to);
        else
            ck_assert_msg(device_in(machine_device(m, id), dot + 1, &to), "no input %s", w->to);
        for (const struct board_wire *v = w + 1; v->from; v++)
            ck_assert_msg(strcmp(w->from, v->from) != 0, "%s is in two rows", w->from);
    }
    const char *const names[] = { b->pic, b->rtc, b->fw_cfg, b->vga, b->kbd, b->ide, b->fdc,
                                  b->bridge, b->serial[0], b->serial[3], b->parallel[1] };
    for (unsigned k = 0; k < ARRAY_LEN(names); k++)
        ck_assert_msg(machine_device(m, names[k]) != NULL, "no device %s", names[k]);
    nb_free(m);
}
END_TEST

/* COM1 always, LPT1 but for "none", the others when they were asked for; each with its BIOS address
 * and line, and all of them in what ACPI is told. */
START_TEST(ports_that_were_asked_for)
{
    static const struct { const char *args[9]; const char *there; } cases[] = {
        { { NULL }, "com1 lpt1" },
        { { "parallel", "none" }, "com1" },
        { { "serial", "none", "parallel", "null", "parallel", "null" }, "com1 lpt1 lpt2" },
        { { "parallel", "none", "parallel", "null", "serial", "null" }, "com1 lpt2" },
        { { "serial", "null", "serial", "none", "serial", "null", "serial", "null" },
          "com1 com3 com4 lpt1" },
    };
    static const struct { const char *id, *irq; u32 base; u8 want; } port[] = {
        { "com1", "pic0.ir4", 0x3f8, 0x60 }, { "com2", "pic0.ir3", 0x2f8, 0x60 },
        { "com3", "pic0.ir4", 0x3e8, 0x60 }, { "com4", "pic0.ir3", 0x2e8, 0x60 },
        { "lpt1", "pic0.ir7", 0x378, 0x00 }, { "lpt2", "pic0.ir5", 0x278, 0x00 },
    };

    for (unsigned k = 0; k < ARRAY_LEN(cases); k++) {
        struct nb_machine *m = rig_machine(guest_busy, guest_busy_len, cases[k].args);
        for (unsigned p = 0; p < ARRAY_LEN(port); p++) {
            bool want = strstr(cases[k].there, port[p].id) != NULL, wired = false;
            ck_assert_msg((machine_device(m, port[p].id) != NULL) == want, "case %u: %s", k,
                          port[p].id);
            u32 probe = port[p].base + (port[p].id[0] == 'c' ? 5 : 0);
            ck_assert_uint_eq(space_read(&m->io, probe, 1), want ? port[p].want : 0xff);
            for (const struct board_wire *w = board_pc.wires; w->from; w++)
                wired |= !strncmp(w->from, port[p].id, 4) && !strcmp(w->to, port[p].irq);
            ck_assert_msg(wired, "%s is not wired to %s", port[p].id, port[p].irq);
        }
        u32 len = 0;
        const u8 *acpi = fw_cfg_file(m->fw_cfg, "etc/acpi/tables", &len);
        bool listed = memmem(acpi, len, "LPT1", 4) != NULL;
        ck_assert_msg(listed == (strstr(cases[k].there, "lpt") != NULL),
                      "case %u: ACPI and LPT1", k);
        nb_free(m);
    }
}
END_TEST

/* Every line of an ISA interrupt has a driver, and the PICs get no more. */
START_TEST(interrupt_lines)
{
    static const char *const want[] = { "pic0.ir0", "pic0.ir1", "pic0.ir2", "pic0.ir3", "pic0.ir4",
                                        "pic0.ir5", "pic0.ir6", "pic0.ir7", "pic1.ir0", "pic1.ir1",
                                        "pic1.ir2", "pic1.ir3", "pic1.ir4", "pic1.ir5", "pic1.ir6", "pic1.ir7" };

    for (unsigned k = 0; k < ARRAY_LEN(want); k++) {
        unsigned n = 0;
        for (const struct board_wire *w = board_pc.wires; w->from; w++)
            n += !strcmp(w->to, want[k]);
        ck_assert_msg(n >= 1, "nothing drives %s", want[k]);
    }
}
END_TEST

START_TEST(no_overlap)
{
    static const char *const exit_too[] = { "device", "isa-debug-exit", NULL };
    struct nb_machine *m = rig_machine(guest_busy, guest_busy_len, exit_too);
    const struct space *const spaces[] = { &m->io, &m->mem };
    unsigned regions = 0;

    for (unsigned k = 0; k < 2; k++)
        for (unsigned a = 0; a < spaces[k]->num_regions; a++) {
            const struct region *r = spaces[k]->regions[a];
            regions++;
            for (unsigned b = a + 1; b < spaces[k]->num_regions; b++) {
                const struct region *s = spaces[k]->regions[b];
                if (!r->enabled || !s->enabled || r->prio != s->prio)
                    continue;
                ck_assert_msg(r->base >= s->base + s->size || s->base >= r->base + r->size,
                              "%s and %s in %s", r->name, s->name, spaces[k]->name);
            }
        }
    ck_assert_uint_ge(regions, 20);
    nb_free(m);
}
END_TEST

START_TEST(pci_functions)
{
    static const struct { u8 devfn; u32 id, cls; u8 header; } want[] = {
        { PCI_AT(0, 0), 0x12378086, 0x060000, 0x00 }, { PCI_AT(1, 0), 0x71108086, 0x060100, 0x80 },
        { PCI_AT(1, 1), 0x71118086, 0x010180, 0x00 }, { PCI_AT(1, 2), 0x71128086, 0x0c0300, 0x00 },
        { PCI_AT(1, 3), 0x71138086, 0x068000, 0x00 },
        { PCI_AT(2, 0), 0x11111234, 0x030000, 0x00 },
    };
    struct nb_machine *m = rig_machine(guest_busy, guest_busy_len, NULL);

    for (unsigned devfn = 0; devfn < 256; devfn++) {
        u32 id = 0xffffffff, cls = 0xffffffff;
        for (unsigned k = 0; k < ARRAY_LEN(want); k++)
            if (want[k].devfn == devfn) {
                id = want[k].id;
                cls = want[k].cls;
                ck_assert_uint_eq(rig_pci32(m, devfn, 0x0c) >> 16 & 0xff, want[k].header);
            }
        ck_assert_uint_eq(rig_pci32(m, devfn, 0), id);
        if (cls != 0xffffffff)
            ck_assert_uint_eq(rig_pci32(m, devfn, 8) >> 8, cls);
    }
    nb_free(m);

    static const char *const no_vga[] = { "vga", "none", NULL };
    m = rig_machine(guest_busy, guest_busy_len, no_vga);
    ck_assert_uint_eq(rig_pci32(m, PCI_AT(2, 0), 0), 0xffffffff);
    nb_run(m, 50000000);
    ck_assert_uint_gt(rig_mem32(m, 0x50c), 10);
    nb_free(m);
}
END_TEST

/* The guest of these tests does what they rely on. */
START_TEST(guest_is_busy)
{
    struct nb_machine *m = busy(NULL, false);

    ck_assert_int_eq(nb_run(m, 100000000), NB_TIMEOUT);
    ck_assert_uint_eq(nb_retired(m), 500000);
    ck_assert_uint_eq(nb_guest_ns(m), 100000000);
    ck_assert_uint_gt(rig_mem32(m, 0x500), 3000);
    /* 1193182 / 1024 ticks a second; 1024 periodic interrupts a second */
    ck_assert_uint_ge(rig_mem32(m, 0x50c), 113);
    ck_assert_uint_le(rig_mem32(m, 0x50c), 117);
    ck_assert_uint_ge(rig_mem32(m, 0x51c), 99);
    ck_assert_uint_le(rig_mem32(m, 0x51c), 103);
    ck_assert_uint_gt(rig_mem32(m, 0x508) & 0xff, 0);
    nb_free(m);
}
END_TEST

/* ---- snapshots */

START_TEST(fresh_machine_round_trips)
{
    struct nb_machine *m = busy(NULL, false);

    save(m, rig_path("a"));
    nb_free(m);
    m = busy(rig_path("a"), false);
    save(m, rig_path("b"));
    same_files(rig_path("a"), rig_path("b"));
    nb_run(m, 30000000);
    u64 hash = nb_trace_hash(m, true);
    nb_free(m);

    m = busy(NULL, false);
    nb_run(m, 30000000);
    ck_assert_uint_eq(nb_trace_hash(m, true), hash);
    ck_assert_uint_ne(hash, 0);
    nb_free(m);
}
END_TEST

static void save_and_go_on(bool halting)
{
    enum { POINTS = 12, END_NS = 60000000 };
    u64 at[POINTS], seed = 0x6e62, hash;
    struct nb_machine *m = busy(NULL, halting);

    nb_run(m, END_NS);
    hash = nb_trace_hash(m, true);
    nb_free(m);

    for (unsigned k = 0; k < POINTS; k++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        at[k] = (seed >> 33) % END_NS;
    }
    for (unsigned k = 0; k < POINTS; k++) {
        m = busy(NULL, halting);
        nb_run(m, at[k] + 1);
        u64 then = nb_guest_ns(m);
        save(m, rig_path("a"));
        u64 left = END_NS - then;
        if (left)
            nb_run(m, left);
        ck_assert_msg(nb_trace_hash(m, true) == hash, "saving at %llu ns changes the run",
                      (unsigned long long)then);
        nb_free(m);

        m = busy(rig_path("a"), halting);
        ck_assert_uint_eq(nb_guest_ns(m), then);
        save(m, rig_path("b"));
        same_files(rig_path("a"), rig_path("b"));
        if (left)
            nb_run(m, left);
        ck_assert_msg(nb_trace_hash(m, true) == hash, "loaded at %llu ns, the run is another",
                      (unsigned long long)then);
        nb_free(m);
    }
}

START_TEST(running_machine_round_trips)
{
    save_and_go_on(false);
}
END_TEST

START_TEST(halting_machine_round_trips)
{
    save_and_go_on(true);
}
END_TEST

/* Levels on wires and OR gates are those of the machine that was saved. */
START_TEST(wires_after_load)
{
    struct nb_machine *a = busy(NULL, false);

    for (unsigned k = 0; k < 40; k++) {
        nb_run(a, 777001);
        save(a, rig_path("a"));
        struct nb_machine *b = busy(rig_path("a"), false);
        ck_assert_uint_eq(a->num_gates, b->num_gates);
        for (unsigned g = 0; g < a->num_gates; g++)
            ck_assert_msg(a->gates[g].gate.inputs == b->gates[g].gate.inputs, "gate %u: %x, then %x",
                          g, a->gates[g].gate.inputs, b->gates[g].gate.inputs);
        char *ia = nb_info(a, "mtree"), *ib = nb_info(b, "mtree");
        ck_assert_str_eq(ia, ib);
        nb_string_free(ia);
        nb_string_free(ib);
        nb_free(b);
    }
    nb_free(a);
}
END_TEST

/* What was typed before the snapshot arrives after it. */
START_TEST(typing_survives)
{
    struct nb_machine *m = busy(NULL, true);

    nb_run(m, 20000000);
    ck_assert_uint_eq(nb_type(m, "Hello, world"), 12);
    nb_run(m, 50000000);
    save(m, rig_path("a"));
    nb_run(m, 400000000);
    u32 keys = rig_mem32(m, 0x514);
    u64 hash = nb_trace_hash(m, true);
    nb_free(m);
    ck_assert_uint_ge(keys, 26); /* 12 keys and one shift, down and up; ACK of F4 */

    m = busy(rig_path("a"), true);
    ck_assert_uint_lt(rig_mem32(m, 0x514), keys);
    save(m, rig_path("b"));
    same_files(rig_path("a"), rig_path("b"));
    nb_run(m, 400000000);
    ck_assert_uint_eq(rig_mem32(m, 0x514), keys);
    ck_assert_uint_eq(nb_trace_hash(m, true), hash);
    nb_free(m);
}
END_TEST

/* Serial input that the guest has not read, with a break in the middle. */
START_TEST(serial_input_survives)
{
    static const u8 code[] = {
        0xba, 0xfb, 0x03, 0xb0, 0x03, 0xee,             /* 8 bits */
        0xbe, 0x00, 0x06,                               /* mov si,600h */
        0x80, 0x3e, 0x00, 0x05, 0x00, 0x74, 0xf9,       /* until [500h] is not 0 */
        0xba, 0xfd, 0x03,
        0xec, 0xa8, 0x01, 0x74, 0xfb, 0x88, 0x04, 0x46, /* LSR, when it has DR, to [si++] */
        0xb2, 0xf8, 0xec, 0x88, 0x04, 0x46,             /* and RBR */
        0xb2, 0xfd, 0xeb, 0xee,
    };
    static const u8 want[] = { 0x61, 'a', 0x61, 'b', 0x71, 0, 0x61, 'c', 0x71, 0, 0, 0 };
    const char *const fresh[] = { "serial", "callback", NULL };
    const char *const load[] = { "serial", "callback", "loadvm", rig_path("a"), NULL };
    const char *const unplugged[] = { "serial", "null", "loadvm", rig_path("a"), NULL };
    struct nb_machine *m = rig_machine(code, sizeof code, fresh);
    u8 got[sizeof want];

    nb_run(m, 1000000);
    nb_serial_input(m, 0, (const u8 *)"ab", 2);
    ck_assert(nb_serial_break(m, 0));
    nb_serial_input(m, 0, (const u8 *)"c", 1);
    ck_assert(nb_serial_break(m, 0));
    ck_assert(!nb_serial_break(m, MACHINE_MAX_SERIAL));
    ck_assert(!nb_serial_break(m, 2));
    nb_run(m, 1000000);
    save(m, rig_path("a"));
    for (unsigned k = 0; k < 2; k++) {
        nb_mem_write(m, true, 0x500, "\1", 1);
        nb_run(m, 50000000);
        nb_mem_read(m, true, 0x600, got, sizeof got);
        ck_assert_mem_eq(got, want, sizeof want);
        nb_free(m);
        m = rig_machine(code, sizeof code, k ? unplugged : load);
        save(m, rig_path("b"));
        if (!k)
            same_files(rig_path("a"), rig_path("b"));
    }
    nb_mem_write(m, true, 0x500, "\1", 1);
    nb_run(m, 50000000);
    ck_assert_uint_eq(rig_mem32(m, 0x600) & 0xffff, 0x6161); /* the UART had it */
    ck_assert_uint_eq(rig_mem32(m, 0x602), 0);
    nb_free(m);
}
END_TEST

/* The handler of #DE is a DIV by zero, behind a trap gate, with interrupts on. */
START_TEST(time_passes_while_all_faults)
{
    /* IRQ 0 at 20h each 10 ms; vector 0: trap gate to DE, 20h: interrupt gate to TICK; flat segments
     * with CS at F0000h, a 16-bit stack of 64 KB at 20000h, where SP may wrap; sti; div bl;
     * DE: div bl; TICK: inc dword [500h]; EOI; iretd */
    static const u8 code[] = {
        0xb0, 0x11, 0xe6, 0x20, 0xb0, 0x20, 0xe6, 0x21, 0xb0, 0x04, 0xe6, 0x21,
        0xb0, 0x01, 0xe6, 0x21, 0xb0, 0xfe, 0xe6, 0x21, 0xb0, 0x34, 0xe6, 0x43,
        0xb0, 0x9c, 0xe6, 0x40, 0xb0, 0x2e, 0xe6, 0x40, 0xb8, 0x82, 0x00, 0xa3,
        0x00, 0x10, 0xc7, 0x06, 0x02, 0x10, 0x08, 0x00, 0xc7, 0x06, 0x04, 0x10,
        0x00, 0x8f, 0xc7, 0x06, 0x06, 0x10, 0x00, 0x00, 0xb8, 0x84, 0x00, 0xa3,
        0x00, 0x11, 0xc7, 0x06, 0x02, 0x11, 0x08, 0x00, 0xc7, 0x06, 0x04, 0x11,
        0x00, 0x8e, 0xc7, 0x06, 0x06, 0x11, 0x00, 0x00, 0x2e, 0x66, 0x0f, 0x01,
        0x16, 0xb0, 0x00, 0x2e, 0x66, 0x0f, 0x01, 0x1e, 0xb6, 0x00, 0x66, 0xb8,
        0x01, 0x00, 0x00, 0x00, 0x0f, 0x22, 0xc0, 0x66, 0xea, 0x6f, 0x00, 0x00,
        0x00, 0x08, 0x00, 0x66, 0xb8, 0x10, 0x00, 0x8e, 0xd8, 0x66, 0xb8, 0x18,
        0x00, 0x8e, 0xd0, 0x31, 0xe4, 0x31, 0xdb, 0xfb, 0xf6, 0xf3, 0xf6, 0xf3,
        0xff, 0x05, 0x00, 0x05, 0x00, 0x00, 0xb0, 0x20, 0xe6, 0x20, 0xcf, 0x90,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00, 0x00,
        0x0f, 0x9b, 0xcf, 0x00, 0xff, 0xff, 0x00, 0x00, 0x00, 0x93, 0xcf, 0x00,
        0xff, 0xff, 0x00, 0x00, 0x02, 0x93, 0x00, 0x00, 0x1f, 0x00, 0x90, 0x00,
        0x0f, 0x00, 0x07, 0x01, 0x00, 0x10, 0x00, 0x00,
    };
    static const char *const pairs[] = { "d", "hash", "stop-at", "600000", NULL };
    const char *const load[] = { "d", "hash", "stop-at", "600000", "loadvm", rig_path("a"), NULL };
    struct nb_machine *m = rig_machine(code, sizeof code, pairs);

    ck_assert_int_eq(nb_run(m, 5000000), NB_TIMEOUT);
    ck_assert_int_eq(nb_run(m, 60000000), NB_TIMEOUT);
    ck_assert_uint_ge(rig_mem32(m, 0x500), 5);
    ck_assert_uint_le(rig_mem32(m, 0x500), 7);
    save(m, rig_path("a"));
    ck_assert_int_eq(nb_run(m, 0), NB_STOP_AT);
    ck_assert_uint_eq(nb_retired(m), 600000);
    u64 hash = nb_trace_hash(m, true);
    nb_free(m);
    m = rig_machine(code, sizeof code, load);
    ck_assert_int_eq(nb_run(m, 0), NB_STOP_AT);
    ck_assert_uint_eq(nb_trace_hash(m, true), hash);
    nb_free(m);
    m = rig_machine(code, sizeof code, pairs); /* in slices, with the host knocking */
    enum nb_stop why;
    do {
        cpu_kick(m->cpu);
        why = nb_run(m, 33333);
    } while (why == NB_TIMEOUT);
    ck_assert_int_eq(why, NB_STOP_AT);
    ck_assert_uint_eq(nb_trace_hash(m, true), hash);
    nb_free(m);
}
END_TEST

/* A request that the guest made in its last instruction is not lost. */
START_TEST(request_survives)
{
    /* mov al,1; out 92h,al; inc word [500h]; jmp $ */
    static const u8 code[] = { 0xb0, 0x01, 0xe6, 0x92, 0xff, 0x06, 0x00, 0x05, 0xeb, 0xfe };
    struct nb_machine *m = rig_machine(code, sizeof code, NULL);

    for (unsigned k = 0; k < 3; k++) /* jmp far, mov, out */
        nb_step(m);
    /* nb_step takes requests itself, so that the wish must come back */
    m->want_init = true;
    save(m, rig_path("a"));
    nb_free(m);
    const char *const load[] = { "loadvm", rig_path("a"), NULL };
    m = rig_machine(code, sizeof code, load);
    ck_assert(m->want_init);
    ck_assert(!m->want_reset && !m->want_exit && !m->want_power_off);
    nb_free(m);
}
END_TEST

/* ---- snapshots that must be refused */

static void refused(const char *const *pairs, const char *why)
{
    struct nb_config *cfg = rig_config(guest_busy, guest_busy_len, pairs);
    struct nb_error e = { 0 };

    rig_set(cfg, "loadvm", rig_path("a"));
    struct nb_machine *m = nb_new(cfg, &e);
    ck_assert_msg(m == NULL, "taken, though %s", why);
    ck_assert_int_eq(e.code, 5);
    ck_assert_msg(strstr(e.text, why) != NULL, "\"%s\" does not say \"%s\"", e.text, why);
    ck_assert_ptr_null(strchr(e.text, '\n'));
    nb_config_free(cfg);
}

START_TEST(another_machine_is_refused)
{
    struct nb_machine *m = rig_machine(guest_busy, guest_busy_len, NULL);
    static const u8 sector[512];

    save(m, rig_path("a"));
    nb_free(m);
    /* without -drive, the built-in disk is the one drive */
    refused((const char *const[]){ "m", "3", NULL }, "made with -m 2M, this machine has 3M");
    refused((const char *const[]){ "clock", "counted,ns=3", NULL }, "made with another -clock");
    refused((const char *const[]){ "clock", "real", NULL }, "made with another -clock");
    refused((const char *const[]){ "vga", "none", NULL }, "made with other devices");
    refused((const char *const[]){ "device", "isa-debug-exit", NULL }, "made with other devices");
    refused((const char *const[]){ "cpu", "max", NULL }, "made without -cpu");
    refused((const char *const[]){ "hda", rig_write("d", sector, 512), "snapshot", "on", NULL },
            "was not opened with snapshot=on");
    refused((const char *const[]){ "fda", "", "fdb", "", NULL }, "made with 1 drive, this machine has 2");
}
END_TEST

/* Cut anywhere, and with bytes changed anywhere outside the pages, a snapshot is refused or taken, never
 * more than that; the sanitizers look on. */
START_TEST(damaged_files)
{
    struct nb_machine *m = busy(NULL, false);
    size_t len;

    nb_run(m, 5000000);
    save(m, rig_path("a"));
    nb_free(m);
    u8 *good = rig_read(rig_path("a"), &len), *bad = malloc(len);
    u64 seed = 7;
    unsigned taken = 0;

    for (unsigned k = 0; k < 60; k++) {
        size_t n = len;
        memcpy(bad, good, len);
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        if (k < 30)
            n = k < 12 ? k * 3 : (size_t)(seed >> 20) % len;
        else
            bad[(seed >> 20) % MIN(len, (size_t)9000)] ^= (u8)(1u << (seed >> 60 & 7));
        rig_write("bad", bad, n);
        struct nb_config *cfg = rig_config(guest_busy, guest_busy_len, with_hash);
        char drive[256];
        snprintf(drive, sizeof drive, "file=%s,snapshot=on", rig_path("disk.img"));
        rig_set(cfg, "drive", drive);
        rig_set(cfg, "loadvm", rig_path("bad"));
        struct nb_error e = { 0 };
        m = nb_new(cfg, &e);
        nb_config_free(cfg);
        if (m) {
            ck_assert_msg(n == len, "a file of %zu bytes instead of %zu was taken", n, len);
            taken++;
            nb_run(m, 1000000);
            nb_free(m);
        } else {
            ck_assert_int_eq(e.code, 5);
            ck_assert_uint_gt(strlen(e.text), 10);
        }
    }
    ck_assert_uint_lt(taken, 30);
    free(good);
    free(bad);
}
END_TEST

Suite *suite_board(void);
Suite *suite_board(void)
{
    Suite *s = suite_create("board");
    TCase *t = tcase_create("board");

    tcase_add_checked_fixture(t, rig_folder_new, rig_folder_remove);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, endpoints_exist);
    tcase_add_test(t, ports_that_were_asked_for);
    tcase_add_test(t, interrupt_lines);
    tcase_add_test(t, no_overlap);
    tcase_add_test(t, pci_functions);
    tcase_add_test(t, guest_is_busy);
    tcase_add_test(t, fresh_machine_round_trips);
    tcase_add_test(t, running_machine_round_trips);
    tcase_add_test(t, halting_machine_round_trips);
    tcase_add_test(t, wires_after_load);
    tcase_add_test(t, typing_survives);
    tcase_add_test(t, time_passes_while_all_faults);
    tcase_add_test(t, serial_input_survives);
    tcase_add_test(t, request_survives);
    tcase_add_test(t, another_machine_is_refused);
    tcase_add_test(t, damaged_files);
    suite_add_tcase(s, t);
    return s;
}
