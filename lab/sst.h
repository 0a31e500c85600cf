/* SPDX-License-Identifier: MIT */
/* Tests in the form of SingleStepTests (github.com/SingleStepTests): state before, state after,
 * memory byte by byte. They come as JSON or as MOO (github.com/dbalsom/moo, doc/moo_format_v1.md),
 * plain or compressed by gzip, from a real 8088, 80286 or 386EX in real mode, or from our own
 * generator: those are of the lab's memory and segments (lab.h) and carry x87 state and faults in
 * fields of ours. */
#ifndef NB_LAB_SST_H
#define NB_LAB_SST_H

#include "core/err.h"
#include "core/strbuf.h"
#include "lab/lab.h"
#include "lab/vec.h"

/* In the order of MOO's RG32 chunk. */
enum sst_reg {
    SR_CR0, SR_CR3, SR_EAX, SR_EBX, SR_ECX, SR_EDX, SR_ESI, SR_EDI, SR_EBP, SR_ESP, SR_CS, SR_DS,
    SR_ES, SR_FS, SR_GS, SR_SS, SR_EIP, SR_EFLAGS, SR_DR6, SR_DR7, SST_REGS
};
extern const char sst_reg_name[SST_REGS][7];

enum sst_cpu { SST_8086, SST_186, SST_286, SST_386, SST_LAB, SST_OTHER };

enum { SST_MAX_RAM = 1 << 16, SST_MAX_CODE = 64, SST_NAME = 96, SST_MAX_FILE = 1 << 30 };

struct sst_byte { u32 at; u8 v; };
struct sst_state {
    u32 have;               /* BIT(sst_reg) */
    u32 reg[SST_REGS];
    struct sst_byte *ram;   /* in the order of the file */
    unsigned num_ram, cap_ram;
    bool has_fx;
    u8 fx[512];             /* FXSAVE image: ours */
};

struct sst_test {
    u64 record;             /* number in the file, from 0 */
    size_t at;              /* where it starts in the (unpacked) file */
    char name[SST_NAME];
    u8 code[LAB_MAX_CODE];
    unsigned len;
    struct sst_state before, after;
    u32 mask[SST_REGS];     /* bits of `after` that are compared */
    u16 sw_mask;            /* of the x87 status word: ours */
    bool has_exc;
    u8 exc;
    u32 exc_flags;          /* where EFLAGS was pushed */
    bool has_fault;         /* ours: the fault that ended it */
    bool fault_has_err;
    u8 fault;
    u32 fault_err, fault_cr2;
    bool has_hash;
    u8 hash[20];
};

struct sst_error { u64 record; size_t at; char msg[160]; };

/* A file in memory. */
struct sst_file {
    u8 *data;
    size_t size;
    bool json;
    enum sst_cpu cpu;
    char maker[160];        /* CPU that made it, as named in the file */
    u64 seed;
    u32 mask[SST_REGS];     /* of all tests */
    /* private */
    size_t pos;
    u64 record, count;      /* count: MOO's header, of tests to come */
    bool started;
};

/* Reads a whole file, unpacking it; false: the message. At most SST_MAX_FILE bytes. */
bool sst_read_file(const char *name, u8 **data, size_t *size, struct err *e);
/* Which format it is, by its first bytes. */
bool sst_is_moo(const u8 *data, size_t size);
bool sst_is_json(const u8 *data, size_t size);

/* data must stay; it is the caller's. */
bool sst_start(struct sst_file *f, const u8 *data, size_t size, struct sst_error *e);
enum sst_got { SST_TEST, SST_END, SST_BAD };
/* The next test into *t (its ram arrays are reused; zero before the first call). After SST_BAD with
 * `more` set, the next call goes on behind the bad record. */
enum sst_got sst_next(struct sst_file *f, struct sst_test *t, struct sst_error *e, bool *more);
void sst_free_test(struct sst_test *t);
void sst_clear(struct sst_file *f, struct sst_test *t);
bool sst_add_ram(struct sst_state *s, u32 at, u8 v);
bool sst_bad(struct sst_error *e, u64 record, size_t at, const char *fmt, ...) NB_PRINTF(4, 5);

/* ---- the formats */
bool moo_start(struct sst_file *f, struct sst_error *e);
enum sst_got moo_next(struct sst_file *f, struct sst_test *t, struct sst_error *e, bool *more);
bool json_start(struct sst_file *f, struct sst_error *e);
enum sst_got json_next(struct sst_file *f, struct sst_test *t, struct sst_error *e, bool *more);

/* Writers: the text or bytes of a whole file are what head, tests and tail append to *out. */
struct sst_writer { const char *maker; u64 seed; u64 count; };
void moo_head(const struct sst_writer *w, struct strbuf *out);
void moo_test(const struct sst_writer *w, const struct sst_test *t, struct strbuf *out);
void json_head(const struct sst_writer *w, struct strbuf *out);
void json_test(const struct sst_writer *w, const struct sst_test *t, struct strbuf *out);
void json_tail(const struct sst_writer *w, struct strbuf *out);

/* Undefined flags by opcode, from a metadata.json of a suite. */
struct sst_meta;
/* NULL without a message: there is no such file. */
struct sst_meta *sst_meta_open(const char *file, struct err *e);
void sst_meta_free(struct sst_meta *m);
/* The mask of flags that are defined; 0xffffffff for what the file doesn't name. */
u32 sst_meta_mask(const struct sst_meta *m, const u8 *code, unsigned len);
/* The chip that the suite says it is from; SST_OTHER where it doesn't. */
enum sst_cpu sst_meta_cpu(const struct sst_meta *m);

/* ---- ours: between the lab's cases and tests */
bool sst_to_vec(const struct sst_test *t, struct vec_line *v, struct sst_error *e);
void sst_from_case(const struct lab_case *c, const struct lab_result *r, struct sst_test *t);

/* ---- real mode on the interpreter (lab/real.c) */
struct real;
struct real *real_open(enum sst_cpu cpu, struct err *e);
void real_close(struct real *r);
/* Runs it; differences as text, empty when there are none. changed: anything but EIP differs from
 * before. */
void real_run(struct real *r, enum sst_cpu cpu, const struct sst_test *t, u32 flag_mask,
              struct strbuf *why, bool *changed);
/* After a run with differences: NULL, or why an IA-32 processor must do something else here than
 * the one that made the test. */
const char *real_known(struct real *r, enum sst_cpu cpu, const struct sst_test *t);

#endif
