/* SPDX-License-Identifier: MIT */
/* From a board table to a wired machine: the only interpreter of struct board. */
#include "machine/machine.h"

#include "core/xalloc.h"
#include <stdio.h>

#include "devices/i8259.h"
#include "cpu/jit/attach.h"
#include "devices/pci.h"
#include "devices/vga_rom.h"

#define BIOS_MAX (256u << 10)
#define VRAM_MB 16u

struct device *machine_device(struct nb_machine *m, const char *id)
{
    for (unsigned k = 0; id && k < m->num_devices; k++)
        if (!strcmp(m->dev[k]->id, id))
            return m->dev[k];
    return NULL;
}

/* ---- memory */

static bool build_memory(struct nb_machine *m, struct err *e)
{
    struct layout *l = &m->layout;
    struct ram_object obj;

    l->ram_frames = m->cfg->ram_mb << (20 - PAGE_SHIFT);
    l->bios_frame = l->ram_frames;
    l->bios_frames = BIOS_MAX >> PAGE_SHIFT;
    l->vram_frame = l->bios_frame + l->bios_frames;
    l->vram_frames = (m->cfg->vga.mem_mb ? m->cfg->vga.mem_mb : VRAM_MB) << (20 - PAGE_SHIFT);
    l->total = l->vram_frame + l->vram_frames;
    if (!os_ram_new(&obj, (u64)l->total << PAGE_SHIFT, e))
        return err_prefix(e, "guest memory of %u MB (-m)", m->cfg->ram_mb);
    ram_init(&m->ram, obj);
    space_init(&m->mem, "memory", 0xfffffffffull, &m->log, &m->ram);
    space_init(&m->io, "io", 0xffff, &m->log, NULL);
    m->sys.mem = &m->mem;
    m->sys.io = &m->io;
    m->sys.ram = &m->ram;
    m->sys.clock = &m->clock;
    m->sys.log = &m->log;
    m->sys.request = machine_request;
    m->sys.machine = m;

    m->low_ram = (struct region){ .name = "ram-low", .base = 0, .size = 0xa0000,
                                  .kind = REGION_RAM, .ram_frame = 0, .prio = PRIO_RAM,
                                  .flags = REGION_RW };
    if (!space_map(&m->mem, &m->low_ram, e))
        return false;
    m->high_ram = (struct region){ .name = "ram-high", .base = 0x100000,
                                   .size = ((u64)m->cfg->ram_mb << 20) - 0x100000,
                                   .kind = REGION_RAM, .ram_frame = 0x100, .prio = PRIO_RAM,
                                   .flags = REGION_RW };
    return m->high_ram.size == 0 || space_map(&m->mem, &m->high_ram, e);
}

/* ---- wires */

/* "pit.out0" -> device and pin; false if it is not of that form or the device is not there */
static bool endpoint(struct nb_machine *m, const char *text, struct device **dev, const char **pin)
{
    const char *dot = strchr(text, '.');
    char id[24];

    if (!dot || (size_t)(dot - text) >= sizeof id)
        return false;
    memcpy(id, text, (size_t)(dot - text));
    id[dot - text] = 0;
    *pin = dot + 1;
    *dev = machine_device(m, id);
    return *dev || !strcmp(id, "cpu");
}

static void cpu_intr_input(void *machine, int n, int level)
{
    struct nb_machine *m = machine;

    (void)n;
    if (m->cpu)
        cpu_set_intr(m->cpu, level);
}

static void cpu_nmi_input(void *machine, int n, int level)
{
    struct nb_machine *m = machine;

    (void)n;
    if (level && m->cpu)
        cpu_nmi(m->cpu);
}

/* A20 has one latch, which the keyboard controller and port 92h both see and change: the last
 * change wins, and the other's bit follows (a plain OR would leave DOS unable to close the gate that
 * the firmware opened through the other port). */
static void cpu_a20_input(void *machine, int n, int level)
{
    struct nb_machine *m = machine;
    struct wire w;

    (void)n;
    if (m->a20_level == level)
        return;
    m->a20_level = level;
    if (m->cpu)
        cpu_set_a20(m->cpu, level);
    for (unsigned k = 0; k < m->num_devices; k++)
        if (device_in(m->dev[k], "a20_state", &w))
            wire_set(&w, level);
}

static void cpu_ignne_input(void *machine, int n, int level)
{
    struct nb_machine *m = machine;

    (void)n;
    if (level && m->cpu)
        cpu_ignne(m->cpu);
}

/* The CPU's one output, FERR#. */
static void ferr_changed(void *machine, int level)
{
    wire_set(&((struct nb_machine *)machine)->ferr, level);
}

static bool input_of(struct nb_machine *m, struct device *dev, const char *pin, struct wire *w)
{
    if (dev)
        return device_in(dev, pin, w);
    w->to = m;
    w->n = 0;
    w->set = !strcmp(pin, "intr") ? cpu_intr_input : !strcmp(pin, "nmi") ? cpu_nmi_input :
             !strcmp(pin, "a20") ? cpu_a20_input : !strcmp(pin, "ignne") ? cpu_ignne_input : NULL;
    return w->set != NULL;
}

/* Every input gets a gate when it has several drivers, so that boards need not say it. */
static unsigned drivers_of(const struct board *b, const char *to)
{
    unsigned n = 0;

    for (const struct board_wire *w = b->wires; w->from; w++)
        n += !strcmp(w->to, to);
    return n;
}

/* false for a pin of a chip that is left out. */
static bool wanted(const struct nb_machine *m, const char *pin)
{
    char id[32];

    snprintf(id, sizeof id, "%.*s", (int)strcspn(pin, "."), pin);
    return ports_wanted(m, id) && !(m->cfg->no_vga && !strcmp(id, m->board->vga));
}

static bool connect_wire(struct nb_machine *m, const struct board_wire *w, struct err *e)
{
    struct device *from, *to;
    const char *out_pin, *in_pin;
    struct wire *out, in;

    if (!wanted(m, w->from) || !wanted(m, w->to))
        return true;
    bool ferr = !strcmp(w->from, "cpu.ferr");
    if (!endpoint(m, w->from, &from, &out_pin) || (!from && !ferr))
        return err_set(e, ERR_INTERNAL, "board %s: no output %s", m->board->name, w->from);
    if (!endpoint(m, w->to, &to, &in_pin) || !input_of(m, to, in_pin, &in))
        return err_set(e, ERR_INTERNAL, "board %s: no input %s", m->board->name, w->to);
    out = ferr ? &m->ferr : device_out(from, out_pin);
    if (!out)
        return err_set(e, ERR_INTERNAL, "board %s: no output %s", m->board->name, w->from);
    if (out->set)
        return err_set(e, ERR_INTERNAL, "board %s: %s drives two inputs", m->board->name, w->from);
    if (drivers_of(m->board, w->to) == 1 || !strcmp(w->to, "cpu.a20")) {
        *out = in;
        return true;
    }
    struct machine_gate *g = NULL;
    for (unsigned k = 0; k < m->num_gates; k++)
        if (m->gates[k].gate.out.set == in.set && m->gates[k].gate.out.to == in.to &&
            m->gates[k].gate.out.n == in.n)
            g = &m->gates[k];
    if (!g) {
        if (m->num_gates == MACHINE_MAX_GATES)
            return err_set(e, ERR_INTERNAL, "board %s: too many gates", m->board->name);
        g = &m->gates[m->num_gates++];
        g->gate.out = in;
    }
    *out = (struct wire){ or_gate_input, &g->gate, (int)g->used++ };
    return true;
}

/* ---- chips */

static bool set_number(struct device *dev, const char *prop, u32 n, struct err *e)
{
    char text[16];

    snprintf(text, sizeof text, "%u", n);
    return device_set(dev, prop, text, e);
}

static bool set_vga(struct nb_machine *m, struct device *dev, struct err *e)
{
    const struct vga_config *v = &m->cfg->vga;

    return set_number(dev, "vram_frame", m->layout.vram_frame, e) &&
           set_number(dev, "vgamem_mb", m->layout.vram_frames >> (20 - PAGE_SHIFT), e) &&
           (!v->xres || set_number(dev, "xres", v->xres, e)) &&
           (!v->yres || set_number(dev, "yres", v->yres, e)) &&
           device_set(dev, "edid", v->no_edid ? "off" : "on", e) &&
           device_set_ptr(dev, "display", &m->display, e);
}

static bool set_backends(struct nb_machine *m, struct device *dev, struct err *e)
{
    const struct board *b = m->board;
    char prop[16];

    if (!strcmp(dev->id, b->ide) || !strcmp(dev->id, b->fdc)) {
        bool ide = !strcmp(dev->id, b->ide);
        for (unsigned k = 0; k < m->num_drives; k++) {
            struct drive *d = &m->drives[k];
            if ((d->cfg.iface == DRIVE_IDE) != ide)
                continue;
            snprintf(prop, sizeof prop, ide ? "disk%u" : "drive%u", d->cfg.index);
            if (d->blk && !device_set_ptr(dev, prop, d->blk, e))
                return false;
            snprintf(prop, sizeof prop, "cdrom%u", d->cfg.index);
            if (ide && d->cfg.cdrom && !device_set(dev, prop, "on", e))
                return false;
            snprintf(prop, sizeof prop, "serial%u", d->cfg.index);
            if (ide && d->cfg.serial && !device_set(dev, prop, d->cfg.serial, e))
                return false;
        }
    }
    for (unsigned k = 0; k < MACHINE_MAX_SERIAL; k++)
        if (b->serial[k] && !strcmp(dev->id, b->serial[k]) && m->serial[k].chr &&
            !device_set_ptr(dev, "chardev", m->serial[k].chr, e))
            return false;
    for (unsigned k = 0; k < MACHINE_MAX_PARALLEL; k++)
        if (b->parallel[k] && !strcmp(dev->id, b->parallel[k]) && m->parallel[k] &&
            !device_set_ptr(dev, "chardev", m->parallel[k], e))
            return false;
    if (!strcmp(dev->id, "debugcon")) {
        snprintf(prop, sizeof prop, "%u", m->cfg->debugcon_base);
        if ((m->debugcon && !device_set_ptr(dev, "chardev", m->debugcon, e)) ||
            !device_set(dev, "iobase", prop, e))
            return false;
    }
    if (!strcmp(dev->id, b->kbd) && !device_set_ptr(dev, "input", &m->input, e))
        return false;
    /* a date that was given, and counted time, go by guest time alone */
    if (!strcmp(dev->id, b->rtc) && m->clock.source == CLOCK_REAL && !m->cfg->rtc_fixed &&
        !m->cfg->rtc_vm && !device_set(dev, "follow_host", "on", e))
        return false;
    if (!strcmp(dev->id, b->bridge)) {
        char mb[16];
        snprintf(mb, sizeof mb, "%u", m->cfg->ram_mb);
        if (!device_set(dev, "ram_mb", mb, e))
            return false;
    }
    return strcmp(dev->id, b->vga) || set_vga(m, dev, e);
}

static bool set_props(struct device *dev, const char *props, struct err *e)
{
    char text[128], *p = text, *eq, *comma;

    if (!props)
        return true;
    snprintf(text, sizeof text, "%s", props);
    while (p && *p) {
        comma = strchr(p, ',');
        if (comma)
            *comma++ = 0;
        eq = strchr(p, '=');
        if (!eq)
            return err_set(e, ERR_INTERNAL, "%s: property \"%s\" without value", dev->id, p);
        *eq = 0;
        if (!device_set(dev, p, eq + 1, e))
            return false;
        p = comma;
    }
    return true;
}

static bool add_chip(struct nb_machine *m, const struct board_chip *c, struct err *e)
{
    const struct device_class *cls = device_class_find(c->cls);
    struct device *dev;

    if (!cls)
        return err_set(e, ERR_INTERNAL, "board %s: no device class %s", m->board->name, c->cls);
    if (m->num_devices == MACHINE_MAX_DEVICES)
        return err_set(e, ERR_INTERNAL, "board %s: too many devices", m->board->name);
    dev = device_new(cls, c->id, &m->sys);
    m->dev[m->num_devices++] = dev;
    if (!set_props(dev, c->props, e) || !set_backends(m, dev, e) || !device_init(dev, e))
        return err_prefix(e, "%s", c->id);
    if (c->devfn != NOT_PCI) {
        if (!cls->is_pci || !m->sys.pci)
            return err_set(e, ERR_INTERNAL, "board %s: %s is no PCI device", m->board->name, c->id);
        if (!pci_bus_add(m->sys.pci, (struct pci_device *)dev, (u8)c->devfn, e))
            return err_prefix(e, "%s", c->id);
    }
    return true;
}

static bool add_testexit(struct nb_machine *m, struct err *e)
{
    char props[48];
    struct board_chip chip = { "testexit", "testexit", props, NOT_PCI };

    snprintf(props, sizeof props, "iobase=0x%x,iosize=%u", m->cfg->testexit_base,
             m->cfg->testexit_size);
    if (add_chip(m, &chip, e))
        return true;
    if (e->code == ERR_INTERNAL) /* these ports were the user's choice */
        e->code = ERR_CONFIG;
    return err_prefix(e, "-device isa-debug-exit");
}

static int acknowledge(void *machine)
{
    return i8259_ack(((struct nb_machine *)machine)->pic);
}

#if HAVE_JIT
static void tell_perf(void *machine, const void *code, size_t size, const char *name)
{
    os_perf_map_add(((struct nb_machine *)machine)->perf_map, code, size, name);
}
#endif

static bool attach_engine(struct nb_machine *m, struct err *e)
{
    struct err why = { 0 };

#if HAVE_JIT
    if (m->cfg->check ? !jit_attach_check(m->cpu, &why)
                      : m->cfg->jit && !jit_attach(m->cpu, JIT_HOT, &why)) {
#else
    if (m->cfg->jit || m->cfg->check) {
        err_set(&why, ERR_CONFIG, "there is no translator for this host's processor");
#endif
        if (m->cfg->check) {
            *e = why;
            return err_prefix(e, "-engine check");
        }
        log_write(&m->log, LOG_WARN, "%s: the interpreter does all", why.msg);
    }
#if HAVE_JIT
    /* checked code looks up, so that stores to wrong pages are seen, unless views are asked for */
    bool views = m->cfg->views && (!m->cfg->check || m->cfg->views_hot != JIT_HOT_AGAIN);
    if (views && m->cfg->jit && !jit_views(m->cpu, m->cfg->views_hot, &why))
        log_write(&m->log, LOG_INFO, "%s: code looks memory up in tables", why.msg);
    if (m->cfg->perfmap && m->cfg->jit) {
        m->perf_map = os_perf_map(e);
        if (m->perf_map < 0)
            return err_prefix(e, "-perfmap");
        jit_tell_code(m->cpu, tell_perf, m);
    }
#endif
    return true;
}

static bool build_cpu(struct nb_machine *m, struct err *e)
{
    struct cpu_config cc = {
        .model = m->cfg->cpu,
        .mem = &m->mem,
        .io = &m->io,
        .clock = &m->clock,
        .log = &m->log,
        .ack = acknowledge,
        .tlb_coherent = m->cfg->tlb_coherent,
        .ack_to = m,
        .on_vector = m->cfg->hash ? hash_vector : NULL,
        .on_vector_to = m,
    };

    m->cpu = cpu_new(&cc, e);
    if (!m->cpu)
        return false;
    m->clock.retired = cpu_retired(m->cpu);
    return attach_engine(m, e);
}

bool machine_build(struct nb_machine *m, struct err *e)
{
    const struct board *b = m->board;

    if (!build_memory(m, e))
        return false;
    for (const struct board_chip *c = b->chips; c->cls; c++) {
        if (!wanted(m, c->id) || add_chip(m, c, e))
            continue;
        if (e->code == ERR_INTERNAL && !strcmp(c->id, "debugcon")) /* the user chose its port */
            e->code = ERR_CONFIG;
        return false;
    }
    if (m->cfg->testexit && !add_testexit(m, e))
        return false;
    m->pic = machine_device(m, b->pic);
    m->rtc = machine_device(m, b->rtc);
    m->fw_cfg = machine_device(m, b->fw_cfg);
    m->vga = machine_device(m, b->vga);
    m->pm = machine_device(m, b->pm);
    if (!firmware_load(m, e) || !build_cpu(m, e))
        return false;
    for (const struct board_wire *w = b->wires; w->from; w++)
        if (!connect_wire(m, w, e))
            return false;
    cpu_set_ferr(m->cpu, ferr_changed, m);
    return kernel_load(m, e) && firmware_describe(m, e);
}

void machine_unbuild(struct nb_machine *m)
{
    while (m->num_devices)
        device_free(m->dev[--m->num_devices]);
    cpu_free(m->cpu);
    m->cpu = NULL;
    if (m->mem.name)
        space_free(&m->mem);
    if (m->io.name)
        space_free(&m->io);
    if (m->ram.page)
        ram_free(&m->ram);
    clock_free(&m->clock);
}
