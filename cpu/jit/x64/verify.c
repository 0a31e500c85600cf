/* SPDX-License-Identifier: MIT */
/* Whether emitted code can only do what emitted code may do, whatever the guest makes of its
 * registers: builds with --enable-debug or the sanitizers, and -engine check, look at each block
 * before it runs for the first time. The rules:
 *
 * - All bytes decode, and the last instruction leads away.
 * - Jumps and calls lead to an instruction of the same block or of the stubs. There are no others.
 * - Memory is reached by one of the forms of `forms` below: state, a table entry, an address made
 *   from one, the shadow stack's upper end, an edge's counter; in tier 2 through the view, where
 *   a fault knows the way.
 * - R14 and R15 stay what they are; RSP goes the way of the shadow stack.
 * - 64-bit constants are addresses of the side tables or of the translator's FPU area.
 * - No privileged instruction, no string instruction, no I/O, no system call.
 *
 * A template that needs more adds its form here. Without Zydis nothing is looked at. */
#include <stdio.h>

#include "core/xalloc.h"
#include "cpu/jit/x64/x64.h"

#if HAVE_ZYDIS
#include <Zydis/Zydis.h>

#define REG(r) ZYDIS_REGISTER_##r

/* Base, index and what the displacement may be. */
static const struct {
    ZydisRegister base, index;
    u8 scale;
    i64 first, end; /* the operand lies between them */
} forms[] = {
    { REG(R14), REG(NONE), 0, 0, sizeof(struct cpu) },         /* state */
    { REG(R15), REG(R10), 8, 0, 8 },                           /* c->tlb_rd[page] */
    { REG(R15), REG(R10), 8, TLB_WR_BYTES, TLB_WR_BYTES + 8 }, /* c->tlb_wr[page] */
    { REG(R10), REG(NONE), 0, 0, 8 },                          /* an entry of another table */
    { REG(R10), REG(R9), 1, 0, 16 },                           /* guest memory by an entry */
    { REG(RSP), REG(NONE), 0, 8, 12 },                         /* the shadow stack: EIPs */
    { REG(RSP), REG(NONE), 0, 24, 28 },
    { REG(R11), REG(NONE), 0, 0, 4 },                          /* jit_link's heat */
};

/* Where instructions begin, a bit a byte. */
struct starts {
    u32 from, end;
    u8 bit[8192];
};

struct look {
    const struct jit *j;
    const struct jit_block *jb;
    u32 end;
    struct starts own;
    const struct starts *stubs;
    char *why;
    size_t size;
};

static bool wrong(struct look *l, u32 at, const char *what)
{
    char text[128] = "";

    cpu_disasm(l->j->mem.write + at, MIN(l->end - at, 15u), at, 64, text, sizeof text);
    snprintf(l->why, l->size, "%s at %06x: %s", what, at, text);
    return false;
}

static bool is_padding(const struct look *l, u32 from, u32 end)
{
    while (from < end && !l->j->mem.write[from])
        from++;
    return from == end;
}

/* false: some bytes are no instruction. */
static bool mark(struct look *l, ZydisDecoder *d, struct starts *s, u32 from, u32 end)
{
    memset(s, 0, sizeof *s);
    s->from = from;
    s->end = end;
    if ((end - from) / 8 >= sizeof s->bit)
        return wrong(l, from, "longer than blocks can be");
    for (u32 at = from; at < end && !is_padding(l, at, end);) {
        ZydisDecodedInstruction in;
        if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(d, NULL, l->j->mem.write + at, end - at,
                                                        &in)))
            return wrong(l, at, "no instruction");
        s->bit[(at - from) >> 3] |= (u8)(1u << ((at - from) & 7));
        at += in.length;
    }
    return true;
}

static bool starts(const struct starts *s, u64 at)
{
    u64 n = at - s->from;

    return at >= s->from && at < s->end && (s->bit[n >> 3] >> (n & 7) & 1);
}

/* R15 is the view's base then; the index is a 32-bit address or leads to the guards. */
static bool view_ok(const struct look *l, u32 at, const ZydisDecodedOperand *o)
{
    return l->jb->tier == 2 && jit_site_at(l->j, at) && o->mem.index != REG(NONE) &&
           o->mem.scale == 1 && o->mem.disp.value >= -4096 && o->mem.disp.value < 0x40000000;
}

static bool memory_ok(const struct look *l, u32 at, const ZydisDecodedOperand *o)
{
    if (o->mem.segment == REG(FS) || o->mem.segment == REG(GS))
        return false;
    if (o->mem.base == REG(R15) && l->j->views)
        return view_ok(l, at, o);
    for (unsigned k = 0; k < ARRAY_LEN(forms); k++)
        if (o->mem.base == forms[k].base && o->mem.index == forms[k].index &&
            (forms[k].index == REG(NONE) || o->mem.scale == forms[k].scale) &&
            o->mem.disp.value >= forms[k].first &&
            (forms[k].index == REG(NONE) ? o->mem.disp.value + o->size / 8 <= forms[k].end
                                         : o->mem.disp.value == forms[k].first))
            return true;
    return false;
}

static bool is_kept(ZydisRegister r)
{
    ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);

    return whole == REG(RSP) || whole == REG(R14) || whole == REG(R15);
}

static bool kind_ok(const ZydisDecodedInstruction *in)
{
    switch (in->meta.category) {
    case ZYDIS_CATEGORY_STRINGOP:
    case ZYDIS_CATEGORY_IOSTRINGOP:
    case ZYDIS_CATEGORY_IO:
    case ZYDIS_CATEGORY_SYSTEM:
    case ZYDIS_CATEGORY_SYSCALL:
    case ZYDIS_CATEGORY_SYSRET:
    case ZYDIS_CATEGORY_POP:
        return false;
    case ZYDIS_CATEGORY_PUSH:
        return in->raw.imm[0].size == 32; /* a guest's EIP */
    case ZYDIS_CATEGORY_INTERRUPT:
        return in->mnemonic == ZYDIS_MNEMONIC_INT3;
    default:
        return !(in->attributes & ZYDIS_ATTRIB_IS_PRIVILEGED);
    }
}

/* RSP: past an element of the shadow stack or two, or to its bottom. */
static bool moves_stack(const ZydisDecodedInstruction *in, const ZydisDecodedOperand *op)
{
    if (op[0].reg.value != REG(RSP) || op[1].type != ZYDIS_OPERAND_TYPE_MEMORY)
        return false;
    if (in->mnemonic == ZYDIS_MNEMONIC_LEA)
        return op[1].mem.base == REG(RSP) && op[1].mem.index == REG(NONE) &&
               (op[1].mem.disp.value == 8 || op[1].mem.disp.value == 16);
    return in->mnemonic == ZYDIS_MNEMONIC_MOV && op[1].mem.base == REG(R14) &&
           op[1].mem.disp.value == (i64)offsetof(struct cpu, fast.stack);
}

static bool constant_ok(const struct jit *j, u64 v)
{
    u64 side = (u64)(uintptr_t)j->side, fp = (u64)(uintptr_t)&j->fp;

    return v <= 0xffffffffu || v - side < JIT_SIDE_BYTES || v - fp < sizeof j->fp;
}

static bool operand_ok(struct look *l, u32 at, const ZydisDecodedInstruction *in,
                       const ZydisDecodedOperand *o)
{
    switch (o->type) {
    case ZYDIS_OPERAND_TYPE_MEMORY:
        if (o->mem.type == ZYDIS_MEMOP_TYPE_MEM && !memory_ok(l, at, o))
            return wrong(l, at, "a memory operand of no known form");
        return true;
    case ZYDIS_OPERAND_TYPE_REGISTER:
        if ((o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) && is_kept(o->reg.value))
            return wrong(l, at, "writes to a register that is kept");
        return true;
    case ZYDIS_OPERAND_TYPE_IMMEDIATE:
        if (o->imm.is_relative) {
            u64 to = (u64)at + in->length + o->imm.value.u;
            return starts(&l->own, to) || starts(l->stubs, to) ||
                   wrong(l, at, "leads to a strange place");
        }
        return in->mnemonic != ZYDIS_MNEMONIC_MOV || o->size < 64 ||
               constant_ok(l->j, o->imm.value.u) ||
               wrong(l, at, "a constant that is no address of ours");
    default:
        return wrong(l, at, "an operand of a strange kind");
    }
}

static bool insn_ok(struct look *l, ZydisDecoder *d, u32 *at, bool *leads_away)
{
    ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT_VISIBLE];
    ZydisDecodedInstruction in;
    ZydisDecoderContext ctx;
    const u8 *code = l->j->mem.write;

    if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(d, &ctx, code + *at, l->end - *at, &in)) ||
        !ZYAN_SUCCESS(ZydisDecoderDecodeOperands(d, &ctx, &in, op, in.operand_count_visible)))
        return wrong(l, *at, "no instruction");
    if (!kind_ok(&in))
        return wrong(l, *at, "no instruction for translations");
    bool jump = in.meta.category == ZYDIS_CATEGORY_UNCOND_BR ||
                in.meta.category == ZYDIS_CATEGORY_COND_BR ||
                in.meta.category == ZYDIS_CATEGORY_CALL;
    bool thunk = in.meta.category == ZYDIS_CATEGORY_CALL &&
                 op[0].type == ZYDIS_OPERAND_TYPE_REGISTER && op[0].reg.value == REG(R10);
    if (jump && !thunk && op[0].type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
        return wrong(l, *at, "leads to an address in a register or in memory");
    for (unsigned k = in.operand_count_visible > 1 && moves_stack(&in, op);
         k < in.operand_count_visible; k++)
        if (!operand_ok(l, *at, &in, &op[k]))
            return false;
    *leads_away = in.meta.category == ZYDIS_CATEGORY_UNCOND_BR ||
                  in.meta.category == ZYDIS_CATEGORY_RET || in.mnemonic == ZYDIS_MNEMONIC_INT3;
    *at += in.length;
    return true;
}

bool x64_verify(struct jit *j, const struct jit_block *jb, char *why, size_t size)
{
    struct look l = { .j = j, .jb = jb, .end = jb->end, .why = why, .size = size };
    ZydisDecoder d;
    bool leads_away = false;

    if (!ZYAN_SUCCESS(ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)))
        return false;
    if (!j->stub_starts) {
        struct starts *s = j->stub_starts = xcalloc(1, sizeof *s);
        if (!mark(&l, &d, s, 0, j->code_start))
            return false;
    }
    l.stubs = j->stub_starts;
    if (!mark(&l, &d, &l.own, jb->start, jb->end))
        return false;
    for (u32 at = jb->start; at < jb->end;)
        if (!insn_ok(&l, &d, &at, &leads_away))
            return false;
    return leads_away || wrong(&l, jb->start, "runs out of its end");
}

#else

bool x64_verify(struct jit *j, const struct jit_block *jb, char *why, size_t size)
{
    (void)j;
    (void)jb;
    (void)why;
    (void)size;
    return true;
}

#endif
