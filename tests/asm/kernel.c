/* SPDX-License-Identifier: MIT */
/* The kernel under the bare-metal test programs. */
#include "kernel.h"

/* start.S loads it before anything else; the rest comes in tables_init() */
u64 gdt[GDT_LEN] __attribute__((aligned(16))) = {
    0, 0x00cf9a000000ffff, 0x00cf92000000ffff,
};
u64 idt[256] __attribute__((aligned(16)));
handler *volatile handlers[256];
struct frame trap;
u32 trap_cr2, trap_count;
__typeof__(task0) task0 __attribute__((aligned(4096)));
u32 page_dir[1024] __attribute__((aligned(4096)));
static u32 page_tables[5][1024] __attribute__((aligned(4096)));
static struct tss df_tss __attribute__((aligned(128)));
static u8 ring0_stack[16384] __attribute__((aligned(16)));
static u8 df_stack[4096] __attribute__((aligned(16)));
static unsigned failed, passed;
extern u8 stubs[], __heap[];
extern u32 trap_ctx[6], multiboot_magic, multiboot_info;
static u8 *heap = __heap;

void kernel_main(void) __attribute__((noreturn));
void on_trap(struct frame *f);
void trap_return(void) __attribute__((noreturn));
void user_enter(const struct user *u);

/* ---- console */
static void put(char ch)
{
    outb(0xe9, (u8)ch);
    for (unsigned k = 0; k < 20000 && !(inb(0x3fd) & 0x20); k++) {
    }
    outb(0x3f8, (u8)ch); /* Bochs' port E9h shares stdout with its screen */
}

static void put_num(u32 v, unsigned base, unsigned width, char pad)
{
    char buf[12];
    unsigned n = 0;

    do {
        buf[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    while (n < width && n < sizeof(buf))
        buf[n++] = pad;
    while (n)
        put(buf[--n]);
}

static void vprint(const char *fmt, __builtin_va_list ap)
{
    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            put(*fmt);
            continue;
        }
        char pad = ' ';
        unsigned width = 0;
        fmt++;
        if (*fmt == '0')
            pad = *fmt++;
        while (*fmt >= '0' && *fmt <= '9')
            width = width * 10 + (unsigned)(*fmt++ - '0');
        switch (*fmt) {
        case 's':
            for (const char *s = __builtin_va_arg(ap, const char *); *s; s++)
                put(*s);
            break;
        case 'c':
            put((char)__builtin_va_arg(ap, int));
            break;
        case 'd': {
            i32 v = __builtin_va_arg(ap, i32);
            if (v < 0)
                put('-');
            put_num(v < 0 ? 0u - (u32)v : (u32)v, 10, width, pad);
            break;
        }
        case 'u':
            put_num(__builtin_va_arg(ap, u32), 10, width, pad);
            break;
        case 'x':
            put_num(__builtin_va_arg(ap, u32), 16, width, pad);
            break;
        default:
            put(*fmt);
        }
    }
}

void print(const char *fmt, ...)
{
    __builtin_va_list ap;

    __builtin_va_start(ap, fmt);
    vprint(fmt, ap);
    __builtin_va_end(ap);
}

void check(bool ok, const char *name, const char *fmt, ...)
{
    if (ok) {
        passed++;
        print("PASS %s\n", name);
        return;
    }
    failed++;
    print("FAIL %s: ", name);
    __builtin_va_list ap;
    __builtin_va_start(ap, fmt);
    vprint(fmt, ap);
    __builtin_va_end(ap);
    put('\n');
}

void note(const char *fmt, ...)
{
    __builtin_va_list ap;

    print("NOTE ");
    __builtin_va_start(ap, fmt);
    vprint(fmt, ap);
    __builtin_va_end(ap);
    put('\n');
}

void last_line(void)
{
    cli();
    print("DONE %u passed, %u failed\n", passed, failed);
    for (unsigned k = 0; k < 200000 && !(inb(0x3fd) & 0x40); k++) { /* the last byte leaves */
    }
}

void finish(void)
{
    last_line();
    outb(0xf4, failed ? 1 : 0);
    for (const char *s = "Shutdown"; *s; s++) /* Bochs has no isa-debug-exit */
        outb(0x8900, (u8)*s);
    for (;;)
        __asm__ volatile("cli; hlt");
}

void *memset(void *p, int v, unsigned long n)
{
    void *to = p;

    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(v) : "memory");
    return p;
}

void *memcpy(void *to, const void *from, unsigned long n)
{
    void *p = to;

    __asm__ volatile("rep movsb" : "+D"(p), "+S"(from), "+c"(n) :: "memory");
    return to;
}

int memcmp(const void *a, const void *b, unsigned long n)
{
    const u8 *p = a, *q = b;

    for (; n; n--, p++, q++) {
        if (*p != *q)
            return *p - *q;
    }
    return 0;
}

/* ---- tables */
u64 descriptor(u32 base, u32 limit, u8 type, u8 flags)
{
    return (u64)(limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)type << 40 |
           (u64)(limit >> 16 & 15) << 48 | (u64)flags << 52 | (u64)(base >> 24) << 56;
}

u64 gate(u16 sel, u32 offset, u8 type)
{
    return (u64)(offset & 0xffff) | (u64)sel << 16 | (u64)type << 40 |
           (u64)(offset >> 16) << 48;
}

static void on_double_fault(void)
{
    print("FAIL double fault in the task at eip %x esp %x\n", task0.tss.eip, task0.tss.esp);
    failed++;
    finish();
}

static void tables_init(void)
{
    gdt[SEL_UCODE / 8] = descriptor(0, 0xfffff, 0xfa, 0xc);
    gdt[SEL_UDATA / 8] = descriptor(0, 0xfffff, 0xf2, 0xc);
    gdt[SEL_TSS / 8] = descriptor((u32)&task0, sizeof(task0) - 1, 0x89, 0);
    gdt[SEL_CODE16 / 8] = descriptor(0, 0xffff, 0x9a, 0);
    gdt[SEL_DATA16 / 8] = descriptor(0, 0xffff, 0x92, 0);
    gdt[SEL_DF_TSS / 8] = descriptor((u32)&df_tss, sizeof(df_tss) - 1, 0x89, 0);
    for (unsigned v = 0; v < 256; v++) /* INT n from CPL 3 only at 80h and above */
        idt[v] = gate(SEL_CODE, (u32)stubs + 16 * v, v >= 0x80 || v == 3 || v == 4 ? 0xee : 0x8e);
    idt[EXC_DF] = gate(SEL_DF_TSS, 0, 0x85);
    df_tss = (struct tss){
        .cr3 = (u32)page_dir, .eip = (u32)on_double_fault, .eflags = 2,
        .esp = (u32)df_stack + sizeof(df_stack), .cs = SEL_CODE, .ss = SEL_DATA, .ds = SEL_DATA,
        .es = SEL_DATA, .iomap = sizeof(struct tss),
    };
    task0.tss.esp0 = (u32)ring0_stack + sizeof(ring0_stack);
    task0.tss.ss0 = SEL_DATA;
    task0.tss.cr3 = (u32)page_dir;
    task0.tss.iomap = sizeof(struct tss);
    memset(task0.iomap, 0xff, sizeof(task0.iomap));
    struct { u16 limit; u32 base; } __attribute__((packed)) idtr = { sizeof(idt) - 1, (u32)idt };
    __asm__ volatile("lidt %0; ltr %1" :: "m"(idtr), "r"((u16)SEL_TSS));
}

void kernel_main(void)
{
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    outb(0x3fb, 3); /* 8 bits a character */
    tables_init();
    test_main();
    finish();
}

u32 option(const char *name, u32 otherwise)
{
    const u32 *info = (const u32 *)multiboot_info;
    u32 v = 0, n = 0;

    while (name[n])
        n++;
    if (multiboot_magic != 0x2badb002 || !(info[0] & 4))
        return otherwise;
    for (const char *s = (const char *)info[4]; *s; s++) {
        if (memcmp(s, name, n) || s[n] != '=')
            continue;
        for (s += n + 1; *s >= '0' && *s <= '9'; s++)
            v = v * 10 + (u32)(*s - '0');
        return v;
    }
    return otherwise;
}

/* ---- exceptions */
void on_trap(struct frame *f)
{
    trap_count++;
    if (handlers[f->vec]) {
        handlers[f->vec](f);
        return;
    }
    if (trap_ctx[0]) {
        trap_cr2 = get_cr2();
        memcpy(&trap, f, sizeof(trap));
        trap_return();
    }
    print("FAIL unexpected vector %x error %x at %x:%x flags %x cr2 %x\n", f->vec, f->err, f->cs,
          f->eip, f->eflags, get_cr2());
    failed++;
    finish();
}

void trap_clear(void)
{
    trap_ctx[0] = 0;
}

void run_user(const struct user *u)
{
    if (!trap_set())
        user_enter(u);
}

struct user user_regs(u32 eip, u32 esp)
{
    return (struct user){ .eip = eip, .esp = esp, .cs = SEL_UCODE, .ss = SEL_UDATA, .eflags = 2,
                          .ds = SEL_UDATA, .es = SEL_UDATA };
}

struct user v86_regs(u16 cs, u16 ip, u16 ss, u16 sp)
{
    return (struct user){ .eip = ip, .esp = sp, .cs = cs, .ss = ss, .eflags = FL_VM | 2,
                          .ds = cs, .es = cs };
}

/* ---- paging */
void paging_on(void)
{
    for (u32 k = 0; k < 4 * 1024; k++)
        page_tables[k / 1024][k % 1024] = k << 12 | PTE_P | PTE_W | PTE_U;
    for (u32 k = 0; k < 4; k++)
        page_dir[k] = (u32)page_tables[k] | PTE_P | PTE_W | PTE_U;
    page_dir[TEST_LA >> 22] = (u32)page_tables[4] | PTE_P | PTE_W | PTE_U;
    set_cr3((u32)page_dir);
    set_cr0(get_cr0() | 0x80000000u | CR0_WP);
}

u32 *pte(u32 la)
{
    return &page_tables[la >> 22 == TEST_LA >> 22 ? 4 : la >> 22 & 3][la >> 12 & 1023];
}

void map(u32 la, u32 pa, u32 flags)
{
    *pte(la) = pa | flags;
    invlpg(la);
}

void *alloc_page(void)
{
    u8 *p = heap;

    heap += 4096;
    return memset(p, 0, 4096);
}

/* ---- hardware */
void pic_init(u8 master_mask, u8 slave_mask)
{
    outb(0x20, 0x11);
    outb(0x21, 0x20);
    outb(0x21, 4);
    outb(0x21, 1);
    outb(0xa0, 0x11);
    outb(0xa1, 0x28);
    outb(0xa1, 2);
    outb(0xa1, 1);
    outb(0x21, master_mask);
    outb(0xa1, slave_mask);
}

void pic_eoi(unsigned irq)
{
    if (irq >= 8)
        outb(0xa0, 0x20);
    outb(0x20, 0x20);
}

void pit_start(u8 mode, u16 count)
{
    outb(0x43, (u8)(0x30 | mode << 1));
    outb(0x40, (u8)count);
    outb(0x40, (u8)(count >> 8));
}
