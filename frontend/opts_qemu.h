/* SPDX-License-Identifier: MIT */
/* Between opts.c and opts_qemu.c: QEMU's options that this program has no use for, or little. */
#ifndef NB_FRONTEND_OPTS_QEMU_H
#define NB_FRONTEND_OPTS_QEMU_H

#include <stdbool.h>
#include <stdio.h>

struct opts_qemu {
    const char *name;
    bool takes_value;
    enum { QEMU_SILENT, QEMU_NOTE, QEMU_REFUSE } answer;
    const char *text;      /* why, and what to do instead */
    const char *harmless;  /* a value of a refused option that asks for nothing: "none" */
};

const struct opts_qemu *opts_qemu_find(const char *name); /* NULL: QEMU does not have it either */
/* Writes the line, if there is one; false: the option is refused. */
bool opts_qemu_answer(const struct opts_qemu *q, const char *value, FILE *err);

struct opts;
struct parse {
    struct opts *o;
    FILE *out, *err;
    unsigned presets;
};
/* As opts_parse(): -1 to go on, else the exit status, and the words are written. */
int opts_complain(struct parse *p, const char *option, const char *why);
int opts_set_key(struct parse *p, const char *key, const char *value);
int opts_smbios(struct parse *p, const char *v);
int opts_global(struct parse *p, const char *v);
int opts_action(struct parse *p, const char *v);

#endif
