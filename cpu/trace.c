/* SPDX-License-Identifier: MIT */
/* Lines of -d exec,cpu,mmu; docs/traces.md has their fields. Those of -d int are written where
 * events are delivered (fault.c). */
#include "cpu/trace.h"

#include <stdio.h>

#include "core/xalloc.h"
#include "cpu/hook.h"
#include "cpu/icache.h"
#include "cpu/mmu.h"

struct cpu_trace {
    struct cpu_hooks hooks;
    struct cpu_trace_range range[CPU_TRACE_RANGES];
    unsigned num_ranges;
    bool walk_left_out;   /* by the filter: what it set is, too */
};

static struct cpu_trace *get(struct cpu *c)
{
    if (!c->trace)
        c->trace = xcalloc(1, sizeof *c->trace);
    return c->trace;
}

void trace_free(struct cpu *c)
{
    xfree(c->trace);
    c->trace = NULL;
}

void cpu_trace_filter(struct cpu *c, const struct cpu_trace_range *r, unsigned n)
{
    struct cpu_trace *t = get(c);

    t->num_ranges = MIN(n, (unsigned)CPU_TRACE_RANGES);
    memcpy(t->range, r, t->num_ranges * sizeof *r);
}

bool trace_wants(const struct cpu *c, u32 la)
{
    const struct cpu_trace *t = c->trace;

    if (!t || !t->num_ranges)
        return true;
    for (unsigned k = 0; k < t->num_ranges; k++)
        if (la >= t->range[k].first && la <= t->range[k].last)
            return true;
    return false;
}

static void trace_regs(struct cpu *c)
{
    const u32 *r = c->gpr;

    LOG(c->log, CPU,
        "cpu %llu eax=%08x ebx=%08x ecx=%08x edx=%08x esi=%08x edi=%08x ebp=%08x esp=%08x "
        "eip=%08x eflags=%08x cs=%04x ss=%04x ds=%04x es=%04x fs=%04x gs=%04x cpl=%u "
        "cr0=%08x cr2=%08x cr3=%08x cr4=%08x",
        (unsigned long long)c->retired, r[R_EAX], r[R_EBX], r[R_ECX], r[R_EDX], r[R_ESI], r[R_EDI],
        r[R_EBP], r[R_ESP], c->eip, cpu_eflags(c), c->seg[S_CS].sel, c->seg[S_SS].sel,
        c->seg[S_DS].sel, c->seg[S_ES].sel, c->seg[S_FS].sel, c->seg[S_GS].sel, c->cpl, c->cr0,
        c->cr2, c->cr3, c->cr4);
}

void trace_block(struct cpu *c, const struct block *b, u32 la)
{
    u8 code[BLOCK_MAX_INSNS * 15];
    paddr pa = 0;

    if (!trace_wants(c, la))
        return;
    u32 n = cpu_debug_read(c, la, code, MIN(b->len, (u32)sizeof code));
    cpu_debug_translate(c, la, &pa);
    log_write(c->log, LOG_IN_ASM, "in_asm block %04x:%08x %09llx insns=%u", c->seg[S_CS].sel,
              c->eip, (unsigned long long)pa, b->n);
    for (unsigned k = 0; k < b->n; k++) {
        const struct insn *i = &b->insns[k];
        char hex[2 * 15 + 1], text[96] = "";
        if (i->ofs + i->len > n)
            break;
        for (u32 m = 0; m < i->len; m++)
            snprintf(hex + 2 * m, 3, "%02x", code[i->ofs + m]);
        cpu_disasm(code + i->ofs, i->len, c->eip + i->ofs, b->mode & MODE_D ? 32 : 16, text,
                   sizeof text);
        log_write(c->log, LOG_IN_ASM, "in_asm guest %08x %s %s", c->eip + i->ofs, hex, text);
    }
}

static void trace_exec(struct cpu *c, u32 la, u32 len)
{
    char hex[2 * 15 + 1], text[96];
    u8 code[15];
    paddr pa = 0;
    u32 n = cpu_debug_read(c, la, code, MIN(len, 15u));

    for (u32 k = 0; k < n; k++)
        snprintf(hex + 2 * k, 3, "%02x", code[k]);
    hex[2 * n] = 0;
    text[0] = 0;
    cpu_disasm(code, n, c->eip, c->seg[S_CS].attr & SEG_DB ? 32 : 16, text, sizeof text);
    cpu_debug_translate(c, la, &pa);
    log_write(c->log, LOG_EXEC, "exec %llu %04x:%08x %09llx %s %s", (unsigned long long)c->retired,
              c->seg[S_CS].sel, c->eip, (unsigned long long)pa, hex, text);
}

/* Between two instructions, the next one's bytes being there. */
static bool on_insn(void *cpu, u32 la, u32 len)
{
    struct cpu *c = cpu;

    if (!trace_wants(c, la))
        return true;
    trace_regs(c);
    if (log_on(c->log, LOG_EXEC))
        trace_exec(c, la, len);
    return true;
}

void cpu_trace_update(struct cpu *c)
{
    bool on = log_on(c->log, LOG_EXEC) || log_on(c->log, LOG_CPU);
    struct cpu_trace *t = c->trace;
    bool was = t && c->hooks == &t->hooks;

    if (on == was || (c->hooks && !was)) /* somebody else drives this CPU */
        return;
    t = get(c);
    t->hooks = (struct cpu_hooks){ .to = c, .insn = on_insn, .want_insn = true };
    cpu_set_hooks(c, on ? &t->hooks : NULL);
}

/* ---- mmu: a walk may be within an instruction */

static unsigned long long count_now(const struct cpu *c)
{
    return c->blk && c->cur ? c->blk_retired + c->cur->n : c->retired;
}

void trace_walk(struct cpu *c, const struct walk *w, u32 la, unsigned acc, bool user, bool failed)
{
    static const char how[][2] = { "r", "w", "x", "d" };
    char words[48] = "";
    int n = 0;

    if (c->trace)
        c->trace->walk_left_out = !trace_wants(c, la);
    if (!trace_wants(c, la))
        return;
    for (unsigned k = 0; k < w->n; k++)
        n += snprintf(words + n, sizeof words - (size_t)n, " %s=%0*llx", k ? "pte" : "pde",
                      w->word_size == 8 ? 16 : 8, (unsigned long long)w->w[k].val);
    if (failed)
        log_write(c->log, LOG_MMU, "mmu %llu walk la=%08x acc=%s user=%d%s fault=%04x",
                  count_now(c), la, how[acc & 3], user, words, w->err);
    else
        log_write(c->log, LOG_MMU, "mmu %llu walk la=%08x acc=%s user=%d%s pa=%09llx",
                  count_now(c), la, how[acc & 3], user, words, (unsigned long long)w->pa);
}

void trace_word(struct cpu *c, unsigned level, u32 old, u32 val)
{
    if (c->trace && c->trace->walk_left_out)
        return;
    log_write(c->log, LOG_MMU, "mmu %llu set %s old=%08x new=%08x", count_now(c),
              level ? "pte" : "pde", old, val);
}

void trace_tlb(struct cpu *c, const char *what, bool has_la, u32 la)
{
    if (has_la && !trace_wants(c, la))
        return;
    if (has_la)
        log_write(c->log, LOG_MMU, "mmu %llu %s la=%08x", count_now(c), what, la);
    else
        log_write(c->log, LOG_MMU, "mmu %llu %s cr0=%08x cr3=%08x cr4=%08x", count_now(c), what,
                  c->cr0, c->cr3, c->cr4);
}
