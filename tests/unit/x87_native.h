/* SPDX-License-Identifier: MIT */
/* x87 test bed: the same instruction on a bare CPU of ours and on the host's unit, state and memory
 * before and after. The host's side needs an x86-64 host and a page that may be written and run. */
#ifndef NB_TESTS_X87_NATIVE_H
#define NB_TESTS_X87_NATIVE_H

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

#include "tests/unit/cpu_rig.h"

enum { MEM_AT = 0x30000 };

struct x87_state {
    u16 cw, sw, tw;
    u8 st[8][10];
    u8 mem[112];
    u32 eax, eflags;
};

struct native {
    u8 *code;
    unsigned insn_at, tail_at;
};

static const u8 native_head[] = {
    0xdd, 0x27,             /* frstor [rdi] */
    0x48, 0x8b, 0x02,       /* mov rax, [rdx] */
    0x50, 0x9d,             /* push rax; popfq */
    0x48, 0x8b, 0x42, 0x08, /* mov rax, [rdx + 8] */
};
static const u8 native_tail[] = {
    0x48, 0x89, 0x42, 0x08, /* mov [rdx + 8], rax */
    0x9c, 0x58,             /* pushfq; pop rax */
    0x48, 0x89, 0x02,       /* mov [rdx], rax */
    0xdd, 0x37,             /* fnsave [rdi], which initialises the unit, too */
    0xc3,
};

static inline struct native native_new(void)
{
    struct native n = { 0 };

    n.code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                  0);
    ck_assert(n.code != MAP_FAILED);
    memcpy(n.code, native_head, sizeof(native_head));
    return n;
}

static sigjmp_buf native_out;
static void native_signal(int sig)
{
    siglongjmp(native_out, sig);
}

/* Two bytes, memory operand at [rsi]. Returns the signal it raised, or 0. */
static inline int native_run(struct native *n, const u8 insn[2], struct x87_state *s)
{
    u8 image[108] = { 0 };
    u64 regs[2] = { s->eflags, s->eax };
    void (*run)(u8 *image, u8 *mem, u64 *regs);
    int sig;

    memcpy(image, &s->cw, 2);
    memcpy(image + 4, &s->sw, 2);
    memcpy(image + 8, &s->tw, 2);
    memcpy(image + 28, s->st, 80);
    memcpy(n->code + sizeof(native_head), insn, 2);
    memcpy(n->code + sizeof(native_head) + 2, native_tail, sizeof(native_tail));
    memcpy(&run, &n->code, sizeof(run));
    sig = sigsetjmp(native_out, 1);
    if (!sig) {
        run(image, s->mem, regs);
    } else {
        __asm__ volatile("fninit");
        return sig;
    }
    memcpy(&s->cw, image, 2);
    memcpy(&s->sw, image + 4, 2);
    memcpy(&s->tw, image + 8, 2);
    memcpy(s->st, image + 28, 80);
    s->eax = (u32)regs[1];
    s->eflags = (u32)regs[0] & FL_ARITH;
    return 0;
}

static inline void guest_set(struct rig *r, const struct x87_state *s)
{
    cpu_set(r->c, CPU_FCW, s->cw);
    cpu_set(r->c, CPU_FSW, s->sw);
    cpu_set(r->c, CPU_FTW, s->tw);
    for (unsigned k = 0; k < 8; k++)
        cpu_set_st(r->c, k, s->st[k]);
    memcpy(r->host + MEM_AT, s->mem, sizeof(s->mem));
    cpu_set(r->c, CPU_EAX, s->eax);
    cpu_set(r->c, CPU_EFLAGS, s->eflags);
    cpu_set(r->c, CPU_ESI, MEM_AT);
}

static inline void guest_get(struct rig *r, struct x87_state *s)
{
    s->cw = (u16)cpu_get(r->c, CPU_FCW);
    s->sw = (u16)cpu_get(r->c, CPU_FSW);
    s->tw = (u16)cpu_get(r->c, CPU_FTW);
    for (unsigned k = 0; k < 8; k++)
        cpu_get_st(r->c, k, s->st[k]);
    memcpy(s->mem, r->host + MEM_AT, sizeof(s->mem));
    s->eax = cpu_get(r->c, CPU_EAX);
    s->eflags = cpu_get(r->c, CPU_EFLAGS) & FL_ARITH;
}

#endif
