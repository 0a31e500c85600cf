/* SPDX-License-Identifier: MIT */
/* Traces as a stream of instructions: ours (docs/traces.md), QEMU's -d log, Bochs's debugger. */
#ifndef NB_LAB_TRACE_READ_H
#define NB_LAB_TRACE_READ_H

#include "core/err.h"
#include "core/types.h"

enum trace_field {
    TF_EAX, TF_EBX, TF_ECX, TF_EDX, TF_ESI, TF_EDI, TF_EBP, TF_ESP, TF_EIP, TF_EFLAGS, TF_CS, TF_SS,
    TF_DS, TF_ES, TF_FS, TF_GS, TF_CPL, TF_CR0, TF_CR2, TF_CR3, TF_CR4, TF_VECTOR, TF_ERROR, TF_NUM
};
extern const char trace_field_name[TF_NUM][8];

enum trace_form { TRACE_UNKNOWN, TRACE_OURS, TRACE_QEMU, TRACE_BOCHS };

/* One instruction with the state before it; vector and error are of the last event before it. */
struct trace_rec {
    u32 have;             /* BIT(trace_field) */
    u32 v[TF_NUM];
    u64 line;             /* where it starts */
    char text[112];       /* instruction, as the trace prints it */
    bool event;           /* a trace of events alone: this is one */
};

struct trace_reader;
struct trace_reader *trace_open(const char *file, struct err *e);
void trace_close(struct trace_reader *r);
/* false: the end, or, with e->code set, trouble. */
bool trace_next(struct trace_reader *r, struct trace_rec *rec, struct err *e);
enum trace_form trace_form(const struct trace_reader *r);

#endif
