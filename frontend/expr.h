/* SPDX-License-Identifier: MIT */
/* Numbers, registers and sums as the monitor's commands take them. */
#ifndef NB_FRONTEND_EXPR_H
#define NB_FRONTEND_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Value of $NAME; false: unknown. */
typedef bool expr_reg(void *to, const char *name, uint64_t *value);

/* The whole of `text`: + - * / % & | ^ << >> ~ ( ), decimal and 0x numbers, $registers.
 * false: why says what is wrong. */
bool expr_eval(const char *text, expr_reg *reg, void *to, uint64_t *value, char *why, size_t size);

/* "/4xw" and the like, at *p; moves it behind. Absent letters keep what is there. */
struct mem_format {
    unsigned count;
    char format; /* x d u o c i s */
    unsigned size; /* 1, 2, 4, 8 */
};
bool mem_format_parse(const char **p, struct mem_format *f, char *why, size_t why_size);
/* One value as `x` shows it. */
int mem_format_value(char *to, size_t size, const struct mem_format *f, uint64_t v);

#endif
