/* SPDX-License-Identifier: MIT */
/* X4: instructions restart. Every opcode of both maps, with the prefixes that select other forms and
 * every reg field, runs at CPL 3 on operands that lie across a page boundary: once with both pages
 * there, then with one page absent or read-only, which the #PF handler mends. At each fault EIP, all
 * registers, the FPU and the operands must be as they were before the instruction, and the end must
 * be that of the run without faults (SDM 3A 6.6; XP contract 2.4). */
#include "kernel.h"

/* Memory is full of 40h, so that a pointer taken from anywhere in it leads to LANDING: INT 80h. */
#define LANDING 0x40404040u
#define PAGE1 (TEST_LA + 0x10000)
#define PAGE2 (PAGE1 + 4096)
#define CODE (TEST_LA + 0x20000)
#define FILL 0x40

void on_trap(struct frame *f);

struct state {
    u32 vec, err, cr2, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    u8 fpu[512];
    u8 mem[256]; /* around the boundary */
};

static u32 landing_table[1024] __attribute__((aligned(4096)));
static u8 fpu_now[512] __attribute__((aligned(16))), fpu_start[512] __attribute__((aligned(16)));
static u8 *page1, *page2, *code;
static struct state start, want, end;
static u32 faults, bad_faults;
static const char *bad_what;
static u32 first_bad;

static void mend(void)
{
    map(PAGE1, (u32)page1, PTE_P | PTE_W | PTE_U);
    map(PAGE2, (u32)page2, PTE_P | PTE_W | PTE_U);
}

static void get_state(const struct frame *f, struct state *s)
{
    u32 regs[] = { f->vec, f->err, 0, f->eip, f->eflags & ~(u32)FL_RF, f->eax, f->ecx, f->edx, f->ebx,
                   f->esp, f->ebp, f->esi, f->edi };
    memcpy(s, regs, sizeof(regs));
    __asm__ volatile("clts; fxsave %0" : "=m"(fpu_now));
    memcpy(s->fpu, fpu_now, sizeof(s->fpu));
    memcpy(s->mem, page1 + 4096 - 128, 128);
    memcpy(s->mem + 128, page2, 128);
}

static void blame(const char *what)
{
    if (!bad_faults++)
        bad_what = what;
}

static void on_page_fault(struct frame *f)
{
    u32 la = get_cr2() & ~4095u;
    static struct state now;

    if (la != PAGE1 && la != PAGE2) { /* the instruction's own end, by fetching from nowhere */
        handlers[EXC_PF] = NULL; /* as if there were none: run() puts it back */
        on_trap(f);
    }
    faults++;
    get_state(f, &now);
    if (now.eip != start.eip)
        blame("EIP");
    if (now.eflags != start.eflags)
        blame("EFLAGS");
    if (memcmp(&now.eax, &start.eax, (u32)&now.fpu - (u32)&now.eax))
        blame("registers");
    if (memcmp(now.fpu, start.fpu, sizeof(now.fpu)))
        blame("FPU");
    if (memcmp(now.mem, start.mem, sizeof(now.mem)))
        blame("memory");
    mend();
}

/* One run with the pages as they are mapped now. */
static void run(u32 esp, struct state *s)
{
    struct user u = user_regs(CODE, esp);

    memset(page1, FILL, 4096);
    memset(page2, FILL, 4096);
    u.eax = FILL;
    u.ecx = 1;
    u.edx = 0x81828384;
    u.ebx = u.ebp = PAGE2 - 1;
    u.esi = PAGE2 - 1;
    u.edi = PAGE2 - 3;
    u.eflags = 2 | FL_CF | FL_ZF;
    u32 regs[] = { 0, 0, 0, CODE, u.eflags, u.eax, u.ecx, u.edx, u.ebx, esp, u.ebp, u.esi, u.edi };
    memcpy(&start, regs, sizeof(regs));
    memcpy(start.mem, page1 + 4096 - 128, 128);
    memcpy(start.mem + 128, page2, 128);
    memcpy(start.fpu, fpu_start, sizeof(start.fpu));
    handlers[EXC_PF] = on_page_fault;
    __asm__ volatile("clts; fxrstor %0" :: "m"(fpu_start));
    run_user(&u);
    get_state(&trap, s);
    s->cr2 = trap.vec == EXC_PF ? trap_cr2 : 0;
}

static bool excluded(const u8 *p, unsigned map, u8 reg)
{
    if (map == 0)
        return *p == 0x0f || *p == 0x66 || *p == 0x67 || *p == 0xf0 || *p == 0xf2 || *p == 0xf3 ||
               (*p & 0xe7) == 0x26 || *p == 0x64 || *p == 0x65;
    /* time stamps, counters, random numbers; three-byte maps; SYSCALL and SYSENTER land in the kernel */
    return *p == 0x31 || *p == 0x33 || (*p == 0xc7 && reg >= 6) || *p == 0x38 || *p == 0x3a ||
           *p == 0x05 || *p == 0x34 || *p == 0x35;
}

static bool has_modrm(unsigned map, u8 op)
{
    if (map == 0)
        return (op < 0x40 && (op & 7) < 4) || op == 0x62 || op == 0x63 || op == 0x69 || op == 0x6b ||
               (op >= 0x80 && op < 0x90) || op == 0xc0 || op == 0xc1 || (op >= 0xc4 && op <= 0xc7) ||
               (op >= 0xd0 && op <= 0xd3) || (op >= 0xd8 && op <= 0xdf) || op == 0xf6 || op == 0xf7 ||
               op >= 0xfe;
    return !((op >= 4 && op < 0x0d) || op == 0x0e || (op >= 0x30 && op < 0x38) || op == 0x77 ||
             (op >= 0x80 && op < 0x90) || (op >= 0xa0 && op < 0xa3) || (op >= 0xa8 && op < 0xab) ||
             (op >= 0xc8 && op < 0xd0));
}

static void one(unsigned map_no, u8 op, u8 reg, u8 prefix)
{
    static const struct { u32 page, flags; } breaks[] = {
        { PAGE1, 0 }, { PAGE2, 0 }, { PAGE1, PTE_P | PTE_U }, { PAGE2, PTE_P | PTE_U },
    };
    u8 *p = code;

    if (excluded(&op, map_no, reg) || (reg && !has_modrm(map_no, op)))
        return;
    if (!map_no && prefix > 0x66 && (op & 0xe4) != 0xa4) /* REP: string instructions only */
        return;
    if (prefix)
        *p++ = prefix;
    if (map_no)
        *p++ = 0x0f;
    *p++ = op;
    if (has_modrm(map_no, op))
        *p++ = (u8)(reg << 3 | 6); /* [esi] */
    for (unsigned k = 0; k < 16; k++) /* immediates of all sizes; then INT 80h or OR CH, 80h and INT 80h */
        p[k] = k & 1 ? 0x80 : 0xcd;
    for (u32 esp = PAGE2 - 2; esp <= PAGE2 + 2; esp += 4) {
        mend();
        run(esp, &want);
        for (unsigned k = 0; k < ARRAY_LEN(breaks); k++) {
            u32 before = bad_faults;
            mend();
            map(breaks[k].page, breaks[k].page == PAGE1 ? (u32)page1 : (u32)page2, breaks[k].flags);
            run(esp, &end);
            if (memcmp(&end, &want, sizeof(end)))
                blame("the end");
            if (bad_faults != before && !first_bad) {
                first_bad = 1;
                note("%s in %02x %02x %02x %02x, esp %x, break %u: vector %u/%u eip %x/%x "
                     "esp %x/%x eax %x/%x", bad_what, code[0], code[1], code[2], code[3], esp, k,
                     end.vec, want.vec, end.eip, want.eip, end.esp, want.esp, end.eax, want.eax);
            }
        }
    }
}

void test_main(void)
{
    static const u8 prefixes[] = { 0, 0x66, 0xf2, 0xf3 };
    static const char *const maps[] = { "one-byte map", "0F map" };
    u32 r[4];

    cpuid(1, r);
    if (!(r[3] & 1 << 24)) {
        check(false, "fxsave", "the program needs a CPU with FXSAVE");
        return;
    }
    paging_on();
    set_cr0((get_cr0() | CR0_MP | CR0_NE) & ~(u32)CR0_EM);
    set_cr4(get_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
    for (unsigned k = 0; k < 4; k++) /* jumps to anywhere end in #PF */
        page_dir[k] &= ~(u32)PTE_U;
    page1 = alloc_page();
    page2 = alloc_page();
    code = alloc_page();
    map(CODE, (u32)code, PTE_P | PTE_U);
    u8 *landing = alloc_page();
    memset(landing, 0xf4, 4096);
    landing[LANDING & 4095] = 0xcd;
    landing[(LANDING & 4095) + 1] = 0x80;
    landing_table[LANDING >> 12 & 1023] = (u32)landing | PTE_P | PTE_U;
    page_dir[LANDING >> 22] = (u32)landing_table | PTE_P | PTE_U;
    __asm__ volatile("fninit; fldpi; fld1; fldl2e; fxsave %0" : "=m"(fpu_start));

    for (unsigned m = 0; m < 2; m++) {
        for (unsigned row = 0; row < 16; row++) {
            u32 faults_before = faults;
            bad_faults = 0;
            first_bad = 0;
            for (unsigned op = row * 16; op < row * 16 + 16; op++) {
                for (u8 reg = 0; reg < 8; reg++) {
                    for (unsigned x = 0; x < ARRAY_LEN(prefixes); x++)
                        one(m, (u8)op, reg, prefixes[x]);
                }
            }
            check(!bad_faults, maps[m], "opcodes %xx: %u of %u faults: %s", row, bad_faults,
                  faults - faults_before, bad_what);
        }
    }
    check(faults > 5000, "faults", "only %u faults", faults);
}
