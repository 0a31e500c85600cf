/* SPDX-License-Identifier: MIT */
/*
 * Class os: what an operating system costs: entries to the kernel, address spaces, page tables,
 * exceptions. The kernel under a guest is not the host's, so the ratio to native says little here;
 * the ratio between emulators, which run the same kernel, is what counts.
 */
#include "bench.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

/* By the C library's way: SYSENTER where the CPU has it. */
static uint32_t getpid_run(void)
{
    uint32_t bad = 0;
    long first = syscall(SYS_getppid);

    for (int i = 0; i < 8000; i++)
        bad += syscall(SYS_getppid) != first;
    return bad;
}

static uint32_t int80_run(void)
{
    uint32_t bad = 0;
    long first = syscall(SYS_getppid);

    for (int i = 0; i < 4000; i++) {
        long result;

        __asm__ volatile("int $0x80" : "=a"(result) : "a"(SYS_getppid) : "memory");
        bad += result != first;
    }
    return bad;
}

static uint32_t wait_for(pid_t pid)
{
    int status;

    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        die("os: fork");
    return (uint32_t)status;
}

static uint32_t fork_run(void)
{
    uint32_t sum = 0;

    for (int i = 0; i < 12; i++) {
        pid_t pid = fork();

        if (pid == 0)
            _exit(i);
        sum = sum_add(sum, wait_for(pid));
    }
    return sum;
}

/* Alone in a function: what vfork shares with the child must not be in the caller's registers. */
static __attribute__((noinline)) pid_t start_self(char **args)
{
    pid_t pid = vfork();

    if (pid == 0) {
        execve(program_path, args, program_environ);
        _exit(127);
    }
    return pid;
}

static uint32_t forkexec_run(void)
{
    static char flag[] = "-true";
    char *args[] = { (char *)program_path, flag, NULL };
    uint32_t sum = 0;

    for (int i = 0; i < 6; i++)
        sum += wait_for(start_self(args));
    return sum;
}

/* Two processes hand a byte to and fro: a task switch each time. */
static uint32_t pipe_run(void)
{
    int to[2], from[2];
    unsigned char c = 0;
    uint32_t sum = 0;
    pid_t pid;

    if (pipe(to) != 0 || pipe(from) != 0)
        die("os: pipe");
    pid = fork();
    if (pid == 0) {
        close(to[1]);
        close(from[0]);
        while (read(to[0], &c, 1) == 1) {
            c++;
            if (write(from[1], &c, 1) != 1)
                break;
        }
        _exit(0);
    }
    close(to[0]);
    close(from[1]);
    for (int i = 0; i < 500; i++) {
        if (write(to[1], &c, 1) != 1 || read(from[0], &c, 1) != 1)
            die("os: pipe");
        sum += c;
    }
    close(to[1]);
    close(from[0]);
    return sum_add(sum, wait_for(pid));
}

/* Fresh pages, touched and given back. */
static uint32_t pgfault_run(void)
{
    const size_t size = 400 * 4096;
    unsigned char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t sum = 0;

    if (p == MAP_FAILED)
        die("os: mmap");
    for (size_t i = 0; i < size; i += 4096) {
        sum += p[i];
        p[i] = (unsigned char)(i >> 12);
    }
    for (size_t i = 0; i < size; i += 4096)
        sum += p[i];
    munmap(p, size);
    return sum;
}

static unsigned char *protected_pages;

static void mprotect_set_up(void) { protected_pages = get_memory(16 * 4096); }

static uint32_t mprotect_run(void)
{
    uint32_t sum = 0;

    for (int i = 0; i < 500; i++) {
        unsigned char *p = protected_pages + i % 16 * 4096;

        if (mprotect(p, 4096, PROT_READ) != 0)
            die("os: mprotect");
        sum += p[7];
        if (mprotect(p, 4096, PROT_READ | PROT_WRITE) != 0)
            die("os: mprotect");
        p[7] = (unsigned char)i;
    }
    memset(protected_pages, 0, 16 * 4096);
    return sum;
}

/* ---- exceptions that become signals ---- */
static volatile uint32_t signals_seen;

static void on_segv(int number, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    (void)number;
    (void)info;
    signals_seen++;
    uc->uc_mcontext.gregs[REG_EIP] += 2; /* over the two bytes of the load */
}

static void on_trap(int number)
{
    (void)number;
    signals_seen++;
}

static void segv_set_up(void)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_sigaction = on_segv;
    sa.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &sa, NULL);
}

static uint32_t segv_run(void)
{
    signals_seen = 0;
    for (int i = 0; i < 300; i++) {
        /* mov (%eax), %eax: two bytes */
        uint32_t v = 16;

        __asm__ volatile(".byte 0x8b, 0x00" : "+a"(v) : : "memory");
    }
    return signals_seen;
}

static void int3_set_up(void)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = on_trap;
    sigaction(SIGTRAP, &sa, NULL);
}

static uint32_t int3_run(void)
{
    signals_seen = 0;
    for (int i = 0; i < 300; i++)
        __asm__ volatile("int3" : : : "memory");
    return signals_seen;
}

const struct program os_programs[] = {
    { "getpid", "os", 35, 0, NULL, getpid_run },
    { "int80", "os", 50, 0, NULL, int80_run },
    { "fork", "os", 22, 0, NULL, fork_run },
    { "forkexec", "os", 16, 0, NULL, forkexec_run },
    { "pipe", "os", 6, 0, NULL, pipe_run },
    { "pgfault", "os", 40, 0, NULL, pgfault_run },
    { "mprotect", "os", 15, 0, mprotect_set_up, mprotect_run },
    { "segv", "os", 60, 0, segv_set_up, segv_run },
    { "int3", "os", 80, 0, int3_set_up, int3_run },
    { 0 },
};
