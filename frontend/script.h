/* SPDX-License-Identifier: MIT */
/* Statements that play a user, for tests: -script, -expect-screen, -expect-serial, -timeout.
 * All on the machine thread, between two slices of nb_run(). In counted time all times are the
 * guest's, so that a script gives the same run every time. docs/cli.md lists them. */
#ifndef NB_FRONTEND_SCRIPT_H
#define NB_FRONTEND_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frontend/opts.h"

struct front;
struct script;

struct script *script_new(const struct opts *o);
void script_free(struct script *s);
/* false: *why (at least 200 bytes) says what is wrong; it starts with the line. */
bool script_add(struct script *s, const char *line, unsigned number, char *why);
/* 0, or the exit status: 1 a statement, 2 the file. */
int script_read(struct script *s, const char *file, char *why);
void script_add_options(struct script *s);  /* -expect-..., then the end */
/* The count of `stop-at`, which nb_new() has to know; NULL if there is none. */
const char *script_stop_at(const struct script *s);
bool script_wants_serial(const struct script *s);
void script_start(struct script *s, struct front *f);
void script_serial(void *script, const uint8_t *data, size_t len);
/* Plays as far as it goes. false: the run is to end; script_end() knows the status. */
bool script_poll(struct script *s);
void script_fail(struct script *s, const char *why);
/* The machine has ended with this status: the program's status. Prints what was not met. */
int script_end(struct script *s, int status);

#endif
