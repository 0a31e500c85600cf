/* SPDX-License-Identifier: MIT */
/* A growing text for what the front ends print, and the few string helpers they share. */
#ifndef NB_FRONTEND_TEXT_H
#define NB_FRONTEND_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *s; /* NUL-terminated once anything was added; NULL before */
    size_t len, cap;
};

void text_add(struct text *t, const char *s);
void text_addn(struct text *t, const char *s, size_t n);
void text_addf(struct text *t, const char *fmt, ...);
void text_addc(struct text *t, char c);
void text_utf8(struct text *t, uint32_t code_point);
void text_free(struct text *t);
const char *text_str(const struct text *t); /* never NULL; owned by t */

/* Memory or the end of the program: a front end has nothing useful to do without it. */
void *front_alloc(size_t n); /* zeroed */
char *front_strdup(const char *s);

/* Reads a double-quoted string with \n \r \t \b \e \\ \" \xNN at *p, or a bare word, and moves *p
 * behind it and the blanks that follow. false: a quote is not closed, or an escape is unknown. */
bool text_word(const char **p, struct text *out);

/* Unsigned number, decimal, 0x hex; all of s. */
bool text_number(const char *s, uint64_t *n);
bool text_seconds(const char *s, uint64_t *ns); /* "1.5" */

#endif
