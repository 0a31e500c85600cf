/* SPDX-License-Identifier: MIT */
/* X11: debugging. Breakpoints on execution (fault, RF), on writes and on reads and writes of each
 * length (trap), on I/O with CR4.DE, DR6 and its sticky bits, single step, ICEBP, DR7.GD, DR4 and DR5,
 * priorities of several causes (SDM 3B 17). */
#include "kernel.h"

static u32 data[16] __attribute__((aligned(64)));

/* Clears DR6, arms breakpoint n: type 0 execute, 1 write, 2 I/O, 3 read and write; len 0, 1, 3 for 1, 2, 4. */
static void arm(unsigned n, u32 la, u32 type, u32 len)
{
    switch (n) {
    case 0: set_dr0(la); break;
    case 1: set_dr1(la); break;
    case 2: set_dr2(la); break;
    default: set_dr3(la); break;
    }
    set_dr6(0xffff0ff0);
    set_dr7(0x400 | 2u << 2 * n | (type | len << 2) << (16 + 4 * n));
}

static void disarm(void)
{
    set_dr7(0x400);
    set_dr6(0xffff0ff0);
}

static void execute(void)
{
    extern u8 x11_a[], x11_b[];

    for (unsigned n = 0; n < 4; n++) {
        bool caught = CATCH({
            arm(n, (u32)x11_a, 0, 0);
            __asm__ volatile(".globl x11_a, x11_b\n jmp x11_go\n x11_a: nop\n x11_b: ret\n x11_go: call x11_a" ::: "memory");
        });
        u32 dr6 = get_dr6();
        disarm();
        check(caught && trap.vec == EXC_DB && trap.eip == (u32)x11_a, "execute_is_a_fault",
              "caught %u vector %u eip %x", caught, trap.vec, trap.eip);
        /* the bits of breakpoints that are not enabled may be set, too */
        check((dr6 & ~15u) == 0xffff0ff0 && (dr6 >> n & 1), "execute_dr6", "%x", dr6);
        /* the manual: RF in the frame is as it was for an instruction breakpoint, so 0; the handler sets it */
        check(!(trap.eflags & FL_RF), "execute_frame_rf", "eflags %x", trap.eflags);
    }
    /* only the first byte of an instruction counts */
    bool caught = CATCH({
        arm(0, (u32)x11_b + 100, 0, 0);
        __asm__ volatile("call x11_a" ::: "memory");
    });
    disarm();
    check(!caught, "other_address", "vector %u", trap.vec);
    /* local and global enable, none */
    set_dr0((u32)x11_a);
    set_dr7(0x400);
    check(!CATCH(__asm__ volatile("call x11_a" ::: "memory")), "disabled", "vector %u", trap.vec);
    caught = CATCH({ set_dr7(0x401); __asm__ volatile("call x11_a" ::: "memory"); });
    disarm();
    check(caught, "local_enable", "");
}

/* RF set by the handler lets the instruction run; it is clear behind it. */
static volatile u32 db_count, db_dr6[8], db_eip[8];
static bool set_rf;
static void on_db(struct frame *f)
{
    if (db_count < ARRAY_LEN(db_eip)) {
        db_eip[db_count] = f->eip;
        db_dr6[db_count] = get_dr6();
    }
    db_count++;
    set_dr6(0xffff0ff0);
    if (set_rf)
        f->eflags |= FL_RF;
    if (db_count > 6) {
        set_dr7(0x400);
        f->eflags &= ~(u32)FL_TF;
    }
}

static void resume(void)
{
    extern u8 x11_l[];

    handlers[EXC_DB] = on_db;
    set_rf = true;
    db_count = 0;
    arm(0, (u32)x11_l, 0, 0);
    __asm__ volatile("movl $3, %%ecx\n x11_l: decl %%ecx\n jnz x11_l" ::: "ecx", "cc");
    disarm();
    check_eq(db_count, 3, "rf_for_one_instruction");
    /* a data breakpoint: a trap behind the instruction, RF clear in the frame */
    db_count = 0;
    set_rf = false;
    extern u8 x11_w[];
    arm(1, (u32)data, 1, 3);
    __asm__ volatile("movl $1, %0\n x11_w: nop" : "=m"(data[0]));
    disarm();
    check(db_count == 1 && db_eip[0] == (u32)x11_w, "write_is_a_trap", "%u traps, eip %x want %x", db_count,
          db_eip[0], (u32)x11_w);
    check_eq(db_dr6[0], 0xffff0ff2, "write_dr6");
    handlers[EXC_DB] = NULL;
}

static u32 traps_of(unsigned what)
{
    handlers[EXC_DB] = on_db;
    set_rf = false;
    db_count = 0;
    volatile u8 *p = (volatile u8 *)data;
    switch (what) {
    case 0: (void)*(volatile u32 *)p; break;
    case 1: *(volatile u32 *)p = 1; break;
    case 2: (void)p[4]; break;
    case 3: p[4] = 1; break;
    case 4: *(volatile u32 *)(p + 1) = 1; break;   /* bytes 1 to 4 */
    case 5: *(volatile u32 *)(p + 5) = 1; break;
    case 6: *(volatile u16 *)(p + 3) = 1; break;
    case 7: __asm__ volatile("lock; addl $0, (%0)" :: "r"(p) : "memory", "cc"); break;
    case 8: __asm__ volatile("pushl (%0)\n popl %%ecx" :: "r"(p) : "ecx", "memory"); break;
    case 9: { u32 n = 2; const volatile u8 *s = p; u8 *d = (u8 *)data + 32;
              __asm__ volatile("rep movsl" : "+S"(s), "+D"(d), "+c"(n) :: "memory"); break; }
    }
    handlers[EXC_DB] = NULL;
    return db_count;
}

static void data_breakpoints(void)
{
    static const struct { u32 off, type, len; u8 hits[10]; } t[] = {
        { 0, 1, 3, { 0, 1, 0, 0, 1, 0, 1, 1, 0, 0 } },
        { 0, 3, 3, { 1, 1, 0, 0, 1, 0, 1, 1, 1, 1 } },
        { 0, 1, 0, { 0, 1, 0, 0, 0, 0, 0, 1, 0, 0 } },
        { 4, 1, 0, { 0, 0, 0, 1, 1, 0, 1, 0, 0, 0 } },
        { 4, 3, 1, { 0, 0, 1, 1, 1, 1, 1, 0, 0, 1 } },
        { 2, 3, 1, { 1, 1, 0, 0, 1, 0, 1, 1, 1, 1 } },
        { 6, 1, 1, { 0, 0, 0, 0, 0, 1, 0, 0, 0, 0 } },
    };
    u32 bad = 0;
    for (unsigned k = 0; k < ARRAY_LEN(t); k++) {
        for (unsigned what = 0; what < 10; what++) {
            arm(2, (u32)data + t[k].off, t[k].type, t[k].len);
            u32 n = traps_of(what);
            disarm();
            if (!n != !t[k].hits[what] && !bad++)
                note("breakpoint %u, access %u: %u traps, want %u", k, what, n, t[k].hits[what]);
        }
    }
    check(!bad, "data_breakpoints", "%u of 70", bad);
    /* an unaligned address: its low bits are ignored for the length (SDM 3B 17.2.5) */
    arm(2, (u32)data + 3, 1, 3);
    u32 n = traps_of(1);
    disarm();
    check_eq(n, 1, "address_is_masked_by_length");
}

static void io_breakpoints(void)
{
    u32 r[4];

    cpuid(1, r);
    if (!(r[3] & 4)) {
        note("no DE");
        return;
    }
    set_cr4(get_cr4() | CR4_DE);
    handlers[EXC_DB] = on_db;
    set_rf = false;
    db_count = 0;
    arm(3, 0x80, 2, 0);
    outb(0x80, 1);
    u32 a = db_count;
    arm(3, 0x80, 2, 0);
    inb(0x80);
    u32 b = db_count;
    outb(0x81, 1);
    outw(0x7f, 1);
    u32 c = db_count;
    disarm();
    handlers[EXC_DB] = NULL;
    check(a == 1 && b == 2 && c == 3, "io_breakpoint", "%u %u %u", a, b, c);
    check_eq(db_dr6[0] & 15, 8, "io_dr6");
    /* DR4 and DR5 are #UD with DE, aliases of DR6 and DR7 without */
    check(CATCH(__asm__ volatile("movl %%db4, %%eax" ::: "eax")) && trap.vec == EXC_UD, "dr4_with_de",
          "vector %u", trap.vec);
    set_cr4(get_cr4() & ~(u32)CR4_DE);
    u32 v;
    set_dr6(0xffff0ff1);
    bool caught = CATCH(__asm__ volatile("movl %%db4, %0" : "=r"(v)));
    check(!caught && v == 0xffff0ff1, "dr4_is_dr6", "%x", v);
    set_dr6(0xffff0ff0);
}

static void step_and_icebp(void)
{
    extern u8 x11_s1[], x11_s2[], x11_i[];

    handlers[EXC_DB] = on_db;
    set_rf = false;
    db_count = 0;
    disarm();
    __asm__ volatile("pushfl\n orl $0x100, (%%esp)\n popfl\n nop\n x11_s1: nop\n x11_s2: nop\n"
                     "pushfl\n andl $~0x100, (%%esp)\n popfl\n" ::: "memory", "cc");
    check(db_eip[0] == (u32)x11_s1 && db_eip[1] == (u32)x11_s2, "single_step", "%x %x", db_eip[0], db_eip[1]);
    check_eq(db_dr6[0], 0xffff4ff0, "single_step_dr6");
    /* the frame of the step of PUSHF has TF: what PUSHF pushed has it, too; a handler runs without */
    db_count = 0;
    __asm__ volatile(".byte 0xf1\n x11_i: nop");
    check(db_count == 1 && db_eip[0] == (u32)x11_i, "icebp", "%u eip %x", db_count, db_eip[0]);
    check_eq(db_dr6[0], 0xffff0ff0, "icebp_dr6_has_no_bit");
    /* a step and a data breakpoint of one instruction: one trap, both bits */
    db_count = 0;
    arm(0, (u32)data, 1, 3);
    __asm__ volatile("pushfl\n orl $0x100, (%%esp)\n popfl\n movl $5, %0\n"
                     "pushfl\n andl $~0x100, (%%esp)\n popfl\n" : "=m"(data[0]) :: "memory", "cc");
    disarm();
    check_eq(db_dr6[0], 0xffff4ff1, "step_and_breakpoint");
    /* TF over INT n: clear in the handler, no trap behind INT itself */
    handlers[EXC_DB] = NULL;
}

static u32 int80_flags;
static void on_int80(struct frame *f)
{
    (void)f;
    int80_flags = flags_get();
}

static void step_over_int(void)
{
    extern u8 x11_after[];

    handlers[EXC_DB] = on_db;
    handlers[0x80] = on_int80;
    db_count = 0;
    __asm__ volatile("pushfl\n orl $0x100, (%%esp)\n popfl\n int $0x80\n nop\n x11_after:"
                     "pushfl\n andl $~0x100, (%%esp)\n popfl\n" ::: "memory", "cc");
    handlers[EXC_DB] = NULL;
    handlers[0x80] = NULL;
    check(!(int80_flags & FL_TF), "handler_without_tf", "flags %x", int80_flags);
    check(db_eip[0] == (u32)x11_after, "no_trap_behind_int", "eip %x want %x", db_eip[0], (u32)x11_after);
}

static void general_detect(void)
{
    bool caught = CATCH({ set_dr6(0xffff0ff0); set_dr7(0x2400); get_dr0(); });
    u32 dr7 = get_dr7(), dr6 = get_dr6();
    set_dr7(0x400);
    set_dr6(0xffff0ff0);
    check(caught && trap.vec == EXC_DB, "gd_traps", "caught %u vector %u", caught, trap.vec);
    check_eq(dr6, 0xffff2ff0, "gd_dr6");
    check_eq(dr7 & 0x2000, 0, "gd_is_cleared");
    /* CPL above 0: #GP, whatever the register */
    u8 *p = alloc_page();
    static const u8 mov[] = { 0x0f, 0x21, 0xc0, 0xcd, 0x80 };
    memcpy(p, mov, sizeof(mov));
    struct user u = user_regs((u32)p, (u32)p + 4096);
    run_user(&u);
    check(trap.vec == EXC_GP && trap.eip == (u32)p, "dr_at_cpl3", "vector %u", trap.vec);
    /* sticky bits: the processor never clears DR6 */
    handlers[EXC_DB] = NULL;
    set_dr6(0xffff0ff8);
    __asm__ volatile("nop");
    check_eq(get_dr6(), 0xffff0ff8, "dr6_is_kept");
    set_dr6(0);
    check_eq(get_dr6(), 0xffff0ff0, "dr6_fixed_bits");
    set_dr7(0);
    check_eq(get_dr7(), 0x400, "dr7_fixed_bits");
}

/* User code with a breakpoint armed by the kernel, and INT3 through a DPL 3 gate. */
static void user_mode(void)
{
    u8 *p = alloc_page();
    static const u8 c[] = { 0x90, 0x90, 0xcc, 0xcd, 0x80 };

    memcpy(p, c, sizeof(c));
    struct user u = user_regs((u32)p, (u32)p + 4096);
    arm(0, (u32)p + 1, 0, 0);
    run_user(&u);
    u32 dr6 = get_dr6();
    check(trap.vec == EXC_DB && trap.eip == (u32)p + 1 && (trap.cs & 3) == 3, "user_breakpoint",
          "vector %u eip %x", trap.vec, trap.eip);
    check_eq(dr6 & 15, 1, "user_dr6");
    disarm();
    run_user(&u);
    check(trap.vec == EXC_BP && trap.eip == (u32)p + 3, "user_int3", "vector %u eip %x", trap.vec, trap.eip);
    /* RF in the frame that IRETD loads */
    arm(0, (u32)p, 0, 0);
    u.eflags |= FL_RF;
    run_user(&u);
    disarm();
    check(trap.vec == EXC_BP, "iret_loads_rf", "vector %u eip %x", trap.vec, trap.eip);
}

void test_main(void)
{
    paging_on();
    execute();
    resume();
    data_breakpoints();
    io_breakpoints();
    step_and_icebp();
    step_over_int();
    general_detect();
    user_mode();
}
