/* SPDX-License-Identifier: MIT */
/* -chardev, -mon and "chardev:ID": QEMU's long form of what -serial, -parallel, -debugcon and
 * -monitor say in short. */
#ifndef NB_FRONTEND_CHARDEV_H
#define NB_FRONTEND_CHARDEV_H

#include <stdbool.h>
#include <stddef.h>

#define CHARDEV_MAX 8

struct chardev_opt {
    char id[32];
    char spec[600];  /* the short form */
    bool mux;
    unsigned users;
};

struct chardev_opts {
    struct chardev_opt dev[CHARDEV_MAX];
    unsigned n;
};

/* "file,id=c0,path=F". false: what is wrong is in why. */
bool chardev_parse(struct chardev_opts *c, const char *text, char *why, size_t size);
/* *spec: the short form when it is "chardev:ID", else left alone. */
bool chardev_resolve(struct chardev_opts *c, const char **spec, char *why, size_t size);
/* The value of a key in "driver,key=value,...", without its end; NULL: it has none. */
const char *chardev_value(const char *text, const char *key, size_t *len);

#endif
