/* SPDX-License-Identifier: MIT */
/* Runs a whole machine without a window: the built-in disk, until its self-test is on the screen.
 * The clock is counted, so that every run is the same. */
#include <nestbox.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    static const char *const settings[][2] = { { "m", "16" }, { "clock", "counted" } };
    struct nb_config *cfg = nb_config_new();
    struct nb_error e = { 0 };
    struct nb_machine *m;
    bool seen = false;

    for (unsigned k = 0; k < sizeof settings / sizeof *settings; k++)
        if (!nb_config_set(cfg, settings[k][0], settings[k][1], &e))
            return fprintf(stderr, "%s\n", e.text), e.code;
    m = nb_new(cfg, &e);
    nb_config_free(cfg);
    if (!m)
        return fprintf(stderr, "%s\n", e.text), e.code;
    for (unsigned tenths = 0; tenths < 300 && !seen; tenths++) {
        nb_run(m, 100000000); /* 0.1 s of guest time */
        char *text = nb_screen_text(m), *line = strstr(text, "Self-test");
        if (line && strstr(line, " 0 failed")) {
            printf("self-test passed\n");
            seen = true;
        }
        nb_string_free(text);
    }
    nb_free(m);
    return seen ? 0 : 4;
}
