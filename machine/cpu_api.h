/* SPDX-License-Identifier: MIT */
/* struct nb_cpu: the CPU without a machine of nestbox.h. Private to machine/cpu_*.c.
 *
 * Physical memory is a list of mappings, each a region of the memory space. Frame numbers of struct
 * ram are physical page numbers: its table covers 4 GB, of which only used parts cost memory. Rights are asked for by the CPU on its slow paths (cpu/hook.h); a change of the space makes it
 * forget the answers. */
#ifndef NB_MACHINE_CPU_API_H
#define NB_MACHINE_CPU_API_H

#include "core/bus.h"
#include "core/err.h"
#include "core/log.h"
#include "core/ram.h"
#include "cpu/cpu.h"
#include "cpu/hook.h"
#include "include/nestbox.h"

#define CPU_MEM_END 0x100000000ull

/* Bytes behind one or, after a part was unmapped or protected, several mappings. */
struct cpu_backing {
    u8 *base;
    u64 size;
    bool own;      /* ours: freed with the last user */
    unsigned refs; /* mappings and snapshots */
};

struct cpu_mapping {
    struct region region; /* mapped in the space unless nothing is allowed */
    u64 addr, size;
    unsigned prot;
    struct cpu_backing *backing; /* NULL: functions */
    u8 *host;                    /* of the first byte */
    struct nb_cpu *cpu;
    u32 (*read)(void *user, u32 offset, unsigned size);
    void (*write)(void *user, u32 offset, u32 value, unsigned size);
    void *user;
    u32 io_offset; /* of the first byte, in what was mapped at first */
    struct cpu_mapping *next_dead;
};

struct cpu_hook {
    u32 id; /* 0: removed */
    unsigned kinds;
    u32 first, last;
    nb_cpu_hook_fn *fn;
    void *user;
};

/* Where the caller's code is: what it may do depends on it. */
enum cpu_where { CPU_IDLE, CPU_BETWEEN /* two instructions */, CPU_WITHIN /* one */ };

struct nb_cpu {
    struct cpu *c;
    struct cpu_hooks hooks;
    struct log log;
    struct ram ram;
    struct space mem, io;
    struct region ports;
    unsigned mode, faults;
    char *model;
    u8 *nowhere; /* the page of frames without a mapping */

    struct cpu_mapping **map; /* ascending */
    unsigned num_maps, cap_maps;
    /* to be freed when no instruction runs: pointers into them may be on its way */
    struct cpu_backing **dead;
    unsigned num_dead, cap_dead;
    struct cpu_mapping *dead_maps;

    struct cpu_hook *hook;
    unsigned num_hooks, cap_hooks;
    unsigned calling; /* depth of hooks: the list is not compacted */
    u32 next_hook;
    bool hooks_new; /* the CPU has not been told yet */

    bool running;
    enum cpu_where where;
    int stop; /* atomic: nb_cpu_stop() */
    struct {
        u32 reg;
        u8 v[16];
    } * later; /* set within an instruction */
    unsigned num_later, cap_later;
    bool later_eip;
};

/* cpu_api.c */
bool cpu_fail(struct nb_error *e, enum err_code code, const char *fmt, ...)
    NB_PRINTF(3, 4); /* false */
/* false with *e: the call is not for the middle of an instruction. */
bool cpu_not_within(const struct nb_cpu *cpu, const char *what, struct nb_error *e);

/* cpu_mem.c */
void cpu_mem_init(struct nb_cpu *cpu);
void cpu_mem_free(struct nb_cpu *cpu);
struct cpu_mapping *cpu_mem_find(const struct nb_cpu *cpu, u64 pa);
bool cpu_mem_allowed(void *cpu, paddr pa, enum cpu_access how, u32 *frame);
void cpu_mem_bury(struct nb_cpu *cpu); /* frees what was unmapped */
void cpu_backing_drop(struct nb_cpu *cpu, struct cpu_backing *b);
/* Replaces all mappings by copies of these. */
void cpu_mem_replace(struct nb_cpu *cpu, const struct cpu_mapping *list, unsigned n);

/* cpu_regs.c */
/* Sets what was set within the last instruction; returns whether EIP was. */
bool cpu_regs_late(struct nb_cpu *cpu);

/* cpu_hooks.c */
void cpu_hooks_init(struct nb_cpu *cpu);
void cpu_hooks_free(struct nb_cpu *cpu);
/* Tells the CPU what is wanted now, unless an instruction runs. */
void cpu_hooks_tell(struct nb_cpu *cpu);
/* After a function of the caller's: nb_cpu_stop() there means behind this instruction, not block. */
void cpu_hooks_stop(struct nb_cpu *cpu);
bool cpu_hooks_any(const struct nb_cpu *cpu, unsigned kinds);
/* An exception or INT that came back. true: taken. */
bool cpu_hooks_fault(struct nb_cpu *cpu, const struct cpu_fault *f);

#endif
