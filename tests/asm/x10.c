/* SPDX-License-Identifier: MIT */
/* X10: prefixes where they mean nothing or little. REP on instructions that don't repeat, REP with a
 * count of zero, address size and count register, REP and the trap flag (a trap after each iteration),
 * an interrupt in the middle of REP, LOCK where it is legal and where it is not, redundant and
 * repeated prefixes, the limit of 15 bytes (SDM 2A 2.1; XP contract 2.7). */
#include "kernel.h"

static u8 *code;

/* Runs bytes followed by a RET with EAX = 5, ECX = 3, EDX = 7, ESI and EDI in a buffer. */
static u32 buffer[64], out_eax, out_ecx, out_esi, out_edi;

static void call_it(void)
{
    u32 a = 5, c = 3, s = (u32)buffer, d = (u32)(buffer + 32);

    __asm__ volatile("call *%4" : "+a"(a), "+c"(c), "+S"(s), "+D"(d) : "b"(code), "d"(7) : "memory", "cc");
    out_eax = a;
    out_ecx = c;
    out_esi = s - (u32)buffer;
    out_edi = d - (u32)(buffer + 32);
}

static bool run(const u8 *bytes, unsigned n)
{
    memcpy(code, bytes, n);
    code[n] = 0xc3;
    return CATCH(call_it());
}
#define RUN(...) ({ static const u8 b_[] = { __VA_ARGS__ }; run(b_, sizeof(b_)); })

static void rep_means_nothing(void)
{
    static const struct { u8 code[6], n; u32 eax, ecx; const char *name; } list[] = {
        { { 0xf3, 0x90 }, 2, 5, 3, "rep_nop" },
        { { 0xf2, 0x90 }, 2, 5, 3, "repne_nop" },
        { { 0xf3, 0x01, 0xd0 }, 3, 12, 3, "rep_add" },
        { { 0xf2, 0x01, 0xd0 }, 3, 12, 3, "repne_add" },
        { { 0xf3, 0x40 }, 2, 6, 3, "rep_inc" },
        { { 0xf3, 0x89, 0xd0 }, 3, 7, 3, "rep_mov" },
        { { 0xf3, 0x50, 0x58 }, 3, 5, 3, "rep_push" },
        { { 0xf3, 0xc1, 0xe0, 0x02 }, 4, 20, 3, "rep_shl" },
        { { 0xf3, 0x0f, 0xaf, 0xc2 }, 4, 35, 3, "rep_imul" },
        { { 0xf3, 0xeb, 0x00 }, 3, 5, 3, "rep_jmp" },
        { { 0xf2, 0xf3, 0x40 }, 3, 6, 3, "both_reps_inc" },
        { { 0x2e, 0x3e, 0x36, 0x40 }, 4, 6, 3, "segments_inc" },
        { { 0x66, 0x66, 0x66, 0x66, 0x40 }, 5, 6, 3, "66_many_times" },
        { { 0x67, 0x67, 0x40 }, 3, 6, 3, "67_many_times" },
    };
    for (unsigned k = 0; k < ARRAY_LEN(list); k++) {
        bool fault = run(list[k].code, list[k].n);
        check(!fault && out_eax == list[k].eax && out_ecx == list[k].ecx, list[k].name,
              "fault %u eax %x ecx %x", fault, out_eax, out_ecx);
    }
    check(!RUN(0xf3, 0xc3), "rep_ret", "vector %u", trap.vec);
}

static void rep_strings(void)
{
    for (unsigned k = 0; k < 32; k++)
        buffer[k] = 0x01010101 * k;
    check(!RUN(0xf3, 0xa5) && out_ecx == 0 && out_esi == 12 && out_edi == 12 && buffer[34] == 0x02020202,
          "rep_movsd", "ecx %x esi %x", out_ecx, out_esi);
    check(!RUN(0xf2, 0xa5) && out_ecx == 0 && out_esi == 12, "repne_movsd", "ecx %x", out_ecx);
    check(!RUN(0xf3, 0xf2, 0xa4) && out_ecx == 0 && out_esi == 3, "rep_repne_movsb", "ecx %x", out_ecx);
    check(!RUN(0x31, 0xc9, 0xf3, 0xa4) && out_esi == 0, "rep_count_zero", "esi %x", out_esi);
    /* REPE CMPSB stops behind the difference; count zero leaves the flags */
    memset(buffer, 7, sizeof(buffer));
    ((u8 *)buffer)[1] = 8;
    check(!RUN(0xf3, 0xa6) && out_ecx == 1 && out_esi == 2, "repe_cmpsb", "ecx %x", out_ecx);
    check(!RUN(0xf2, 0xa6) && out_ecx == 2 && out_esi == 1, "repne_cmpsb", "ecx %x", out_ecx);
    check(!RUN(0x31, 0xc9, 0xf9, 0xf3, 0xa6, 0x19, 0xc0) && out_eax == 0xffffffff, "rep_cmps_zero_flags",
          "eax %x", out_eax); /* xor ecx,ecx; stc; rep cmpsb; sbb eax,eax */
    /* the count's size follows the address size */
    check(!RUN(0xb9, 0x00, 0x00, 0x01, 0x00, 0x67, 0xf3, 0xa4) && out_ecx == 0x10000, "rep_cx_is_zero",
          "ecx %x", out_ecx);
    /* the last of F2 and F3 counts */
    check(!RUN(0xf2, 0xf3, 0xa6) && out_ecx == 1, "f2_f3_is_repe", "ecx %x", out_ecx);
    check(!RUN(0xf3, 0xf2, 0xa6) && out_ecx == 2, "f3_f2_is_repne", "ecx %x", out_ecx);
}

static u32 step_eip[16], step_ecx[16], steps;
static void on_step(struct frame *f)
{
    if (steps < ARRAY_LEN(step_eip)) {
        step_eip[steps] = f->eip;
        step_ecx[steps] = f->ecx;
    }
    if (++steps > 20)
        f->eflags &= ~(u32)FL_TF;
}

static void rep_and_tf(void)
{
    extern u8 x10_rep[], x10_end[];

    handlers[EXC_DB] = on_step;
    steps = 0;
    __asm__ volatile("movl %0, %%esi\n leal 128(%%esi), %%edi\n movl $4, %%ecx\n"
                     "pushfl\n orl $0x100, (%%esp)\n popfl\n"
                     "x10_rep: rep movsb\n x10_end: pushfl\n andl $~0x100, (%%esp)\n popfl\n"
                     :: "r"(buffer) : "esi", "edi", "ecx", "memory", "cc");
    handlers[EXC_DB] = NULL;
    bool ok = true;
    for (unsigned k = 0; k < 4; k++)
        ok = ok && step_ecx[k] == 3 - k && step_eip[k] == (u32)(k < 3 ? x10_rep : x10_end);
    check(ok, "trap_after_each_iteration", "%x/%u %x/%u %x/%u %x/%u", step_eip[0], step_ecx[0],
          step_eip[1], step_ecx[1], step_eip[2], step_ecx[2], step_eip[3], step_ecx[3]);
}

static u32 irq_eip, irq_ecx, irqs;
static void on_irq0(struct frame *f)
{
    irqs++;
    irq_eip = f->eip;
    irq_ecx = f->ecx;
    pic_eoi(0);
}

static void rep_and_interrupts(void)
{
    extern u8 x10_long[];
    u32 inside = 0, wrong = 0;
    u8 *to = (u8 *)0x400000;

    handlers[0x20] = on_irq0;
    pic_init(0xfe, 0xff);
    pit_start(2, 1193);
    for (u32 k = 0; k < 30 && inside < 3; k++) {
        irqs = 0;
        u32 left = 0x300000;
        __asm__ volatile("sti\n x10_long: rep stosb\n cli\n" : "+D"(to), "+c"(left) : "a"(k) : "memory");
        to = (u8 *)0x400000;
        if (left)
            wrong++;
        if (irqs && irq_eip == (u32)x10_long)
            inside++;
        if (irqs && irq_eip == (u32)x10_long && (irq_ecx == 0 || irq_ecx > 0x300000))
            wrong++;
        for (u32 n = 0; n < 0x300000; n += 4097)
            wrong += to[n] != (u8)k;
    }
    check(inside >= 3, "interrupt_inside_rep", "%u times", inside);
    check(!wrong, "rep_goes_on_after_interrupt", "%u", wrong);
    outb(0x21, 0xff);
}

static void lock(void)
{
    /* ADD etc. to memory are legal; to a register, or CMP, TEST, MOV, NOP, PUSH: #UD */
    check(!RUN(0xf0, 0x01, 0x06), "lock_add_mem", "vector %u", trap.vec);
    check(!RUN(0xf0, 0x0f, 0xc1, 0x06), "lock_xadd_mem", "vector %u", trap.vec);
    check(!RUN(0xf0, 0x0f, 0xab, 0x06), "lock_bts_mem", "vector %u", trap.vec);
    check(!RUN(0xf0, 0x0f, 0xba, 0x2e, 0x03), "lock_bts_imm", "vector %u", trap.vec);
    check(!RUN(0xf0, 0x0f, 0xb1, 0x16), "lock_cmpxchg", "vector %u", trap.vec);
    check(!RUN(0xf0, 0x87, 0x06), "lock_xchg", "vector %u", trap.vec);
    check(!RUN(0xf0, 0xf7, 0x16), "lock_not", "vector %u", trap.vec);
    check(!RUN(0xf0, 0xff, 0x06), "lock_inc", "vector %u", trap.vec);
    check(!RUN(0xf0, 0xf0, 0x01, 0x06), "lock_twice", "vector %u", trap.vec);
#define IS_UD(name, ...) do { \
        bool f_ = RUN(__VA_ARGS__); \
        check(f_ && trap.vec == EXC_UD && trap.eip == (u32)code, name, "fault %u vector %u", f_, trap.vec); \
    } while (0)
    IS_UD("lock_add_reg", 0xf0, 0x01, 0xc0);
    IS_UD("lock_add_to_reg", 0xf0, 0x03, 0x06);
    IS_UD("lock_cmp", 0xf0, 0x39, 0x06);
    IS_UD("lock_test", 0xf0, 0x85, 0x06);
    IS_UD("lock_mov", 0xf0, 0x89, 0x06);
    IS_UD("lock_nop", 0xf0, 0x90);
    IS_UD("lock_push", 0xf0, 0xff, 0x36);
    IS_UD("lock_bt", 0xf0, 0x0f, 0xa3, 0x06);
    IS_UD("lock_movs", 0xf0, 0xa4);
    IS_UD("lock_shl", 0xf0, 0xd1, 0x26);
    IS_UD("lock_xchg_reg", 0xf0, 0x87, 0xc0);
    IS_UD("lock_cli", 0xf0, 0xfa);
    IS_UD("lock_fld", 0xf0, 0xd9, 0x06);
}

static void length(void)
{
    static u8 many[20];

    memset(many, 0x66, sizeof(many));
    many[14] = 0x40; /* 14 prefixes and INC: 15 bytes */
    check(!run(many, 15) && (out_eax & 0xffff) == 6, "fifteen_bytes", "vector %u", trap.vec);
    many[14] = 0x66;
    many[15] = 0x40;
    check(run(many, 16) && trap.vec == EXC_GP && !trap.err && trap.eip == (u32)code, "sixteen_bytes",
          "vector %u eip %x", trap.vec, trap.eip);
    memset(many, 0x3e, sizeof(many));
    static const u8 add[] = { 0x81, 0x05, 0, 0, 0, 0, 1, 0, 0, 0 }; /* add dword [disp32], imm32: 10 bytes */
    memcpy(many + 5, add, sizeof(add));
    u32 at = (u32)buffer;
    memcpy(many + 7, &at, 4);
    check(!run(many, 15), "fifteen_with_operands", "vector %u", trap.vec);
    for (unsigned k = 16; k > 5; k--)
        many[k] = many[k - 1];
    many[5] = 0x3e;
    check(run(many, 16) && trap.vec == EXC_GP, "sixteen_with_operands", "vector %u", trap.vec);
    /* the limit comes before #UD, and before a fault of the 16th byte's page */
    u8 *edge = alloc_page();
    map(TEST_LA, (u32)edge, PTE_P | PTE_W);
    map(TEST_LA + 4096, 0, 0);
    memset(edge + 4096 - 15, 0x66, 15);
    check(CATCH(((void (*)(void))(TEST_LA + 4096 - 15))()) && trap.vec == EXC_GP, "limit_before_next_page",
          "vector %u", trap.vec);
    memset(edge + 4096 - 14, 0x66, 14);
    edge[4096 - 15] = 0x90;
    check(CATCH(((void (*)(void))(TEST_LA + 4096 - 14))()) && trap.vec == EXC_PF &&
          trap_cr2 == TEST_LA + 4096 && trap.eip == TEST_LA + 4096 - 14, "fault_of_next_page",
          "vector %u cr2 %x", trap.vec, trap_cr2);
}

void test_main(void)
{
    paging_on();
    code = alloc_page();
    rep_means_nothing();
    rep_strings();
    rep_and_tf();
    rep_and_interrupts();
    lock();
    length();
}
