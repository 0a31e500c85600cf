/* SPDX-License-Identifier: MIT */
/* Runs x12.c on the host: a 32-bit program without a C library. */
#include "kernel.h"

static void put(char c)
{
    u32 written;

    __asm__ volatile("int $0x80" : "=a"(written) : "0"(4), "b"(1), "c"(&c), "d"(1) : "memory");
}

/* Only what x12.c prints: %s and %08x. */
void print(const char *fmt, ...)
{
    __builtin_va_list ap;

    __builtin_va_start(ap, fmt);
    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            put(*fmt);
            continue;
        }
        fmt++;
        if (*fmt == 's') {
            for (const char *s = __builtin_va_arg(ap, const char *); *s; s++)
                put(*s);
            continue;
        }
        fmt += 2;
        u32 v = __builtin_va_arg(ap, u32);
        for (int k = 28; k >= 0; k -= 4)
            put("0123456789abcdef"[v >> k & 15]);
    }
    __builtin_va_end(ap);
}

void _start(void);
void _start(void)
{
    test_main();
    __asm__ volatile("int $0x80" :: "a"(1), "b"(0));
}
