/* SPDX-License-Identifier: MIT */
/* The command line: QEMU's language, plus a few options of ours for tests. */
#ifndef NB_FRONTEND_OPTS_H
#define NB_FRONTEND_OPTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "frontend/chardev.h"
#include "frontend/preset.h"
#include "include/nestbox.h"

enum opts_display { DISPLAY_DEFAULT, DISPLAY_NONE, DISPLAY_CURSES, DISPLAY_SDL };

#define OPTS_MAX_SERIAL 4
#define OPTS_MAX_PARALLEL 2
#define OPTS_MAX_LISTEN 4
#define OPTS_MAX_EXPECT 16

struct opts_expect {
    bool serial; /* else screen */
    const char *text;
};

/* Strings are argv's, if they are not owned. */
struct opts {
    struct nb_config *cfg;
    enum opts_display display;
    bool nographic, full_screen, start_paused, hash, print_screen;
    bool has_boot;  /* a drive or a kernel was given */
    bool has_log;   /* -d */
    bool counted;   /* -clock counted */
    bool daemonize;
    const char *pidfile;
    const char *monitor, *gdb, *log_file;
    const char *name;       /* guest_name or NULL */
    const char *script, *screendump, *savevm, *stop_at;
    const char *serial[OPTS_MAX_SERIAL];
    unsigned num_serial;
    const char *parallel[OPTS_MAX_PARALLEL], *debugcon;
    unsigned num_parallel;
    struct chardev_opts chardevs;
    char device_port[OPTS_MAX_SERIAL + OPTS_MAX_PARALLEL][40]; /* "chardev:ID" of -device isa-... */
    unsigned num_device_ports;
    char debugcon_port[40];
    char mon_chardev[40];
    const char *listen[OPTS_MAX_LISTEN]; /* sockets of monitors; the first may be `monitor`, too */
    unsigned num_listen;
    char *guest_name;    /* of -name, owned */
    bool kvm_wanted;     /* -accel kvm, and nothing after it that is there */
    const struct preset *preset;
    unsigned preset_chose; /* bit n: its choice n was not overruled */
    struct opts_expect expect[OPTS_MAX_EXPECT];
    unsigned num_expect;
    uint64_t timeout_ns; /* 0: none */
    int boot_arg;        /* index of the bare argument, 0: none */
};

/* Fills *o and o->cfg (which it makes; opts_free frees it). Returns -1 to start the machine, else
 * the program's exit code; what there is to say has been written to out or err. */
int opts_parse(struct opts *o, int argc, char **argv, FILE *out, FILE *err);
void opts_free(struct opts *o);
void opts_help(FILE *out);

#endif
