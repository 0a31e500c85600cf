/* SPDX-License-Identifier: MIT */
/* What a bare-metal test program can use: a flat 32-bit kernel without an operating system, loaded
 * at 1 MB by multiboot or by boot.S from a floppy. Each program is one file with a test_main(); it
 * says PASS or FAIL for each check on the debug console (port E9h) and ends through isa-debug-exit
 * (port F4h: 0 all passed, 1 something failed). See README.md. */
#ifndef NB_TESTS_ASM_KERNEL_H
#define NB_TESTS_ASM_KERNEL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned u32;
typedef unsigned long long u64;
typedef int i32;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

void test_main(void);

/* ---- console. Formats: %s %c %d %u %x %08x-like widths %% */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "PASS name" or "FAIL name: detail". */
void check(bool ok, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A fact that the manual leaves open, or in which processors differ: printed, never failed. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The last line, with the counts; finish() prints it and ends the machine. */
void last_line(void);
void finish(void) __attribute__((noreturn));
/* The number behind "name=" on the multiboot command line. */
u32 option(const char *name, u32 otherwise);
#define check_eq(got, want, name) do { \
        u32 got_ = (u32)(got), want_ = (u32)(want); \
        check(got_ == want_, name, "got %x, want %x", got_, want_); \
    } while (0)

void *memset(void *p, int v, unsigned long n);
void *memcpy(void *to, const void *from, unsigned long n);
int memcmp(const void *a, const void *b, unsigned long n);

/* ---- selectors (gdt[] is writable) */
enum {
    SEL_CODE = 0x08, SEL_DATA = 0x10, SEL_UCODE = 0x1b, SEL_UDATA = 0x23, SEL_TSS = 0x28,
    SEL_CODE16 = 0x30, SEL_DATA16 = 0x38, SEL_DF_TSS = 0x40, SEL_TASK = 0x48, SEL_LDT = 0x50,
    SEL_FREE = 0x58, /* from here on: the test's */
    GDT_LEN = 64,
};
extern u64 gdt[GDT_LEN];
/* type: access byte (P, DPL, S, type); flags: G and D/B in bits 3 and 2. */
u64 descriptor(u32 base, u32 limit, u8 type, u8 flags);
u64 gate(u16 sel, u32 offset, u8 type);
extern u64 idt[256];

struct tss {
    u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
    u32 eax, ecx, edx, ebx, esp, ebp, esi, edi, es, cs, ss, ds, fs, gs, ldt;
    u16 trap, iomap;
};
/* The running task's, with an I/O permission bitmap behind it: all ports denied. */
extern struct { struct tss tss; u8 iomap[8192 + 1]; } task0;

/* ---- exceptions and interrupts. What was pushed, lowest address first. */
struct frame {
    u32 gs_, fs_, ds_, es_;                     /* selectors at the time; zero from V86 */
    u32 edi, esi, ebp, esp_, ebx, edx, ecx, eax;
    u32 vec, err;
    u32 eip, cs, eflags;
    u32 esp, ss;                                /* outer stack: only after a privilege change */
    u32 es, ds, fs, gs;                         /* from V86 only */
};
/* The test's own handler; it may change the frame. NULL: see below. */
typedef void handler(struct frame *f);
extern handler *volatile handlers[256];
extern struct frame trap;    /* the last exception that trap_set() caught */
extern u32 trap_cr2;
extern u32 trap_count;       /* exceptions and interrupts of all kinds so far */

/* Like setjmp: 0 now; 1 again when an exception comes that has no handler of its own, from whatever
 * privilege level; the interrupted code is left. One at a time. */
int trap_set(void) __attribute__((returns_twice));
void trap_clear(void);
/* CATCH(code) is true if code raised an exception. */
#define CATCH(code) (trap_set() ? true : ({ code; trap_clear(); false; }))

struct user {
    u32 edi, esi, ebp, esp_unused, ebx, edx, ecx, eax;
    u32 eip, cs, eflags, esp, ss, es, ds, fs, gs;
};
/* Enters CPL 3 (or V86 mode with VM in eflags) and comes back with the first exception or INT that
 * has no handler, which is in `trap`. */
void run_user(const struct user *u);
struct user user_regs(u32 eip, u32 esp);        /* flat CPL 3, IF clear, everything else zero */
struct user v86_regs(u16 cs, u16 ip, u16 ss, u16 sp);

/* ---- paging: linear = physical for the first 16 MB, user-accessible, 4 KB pages */
enum {
    PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_PWT = 8, PTE_PCD = 16, PTE_A = 32, PTE_D = 64,
    PTE_PS = 128, PTE_G = 256,
};
extern u32 page_dir[1024];
void paging_on(void);
u32 *pte(u32 la);                               /* of the first 16 MB and of TEST_LA's 4 MB */
#define TEST_LA 0x40000000u                     /* 4 MB with a page table and nothing mapped */
void map(u32 la, u32 pa, u32 flags);            /* and INVLPG */
void *alloc_page(void);                         /* zeroed, below 16 MB; never freed */

/* ---- hardware */
void pic_init(u8 master_mask, u8 slave_mask);   /* vectors 20h and 28h */
void pic_eoi(unsigned irq);
void pit_start(u8 mode, u16 count);             /* counter 0 */

static inline u8 inb(u16 p) { u8 v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(p)); return v; }
static inline u16 inw(u16 p) { u16 v; __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(p)); return v; }
static inline void outb(u16 p, u8 v) { __asm__ volatile("outb %0, %1" :: "a"(v), "Nd"(p)); }
static inline void outw(u16 p, u16 v) { __asm__ volatile("outw %0, %1" :: "a"(v), "Nd"(p)); }
static inline void outl(u16 p, u32 v) { __asm__ volatile("outl %0, %1" :: "a"(v), "Nd"(p)); }
static inline u32 inl(u16 p) { u32 v; __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(p)); return v; }
static inline u32 flags_get(void) { u32 v; __asm__ volatile("pushfl; popl %0" : "=r"(v)); return v; }
static inline void flags_set(u32 v) { __asm__ volatile("pushl %0; popfl" :: "r"(v) : "cc", "memory"); }
static inline void cli(void) { __asm__ volatile("cli" ::: "memory"); }
static inline void sti(void) { __asm__ volatile("sti" ::: "memory"); }
#define REG_(name) \
    static inline u32 get_##name(void) { u32 v; __asm__ volatile("movl %%" #name ", %0" : "=r"(v)); return v; } \
    static inline void set_##name(u32 v) { __asm__ volatile("movl %0, %%" #name :: "r"(v) : "memory"); }
REG_(cr0) REG_(cr2) REG_(cr3) REG_(cr4)
REG_(dr0) REG_(dr1) REG_(dr2) REG_(dr3) REG_(dr6) REG_(dr7)
#undef REG_
static inline void invlpg(u32 la) { __asm__ volatile("invlpg (%0)" :: "r"(la) : "memory"); }
static inline u64 rdtsc(void) { u64 v; __asm__ volatile("rdtsc" : "=A"(v)); return v; }
static inline void hlt(void) { __asm__ volatile("sti; hlt; cli" ::: "memory"); }
static inline u32 pci_read(u32 dev, u32 fn, u32 reg)
{
    outl(0xcf8, 0x80000000u | dev << 11 | fn << 8 | reg);
    return inl(0xcfc);
}
static inline u64 rdmsr(u32 n) { u64 v; __asm__ volatile("rdmsr" : "=A"(v) : "c"(n)); return v; }
static inline void wrmsr(u32 n, u64 v) { __asm__ volatile("wrmsr" :: "c"(n), "A"(v) : "memory"); }
static inline void cpuid(u32 leaf, u32 r[4])
{
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0));
}

enum {
    FL_CF = 1, FL_PF = 4, FL_AF = 16, FL_ZF = 64, FL_SF = 128, FL_TF = 256, FL_IF = 512, FL_DF = 1024,
    FL_OF = 2048, FL_IOPL3 = 3 << 12, FL_NT = 1 << 14, FL_RF = 1 << 16, FL_VM = 1 << 17,
    FL_AC = 1 << 18, FL_VIF = 1 << 19, FL_VIP = 1 << 20, FL_ID = 1 << 21,
    CR0_PE = 1, CR0_MP = 2, CR0_EM = 4, CR0_TS = 8, CR0_NE = 32, CR0_WP = 1 << 16, CR0_AM = 1 << 18,
    CR4_VME = 1, CR4_PVI = 2, CR4_TSD = 4, CR4_DE = 8, CR4_PSE = 16, CR4_PAE = 32, CR4_PGE = 128,
    CR4_OSFXSR = 512, CR4_OSXMMEXCPT = 1024,
};
enum {
    EXC_DE, EXC_DB, EXC_NMI, EXC_BP, EXC_OF, EXC_BR, EXC_UD, EXC_NM, EXC_DF, EXC_TS = 10, EXC_NP,
    EXC_SS, EXC_GP, EXC_PF, EXC_MF = 16, EXC_AC, EXC_MC, EXC_XM,
};

#endif
