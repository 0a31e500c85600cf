/* SPDX-License-Identifier: MIT */
/* The terminal as serial port 0 and monitor: -nographic, -serial stdio, -monitor stdio. */
#ifndef NB_FRONTEND_TTY_H
#define NB_FRONTEND_TTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct front;
struct tty;

struct tty_config {
    bool serial;  /* serial port 0 is here */
    bool monitor; /* the monitor is here */
    bool escape;  /* Ctrl-A is the escape key, and Ctrl-C goes to the guest */
};

struct tty *tty_new(struct front *f, const struct tty_config *c);
bool tty_start(struct tty *t);             /* after nb_new(): reads from now on */
void tty_serial(void *tty, const uint8_t *data, size_t len); /* the guest's output */
void tty_restore(struct tty *t);           /* any thread; NULL: nothing */
void tty_free(struct tty *t);

#endif
