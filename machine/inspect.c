/* SPDX-License-Identifier: MIT */
/* Text for the monitor, and memory and registers for debuggers. No side effects on the guest. */
#include "machine/machine.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/xalloc.h"
#include "devices/pci.h"

static const char what_help[] =
    "registers  CPU registers\n"
    "mem        mapped linear memory\n"
    "tlb        translations in use\n"
    "jit        engine counters\n"
    "acpi       ACPI tables, as acpidump writes them\n"
    "pic        interrupt controllers\n"
    "irq        interrupt lines\n"
    "pci        PCI functions\n"
    "block      drives\n"
    "mtree      memory and port maps\n"
    "status     running or paused\n"
    "unimp      what the guest used that is not modelled\n"
    "wires      connections of the board\n"
    "version    program version\n"
    "DEVICE     state of a device:";

static void info_pci(struct nb_machine *m, struct strbuf *sb)
{
    for (unsigned devfn = 0; m->sys.pci && devfn < 256; devfn++) {
        const struct pci_device *pd = m->sys.pci->fn[devfn];
        if (!pd)
            continue;
        const u8 *c = pd->config;
        sb_addf(sb, "%02x.%x  %04x:%04x  class %02x%02x  rev %02x  irq %u  pin %u  command %04x  "
                "(%s)\n", devfn >> 3, devfn & 7, ld16(c), ld16(c + 2), c[0x0b], c[0x0a], c[8],
                c[PCI_INT_LINE], c[PCI_INT_PIN], ld16(c + PCI_COMMAND), pd->dev.id);
        for (unsigned n = 0; n <= PCI_ROM_BAR; n++) {
            const struct pci_bar *bar = &pd->bar[n];
            if (bar->size)
                sb_addf(sb, "      %s%u %s at %08x, %u bytes\n", n == PCI_ROM_BAR ? "ROM" : "BAR",
                        n == PCI_ROM_BAR ? 0 : n, bar->io ? "I/O" : "memory",
                        ld32(c + (n == PCI_ROM_BAR ? PCI_ROM_ADDR : PCI_BAR0 + 4 * n)) &
                        (bar->io ? ~3u : ~15u), bar->size);
        }
    }
}

static void info_wires(struct nb_machine *m, struct strbuf *sb)
{
    for (const struct board_wire *w = m->board->wires; w->from; w++)
        sb_addf(sb, "%-14s -> %s\n", w->from, w->to);
}

static void info_device(struct device *dev, struct strbuf *sb)
{
    sb_addf(sb, "%s: %s\n", dev->id, dev->cls->desc);
    if (dev->cls->info)
        dev->cls->info(dev, sb);
    else if (dev->cls->fields)
        snap_dump(sb, dev->cls->fields, dev);
}

static void info_unimp(struct nb_machine *m, struct strbuf *sb)
{
    if (!m->log.num_unimp)
        sb_add(sb, "nothing\n");
    for (unsigned k = 0; k < m->log.num_unimp; k++)
        sb_addf(sb, "%8llu  %s\n", (unsigned long long)m->log.unimp[k].count, m->log.unimp[k].key);
}

static void info_status(struct nb_machine *m, struct strbuf *sb)
{
    sb_addf(sb, "%s%s\n", m->powered_off ? "powered off" : m->paused ? "paused" : "running",
            cpu_halted(m->cpu) ? " (halted)" : "");
    sb_addf(sb, "board %s, %u MB, guest time %.3f s, %llu instructions\n", m->board->name,
            m->cfg->ram_mb, (double)clock_now(&m->clock) / 1e9,
            (unsigned long long)*cpu_retired(m->cpu));
}

char *nb_info(struct nb_machine *m, const char *what)
{
    struct strbuf sb = { 0 };
    struct device *dev;

    if (!strcmp(what, "registers")) {
        cpu_info_registers(m->cpu, &sb);
    } else if (!strcmp(what, "mem")) {
        cpu_info_mem(m->cpu, &sb);
    } else if (!strcmp(what, "tlb")) {
        cpu_info_tlb(m->cpu, &sb);
    } else if (!strcmp(what, "jit") || !strcmp(what, "engine")) {
        cpu_info_stats(m->cpu, &sb);
    } else if (!strcmp(what, "pic") || !strcmp(what, "irq")) {
        for (unsigned k = 0; k < m->num_devices; k++)
            if (!strcmp(m->dev[k]->cls->name, "i8259") ||
                (!strcmp(what, "irq") && !strcmp(m->dev[k]->cls->name, "piix4_isa")))
                info_device(m->dev[k], &sb);
    } else if (!strcmp(what, "pci")) {
        info_pci(m, &sb);
    } else if (!strcmp(what, "block")) {
        drives_info(m, &sb);
    } else if (!strcmp(what, "mtree")) {
        space_info(&m->mem, &sb);
        space_info(&m->io, &sb);
    } else if (!strcmp(what, "acpi")) {
        tables_info(m, &sb);
    } else if (!strcmp(what, "status")) {
        info_status(m, &sb);
    } else if (!strcmp(what, "unimp")) {
        info_unimp(m, &sb);
    } else if (!strcmp(what, "wires")) {
        info_wires(m, &sb);
    } else if (!strcmp(what, "version")) {
        sb_addf(&sb, "nestbox %s\n", nb_version());
    } else if (!strcmp(what, "help")) {
        sb_add(&sb, what_help);
        for (unsigned k = 0; k < m->num_devices; k++)
            sb_addf(&sb, " %s", m->dev[k]->id);
        sb_add(&sb, "\n");
    } else if ((dev = machine_device(m, what)) != NULL) {
        info_device(dev, &sb);
    } else {
        return NULL;
    }
    return sb.s ? sb.s : xstrdup("");
}

size_t nb_mem_read(struct nb_machine *m, bool physical, uint64_t addr, void *buf, size_t len)
{
    u8 *p = buf;

    if (!physical)
        return cpu_debug_read(m->cpu, (u32)addr, buf, (u32)MIN(len, 0x40000000u));
    for (size_t k = 0; k < len; k++)
        p[k] = (u8)space_peek(&m->mem, addr + k, 1);
    return len;
}

size_t nb_mem_write(struct nb_machine *m, bool physical, uint64_t addr, const void *buf, size_t len)
{
    if (!physical)
        return cpu_debug_write(m->cpu, (u32)addr, buf, (u32)MIN(len, 0x40000000u));
    u32 n = (u32)MIN(len, 0x40000000u);
    /* the debugger's hand is no DMA of the machine's */
    void (*trace)(void *, paddr, const void *, u32, bool) = m->mem.trace_dma;
    m->mem.trace_dma = NULL;
    dma_write(&m->mem, addr, buf, n);
    m->mem.trace_dma = trace;
    return n;
}

static const struct { const char *name; u8 reg, size; } regs[] = {
    { "eax", CPU_EAX, 4 }, { "ecx", CPU_ECX, 4 }, { "edx", CPU_EDX, 4 }, { "ebx", CPU_EBX, 4 },
    { "esp", CPU_ESP, 4 }, { "ebp", CPU_EBP, 4 }, { "esi", CPU_ESI, 4 }, { "edi", CPU_EDI, 4 },
    { "eip", CPU_EIP, 4 }, { "eflags", CPU_EFLAGS, 4 }, { "es", CPU_ES, 4 }, { "cs", CPU_CS, 4 },
    { "ss", CPU_SS, 4 }, { "ds", CPU_DS, 4 }, { "fs", CPU_FS, 4 }, { "gs", CPU_GS, 4 },
    { "ldtr", CPU_LDTR, 4 }, { "tr", CPU_TR, 4 }, { "es_base", CPU_ES_BASE, 4 },
    { "cs_base", CPU_CS_BASE, 4 }, { "ss_base", CPU_SS_BASE, 4 }, { "ds_base", CPU_DS_BASE, 4 },
    { "fs_base", CPU_FS_BASE, 4 }, { "gs_base", CPU_GS_BASE, 4 },
    { "gdtr_base", CPU_GDTR_BASE, 4 }, { "gdtr_limit", CPU_GDTR_LIMIT, 4 },
    { "idtr_base", CPU_IDTR_BASE, 4 }, { "idtr_limit", CPU_IDTR_LIMIT, 4 },
    { "cr0", CPU_CR0, 4 }, { "cr2", CPU_CR2, 4 }, { "cr3", CPU_CR3, 4 }, { "cr4", CPU_CR4, 4 },
    { "dr0", CPU_DR0, 4 }, { "dr1", CPU_DR1, 4 }, { "dr2", CPU_DR2, 4 }, { "dr3", CPU_DR3, 4 },
    { "dr6", CPU_DR6, 4 }, { "dr7", CPU_DR7, 4 }, { "efer", CPU_EFER, 4 }, { "cpl", CPU_CPL, 4 },
    { "fctrl", CPU_FCW, 4 }, { "fstat", CPU_FSW, 4 }, { "ftag", CPU_FTW, 4 },
    { "fiseg", CPU_FCS, 4 }, { "fioff", CPU_FIP, 4 }, { "foseg", CPU_FDS, 4 },
    { "fooff", CPU_FDP, 4 }, { "fop", CPU_FOP, 4 }, { "mxcsr", CPU_MXCSR, 4 },
};

size_t nb_reg_get(struct nb_machine *m, const char *name, void *value, size_t size)
{
    if (!strncmp(name, "st", 2) && name[2] >= '0' && name[2] <= '7' && !name[3] && size >= 10) {
        cpu_get_st(m->cpu, (unsigned)(name[2] - '0'), value);
        return 10;
    }
    if (!strncmp(name, "xmm", 3) && name[3] >= '0' && name[3] <= '7' && !name[4] && size >= 16) {
        cpu_get_xmm(m->cpu, (unsigned)(name[3] - '0'), value);
        return 16;
    }
    for (unsigned k = 0; k < ARRAY_LEN(regs); k++)
        if (!strcmp(name, regs[k].name) && size >= 4) {
            st32(value, cpu_get(m->cpu, (enum cpu_reg)regs[k].reg));
            return 4;
        }
    return 0;
}

bool nb_reg_set(struct nb_machine *m, const char *name, const void *value, size_t size)
{
    if (!strncmp(name, "st", 2) && name[2] >= '0' && name[2] <= '7' && !name[3] && size == 10) {
        cpu_set_st(m->cpu, (unsigned)(name[2] - '0'), value);
        return true;
    }
    if (!strncmp(name, "xmm", 3) && name[3] >= '0' && name[3] <= '7' && !name[4] && size == 16) {
        cpu_set_xmm(m->cpu, (unsigned)(name[3] - '0'), value);
        return true;
    }
    for (unsigned k = 0; k < ARRAY_LEN(regs); k++)
        if (!strcmp(name, regs[k].name) && size == 4) {
            cpu_set(m->cpu, (enum cpu_reg)regs[k].reg, ld32(value));
            return true;
        }
    return false;
}

size_t nb_disassemble(struct nb_machine *m, uint32_t addr, char *out, size_t size)
{
    u8 code[15];
    u32 n = cpu_debug_read(m->cpu, addr, code, sizeof code);
    unsigned bits = cpu_get(m->cpu, CPU_CS_ATTR) & 0x4000 ? 32 : 16;

    if (!n) {
        snprintf(out, size, "(unmapped)");
        return 1;
    }
    return cpu_disasm(code, n, addr, bits, out, size);
}

bool nb_break_set(struct nb_machine *m, uint32_t addr, bool on)
{
    return on ? cpu_break_add(m->cpu, addr) : cpu_break_del(m->cpu, addr);
}

bool nb_watch_set(struct nb_machine *m, uint32_t addr, uint32_t len, int kind, bool on)
{
    if (kind < NB_WATCH_WRITE || kind > NB_WATCH_RW)
        return false;
    return on ? cpu_watch_add(m->cpu, addr, len, (enum cpu_watch_kind)kind) :
                cpu_watch_del(m->cpu, addr, len, (enum cpu_watch_kind)kind);
}

uint32_t nb_watch_addr(const struct nb_machine *m)
{
    return cpu_watch_hit(m->cpu);
}

uint64_t nb_retired(const struct nb_machine *m)
{
    return *cpu_retired(m->cpu);
}

uint64_t nb_guest_ns(struct nb_machine *m)
{
    return clock_now(&m->clock);
}
