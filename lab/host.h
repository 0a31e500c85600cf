/* SPDX-License-Identifier: MIT */
/* Between the two halves of the host engine: the parent (host.c), the confined child that runs the
 * cases (host_child.c), and the few instructions that enter and leave them (host_stub.c).
 * x86-64 Linux only; the others see LAB_HAVE_HOST 0. */
#ifndef NB_LAB_HOST_H
#define NB_LAB_HOST_H

#include "lab/lab.h"

#if defined(__x86_64__) && defined(__linux__)
#define LAB_HAVE_HOST 1
#else
#define LAB_HAVE_HOST 0
#endif

/* Odd on purpose: edge values of the generator don't point there. Below 2 GB, so that 64-bit code
 * reaches it by absolute addresses without touching a register. */
#define LAB_STUB_AT 0x5a3c7000
#define LAB_IO_AT 0x5a3c9000

/* At LAB_IO_AT. Offsets are used in host_stub.c. */
struct lab_io {
    u32 gpr[8];          /* 00 in */
    u64 eflags;          /* 20 */
    u64 rsp;             /* 28 the harness's stack */
    u32 far_eip;         /* 30 */
    u16 far_cs, pad0;    /* 34 */
    u16 sreg[8];         /* 38 */
    u64 fsbase;          /* 48 */
    u32 use_fx, pad1;    /* 50 */
    u64 handler;         /* 58 C function that takes a signal */
    u64 has_fsgsbase;    /* 60 */
    u64 pad2[3];
    u32 out_gpr[8];      /* 80 */
    u64 out_eflags;      /* a0 */
    u16 out_sreg[8];     /* a8 */
    u64 active;          /* b8 between enter and leave */
    u64 sequence;        /* c0 number of the case, for the timer */
    u64 alarm_seen;      /* c8 */
    u64 pad3[2];
    u32 mxcsr_default, mxcsr_mask; /* e0 */
    u64 pad5[3];
    u8 fx_in[512];       /* 100 */
    u8 fx_out[512];      /* 300 */
    u64 frame[5];        /* 500 for IRETQ: with TF the trap must not strike before the case */
    /* the child's own */
    struct lab_result *result;
    const struct lab_case *kase;
    u8 *page[LAB_PAGES];
    u8 *before;          /* LAB_WRITABLE pages as they should be */
};
#define LAB_IO ((struct lab_io *)(uintptr_t)LAB_IO_AT)

enum { LAB_SHM_IDLE, LAB_SHM_GO, LAB_SHM_DONE, LAB_SHM_QUIT };
struct lab_shm {
    volatile u32 state; /* futex */
    volatile u32 at;    /* case that runs */
    u32 first, n;
    u32 failed;         /* errno of the child's set-up, and where */
    char where[64];
    struct lab_case kase[LAB_BATCH];
    struct lab_result result[LAB_BATCH];
};

struct lab_stub {
    const u8 *code;
    u32 size;
    /* offsets */
    u32 enter, leave, leave_end, abort, signal;
};
struct lab_stub lab_stub(void);

/* Never returns. */
void lab_child(struct lab_shm *shm, int memfd);

#endif
