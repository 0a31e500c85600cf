/* SPDX-License-Identifier: MIT */
/* The program of the unit and chip tests: runs all suites, or those named with -s.
 *
 * Each tests/unit/test_NAME.c and tests/dev/test_NAME.c defines `Suite *suite_NAME(void)`; the
 * build lists them in SUITES, a file with one SUITE(NAME) a line. Each test runs in a process of
 * its own (Check's CK_FORK), so that a crash is one failure; -n keeps them in this one, for a
 * debugger. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/types.h"

#define SUITE(name) Suite *suite_##name(void);
#include SUITES
#undef SUITE

static const struct {
    const char *name;
    Suite *(*make)(void);
} suites[] = {
#define SUITE(name) { #name, suite_##name },
#include SUITES
#undef SUITE
};

static int usage(const char *prog, FILE *to)
{
    fprintf(to,
            "Usage: %s [-s NAME]... [-l] [-n] [-v]\n"
            "  -s NAME  run this suite only (more than one: each)\n"
            "  -l       list the suites\n"
            "  -n       all tests in one process\n"
            "  -v       name every test\n",
            prog);
    return to == stdout ? 0 : 2;
}

static bool add_suite(SRunner **runner, const char *name)
{
    bool found = false;

    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        if (name && strcmp(name, suites[i].name) != 0)
            continue;
        found = true;
        if (*runner)
            srunner_add_suite(*runner, suites[i].make());
        else
            *runner = srunner_create(suites[i].make());
    }
    return found;
}

int main(int argc, char **argv)
{
    SRunner *runner = NULL;
    bool fork_each = true;
    enum print_output verbosity = CK_NORMAL;

    /* Check's own 4 s are too short under the sanitizers on a busy host. It reads the variable
     * when a case is made, so that this comes first. */
    setenv("CK_DEFAULT_TIMEOUT", "300", 0);

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-s") && i + 1 < argc) {
            if (!add_suite(&runner, argv[++i])) {
                fprintf(stderr, "%s: no suite '%s' (-l lists them)\n", argv[0], argv[i]);
                return 2;
            }
        } else if (!strcmp(argv[i], "-l")) {
            for (size_t j = 0; j < ARRAY_LEN(suites); j++)
                puts(suites[j].name);
            return 0;
        } else if (!strcmp(argv[i], "-n")) {
            fork_each = false;
        } else if (!strcmp(argv[i], "-v")) {
            verbosity = CK_VERBOSE;
        } else {
            return usage(argv[0], strcmp(argv[i], "-h") ? stderr : stdout);
        }
    }
    if (!runner && !add_suite(&runner, NULL)) {
        fprintf(stderr, "%s: built without any suite\n", argv[0]);
        return 2;
    }
    if (!fork_each)
        srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, verbosity);

    int run = srunner_ntests_run(runner);
    int failed = srunner_ntests_failed(runner);

    srunner_free(runner);
    printf("%d passed, %d failed\n", run - failed, failed);
    return failed ? 1 : 0;
}
