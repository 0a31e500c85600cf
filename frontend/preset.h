/* SPDX-License-Identifier: MIT */
/* -preset: options that suit a family of guests. */
#ifndef NB_FRONTEND_PRESET_H
#define NB_FRONTEND_PRESET_H

#include <stdbool.h>
#include <stdio.h>

#define PRESET_MAX_CHOICES 8

struct preset_choice {
    const char *option, *value;
    /* The property that makes the choice where the option has several: an explicit option without
     * it leaves the choice alone. NULL: the option as a whole. */
    const char *property;
};

struct preset {
    const char *name, *text;
    struct preset_choice choice[PRESET_MAX_CHOICES]; /* ends with option NULL */
};

const struct preset *preset_find(const char *name);
void preset_help(FILE *out);
/* Whether the user's own option, as it was given, makes the choice in the preset's place. */
bool preset_overruled(const struct preset_choice *c, const char *option, const char *value);

#endif
