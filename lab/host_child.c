/* SPDX-License-Identifier: MIT */
/* The confined child of the host engine: it maps the lab's memory, makes the LDT, takes a filter on
 * system calls, and runs cases until it is told to quit.
 *
 * Cases are arbitrary code at CPL 3. They can't reach anything above 4 GB (32-bit and 16-bit
 * code has no longer addresses), and nothing below is mapped but the lab's pages. A system call of
 * theirs is one of the i386 interface, which the filter turns into SIGSYS; of the x86-64 interface
 * only what the harness itself needs is left. No state but what lies at LAB_IO_AT.
 *
 * What the kernel reports: siginfo says little, but the ucontext has trap number, error code, CR2
 * and all registers of the exception frame (struct sigcontext: trapno, err, cr2). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lab/host.h"

#if LAB_HAVE_HOST

#include <asm/ldt.h>
#include <asm/prctl.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

enum { ALARM_USEC = 20000, ALARMS_FOR_HANG = 3, ALT_STACK = 65536, EXIT_HARNESS = 99 };

/* Straight to the kernel: libc's wrappers may look at thread storage. */
static long sys3(long nr, long a, long b, long c)
{
    long r;

    asm volatile("xor %%r10d, %%r10d\n xor %%r8d, %%r8d\n syscall"
                 : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "r10", "r8", "memory");
    return r;
}

static void leave_signal(void)
{
    asm volatile("jmp *%0" : : "r"((u64)LAB_STUB_AT + lab_stub().abort));
    for (;;)
        sys3(SYS_exit_group, EXIT_HARNESS, 0, 0);
}

static void take_registers(struct lab_result *r, const ucontext_t *uc)
{
    static const u8 reg[8] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX,
                               REG_RSP, REG_RBP, REG_RSI, REG_RDI };
    u64 csgsfs = (u64)uc->uc_mcontext.gregs[REG_CSGSFS];

    for (unsigned k = 0; k < 8; k++)
        r->out.gpr[k] = (u32)uc->uc_mcontext.gregs[reg[k]];
    r->out.eip = (u32)uc->uc_mcontext.gregs[REG_RIP];
    r->out.eflags = (u32)uc->uc_mcontext.gregs[REG_EFL];
    memcpy(r->out.sreg, LAB_IO->out_sreg, sizeof r->out.sreg);
    r->out.sreg[LS_CS] = (u16)csgsfs;
    r->out.sreg[LS_SS] = (u16)(csgsfs >> 48); /* struct sigcontext: cs, gs, fs, ss */
    if (LAB_IO->use_fx && uc->uc_mcontext.fpregs)
        memcpy(r->fx, uc->uc_mcontext.fpregs, FX_SIZE);
}

/* SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, by way of the stub. */
static void on_signal(int sig, siginfo_t *si, void *context)
{
    const ucontext_t *uc = context;
    struct lab_result *r = LAB_IO->result;
    u64 rip = (u64)uc->uc_mcontext.gregs[REG_RIP];
    struct lab_stub stub = lab_stub();

    (void)si;
    if (!LAB_IO->active)
        sys3(SYS_exit_group, EXIT_HARNESS, 0, 0);
    if (sig == SIGTRAP && uc->uc_mcontext.gregs[REG_TRAPNO] == 1 &&
        (u16)uc->uc_mcontext.gregs[REG_CSGSFS] == SEL_LONG &&
        rip - LAB_STUB_AT - stub.leave <= stub.leave_end - stub.leave) {
        /* the case set TF, which struck behind the jump back */
        take_registers(r, uc);
        r->out.sreg[LS_CS] = LAB_IO->far_cs;
        r->out.eip = LAB_IO->kase->in.eip + LAB_IO->kase->len;
        r->status = LAB_DONE;
        leave_signal();
    }
    if ((u16)uc->uc_mcontext.gregs[REG_CSGSFS] == SEL_LONG)
        sys3(SYS_exit_group, EXIT_HARNESS, 0, 0);
    take_registers(r, uc);
    r->status = sig == SIGSYS ? LAB_SYSCALL : LAB_FAULT;
    r->vec = (u8)uc->uc_mcontext.gregs[REG_TRAPNO];
    r->has_err = lab_vector_has_error(r->vec);
    r->err = r->has_err ? (u32)uc->uc_mcontext.gregs[REG_ERR] : 0;
    r->cr2 = r->vec == 14 ? (u32)uc->uc_mcontext.gregs[REG_CR2] : 0;
    /* INT1 is a trap; KVM on AMD leaves EIP at it */
    if (r->vec == 1 && r->out.eip == LAB_IO->kase->in.eip &&
        LAB_IO->kase->code[LAB_IO->kase->len - 1] == 0xf1)
        r->out.eip += LAB_IO->kase->len;
    leave_signal();
}

/* No stub: on the usual way out nothing was changed. Integer code without thread storage only. */
static void on_alarm(int sig, siginfo_t *si, void *context)
{
    const ucontext_t *uc = context;
    struct lab_io *io = LAB_IO;

    (void)sig;
    (void)si;
    if (!io->active || (u16)uc->uc_mcontext.gregs[REG_CSGSFS] == SEL_LONG) {
        io->alarm_seen = 0;
        return;
    }
    if (io->alarm_seen >> 8 != io->sequence) {
        io->alarm_seen = io->sequence << 8;
        return;
    }
    if ((++io->alarm_seen & 0xff) < ALARMS_FOR_HANG)
        return;
    io->result->status = LAB_HANG;
    leave_signal();
}

/* ---- set-up */

static void fail(struct lab_shm *shm, const char *where)
{
    shm->failed = errno ? (u32)errno : EINVAL;
    snprintf(shm->where, sizeof shm->where, "%s", where);
    shm->state = LAB_SHM_DONE;
    sys3(SYS_futex, (long)&shm->state, FUTEX_WAKE, 1);
    sys3(SYS_exit_group, 1, 0, 0);
}

static void *map_at(struct lab_shm *shm, u32 la, size_t size, int prot, int fd, u64 off)
{
    void *p = mmap((void *)(uintptr_t)la, size, prot,
                   (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED) | MAP_FIXED_NOREPLACE, fd,
                   (off_t)off);

    if (p != (void *)(uintptr_t)la)
        fail(shm, "mapping low memory");
    if (mlock(p, size)) /* a page that is merely not there yet would report P = 0 */
        for (size_t k = 0; k < size; k += 4096)
            (void)*(volatile u8 *)((u8 *)p + k);
    return p;
}

static void map_memory(struct lab_shm *shm, int memfd)
{
    struct lab_stub stub = lab_stub();
    struct lab_io *io;
    u8 *alias;

    map_at(shm, LAB_STUB_AT, 4096, PROT_READ | PROT_WRITE, -1, 0);
    memcpy((void *)(uintptr_t)LAB_STUB_AT, stub.code, stub.size);
    if (mprotect((void *)(uintptr_t)LAB_STUB_AT, 4096, PROT_READ | PROT_EXEC))
        fail(shm, "mprotect");
    io = map_at(shm, LAB_IO_AT, 4096, PROT_READ | PROT_WRITE, -1, 0);
    alias = mmap(NULL, LAB_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
    io->before = mmap(NULL, LAB_WRITABLE * 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (alias == MAP_FAILED || io->before == MAP_FAILED)
        fail(shm, "mmap");
    for (unsigned k = 0; k < LAB_PAGES; k++) {
        const struct lab_page *p = &lab_pages[k];
        io->page[k] = alias + k * 4096;
        lab_fill_page(io->page[k], k);
        map_at(shm, p->la, 4096,
               PROT_READ | (p->write ? PROT_WRITE : 0) | (p->exec ? PROT_EXEC : 0), memfd,
               k * 4096);
    }
    memcpy(io->before, alias, LAB_WRITABLE * 4096);
    io->handler = (u64)(uintptr_t)on_signal;
    io->has_fsgsbase = getauxval(AT_HWCAP2) >> 1 & 1;
    io->mxcsr_default = 0x1f80;
    asm volatile("fxsave %0" : "=m"(*(u8 (*)[FX_SIZE])io->fx_in));
    io->mxcsr_mask = ld32(io->fx_in + FX_MASK);
    if (!io->mxcsr_mask)
        io->mxcsr_mask = 0xffbf; /* SDM 1, 11.6.6 */
    io->mxcsr_mask &= FX_MXCSR_KNOWN;
    if (syscall(SYS_arch_prctl, ARCH_GET_FS, &io->fsbase))
        fail(shm, "arch_prctl");
}

static void make_ldt(struct lab_shm *shm)
{
    for (unsigned k = 0; k < LAB_LDT_LEN; k++) {
        const struct lab_seg *s = &lab_ldt[k];
        struct user_desc d;
        memset(&d, 0, sizeof d);
        d.entry_number = k;
        d.base_addr = s->base;
        d.limit = s->limit;
        d.seg_32bit = s->big;
        d.contents = (s->type >> 2) & 3;
        d.read_exec_only = !(s->type & 2);
        d.limit_in_pages = s->pages;
        d.seg_not_present = s->absent;
        d.useable = 0;
        if (syscall(SYS_modify_ldt, 0x11, &d, sizeof d))
            fail(shm, "modify_ldt (CONFIG_MODIFY_LDT_SYSCALL)");
    }
}

static void take_signals(struct lab_shm *shm)
{
    static const int sigs[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS };
    struct sigaction sa;
    struct itimerval it = { { 0, ALARM_USEC }, { 0, ALARM_USEC } };
    stack_t st = { .ss_size = ALT_STACK };

    st.ss_sp = mmap(NULL, ALT_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (st.ss_sp == MAP_FAILED || sigaltstack(&st, NULL))
        fail(shm, "sigaltstack");
    memset(&sa, 0, sizeof sa);
    sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sa.sa_sigaction =
        (void (*)(int, siginfo_t *, void *))(uintptr_t)(LAB_STUB_AT + lab_stub().signal);
    for (unsigned k = 0; k < ARRAY_LEN(sigs); k++)
        if (sigaction(sigs[k], &sa, NULL))
            fail(shm, "sigaction");
    sa.sa_flags |= SA_RESTART;
    sa.sa_sigaction = on_alarm;
    signal(SIGINT, SIG_IGN); /* the parent ends us */
    if (sigaction(SIGALRM, &sa, NULL) || setitimer(ITIMER_REAL, &it, NULL))
        fail(shm, "setitimer");
}

/* Foreign ABIs trap too: the cases' INT 80h is one. */
static void confine(struct lab_shm *shm)
{
#define ALLOW_(nr) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW_(SYS_futex),
        ALLOW_(SYS_rt_sigreturn),
        ALLOW_(SYS_exit_group),
        ALLOW_(SYS_restart_syscall),
        ALLOW_(SYS_arch_prctl),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
    };
#undef ALLOW_
    struct sock_fprog prog = { ARRAY_LEN(code), code };

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0))
        fail(shm, "seccomp");
}

/* ---- cases */

static void put_code(struct lab_io *io, const struct lab_case *c, bool in)
{
    u8 pad[LAB_PAD];
    unsigned n = lab_pad(pad, c->bits, LAB_STUB_AT + lab_stub().leave, SEL_LONG);
    u32 base, limit;
    u16 attr;

    if (!lab_seg_of(c->in.sreg[LS_CS], &base, &limit, &attr))
        return;
    for (unsigned k = 0; k < c->len + n; k++) {
        u32 la = base + c->in.eip + k;
        int p = lab_page_of(la);
        if (p >= 0 && lab_pages[p].exec)
            io->page[p][la & 0xfff] = !in ? 0xcc : k < c->len ? c->code[k] : pad[k - c->len];
    }
}

static void run_case(struct lab_io *io, const struct lab_case *c, struct lab_result *r)
{
    void (*enter)(void) = (void (*)(void))(uintptr_t)(LAB_STUB_AT + lab_stub().enter);
    u8 *now = io->page[0];

    io->result = r;
    io->kase = c;
    io->sequence++;
    memcpy(io->gpr, c->in.gpr, sizeof io->gpr);
    memcpy(io->sreg, c->in.sreg, sizeof c->in.sreg);
    io->eflags = (c->in.eflags & LAB_FLAGS_SETTABLE) | LAB_FLAGS_FIXED;
    io->far_eip = c->in.eip;
    io->far_cs = c->in.sreg[LS_CS];
    io->frame[0] = c->in.eip;
    io->frame[1] = c->in.sreg[LS_CS];
    io->frame[2] = io->eflags;
    io->frame[3] = c->in.gpr[LG_ESP];
    io->frame[4] = c->in.sreg[LS_SS];
    io->use_fx = c->use_fx;
    if (c->use_fx) {
        memcpy(io->fx_in, c->fx, FX_SIZE);
        /* FXRSTOR faults at bits that this processor does not have */
        st32(io->fx_in + FX_MXCSR, ld32(c->fx + FX_MXCSR) & io->mxcsr_mask);
    }
    if (c->num_patches) {
        lab_apply(c, io->page);
        for (unsigned k = 0; k < c->num_patches; k++)
            for (unsigned b = 0; b < c->patch[k].len; b++) {
                int p = lab_page_of(c->patch[k].la + b);
                if (p >= 0 && p < LAB_WRITABLE)
                    io->before[p * 4096 + ((c->patch[k].la + b) & 0xfff)] = c->patch[k].data[b];
            }
    }
    put_code(io, c, true);
    r->status = LAB_DIED; /* what the parent sees if this is the last one */
    r->vec = 0;
    r->has_err = false;
    r->err = r->cr2 = 0;
    r->out.sreg[LS_CS] = 0;
    enter();
    if (r->status == LAB_DIED) { /* it came back by itself */
        r->status = LAB_DONE;
        memcpy(r->out.gpr, io->out_gpr, sizeof r->out.gpr);
        r->out.eflags = (u32)io->out_eflags;
        memcpy(r->out.sreg, io->out_sreg, sizeof r->out.sreg);
        r->out.sreg[LS_CS] = c->in.sreg[LS_CS];
        r->out.eip = c->in.eip + c->len;
        if (c->use_fx)
            memcpy(r->fx, io->fx_out, FX_SIZE);
    }
    put_code(io, c, false);
    lab_collect(r, now, io->before);
    /* everything back to the fill */
    for (u32 k = 0; k < MIN(r->num_words, (u32)LAB_MAX_WORDS); k++) {
        int p = lab_page_of(r->word[k].la);
        u32 off = r->word[k].la & 0xfff;
        st32(io->page[p] + off, ld32(io->before + p * 4096 + off));
    }
    if (r->num_words > LAB_MAX_WORDS)
        memcpy(now, io->before, LAB_WRITABLE * 4096);
    if (c->num_patches) {
        u8 *before[LAB_PAGES];
        lab_unapply(c, io->page);
        for (unsigned p = 0; p < LAB_PAGES; p++)
            before[p] = p < LAB_WRITABLE ? io->before + p * 4096 : io->page[p];
        lab_unapply(c, before);
    }
    lab_settle(c, r);
}

void lab_child(struct lab_shm *shm, int memfd)
{
    struct lab_io *io = LAB_IO;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    map_memory(shm, memfd);
    make_ldt(shm);
    take_signals(shm);
    confine(shm);
    shm->state = LAB_SHM_DONE;
    sys3(SYS_futex, (long)&shm->state, FUTEX_WAKE, 1);
    for (;;) {
        u32 s = __atomic_load_n(&shm->state, __ATOMIC_ACQUIRE);
        if (s == LAB_SHM_QUIT)
            sys3(SYS_exit_group, 0, 0, 0);
        if (s != LAB_SHM_GO) {
            sys3(SYS_futex, (long)&shm->state, FUTEX_WAIT, (long)s);
            continue;
        }
        for (u32 k = shm->first; k < shm->n; k++) {
            shm->at = k;
            run_case(io, &shm->kase[k], &shm->result[k]);
        }
        __atomic_store_n(&shm->state, LAB_SHM_DONE, __ATOMIC_RELEASE);
        sys3(SYS_futex, (long)&shm->state, FUTEX_WAKE, 1);
    }
}

#endif
