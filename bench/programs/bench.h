/* SPDX-License-Identifier: MIT */
/*
 * What the guest programs of the benchmark share.
 *
 * One static i386 executable holds them all. A program is one function that does one unit of work
 * and returns a checksum of what it computed. Each unit starts from the same state, so the checksum
 * does not depend on how many units are run: a slow engine may run fewer of them than a fast one
 * and still be compared.
 */
#ifndef NB_BENCH_BENCH_H
#define NB_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a program needs besides an i686 with x87. */
enum {
    NEEDS_SSE2 = 1 << 0,
    NEEDS_PORTS = 1 << 1,   /* drives hardware ports: in the guest only */
    NEEDS_BUSYBOX = 1 << 2, /* starts busybox */
    NEEDS_DISK = 1 << 3,    /* reads the disk that bench/run has made */
};

struct program {
    const char *name;
    const char *class_name;
    unsigned units;        /* run by an emulator unless told otherwise; about 0.3 s in QEMU's TCG */
    unsigned needs;        /* NEEDS_ bits */
    void (*set_up)(void);  /* not timed; may be NULL */
    uint32_t (*run)(void); /* one unit */
};

/* Each ends with a row without a name. */
extern const struct program int_programs[];
extern const struct program core_programs[];
extern const struct program hash_programs[];
extern const struct program call_programs[];
extern const struct program x87_programs[];
extern const struct program sse_programs[];
extern const struct program sse_int_programs[];
extern const struct program memory_programs[];
extern const struct program string_programs[];
extern const struct program os_programs[];
extern const struct program smc_programs[];
extern const struct program io_programs[];
extern const struct program disk_programs[];

extern const struct program *const program_tables[]; /* of this executable; ends with NULL */

/* main.c */
const struct program *program_find(const char *name);
void mark(const char *text); /* a line for the timer on the host; returns when all of it is out */
void die(const char *what);  /* a line that the timer reports; ends the program */
void *get_memory(size_t size);
const char *busybox_path(void);
const char *disk_path(void);
extern char *const *program_environ;
extern const char *program_path; /* of the executable, for the programs that start it again */

/* disk.c */
#define DISK_SECTORS (130u * 16 * 63)
void disk_write_image(void); /* to standard output */

/* init.c: what process 1 of the guest does */
int init_main(void);

/* A generator whose numbers are the same everywhere (xorshift, Marsaglia 2003). */
static inline uint32_t random_next(uint32_t *state)
{
    uint32_t x = *state;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

/* Checksums: order and every bit count. */
static inline uint32_t sum_add(uint32_t sum, uint32_t value)
{
    return ((sum << 5 | sum >> 27) ^ value) * 0x01000193;
}

#endif
