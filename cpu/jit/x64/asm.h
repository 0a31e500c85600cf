/* SPDX-License-Identifier: MIT */
/* An assembler for x86-64: one call, one instruction (SDM 2A 2.1 for the encoding). Only what the
 * translator emits. Bytes go to the write alias of the code memory; addresses are offsets in it. */
#ifndef NB_CPU_JIT_X64_ASM_H
#define NB_CPU_JIT_X64_ASM_H

#include "core/types.h"

enum host_reg {
    H_RAX, H_RCX, H_RDX, H_RBX, H_RSP, H_RBP, H_RSI, H_RDI,
    H_R8, H_R9, H_R10, H_R11, H_R12, H_R13, H_R14, H_R15, H_NONE
};

/* Jcc, SETcc, CMOVcc: the low nibble of the opcode, as in the guest's. */
enum host_cond { HC_O, HC_NO, HC_B, HC_NB, HC_Z, HC_NZ, HC_BE, HC_NBE, HC_S, HC_NS, HC_P, HC_NP };

/* The /n of group 1 and the row of the two-operand forms. */
enum host_alu { HA_ADD, HA_OR, HA_ADC, HA_SBB, HA_AND, HA_SUB, HA_XOR, HA_CMP };

struct asm_buf {
    u8 *base;     /* write alias */
    u32 pos, end; /* beyond end nothing is stored: full is set */
    bool full;
};

struct host_mem { u8 base, index, scale; i32 disp; }; /* scale 0..3; index H_NONE, base H_NONE */

#define HMEM(b, d) ((struct host_mem){ (b), H_NONE, 0, (d) })
#define HMEMX(b, i, s) ((struct host_mem){ (b), (i), (s), 0 })

NB_INLINE void as_8(struct asm_buf *a, u32 v)
{
    if (likely(a->pos < a->end))
        a->base[a->pos++] = (u8)v;
    else
        a->full = true;
}
/* n bytes (up to 8) of v in one store, which may spoil what follows them: nothing is there yet. */
NB_INLINE void as_n(struct asm_buf *a, u64 v, unsigned n)
{
    if (unlikely(a->end - a->pos < 8)) {
        a->full = true;
        return;
    }
    st64(a->base + a->pos, v);
    a->pos += n;
}
static inline void as_32(struct asm_buf *a, u32 v)
{
    if (unlikely(a->end - a->pos < 4)) {
        a->full = true;
        return;
    }
    st32(a->base + a->pos, v);
    a->pos += 4;
}
static inline void as_64(struct asm_buf *a, u64 v)
{
    as_32(a, (u32)v);
    as_32(a, (u32)(v >> 32));
}

/* Opcode: 0x100 | b for 0F b. size: operand bytes (1, 2, 4, 8). r8: an 8-bit register operand is
 * named, so that numbers 4 to 7 need REX to be SPL..DIL; AH..BH are numbers 0x14..0x17. */
#define AS_HIGH 0x10u
static inline void as_prefix(struct asm_buf *a, unsigned size, unsigned op, unsigned reg,
                             unsigned index, unsigned base, bool byte_reg, bool byte_rm)
{
    unsigned rex = (size == 8 ? 8u : 0) | (reg != H_NONE && !(reg & AS_HIGH) && reg >= 8 ? 4u : 0) |
                   (index != H_NONE && index >= 8 ? 2u : 0) |
                   (base != H_NONE && !(base & AS_HIGH) && base >= 8 ? 1u : 0);
    bool need = (byte_reg && reg >= 4 && reg < 8) || (byte_rm && base >= 4 && base < 8);
    u32 v = op & 0xff, n = 1;

    if (op & 0x100) {
        v = v << 8 | 0x0f;
        n++;
    }
    if (rex || need) {
        v = v << 8 | 0x40 | rex;
        n++;
    }
    if (size == 2) {
        v = v << 8 | 0x66;
        n++;
    }
    as_n(a, v, n);
}

/* op reg, rm with both registers. reg may be an opcode extension. */
static inline void as_rr(struct asm_buf *a, unsigned size, unsigned op, unsigned reg, unsigned rm)
{
    as_prefix(a, size, op, reg, H_NONE, rm, size == 1, size == 1);
    as_8(a, 0xc0 | (reg & 7) << 3 | (rm & 7));
}
/* The same, where reg is no register but /n. */
static inline void as_nr(struct asm_buf *a, unsigned size, unsigned op, unsigned n, unsigned rm)
{
    as_prefix(a, size, op, H_NONE, H_NONE, rm, false, size == 1);
    as_8(a, 0xc0 | n << 3 | (rm & 7));
}

static inline void as_modrm_mem(struct asm_buf *a, unsigned reg, struct host_mem m)
{
    unsigned r = (reg & 7) << 3;

    if (m.base == H_NONE) { /* disp32, with an index or none; never RIP-relative */
        as_8(a, r | 4);
        as_8(a, (unsigned)m.scale << 6 | (m.index == H_NONE ? 4u : m.index & 7u) << 3 | 5);
        as_32(a, (u32)m.disp);
        return;
    }
    bool d8 = m.disp >= -128 && m.disp <= 127;
    unsigned mod = !m.disp && (m.base & 7) != 5 ? 0 : d8 ? 0x40 : 0x80;
    u64 disp = (u32)m.disp;
    unsigned n = mod == 0 ? 0 : mod == 0x40 ? 1 : 4;
    if (m.index != H_NONE || (m.base & 7) == 4) {
        u64 sib = (unsigned)m.scale << 6 | (m.index == H_NONE ? 4u : m.index & 7u) << 3 |
                  (m.base & 7);
        as_n(a, disp << 16 | sib << 8 | mod | r | 4, 2 + n);
    } else {
        as_n(a, disp << 8 | mod | r | (m.base & 7), 1 + n);
    }
}

static inline void as_rm(struct asm_buf *a, unsigned size, unsigned op, unsigned reg,
                         struct host_mem m)
{
    as_prefix(a, size, op, reg, m.index, m.base, size == 1, false);
    as_modrm_mem(a, reg, m);
}
static inline void as_nm(struct asm_buf *a, unsigned size, unsigned op, unsigned n,
                         struct host_mem m)
{
    as_prefix(a, size, op, H_NONE, m.index, m.base, false, false);
    as_modrm_mem(a, n, m);
}

/* ---- by name */
#define AS_OP(size, op) ((op) | ((size) == 1 ? 0u : 1u)) /* 8-bit opcodes are even */

static inline void as_mov_rr(struct asm_buf *a, unsigned size, unsigned to, unsigned from)
{
    as_rr(a, size, AS_OP(size, 0x88), from, to);
}
static inline void as_load(struct asm_buf *a, unsigned size, unsigned to, struct host_mem m)
{
    as_rm(a, size, AS_OP(size, 0x8a), to, m);
}
static inline void as_store(struct asm_buf *a, unsigned size, unsigned from, struct host_mem m)
{
    as_rm(a, size, AS_OP(size, 0x88), from, m);
}
static inline void as_imm(struct asm_buf *a, unsigned size, u32 v)
{
    as_n(a, v, size);
}
static inline void as_mov_ri(struct asm_buf *a, unsigned size, unsigned to, u32 v)
{
    as_prefix(a, size, (size == 1 ? 0xb0u : 0xb8u) + (to & 7), H_NONE, H_NONE, to, false,
              size == 1);
    as_imm(a, size, v);
}
static inline void as_mov_ri64(struct asm_buf *a, unsigned to, u64 v)
{
    if (v <= 0xffffffffu) {
        as_mov_ri(a, 4, to, (u32)v);
        return;
    }
    as_prefix(a, 8, 0xb8 + (to & 7), H_NONE, H_NONE, to, false, false);
    as_64(a, v);
}
static inline void as_store_i(struct asm_buf *a, unsigned size, struct host_mem m, u32 v)
{
    as_nm(a, size, AS_OP(size, 0xc6), 0, m);
    as_imm(a, MIN(size, 4u), v);
}
static inline void as_alu_rr(struct asm_buf *a, unsigned size, enum host_alu op, unsigned to,
                             unsigned from)
{
    as_rr(a, size, AS_OP(size, op * 8u), from, to);
}
static inline void as_alu_rm(struct asm_buf *a, unsigned size, enum host_alu op, unsigned to,
                             struct host_mem m)
{
    as_rm(a, size, AS_OP(size, op * 8u + 2), to, m);
}
static inline void as_alu_mr(struct asm_buf *a, unsigned size, enum host_alu op, struct host_mem m,
                             unsigned from)
{
    as_rm(a, size, AS_OP(size, op * 8u), from, m);
}
static inline bool as_fits8(unsigned size, u32 v)
{
    i32 s = size == 2 ? (i16)v : (i32)v;

    return s >= -128 && s <= 127;
}
static inline void as_alu_ri(struct asm_buf *a, unsigned size, enum host_alu op, unsigned to, u32 v)
{
    bool s = size > 1 && as_fits8(size, v);

    as_nr(a, size, size == 1 ? 0x80 : s ? 0x83 : 0x81, op, to);
    as_imm(a, s ? 1 : MIN(size, 4u), v);
}
static inline void as_alu_mi(struct asm_buf *a, unsigned size, enum host_alu op, struct host_mem m,
                             u32 v)
{
    bool s = size > 1 && as_fits8(size, v);

    as_nm(a, size, size == 1 ? 0x80 : s ? 0x83 : 0x81, op, m);
    as_imm(a, s ? 1 : MIN(size, 4u), v);
}
static inline void as_test_ri(struct asm_buf *a, unsigned size, unsigned r, u32 v)
{
    as_nr(a, size, AS_OP(size, 0xf6), 0, r);
    as_imm(a, size, v);
}
static inline void as_lea(struct asm_buf *a, unsigned size, unsigned to, struct host_mem m)
{
    as_rm(a, size, 0x8d, to, m);
}
static inline void as_shift_ri(struct asm_buf *a, unsigned size, unsigned n, unsigned r, u32 count)
{
    as_nr(a, size, AS_OP(size, 0xc0), n, r);
    as_8(a, count);
}
static inline void as_setcc(struct asm_buf *a, unsigned cond, unsigned r)
{
    as_prefix(a, 1, 0x190 + cond, H_NONE, H_NONE, r, false, true);
    as_8(a, 0xc0 | (r & 7));
}
static inline void as_push(struct asm_buf *a, unsigned r)
{
    as_prefix(a, 4, 0x50 + (r & 7), H_NONE, H_NONE, r, false, false);
}
static inline void as_pop(struct asm_buf *a, unsigned r)
{
    as_prefix(a, 4, 0x58 + (r & 7), H_NONE, H_NONE, r, false, false);
}
static inline void as_jmp_r(struct asm_buf *a, unsigned r) { as_nr(a, 4, 0xff, 4, r); }
static inline void as_call_r(struct asm_buf *a, unsigned r) { as_nr(a, 4, 0xff, 2, r); }
static inline void as_jmp_m(struct asm_buf *a, struct host_mem m) { as_nm(a, 4, 0xff, 4, m); }

/* ---- branches: rel32, to a known offset or to be set later */
static inline void as_rel(struct asm_buf *a, u32 at, u32 to)
{
    if (!a->full)
        st32(a->base + at, to - (at + 4));
}
static inline u32 as_jcc(struct asm_buf *a, unsigned cond) /* the field's offset */
{
    as_n(a, 0x800f + (cond << 8), 6);
    return a->pos - 4;
}
static inline u32 as_jmp(struct asm_buf *a)
{
    as_n(a, 0xe9, 5);
    return a->pos - 4;
}
static inline void as_jmp_to(struct asm_buf *a, u32 to)
{
    u32 at = as_jmp(a);
    as_rel(a, at, to);
}
static inline void as_call_to(struct asm_buf *a, u32 to)
{
    as_8(a, 0xe8);
    as_32(a, 0);
    as_rel(a, a->pos - 4, to);
}

#endif
