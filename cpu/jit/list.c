/* SPDX-License-Identifier: MIT */
/* Translations as text: for reports of -engine check and for -d out_asm,op. Guest and host code are
 * disassembled as cpu_disasm() can. */
#include <stdio.h>

#include "core/strbuf.h"
#include "cpu/isa.h"
#include "cpu/jit/jit.h"
#include "cpu/trace.h"

/* The bytes of the block; returns how many there are. */
static u32 guest_bytes(struct cpu *c, const struct block *b, u32 eip, u8 code[BLOCK_MAX_INSNS * 15])
{
    return cpu_debug_read(c, c->seg[S_CS].base + eip, code, MIN(b->len, BLOCK_MAX_INSNS * 15));
}

static void guest_text(const struct block *b, const struct insn *i, u32 eip, const u8 *code, u32 n,
                       char *text, size_t size)
{
    snprintf(text, size, "?");
    if (i->ofs + i->len <= n)
        cpu_disasm(code + i->ofs, i->len, eip + i->ofs, b->mode & MODE_D ? 32 : 16, text, size);
}

void jit_list_guest(struct cpu *c, const struct block *b, u32 eip, struct strbuf *sb)
{
    u8 code[BLOCK_MAX_INSNS * 15];
    u32 n = guest_bytes(c, b, eip, code);

    for (unsigned k = 0; k < b->n; k++) {
        const struct insn *i = &b->insns[k];
        char text[96];
        guest_text(b, i, eip, code, n, text, sizeof text);
        sb_addf(sb, "%08x ", eip + i->ofs);
        for (unsigned m = 0; m < 8; m++)
            if (m < i->len && i->ofs + m < n)
                sb_addf(sb, " %02x", code[i->ofs + m]);
            else
                sb_add(sb, "   ");
        sb_addf(sb, "%s %s\n", i->len > 8 ? ".." : "  ", text);
    }
}

void jit_list_host(struct cpu *c, const struct jit_block *jb, struct strbuf *sb)
{
    const struct jit *j = jit_of(c);

    for (u32 at = jb->code; at < jb->end;) {
        char text[128];
        unsigned n = cpu_disasm(j->mem.write + at, jb->end - at, at, 64, text, sizeof text);
        sb_addf(sb, "%06x  %s\n", at, text);
        at += n;
    }
}

static void trace_out(struct cpu *c, const struct jit_block *jb, const struct jit_map *map)
{
    const struct jit *j = jit_of(c);
    const struct block *b = jb->b;
    u8 code[BLOCK_MAX_INSNS * 15];
    u32 n = guest_bytes(c, b, jb->eip, code);
    unsigned k = 0;

    log_write(c->log, LOG_OUT_ASM, "out_asm block %08x insns=%u bytes=%u at=%06x", jb->eip, b->n,
              jb->end - jb->code, jb->code);
    for (u32 at = jb->code; at < jb->end;) {
        char text[128];
        for (; k < b->n && map->at[k] <= at; k++) {
            guest_text(b, &b->insns[k], jb->eip, code, n, text, sizeof text);
            log_write(c->log, LOG_OUT_ASM, "out_asm guest %08x %s", jb->eip + b->insns[k].ofs,
                      text);
        }
        if (k == b->n && at >= map->cold && k++ == b->n)
            log_write(c->log, LOG_OUT_ASM, "out_asm cold");
        unsigned len = cpu_disasm(j->mem.write + at, jb->end - at, at, 64, text, sizeof text);
        log_write(c->log, LOG_OUT_ASM, "out_asm host %06x %s", at, text);
        at += len;
    }
}

static void trace_op(struct cpu *c, const struct jit_block *jb, const struct jit_map *map)
{
    const struct block *b = jb->b;
    u8 code[BLOCK_MAX_INSNS * 15];
    u32 n = guest_bytes(c, b, jb->eip, code);

    for (unsigned k = 0; k < b->n; k++) {
        char text[96];
        u32 end = map->cold;
        for (unsigned m = b->n - 1u; m > k; m--)
            end = map->at[m];
        guest_text(b, &b->insns[k], jb->eip, code, n, text, sizeof text);
        log_write(c->log, LOG_OP, "op %08x how=%s flags=%s bytes=%u %s", jb->eip + b->insns[k].ofs,
                  map->handler[k] ? "handler" : "template", map->live[k + 1] ? "live" : "dead",
                  end - map->at[k], text);
    }
}

void jit_trace(struct cpu *c, const struct jit_block *jb, const struct jit_map *map)
{
    if (!trace_wants(c, c->seg[S_CS].base + jb->eip))
        return;
    if (log_on(c->log, LOG_OP))
        trace_op(c, jb, map);
    if (log_on(c->log, LOG_OUT_ASM))
        trace_out(c, jb, map);
}
