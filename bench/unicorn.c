/* SPDX-License-Identifier: MIT */
/* The same code under nestbox's CPU without a machine and under Unicorn, for docs/embedding.md:
 * what each does where they may differ, then how long each takes. Not part of the build:
 *   cc -O2 bench/unicorn.c $(pkg-config --cflags --libs nestbox unicorn) -o compare && ./compare */
#include <nestbox.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unicorn/unicorn.h>

enum { BASE = 0x400000, DATA = 0x401000, STACK = 0x401f00 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uc_engine *uc_with(const char *code, size_t len)
{
    uint32_t sp = STACK;
    uc_engine *uc;

    uc_open(UC_ARCH_X86, UC_MODE_32, &uc);
    uc_mem_map(uc, BASE, 0x1000, UC_PROT_ALL);
    uc_mem_map(uc, DATA, 0x1000, UC_PROT_READ | UC_PROT_WRITE);
    uc_mem_write(uc, BASE, code, len);
    uc_reg_write(uc, UC_X86_REG_ESP, &sp);
    return uc;
}

static struct nb_cpu *nb_with(const char *code, size_t len)
{
    struct nb_cpu_options o = { .size = sizeof o, .mode = NB_CPU_PROT32 };
    struct nb_cpu *cpu = nb_cpu_new(&o, NULL);

    nb_cpu_map(cpu, BASE, 0x1000, NB_CPU_RWX, NULL);
    nb_cpu_map(cpu, DATA, 0x1000, NB_CPU_R | NB_CPU_W, NULL);
    nb_cpu_mem_write(cpu, BASE, code, len, NULL);
    nb_cpu_set(cpu, NB_CPU_ESP, STACK);
    nb_cpu_set(cpu, NB_CPU_EIP, BASE);
    return cpu;
}

static uint32_t uc_get(uc_engine *uc, int reg)
{
    uint32_t v = 0;

    uc_reg_read(uc, reg, &v);
    return v;
}

static enum nb_cpu_reason nb_go(struct nb_cpu *cpu, uint32_t until, uint64_t count)
{
    struct nb_cpu_limits lim = {
        .size = sizeof lim, .has_until = 1, .until = until, .max_insns = count
    };

    return nb_cpu_run(cpu, &lim, NULL);
}

static void line(const char *what, const char *unit, uint32_t uc, uint32_t nb)
{
    printf("%-58s unicorn %8x   nestbox %8x   %s\n", what, uc, nb, unit);
}

static void int_hook(uc_engine *uc, uint32_t n, void *last)
{
    *(uint32_t *)last = n;
    uc_emu_stop(uc);
}

static void uc_set_eax(uc_engine *uc, uc_mem_type type, uint64_t addr, int size, int64_t value,
                       void *eip)
{
    uint32_t v = 0x77;

    (void)type, (void)addr, (void)size, (void)value;
    uc_reg_read(uc, UC_X86_REG_EIP, eip);
    uc_reg_write(uc, UC_X86_REG_EAX, &v);
}

static int nb_set_eax(struct nb_cpu *cpu, struct nb_cpu_event *ev, void *eip)
{
    (void)ev;
    *(uint32_t *)eip = nb_cpu_get(cpu, NB_CPU_EIP);
    nb_cpu_set(cpu, NB_CPU_EAX, 0x77);
    return NB_CPU_PASS;
}

static void behaviour(void)
{
    uint32_t vec = 0xff, nb_eip = 0, uc_eip = 0, v = 0, count = 100, di = BASE + 0x1000;
    struct nb_cpu_exit x = { .size = sizeof x };
    struct nb_cpu *nb;
    uc_engine *uc;
    uc_hook h;
#define BOTH(code) uc = uc_with(code, sizeof code - 1), nb = nb_with(code, sizeof code - 1)
#define DONE()     uc_close(uc), nb_cpu_free(nb)

    BOTH("\x64\xa1\x00\x10\x40\x00"); /* mov eax, fs:[401000h] with FS limit FFFh (uc: by a GDT) */
    uint8_t gdt[16] = { [8] = 0xff, 0x0f, 0, 0, 0, 0x93, 0x40, 0 };
    uc_x86_mmr gdtr = { .base = BASE + 0x1800, .limit = 15 };
    uint32_t fs = 8;
    uc_mem_write(uc, BASE + 0x1800, gdt, 16);
    uc_reg_write(uc, UC_X86_REG_GDTR, &gdtr);
    uc_reg_write(uc, UC_X86_REG_FS, &fs);
    uc_hook_add(uc, &h, UC_HOOK_INTR, (void *)int_hook, &vec, 1, 0);
    uc_emu_start(uc, BASE, BASE + 6, 0, 10);
    nb_cpu_set(nb, NB_CPU_FS_LIMIT, 0xfff);
    nb_cpu_set(nb, NB_CPU_FS_ATTR, 0x4093);
    nb_cpu_run(nb, NULL, &x);
    line("read beyond a segment's limit", "exception (ff: none)", vec,
         x.reason == NB_CPU_FAULT ? x.vector : 0xff);
    DONE();

    BOTH("\xd9\xe8\xd9\xf8\xdf\xe0"); /* fld1; fprem with ST(1) empty; fnstsw ax */
    uc_emu_start(uc, BASE, BASE + 6, 0, 10);
    nb_go(nb, BASE + 6, 10);
    line("FPREM with an empty ST(1) (a processor: 3841)", "status word", uc_get(uc, UC_X86_REG_EAX),
         nb_cpu_get(nb, NB_CPU_EAX));
    DONE();

    BOTH(
        "\xc7\x05\xfe\x1f\x40\x00\x11\x22\x33\x44"); /* mov dword [401ffeh], x: two bytes */
    uc_emu_start(uc, BASE, BASE + 10, 0, 10);
    nb_go(nb, BASE + 10, 10);
    uc_mem_read(uc, BASE + 0x1ffe, &v, 2);
    uint32_t w = 0;
    nb_cpu_mem_read(nb, BASE + 0x1ffe, &w, 2, NULL);
    line("write over the end of memory: bytes that were written", "", v, w);
    DONE();

    BOTH("\xf3\xaa\x90"); /* rep stosb, 30 instructions of it */
    uc_reg_write(uc, UC_X86_REG_ECX, &count);
    uc_reg_write(uc, UC_X86_REG_EDI, &di);
    uc_emu_start(uc, BASE, BASE + 3, 0, 30);
    nb_cpu_set(nb, NB_CPU_ECX, count);
    nb_cpu_set(nb, NB_CPU_EDI, di);
    nb_go(nb, BASE + 3, 30);
    line("REP STOSB, ECX = 100, 30 instructions: what is left", "ECX", uc_get(uc, UC_X86_REG_ECX),
         nb_cpu_get(nb, NB_CPU_ECX));
    DONE();

    BOTH("\x41\xa1\x00\x10\x40\x00\x42"); /* inc ecx; mov eax, [401000h]; inc edx */
    uc_hook_add(uc, &h, UC_HOOK_MEM_READ, (void *)uc_set_eax, &uc_eip, 1, 0);
    nb_cpu_hook_add(nb, NB_CPU_HOOK_READ, 1, 0, nb_set_eax, &nb_eip, NULL);
    uc_emu_start(uc, BASE, BASE + 7, 0, 10);
    nb_go(nb, BASE + 7, 10);
    line("EIP in a hook of a read by the instruction at 400001", "", uc_eip, nb_eip);
    line("... which sets EAX, the destination, to 77", "EAX after it", uc_get(uc, UC_X86_REG_EAX),
         nb_cpu_get(nb, NB_CPU_EAX));
    DONE();

    BOTH("\x40\xeb\x00\x90"); /* inc eax; run; overwritten from outside by inc ecx; run */
    uc_emu_start(uc, BASE, BASE + 3, 0, 10);
    nb_go(nb, BASE + 3, 10);
    uc_mem_write(uc, BASE, "\x41", 1);
    nb_cpu_mem_write(nb, BASE, "\x41", 1, NULL);
    nb_cpu_set(nb, NB_CPU_EIP, BASE);
    uc_emu_start(uc, BASE, BASE + 3, 0, 10);
    nb_go(nb, BASE + 3, 10);
    line("code overwritten from outside after it ran: the new one ran", "ECX",
         uc_get(uc, UC_X86_REG_ECX), nb_cpu_get(nb, NB_CPU_ECX));
    DONE();
}

/* ---- time */

static void uc_count(uc_engine *uc, uint64_t addr, uint32_t size, void *n)
{
    (void)uc, (void)addr, (void)size;
    ++*(uint64_t *)n;
}

static void uc_count_mem(uc_engine *uc, uc_mem_type type, uint64_t addr, int size, int64_t value,
                         void *n)
{
    (void)uc, (void)type, (void)addr, (void)size, (void)value;
    ++*(uint64_t *)n;
}

static int nb_count(struct nb_cpu *cpu, struct nb_cpu_event *ev, void *n)
{
    (void)cpu, (void)ev;
    ++*(uint64_t *)n;
    return NB_CPU_PASS;
}

/* mov ecx, N; L: add eax,[401000h]; xor edx,eax; mov [401004h],edx; push eax; pop ebx; dec ecx;
 * jnz L */
static char loop[] = "\xb9\x00\x00\x00\x00\x03\x05\x00\x10\x40\x00\x31\xc2\x89\x15\x04\x10\x40\x00"
                     "\x50\x5b\x49\x75\xed";

static void speed(const char *what, unsigned uc_kind, void *uc_fn, unsigned nb_kind,
                  uint32_t rounds)
{
    uint64_t n_uc = 0, n_nb = 0;
    uc_hook h;

    memcpy(loop + 1, &rounds, 4);
    uc_engine *uc = uc_with(loop, sizeof loop - 1);
    struct nb_cpu *nb = nb_with(loop, sizeof loop - 1);
    if (uc_kind) {
        uc_hook_add(uc, &h, (int)uc_kind, uc_fn, &n_uc, 1, 0);
        nb_cpu_hook_add(nb, nb_kind, 1, 0, nb_count, &n_nb, NULL);
    }
    double a = now();
    uc_emu_start(uc, BASE, BASE + sizeof loop - 1, 0, 0);
    double b = now();
    nb_go(nb, BASE + sizeof loop - 1, 0);
    double c = now();
    double insns = 7.0 * rounds / 1e6;
    printf("%-40s unicorn %8.1f   nestbox %8.1f   million instructions a second%s\n", what,
           insns / (b - a), insns / (c - b),
           uc_get(uc, UC_X86_REG_EDX) == nb_cpu_get(nb, NB_CPU_EDX) ? "" : "  RESULTS DIFFER");
    uc_close(uc);
    nb_cpu_free(nb);
}

static void starts(void)
{
    enum { N = 200000 };
    uc_engine *uc = uc_with("\x40\x40\x40\x40", 4);
    struct nb_cpu *nb = nb_with("\x40\x40\x40\x40", 4);
    double a = now();
    for (unsigned k = 0; k < N; k++)
        uc_emu_start(uc, BASE, BASE + 4, 0, 0);
    double b = now();
    for (unsigned k = 0; k < N; k++) {
        nb_cpu_set(nb, NB_CPU_EIP, BASE);
        nb_go(nb, BASE + 4, 0);
    }
    double c = now();
    printf("%-40s unicorn %8.0f   nestbox %8.0f   nanoseconds\n", "a run of 4 instructions",
           (b - a) / N * 1e9, (c - b) / N * 1e9);
    uc_close(uc);
    nb_cpu_free(nb);
}

int main(void)
{
    unsigned major, minor;

    uc_version(&major, &minor);
    printf("unicorn %u.%u, nestbox %s\n", major, minor, nb_version());
    behaviour();
    speed("no hooks", 0, NULL, 0, 20000000);
    speed("a code hook", UC_HOOK_CODE, (void *)uc_count, NB_CPU_HOOK_CODE, 1000000);
    speed("a block hook", UC_HOOK_BLOCK, (void *)uc_count, NB_CPU_HOOK_BLOCK, 4000000);
    speed("hooks of all reads and writes", UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE,
          (void *)uc_count_mem, NB_CPU_HOOK_READ | NB_CPU_HOOK_WRITE, 1000000);
    starts();
    return 0;
}
