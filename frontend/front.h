/* SPDX-License-Identifier: MIT */
/* One run of the program: the machine, the thread that runs it, and the services around it.
 *
 * The thread that calls front_run() is the machine thread: the main thread when nothing is shown,
 * a thread of its own beside a window or a terminal screen. Services (monitor, gdb, the terminal)
 * have a thread each; they reach the machine by nb_call(), sleep in poll() with front_stop_fd()
 * in their set, and return when it becomes readable. Until the last has returned, the machine
 * thread keeps answering their calls. */
#ifndef NB_FRONTEND_FRONT_H
#define NB_FRONTEND_FRONT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "frontend/daemon.h"
#include "frontend/opts.h"
#include "frontend/text.h"
#include "include/nestbox.h"

struct gdb;
struct script;
struct tty;

#define FRONT_MAX_SERVICES 8

struct front {
    struct nb_machine *m;
    const struct opts *o;
    FILE *log;                /* NULL: nowhere */
    unsigned long log_lost;   /* lines that a terminal screen left no room for */

    int stop_pipe[2];         /* the read end becomes readable when the run is over */
    pthread_t service[FRONT_MAX_SERVICES];
    unsigned num_services;
    atomic_uint services_alive;
    atomic_bool over;         /* no more guest instructions will run */
    unsigned mouse_buttons;   /* as the monitor left them; machine thread */
    atomic_int forced_stop;   /* enum nb_stop + 1 of a step that ended the machine; 0: none */

    struct script *script;    /* NULL: none */
    struct gdb *gdb;
    struct tty *tty;

    /* How a window or terminal screen learns that the run is over; on the machine thread */
    void (*wake_ui)(void *ui);
    void *ui;

    struct pidfile pidfile;
    int *tell_fd;             /* -daemonize: who waits for us; see daemon.h */
    int status;               /* the program's exit status */
    enum nb_stop why;
};

bool front_init(struct front *f, const struct opts *o);
void front_free(struct front *f);
/* Starts a service thread with all signals blocked. */
bool front_service(struct front *f, void *(*fn)(void *arg), void *arg);
int front_stop_fd(const struct front *f);
/* SIGTERM, SIGINT and SIGHUP end the run. They must be blocked (front_block_signals) before the
 * first thread starts. */
void front_block_signals(void);
bool front_catch_signals(struct front *f);
/* [machine thread] Until the machine has ended, with everything that comes after. */
void front_run(struct front *f);
/* Ends the run as if nb_run() had returned `why`: for nb_step()'s answers. [any] */
void front_end(struct front *f, enum nb_stop why);
/* The machine is built and everything listens: whoever waits for -daemonize may go. */
void front_ready(struct front *f);
/* A line for the user, on stderr and in the log file. */
void front_say(struct front *f, const char *fmt, ...);
void front_log(void *front, const char *line); /* for nb_config_log */
/* Writes all of it, waiting for slow readers; false: the other side is gone, or the run is over
 * (stop_fd readable; -1: not looked at). */
bool front_write(int fd, int stop_fd, const void *data, size_t len);

/* sdl.c, curses.c: return when the window was closed or the run is over. Main thread. */
bool sdl_available(void);
int sdl_main(struct front *f);
int curses_main(struct front *f);

#endif
