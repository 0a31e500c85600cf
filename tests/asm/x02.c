/* SPDX-License-Identifier: MIT */
/* X2: virtual-8086 mode. Entry by IRETD with rubbish above EIP's 16 bits, the instructions that are
 * sensitive to IOPL, the I/O permission bitmap for each width and at its limit, what an exception
 * pushes, and INT n through the IVT where nothing traps (SDM 3B 20; XP contract 2.5). */
#include "kernel.h"

#define V86_SEG 0x900u
static u8 *const code = (u8 *)(V86_SEG << 4);

/* Runs bytes at V86_SEG:0 with a HLT behind them: CPL 3 makes that #GP, too, so EIP tells how far
 * it came. */
static void run16(const u8 *bytes, unsigned len, u32 eflags, u32 eip_high)
{
    memcpy(code, bytes, len);
    memset(code + len, 0xf4, 16);
    struct user u = v86_regs(V86_SEG, 0, 0x1000, 0xfff0);
    u.eip |= eip_high;
    u.eflags |= eflags;
    u.eax = 0x11112222;
    u.edx = 0x80;
    run_user(&u);
}

#define RUN(eflags, ...) do { \
        static const u8 b_[] = { __VA_ARGS__ }; \
        run16(b_, sizeof(b_), eflags, 0); \
        len = sizeof(b_); \
    } while (0)

static unsigned len;

static void faults_at_once(const char *name)
{
    check(trap.vec == EXC_GP && !trap.err && trap.eip == 0, name, "vector %u error %x eip %x",
          trap.vec, trap.err, trap.eip);
}

static void runs_through(const char *name)
{
    check(trap.vec == EXC_GP && trap.eip == len, name, "vector %u error %x eip %x", trap.vec,
          trap.err, trap.eip);
}

static void entry(void)
{
    static const u8 nop[] = { 0x90, 0x90 };

    /* the manual says that EIP is loaded; processors run on with the low 16 bits (contract C5) */
    run16(nop, 2, 0, 0x00050000);
    check(trap.vec == EXC_GP && (trap.eip & 0xffff) == 2 && (trap.eip >> 16) == 0,
          "eip_is_masked_at_entry", "vector %u eip %x", trap.vec, trap.eip);
    RUN(0, 0x8c, 0xc8, 0x8e, 0xd8, 0x8e, 0xc0); /* mov ax,cs; mov ds,ax; mov es,ax */
    check(trap.ds == V86_SEG && trap.es == V86_SEG && trap.ds_ == 0 && trap.es_ == 0 &&
          trap.fs_ == 0 && trap.gs_ == 0, "frame_has_segments", "ds %x es %x now %x %x %x %x",
          trap.ds, trap.es, trap.ds_, trap.es_, trap.fs_, trap.gs_);
    check(trap.eflags & FL_VM, "frame_has_vm", "eflags %x", trap.eflags);
    check_eq(trap.cs, V86_SEG, "frame_has_cs");
    check_eq(trap.ss, 0x1000, "frame_has_ss");
    check_eq(trap.esp, 0xfff0, "frame_has_esp");
    check_eq(trap.eax & 0xffff, V86_SEG, "registers_live");
}

static void iopl_sensitive(void)
{
    RUN(0, 0xfa);
    faults_at_once("cli_iopl0");
    RUN(0, 0xfb);
    faults_at_once("sti_iopl0");
    RUN(0, 0x9c);
    faults_at_once("pushf_iopl0");
    RUN(0, 0x9d);
    faults_at_once("popf_iopl0");
    RUN(0, 0x66, 0x9c);
    faults_at_once("pushfd_iopl0");
    RUN(0, 0x66, 0x9d);
    faults_at_once("popfd_iopl0");
    RUN(0, 0xcd, 0x21);
    faults_at_once("int_iopl0");
    RUN(0, 0xcf);
    faults_at_once("iret_iopl0");
    RUN(0, 0x66, 0xcf);
    faults_at_once("iretd_iopl0");
    RUN(0, 0xf4);
    faults_at_once("hlt");
    RUN(0, 0x0f, 0x20, 0xc0);
    faults_at_once("mov_from_cr0");
    RUN(0, 0x0f, 0x01, 0x16, 0x00, 0x00);
    faults_at_once("lgdt");
    RUN(0, 0x0f, 0x00, 0xd8);
    check(trap.vec == EXC_UD && trap.eip == 0, "ltr_is_ud", "vector %u", trap.vec);
    RUN(0, 0x63, 0xc0);
    check(trap.vec == EXC_UD && trap.eip == 0, "arpl_is_ud", "vector %u", trap.vec);
    /* INT3 and INTO are not sensitive to IOPL, their gates' DPL counts */
    RUN(0, 0xcc);
    check(trap.vec == EXC_BP && trap.eip == 1, "int3_iopl0", "vector %u eip %x", trap.vec, trap.eip);
    RUN(FL_OF, 0xce);
    check(trap.vec == EXC_OF && trap.eip == 1, "into_iopl0", "vector %u eip %x", trap.vec, trap.eip);
    RUN(0, 0xf1);
    check(trap.vec == EXC_DB && trap.eip == 1, "icebp_iopl0", "vector %u eip %x", trap.vec, trap.eip);

    RUN(FL_IOPL3, 0xfa, 0xfb, 0x90);
    runs_through("cli_sti_iopl3");
    check(trap.eflags & FL_IF, "sti_sets_if", "eflags %x", trap.eflags);
    RUN(FL_IOPL3, 0x9c, 0x9d);
    runs_through("pushf_popf_iopl3");
    RUN(FL_IOPL3 | FL_IF, 0x66, 0x9c, 0x66, 0x58); /* pushfd; pop eax */
    check((trap.eax & (FL_VM | FL_RF)) == 0, "pushfd_hides_vm", "eax %x", trap.eax);
    check_eq(trap.eax & (FL_IOPL3 | FL_IF), FL_IOPL3 | FL_IF, "pushfd_iopl_if");
    RUN(FL_IOPL3 | FL_IF, 0x66, 0x6a, 0x02, 0x66, 0x9d); /* push dword 2; popfd: IOPL stays, IF goes */
    runs_through("popfd_iopl3");
    check_eq(trap.eflags & (FL_IOPL3 | FL_IF | FL_VM), FL_IOPL3 | FL_VM, "popfd_keeps_iopl");
    /* INT n with IOPL 3 goes through the IDT: the gate has DPL 0 below 80h */
    RUN(FL_IOPL3, 0xcd, 0x21);
    check(trap.vec == EXC_GP && trap.err == 0x21 * 8 + 2 && trap.eip == 0, "int_dpl0_gate",
          "vector %u error %x", trap.vec, trap.err);
    RUN(FL_IOPL3, 0xcd, 0x80);
    check(trap.vec == 0x80 && trap.eip == 2, "int_dpl3_gate", "vector %u eip %x", trap.vec, trap.eip);
    /* IRET within V86 mode with IOPL 3: 16-bit pops, VM and IOPL stay */
    RUN(FL_IOPL3, 0x6a, 0x02, 0x0e, 0x6a, 0x06, 0xcf, 0x90); /* push 2; push cs; push 6; iret */
    check(trap.vec == EXC_GP && trap.eip == 7 && (trap.eflags & FL_VM), "iret_iopl3",
          "vector %u eip %x eflags %x", trap.vec, trap.eip, trap.eflags);
}

/* Port 80h with the bits of the bitmap as given, 1 = denied. */
static void set_ports(u16 port, unsigned n, bool denied)
{
    for (unsigned k = port; k < port + n; k++)
        task0.iomap[k / 8] = (u8)(denied ? task0.iomap[k / 8] | 1 << k % 8
                                         : task0.iomap[k / 8] & ~(1 << k % 8));
}

static void bitmap(void)
{
    RUN(0, 0xec);
    faults_at_once("in8_denied");
    RUN(FL_IOPL3, 0xec);
    faults_at_once("in8_denied_with_iopl3"); /* in V86 mode the bitmap alone counts */
    set_ports(0x80, 1, false);
    RUN(0, 0xec);
    runs_through("in8_allowed");
    RUN(0, 0xed);
    faults_at_once("in16_second_denied");
    set_ports(0x81, 1, false);
    RUN(0, 0xed);
    runs_through("in16_allowed");
    RUN(0, 0x66, 0xed);
    faults_at_once("in32_third_denied");
    set_ports(0x82, 2, false);
    RUN(0, 0x66, 0xed);
    runs_through("in32_allowed");
    RUN(0, 0x66, 0xef);
    runs_through("out32_allowed");
    /* 87h..88h: the bits lie in two bytes of the map */
    set_ports(0x84, 4, false);
    RUN(0, 0xba, 0x87, 0x00, 0xed);
    check(trap.vec == EXC_GP && trap.eip == 3, "in16_across_bytes_denied", "eip %x", trap.eip);
    set_ports(0x88, 3, false);
    RUN(0, 0xba, 0x87, 0x00, 0x66, 0xed);
    runs_through("in32_across_bytes_allowed");
    set_ports(0x8a, 1, true);
    RUN(0, 0xba, 0x87, 0x00, 0x66, 0xed);
    check(trap.vec == EXC_GP && trap.eip == 3, "in32_last_denied", "eip %x", trap.eip);
    RUN(0, 0x6c); /* insb */
    runs_through("insb_allowed");
    RUN(0, 0xba, 0x8a, 0x00, 0x6e); /* outsb */
    check(trap.vec == EXC_GP && trap.eip == 3, "outsb_denied", "eip %x", trap.eip);

    /* the limit: two bytes of the map are always read, the second must exist (SDM 1 19.5.2) */
    u64 was = gdt[SEL_TSS / 8];
    static const struct { u16 limit; bool ok; const char *name; } limits[] = {
        { sizeof(struct tss) + 0x10, false, "limit_cuts_second_byte" },
        { sizeof(struct tss) + 0x11, true, "limit_has_both_bytes" },
    };
    for (unsigned k = 0; k < ARRAY_LEN(limits); k++) {
        gdt[SEL_TSS / 8] = descriptor((u32)&task0, limits[k].limit, 0x89, 0);
        __asm__ volatile("ltr %0" :: "r"((u16)SEL_TSS));
        RUN(0, 0xec);
        if (limits[k].ok)
            runs_through(limits[k].name);
        else
            faults_at_once(limits[k].name);
    }
    gdt[SEL_TSS / 8] = was & ~(2ull << 40);
    __asm__ volatile("ltr %0" :: "r"((u16)SEL_TSS));
    task0.tss.iomap = 0xffff;
    RUN(0, 0xec);
    faults_at_once("no_map_at_all");
    task0.tss.iomap = sizeof(struct tss);
    /* outside V86 mode CPL <= IOPL is enough */
    memset(task0.iomap, 0xff, 8192);
    u8 *p = alloc_page();
    p[0] = 0xec;
    p[1] = 0xf4;
    struct user u = user_regs((u32)p, (u32)p + 4096);
    u.edx = 0x80;
    run_user(&u);
    check(trap.vec == EXC_GP && trap.eip == (u32)p, "cpl3_denied", "eip %x", trap.eip);
    u.eflags |= FL_IOPL3;
    run_user(&u);
    check(trap.vec == EXC_GP && trap.eip == (u32)p + 1, "cpl3_iopl3", "eip %x", trap.eip);
}

/* IP runs over FFFFh, SP wraps, offsets stay within 64 KB. */
static void sixteen_bits(void)
{
    RUN(0, 0x66, 0x31, 0xdb, 0xbb, 0xff, 0xff, 0x8b, 0x07); /* mov bx,ffff; mov ax,[bx] */
    check(trap.vec == EXC_GP && trap.eip == 6, "word_at_ffff", "vector %u eip %x", trap.vec, trap.eip);
    RUN(0, 0x66, 0xbb, 0x00, 0x00, 0x01, 0x00, 0x67, 0x8a, 0x03); /* mov ebx,10000h; mov al,[ebx] */
    check(trap.vec == EXC_GP && trap.eip == 6, "offset_above_limit", "vector %u eip %x", trap.vec,
          trap.eip);
    RUN(0, 0xbc, 0x01, 0x00, 0x50); /* mov sp,1; push ax: word at FFFFh */
    check(trap.vec == EXC_SS && trap.eip == 3, "push_at_1", "vector %u eip %x", trap.vec, trap.eip);
    RUN(0, 0xbc, 0x00, 0x00, 0x50); /* mov sp,0; push ax */
    runs_through("push_at_0_wraps");
    check_eq(trap.esp & 0xffff, 0xfffe, "sp_wrapped");
    RUN(0, 0x66, 0xe9, 0x00, 0x00, 0x01, 0x00); /* jmp dword to 10006h */
    check(trap.vec == EXC_GP && trap.eip == 0, "jump_above_limit", "vector %u eip %x", trap.vec,
          trap.eip);
}

void test_main(void)
{
    paging_on();
    entry();
    iopl_sensitive();
    bitmap();
    sixteen_bits();
}
