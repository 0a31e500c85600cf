/* SPDX-License-Identifier: MIT */
/* X8: the FPU's system side. #NM and #UD for each combination of CR0.EM, MP and TS, when a pending
 * exception is delivered (#MF with NE, interrupt 13 over FERR# without), instructions that don't wait,
 * FNSAVE, FNSTENV and FRSTOR in both sizes and both modes, FXSAVE's layout, MXCSR's mask and #XM, the
 * Pentium's famous division (SDM 1 8, 3A 13; XP contract 2.2, 2.7). */
#include "kernel.h"

static u8 area[1024] __attribute__((aligned(64)));
static u32 have_mmx, have_fxsr, have_sse;
/* What may be skipped is printed; nestbox' default model and -cpu max have all of it. */

static void set_fpu_bits(u32 bits)
{
    set_cr0((get_cr0() & ~(u32)(CR0_EM | CR0_MP | CR0_TS)) | bits);
}

/* ---- CR0.EM, MP, TS (SDM 3A tables 2-2 and 9-3) */
static void matrix(void)
{
    enum { FP = 0, WAIT = 1, MMX = 2, SSE = 3 };
    u32 bad = 0, n = 0;

    for (unsigned bits = 0; bits < 8; bits++) {
        bool em = bits & 4, mp = bits & 2, ts = bits & 1;
        for (unsigned kind = FP; kind <= SSE; kind++) {
            if ((kind == MMX && !have_mmx) || (kind == SSE && !have_sse))
                continue;
            set_fpu_bits(0);
            __asm__ volatile("fninit");
            set_fpu_bits((em ? CR0_EM : 0) | (mp ? CR0_MP : 0) | (ts ? CR0_TS : 0));
            bool fault;
            switch (kind) {
            case FP: fault = CATCH(__asm__ volatile("fld1")); break;
            case WAIT: fault = CATCH(__asm__ volatile("fwait")); break;
            case MMX: fault = CATCH(__asm__ volatile(".byte 0x0f, 0xef, 0xc0")); break;
            default: fault = CATCH(__asm__ volatile(".byte 0x0f, 0x57, 0xc0")); break;
            }
            u32 got = fault ? trap.vec : 0;
            u32 want = kind == FP ? (em || ts ? EXC_NM : 0)
                     : kind == WAIT ? (mp && ts ? EXC_NM : 0)
                                    : em ? EXC_UD : ts ? EXC_NM : 0;
            n++;
            if (got != want && !bad++)
                note("EM %u MP %u TS %u, kind %u: vector %u, want %u", em, mp, ts, kind, got, want);
        }
    }
    set_fpu_bits(CR0_MP);
    check(!bad, "em_mp_ts_matrix", "%u of %u", bad, n);
    /* FNINIT, FNSTSW, FNSTCW are FPU instructions, too; #NM's handler clears TS and the same
     * instruction runs */
    set_fpu_bits(CR0_MP | CR0_TS);
    check(CATCH(__asm__ volatile("fnstsw %%ax" ::: "eax")) && trap.vec == EXC_NM, "fnstsw_nm", "");
    check(CATCH(__asm__ volatile("fninit")) && trap.vec == EXC_NM, "fninit_nm", "");
    set_fpu_bits(CR0_MP);
}

/* ---- #MF */
static void make_pending(void)
{
    static const u16 cw = 0x37b; /* ZE unmasked */
    __asm__ volatile("fninit\n fldcw %0\n fld1\n fldz\n fdivrp" :: "m"(cw)); /* 1 / 0 */
}

static void mf(void)
{
    extern u8 x8_a[], x8_b[];
    u16 sw;
    u32 v = 5;

    set_cr0(get_cr0() | CR0_NE);
    check(!CATCH(make_pending()), "division_itself_is_quiet", "vector %u", trap.vec);
    __asm__ volatile("fnstsw %0" : "=m"(sw));
    check(sw & 0x80 && sw & 4, "es_and_ze", "sw %x", sw);
    check(CATCH(__asm__ volatile("x8_a: fld1")) && trap.vec == EXC_MF && trap.eip == (u32)x8_a,
          "mf_at_next_fpu_instruction", "vector %u eip %x", trap.vec, trap.eip);
    check(CATCH(__asm__ volatile("x8_b: fwait")) && trap.vec == EXC_MF && trap.eip == (u32)x8_b,
          "mf_at_wait", "vector %u", trap.vec);
    /* stores to memory fault before they write */
    check(CATCH(__asm__ volatile("fists %0" : "+m"(v))) && trap.vec == EXC_MF && v == 5,
          "mf_before_store", "vector %u", trap.vec);
    if (have_mmx)
        check(CATCH(__asm__ volatile(".byte 0x0f, 0xef, 0xc0")) && trap.vec == EXC_MF, "mf_at_mmx",
              "vector %u", trap.vec);
    /* these don't wait */
    check(!CATCH(__asm__ volatile("fnstcw %0\n fnstsw %0\n fnstenv %1" : "+m"(sw), "=m"(area))),
          "no_wait_forms", "vector %u", trap.vec);
    /* FNSTENV masks all; so nothing is pending any more */
    check(!CATCH(__asm__ volatile("fwait")), "fnstenv_masks", "vector %u", trap.vec);
    make_pending();
    check(!CATCH(__asm__ volatile("fnclex\n fwait\n fld1")), "fnclex_clears", "vector %u", trap.vec);
    make_pending();
    check(!CATCH(__asm__ volatile("fninit\n fwait")), "fninit_clears", "vector %u", trap.vec);
    make_pending();
    check(!CATCH(__asm__ volatile("fnsave %0\n fwait" : "=m"(area))), "fnsave_clears", "vector %u", trap.vec);
    /* TS goes before #MF */
    make_pending();
    set_fpu_bits(CR0_MP | CR0_TS);
    check(CATCH(__asm__ volatile("fld1")) && trap.vec == EXC_NM, "nm_before_mf", "vector %u", trap.vec);
    set_fpu_bits(CR0_MP);
    __asm__ volatile("fninit");
    /* unmasking a flag that is set makes it pending; the environment with such a word, too */
    static const u16 masked = 0x37f, unmasked = 0x37b;
    __asm__ volatile("fldcw %0\n fld1\n fldz\n fdivrp\n fldcw %1" :: "m"(masked), "m"(unmasked));
    check(CATCH(__asm__ volatile("fwait")) && trap.vec == EXC_MF, "fldcw_unmasks", "vector %u", trap.vec);
    __asm__ volatile("fninit");
}

/* ---- NE clear: IRQ 13 at the next waiting instruction; port F0h lets it run */
static volatile u32 irq13;
static void on_irq13(struct frame *f)
{
    (void)f;
    irq13++;
    outb(0xf0, 0);
    __asm__ volatile("fnclex");
    pic_eoi(13);
}

static void ferr(void)
{
    set_cr0(get_cr0() & ~(u32)CR0_NE);
    handlers[0x2d] = on_irq13;
    pic_init(0xfb, 0xdf);
    sti();
    make_pending();
    bool caught = CATCH(__asm__ volatile("sti\n fwait\n nop\n fld1\n nop"));
    cli();
    check(!caught && irq13 == 1, "irq13", "vector %u, %u interrupts", caught ? trap.vec : 0, irq13);
    pic_init(0xff, 0xff);
    set_cr0(get_cr0() | CR0_NE);
    __asm__ volatile("fninit");
}

/* ---- memory images */
static void images(void)
{
    u32 *d = (u32 *)area;
    u16 *w = (u16 *)area;
    extern u8 x8_op[];
    static const u32 operand = 0x40490fdb; /* pi as a float */
    static const u16 cw = 0x27f;
    u8 st[16];

    __asm__ volatile("fninit\n fldcw %0\n fld1\n fldz\n x8_op: flds %1" :: "m"(cw), "m"(operand));
    memset(area, 0xcc, sizeof(area));
    __asm__ volatile("fnstenv %0" : "=m"(area));
    check_eq(d[0], 0xffff027f, "env32_cw");
    check_eq(d[1], 0xffff2800, "env32_sw");
    /* R5 pi, R6 0, R7 1: valid, zero, valid */
    check_eq(d[2], 0xffff13ff, "env32_tags");
    check_eq(d[3], x8_op, "env32_fip");
    check_eq(d[4] >> 16 & 0x7ff, 0x105, "env32_fop"); /* D9 05 */
    check((d[4] & 0xffff) == SEL_CODE || (d[4] & 0xffff) == 0, "env32_fcs", "%x", d[4]);
    check_eq(d[5], &operand, "env32_fdp");
    check(area[28] == 0xcc, "env32_is_28_bytes", "%x", area[28]);
    memset(area, 0xcc, sizeof(area));
    __asm__ volatile(".byte 0x66\n fnstenv %0" : "=m"(area)); /* 14 bytes */
    check_eq(w[0], 0x27f, "env16_cw");
    check_eq(w[1], 0x2800, "env16_sw");
    check_eq(w[2], 0x13ff, "env16_tags");
    check_eq(w[3], (u32)x8_op & 0xffff, "env16_fip");
    check_eq(w[5], (u32)&operand & 0xffff, "env16_fdp");
    check(area[14] == 0xcc && area[15] == 0xcc, "env16_is_14_bytes", "");

    /* FNSAVE and FRSTOR: 108 bytes and back */
    __asm__ volatile("fninit\n fldpi\n fld1\n fldl2e");
    memset(area, 0xcc, sizeof(area));
    __asm__ volatile("fnsave %0" : "=m"(area));
    check(area[108] == 0xcc, "save32_is_108_bytes", "");
    static const u8 l2e[10] = { 0xbc, 0xf0, 0x17, 0x5c, 0x29, 0x3b, 0xaa, 0xb8, 0xff, 0x3f };
    check(!memcmp(area + 28, l2e, 10), "save32_st0_first", "");
    u16 sw;
    __asm__ volatile("fnstsw %0" : "=m"(sw));
    check_eq(sw, 0, "fnsave_initialises");
    __asm__ volatile("frstor %1\n fnstsw %0" : "=m"(sw) : "m"(area));
    check_eq(sw & 0x3800, 0x2800, "frstor_top");
    __asm__ volatile("fstpt %0" : "=m"(st));
    check(!memcmp(st, l2e, 10), "frstor_st0", "");
    __asm__ volatile("fninit\n fldpi\n .byte 0x66\n fnsave %0" : "=m"(area));
    static const u8 pi[10] = { 0x35, 0xc2, 0x68, 0x21, 0xa2, 0xda, 0x0f, 0xc9, 0x00, 0x40 };
    check(!memcmp(area + 14, pi, 10), "save16_st0", "");
    __asm__ volatile(".byte 0x66\n frstor %1\n fstpt %0" : "=m"(st) : "m"(area));
    check(!memcmp(st, pi, 10), "frstor16", "");
    __asm__ volatile("fninit");
}

static void fxsave(void)
{
    static const u32 one[4] __attribute__((aligned(16))) = { 0x3f800000, 1, 2, 3 };

    if (!have_fxsr) {
        note("no FXSR");
        return;
    }
    set_cr4(get_cr4() | CR4_OSFXSR);
    memset(area, 0xcc, sizeof(area));
    __asm__ volatile("fninit\n fldpi\n fld1");
    if (have_sse)
        __asm__ volatile(".byte 0x0f, 0x28, 0x38" :: "a"(one)); /* movaps xmm7, [eax] */
    __asm__ volatile("fxsave %0" : "=m"(area));
    u16 *w = (u16 *)area;
    u32 *d = (u32 *)area;
    check_eq(w[0], 0x37f, "fx_cw");
    check_eq(w[1], 0x3000, "fx_sw");
    check_eq(area[4], 0xc0, "fx_abridged_tags"); /* R6 and R7, by physical number */
    check_eq(w[3] & 0x7ff, 0x1e8, "fx_fop"); /* FLD1, D9 E8 (fopcode compatibility is on by default) */
    static const u8 one80[10] = { 0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f };
    check(!memcmp(area + 32, one80, 10), "fx_st0", "");
    if (have_sse) {
        check_eq(d[6], 0x1f80, "fx_mxcsr");
        check((d[7] & 0xffbf) == 0xffbf, "fx_mxcsr_mask", "%x", d[7]);
        check(!memcmp(area + 160 + 7 * 16, one, 16), "fx_xmm7", "");
    }
    u16 sw;
    __asm__ volatile("fnstsw %0" : "=m"(sw));
    check_eq(sw, 0x3000, "fxsave_changes_nothing");
    check(CATCH(__asm__ volatile("fxsave (%0)" :: "r"(area + 8) : "memory")) && trap.vec == EXC_GP,
          "fxsave_misaligned", "vector %u", trap.vec);
    if (have_sse) {
        u32 mask = d[7];
        d[6] = ~mask & 0xffff0000u; /* a bit that the mask does not have */
        check(CATCH(__asm__ volatile("fxrstor %0" :: "m"(area))) && trap.vec == EXC_GP && !trap.err,
              "fxrstor_mxcsr_reserved", "vector %u", trap.vec);
        d[6] = 0x1f80;
        u32 v = 0xffff0000u;
        check(CATCH(__asm__ volatile(".byte 0x0f, 0xae, 0x10" :: "a"(&v))) && trap.vec == EXC_GP,
              "ldmxcsr_reserved", "vector %u", trap.vec); /* ldmxcsr [eax] */
    }
    /* pending exceptions don't stop FXSAVE; FXRSTOR brings them back */
    set_cr0(get_cr0() | CR0_NE);
    make_pending();
    check(!CATCH(__asm__ volatile("fxsave %0" : "=m"(area))), "fxsave_does_not_wait", "");
    __asm__ volatile("fninit\n fxrstor %0" :: "m"(area));
    check(CATCH(__asm__ volatile("fwait")) && trap.vec == EXC_MF, "fxrstor_pending", "vector %u", trap.vec);
    __asm__ volatile("fninit");
    /* TS */
    set_fpu_bits(CR0_MP | CR0_TS);
    check(CATCH(__asm__ volatile("fxsave %0" : "=m"(area))) && trap.vec == EXC_NM, "fxsave_nm", "");
    set_fpu_bits(CR0_MP);
}

static void sse(void)
{
    static const u32 zero[4] __attribute__((aligned(16))) = { 0 };
    static const u32 one[4] __attribute__((aligned(16))) = { 0x3f800000, 0x3f800000, 0x3f800000, 0x3f800000 };
    u32 csr = 0x1d80; /* ZM clear */
    u32 r[4] __attribute__((aligned(16)));

    if (!have_sse) {
        note("no SSE");
        return;
    }
    set_cr4(get_cr4() & ~(u32)CR4_OSFXSR);
    check(CATCH(__asm__ volatile(".byte 0x0f, 0x57, 0xc0")) && trap.vec == EXC_UD, "osfxsr_clear_ud",
          "vector %u", trap.vec);
    set_cr4((get_cr4() | CR4_OSFXSR) & ~(u32)CR4_OSXMMEXCPT);
    /* ldmxcsr [edx]; movaps xmm0, [eax]; divps xmm0, [ecx] */
#define DIV() __asm__ volatile(".byte 0x0f, 0xae, 0x12, 0x0f, 0x28, 0x00\n x8_div: .byte 0x0f, 0x5e, 0x01" \
                               :: "a"(one), "c"(zero), "d"(&csr))
    extern u8 x8_div[];
    bool caught = CATCH(DIV());
    check(caught && trap.vec == EXC_UD && trap.eip == (u32)x8_div, "xm_without_osxmmexcpt", "vector %u",
          trap.vec);
    set_cr4(get_cr4() | CR4_OSXMMEXCPT);
    extern u8 x8_div2[];
    caught = CATCH(__asm__ volatile(".byte 0x0f, 0xae, 0x12, 0x0f, 0x28, 0x00\n"
                                    "x8_div2: .byte 0x0f, 0x5e, 0x01"
                                    :: "a"(one), "c"(zero), "d"(&csr)));
    check(caught && trap.vec == EXC_XM && trap.eip == (u32)x8_div2 && !trap.err, "xm", "vector %u eip %x",
          trap.vec, trap.eip);
    __asm__ volatile(".byte 0x0f, 0x29, 0x00\n .byte 0x0f, 0xae, 0x1a" :: "a"(r), "d"(&csr) : "memory");
    check(r[0] == 0x3f800000 && r[3] == 0x3f800000, "xm_keeps_destination", "%x", r[0]);
    check_eq(csr, 0x1d84, "xm_sets_ze");
    csr = 0x1f80;
    __asm__ volatile(".byte 0x0f, 0xae, 0x12" :: "d"(&csr)); /* ldmxcsr */
    check(CATCH(__asm__ volatile(".byte 0x0f, 0x28, 0x00" :: "a"((u32)one + 4))) && trap.vec == EXC_GP,
          "movaps_misaligned", "vector %u", trap.vec);
}

static void fdiv(void)
{
    static const double a = 4195835.0, b = 3145727.0;
    u32 left;

    __asm__ volatile("fninit\n fldl %1\n fldl %1\n fdivl %2\n fmull %2\n fsubrp\n fistpl %0"
                     : "=m"(left) : "m"(a), "m"(b));
    check_eq(left, 0, "pentium_division");
}

/* Real mode's image: 20-bit addresses and the opcode. In V86 mode, which has the same layout. */
static void real_mode_image(void)
{
    static const u8 code[] = {
        0xdb, 0xe3,                         /* fninit */
        0xd9, 0x06, 0x34, 0x12,             /* fld dword [1234h] */
        0xd9, 0x36, 0x00, 0x20,             /* fnstenv [2000h], 14 bytes */
        0x66, 0xd9, 0x36, 0x40, 0x20,       /* the same, 28 bytes */
        0xf4,
    };
    u8 *p = (u8 *)0x9000;
    u32 op = 0x9000 + 2, data = 0x9000 + 0x1234;

    memcpy(p, code, sizeof(code));
    struct user u = v86_regs(0x900, 0, 0x1000, 0xff00);
    run_user(&u);
    check(trap.vec == EXC_GP && trap.eip == sizeof(code) - 1, "v86_runs", "vector %u eip %x", trap.vec,
          trap.eip);
    u16 *w = (u16 *)(p + 0x2000);
    u32 *d = (u32 *)(p + 0x2040);
    check_eq(w[3], op & 0xffff, "real16_fip");
    check_eq(w[4], (op >> 16 << 12) | 0x106, "real16_fip_fop"); /* D9 06 */
    check_eq(w[5], data & 0xffff, "real16_fdp");
    check_eq(w[6], data >> 16 << 12, "real16_fdp_high");
    check_eq(d[3] & 0xffff, op & 0xffff, "real32_fip");
    check_eq(d[4], (op >> 16 << 12) | 0x106, "real32_fip_fop");
    check_eq(d[5] & 0xffff, data & 0xffff, "real32_fdp");
    check_eq(d[6], data >> 16 << 12, "real32_fdp_high");
}

void test_main(void)
{
    u32 r[4];

    cpuid(1, r);
    have_mmx = r[3] >> 23 & 1;
    have_fxsr = r[3] >> 24 & 1;
    have_sse = r[3] >> 25 & 1;
    paging_on();
    set_cr0(get_cr0() | CR0_NE);
    if (have_fxsr)
        set_cr4(get_cr4() | CR4_OSFXSR);
    matrix();
    mf();
    ferr();
    images();
    real_mode_image();
    fxsave();
    sse();
    fdiv();
}
