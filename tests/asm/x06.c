/* SPDX-License-Identifier: MIT */
/* X6: code that changes itself. The next instruction, the same page, another page, through an alias
 * mapping, by string instructions, an instruction across two pages, from the other side of a call,
 * by DMA from the floppy drive (SDM 3A 11.6; XP contract 2.8). P6 and later processors snoop: a
 * changed instruction is seen by the next fetch, without a jump. */
#include "kernel.h"

static u8 *code;
typedef u32 fn(void);

static u32 call(u8 *at)
{
    return ((fn *)at)();
}

/* mov eax, n; ret */
static void put_const(u8 *at, u32 n)
{
    at[0] = 0xb8;
    memcpy(at + 1, &n, 4);
    at[5] = 0xc3;
}

static void simple(void)
{
    u32 bad = 0;

    for (u32 k = 0; k < 2000; k++) {
        put_const(code, k);
        if (call(code) != k)
            bad++;
    }
    check(!bad, "rewritten_before_each_call", "%u of 2000", bad);
    /* only a byte of the immediate */
    put_const(code, 0);
    bad = 0;
    for (u32 k = 0; k < 1000; k++) {
        code[1 + k % 4] = (u8)k;
        u32 want;
        memcpy(&want, code + 1, 4);
        if (call(code) != want)
            bad++;
    }
    check(!bad, "one_byte_of_an_immediate", "%u of 1000", bad);
    /* data stored between functions that run: must not disturb them */
    put_const(code, 0x1111);
    put_const(code + 64, 0x2222);
    bad = 0;
    for (u32 k = 0; k < 2000; k++) {
        *(volatile u32 *)(code + 32) = k;
        if (call(code) != 0x1111 || call(code + 64) != 0x2222 || *(volatile u32 *)(code + 32) != k)
            bad++;
    }
    check(!bad, "data_beside_code", "%u of 2000", bad);
}

/* The store changes what follows in the same straight line. */
static void next_instruction(void)
{
    u32 v, bad = 0;

    for (u32 k = 0; k < 200; k++) {
        __asm__ volatile("movb $0x40, x6_next\n"     /* inc eax */
                         "xorl %%eax, %%eax\n"
                         "movb $0x48, x6_next\n"     /* dec eax: the very next instruction */
                         "x6_next: incl %%eax\n"
                         : "=a"(v) :: "memory", "cc");
        bad += v != 0xffffffffu;
    }
    check(!bad, "next_instruction", "%u of 200", bad);
    bad = 0;
    for (u32 k = 0; k < 200; k++) {
        __asm__ volatile("xorl %%eax, %%eax\n movb $0x40, x6_loop\n movl $10, %%ecx\n"
                         "1: cmpl $5, %%ecx\n jne 2f\n movb $0x48, x6_loop\n"
                         "2: nop\n nop\n x6_loop: incl %%eax\n loop 1b\n"
                         : "=a"(v) :: "ecx", "memory", "cc");
        bad += v != 0; /* five up, five down */
    }
    check(!bad, "in_its_own_loop", "%u of 200", bad);
}

static void by_strings(void)
{
    u32 bad = 0, v;
    static u8 donor[64] __attribute__((aligned(16)));

    for (u32 k = 0; k < 300; k++) {
        put_const(code, 1);
        call(code);
        put_const(donor, 0x1000 + k);
        u8 *to = code;
        const u8 *from = donor;
        u32 n = 6;
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) :: "memory");
        bad += call(code) != 0x1000 + k;
        to = code;
        n = 1;
        __asm__ volatile("stosl" : "+D"(to) : "a"(0x90909090) : "memory"); /* nop x 4; then half a mov */
        code[4] = 0x90;
        code[5] = 0xb0;
        code[6] = (u8)k;
        code[7] = 0xc3;
        v = call(code) & 0xff;
        bad += v != (k & 0xff);
    }
    check(!bad, "by_string_instructions", "%u", bad);
    /* REP MOVS that overwrites itself: it goes on with the iterations it has (it is one instruction) */
    extern u8 x6_rep[], x6_rep_end[];
    static const u8 nops[64] = { 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 };
    u8 saved[16];
    u32 left;
    memcpy(saved, x6_rep, sizeof(saved));
    __asm__ volatile("movl %1, %%esi\n movl $x6_rep, %%edi\n movl $8, %%ecx\n"
                     "x6_rep: rep movsb\n nop\n nop\n nop\n nop\n nop\n nop\n x6_rep_end: movl %%ecx, %0\n"
                     : "=r"(left) : "r"(nops) : "esi", "edi", "ecx", "memory");
    (void)x6_rep_end;
    note("REP MOVSB over itself: %u iterations left", left);
    check(left == 0 || left == 6 || left == 7, "rep_over_itself", "ecx %u", left);
    memcpy(x6_rep, saved, sizeof(saved));
}

static void alias(void)
{
    u32 la = TEST_LA + 0x3000, bad = 0;

    map(la, (u32)code, PTE_P | PTE_W);
    for (u32 k = 0; k < 500; k++) {
        put_const((u8 *)la, k);
        bad += call(code) != k;
        put_const(code, k + 1);
        bad += call((u8 *)la) != k + 1;
    }
    check(!bad, "through_an_alias", "%u", bad);
    /* the mapping moves to another frame under code that has run there */
    u8 *other = alloc_page();
    put_const(code, 0x11);
    put_const(other, 0x22);
    bad = 0;
    for (u32 k = 0; k < 200; k++) {
        map(la, k & 1 ? (u32)other : (u32)code, PTE_P);
        bad += call((u8 *)la) != (k & 1 ? 0x22u : 0x11u);
    }
    check(!bad, "remapped_code", "%u", bad);
    /* a read-only mapping of code that changes through the other one */
    map(la, (u32)code, PTE_P);
    bad = 0;
    for (u32 k = 0; k < 200; k++) {
        put_const(code, k);
        bad += call((u8 *)la) != k;
    }
    check(!bad, "read_only_alias", "%u", bad);
}

static void across_pages(void)
{
    u8 *p = alloc_page(), *q = alloc_page(); /* neighbours */
    u32 bad = 0;

    (void)q;
    for (u32 at = 4091; at < 4096; at++) {
        for (u32 k = 0; k < 100; k++) {
            put_const(p + at, 0x01020304);
            call(p + at);
            p[4096] = (u8)k; /* the first byte of the second page, part of the immediate or the RET */
            if (at == 4091) {
                p[4096] = 0xc3;
                continue;
            }
            u32 want;
            memcpy(&want, p + at + 1, 4);
            bad += call(p + at) != want;
        }
    }
    check(!bad, "instruction_across_pages", "%u", bad);
    /* the second page is remapped under it */
    u32 la = TEST_LA + 0x8000;
    u8 *r = alloc_page();
    map(la, (u32)p, PTE_P | PTE_W);
    map(la + 4096, (u32)(p + 4096), PTE_P | PTE_W);
    put_const(p + 4094, 0x55555555);
    memset(r, 0x66, 8);
    r[3] = 0xc3;
    bad = 0;
    for (u32 k = 0; k < 100; k++) {
        map(la + 4096, k & 1 ? (u32)r : (u32)(p + 4096), PTE_P | PTE_W);
        bad += call((u8 *)la + 4094) != (k & 1 ? 0x66666655u : 0x55555555u);
    }
    check(!bad, "second_page_remapped", "%u", bad);
}

/* ---- DMA: a sector of the floppy is read over code that has run */
static volatile u32 floppy_irqs;

static void on_irq6(struct frame *f)
{
    (void)f;
    floppy_irqs++;
    pic_eoi(6);
}

static bool fdc_out(u8 v)
{
    for (u32 k = 0; k < 1000000; k++) {
        if ((inb(0x3f4) & 0xc0) == 0x80) {
            outb(0x3f5, v);
            return true;
        }
    }
    return false;
}

static u8 fdc_in(void)
{
    for (u32 k = 0; k < 1000000; k++) {
        if ((inb(0x3f4) & 0xc0) == 0xc0)
            return inb(0x3f5);
    }
    return 0xff;
}

static bool wait_irq(u32 before)
{
    for (u32 k = 0; k < 20000000 && floppy_irqs == before; k++)
        __asm__ volatile("sti; nop; cli");
    return floppy_irqs != before;
}

static bool read_sector(u32 to)
{
    u32 n;

    outb(0x0a, 6);
    outb(0x0c, 0);
    outb(0x0b, 0x46); /* single, increment, write to memory, channel 2 */
    outb(0x04, (u8)to);
    outb(0x04, (u8)(to >> 8));
    outb(0x81, (u8)(to >> 16));
    outb(0x05, 0xff);
    outb(0x05, 0x01);
    outb(0x0a, 2);
    n = floppy_irqs;
    static const u8 cmd[] = { 0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff }; /* cylinder 0, head 0, sector 1 */
    for (unsigned k = 0; k < sizeof(cmd); k++) {
        if (!fdc_out(cmd[k]))
            return false;
    }
    if (!wait_irq(n))
        return false;
    u8 st0 = fdc_in();
    for (unsigned k = 0; k < 6; k++)
        fdc_in();
    return (st0 & 0xc0) == 0;
}

static void dma(void)
{
    u8 *low = (u8 *)0x9000; /* in the first 16 MB and in one 64 KB */
    u32 n;

    handlers[0x26] = on_irq6;
    pic_init(0xbf, 0xff);
    n = floppy_irqs;
    outb(0x3f7, 0); /* 500 kbit/s; a reset leaves 250 */
    outb(0x3f2, 0x08);
    outb(0x3f2, 0x1c);
    if (!wait_irq(n)) {
        check(false, "floppy_reset", "no interrupt");
        return;
    }
    for (unsigned k = 0; k < 4; k++) {
        fdc_out(8);
        fdc_in();
        fdc_in();
    }
    fdc_out(3);
    fdc_out(0xaf);
    fdc_out(2);
    n = floppy_irqs;
    fdc_out(7);
    fdc_out(0);
    wait_irq(n);
    fdc_out(8);
    fdc_in();
    fdc_in();
    bool read_ok = read_sector((u32)low);
    check(read_ok, "floppy_read", "");
    check(low[510] == 0x55 && low[511] == 0xaa, "boot_sector", "%02x %02x", low[510], low[511]);
    /* the boot sector begins with CLI; XOR AX, AX in 16-bit code: FAh 31h C0h; here: CLI, XOR EAX, EAX */
    u32 bad = 0;
    for (u32 k = 0; k < 3; k++) {
        put_const(low, 0x1234 + k); /* b8 34 12 00 00 c3 */
        low[0x1fe - 1] = 0x90;
        bad += call(low) != 0x1234 + k;
        u8 first = low[0];
        read_ok = read_sector((u32)low);
        bad += !read_ok || low[0] == first || low[0] != 0xfa;
        /* run what has come: patched behind its first instructions to return */
        u8 keep = low[3];
        low[3] = 0xc3;
        cli();
        bad += call(low) != 0;
        low[3] = keep;
    }
    check(!bad, "dma_over_code", "%u", bad);
}

void test_main(void)
{
    paging_on();
    code = alloc_page();
    simple();
    next_instruction();
    by_strings();
    alias();
    across_pages();
    dma();
}
