/* SPDX-License-Identifier: MIT */
/* Vector files (tests/cpu/ *.vec): one case a line, and what must come of it. docs/lab.md has the
 * format. */
#ifndef NB_LAB_VEC_H
#define NB_LAB_VEC_H

#include "lab/lab.h"
#include "lab/system.h"

enum { VEC_MAX_MEM = 24, VEC_TEXT = 128 };

/* What is expected: everything that a line doesn't name stays as it was. */
struct vec_expect {
    struct lab_regs out;
    u32 flags_undef;   /* EFLAGS bits that are not compared */
    u8 gpr_undef;      /* BIT(n) */
    u16 sw_undef;      /* bits of the x87 status word */
    u8 status, vec;
    bool has_err;
    u32 err, cr2;
    unsigned num_mem;
    struct lab_patch mem[VEC_MAX_MEM];
    u8 fx[512];
};

struct vec_line {
    struct lab_case c;
    struct vec_expect x;
    char text[VEC_TEXT]; /* disassembly in quotes, or "" */
    bool system;         /* at CPL 0: with what these name */
    struct lab_sys sys_in, sys_out;
};

struct vec_error { unsigned column; char msg[120]; };

/* The state before that a line starts from. */
void vec_defaults(struct lab_case *c, unsigned bits);
/* bits: from the last .bits directive; with VEC_SYSTEM behind .cpl 0. */
enum { VEC_SYSTEM = 0x100 };
bool vec_parse(const char *line, unsigned bits, struct vec_line *v, struct vec_error *e);
/* Differences of a result from what is expected, as text; empty when there are none. */
void vec_check(const struct vec_line *v, const struct lab_result *r, struct strbuf *why);
/* The same for what a line at CPL 0 names beside it. */
void vec_check_system(const struct vec_line *v, const struct lab_sys *before,
                      const struct lab_sys *after, struct strbuf *why);
/* A line for a case with this result; false where the format can't carry it. */
bool vec_print(const struct lab_case *c, const struct lab_result *r, struct strbuf *out);
/* Row, form, size and use_fx of a case with code and bits. */
void vec_describe(struct lab_case *c);
/* Whether the result differs from the case in more than EIP. */
bool vec_changed(const struct lab_case *c, const struct lab_result *r);
/* A byte of memory before the case. */
u8 vec_byte_before(const struct lab_case *c, u32 la);
/* ST(k) as the case would have it with the status word `sw`, if no register's contents changed. */
const u8 *vec_st_before(const struct lab_case *c, u16 sw, unsigned k);

struct vec_flag { u32 bit; char name[3]; };
extern const struct vec_flag vec_flags[11];
extern const char vec_fault_name[20][4];

/* `nestbox lab run`, `nestbox lab gen`: exit status. */
struct report;
struct vec_run_options {
    const char *engine;
    const char *meta;      /* metadata.json with masks; NULL: the one beside the file */
    unsigned show;         /* failures to print; 0: all */
    struct report *report; /* results go there, nothing is printed; or NULL */
};
int vec_run_files(const struct vec_run_options *o, char **files, int n);
enum vec_format { FORMAT_VEC, FORMAT_JSON, FORMAT_MOO };
struct vec_gen_options {
    const char *family, *row; /* NULL: all */
    const char *rows;         /* pattern of mnemonics; NULL: all */
    unsigned per_row;         /* reduced cases of each row */
    u64 count;                /* or so many cases altogether, as they come; 0: per_row */
    u64 seed;
    enum vec_format format;
    const char *file;         /* NULL: standard output */
};
int vec_gen(const struct vec_gen_options *o);

#endif
