/* SPDX-License-Identifier: MIT */
/* The command line of `nestbox lab`. */
#include "lab/lab_main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lab/diff.h"
#include "lab/gen.h"
#include "lab/masks.h"
#include "lab/vec.h"

static const char usage[] =
    "Usage: nestbox lab COMMAND ...\n"
    "  diff [-engines A,B] [-count N] [-seed S] [-first I] [-row NAME] [-size 8|16|32]\n"
    "       [-show N] [-verbose] [-undefined]\n"
    "      generated instructions on two engines (interp, host), compared\n"
    "  run [-engine interp|host] FILE...\n"
    "      vector files (.vec)\n"
    "  gen [-family NAME] [-row NAME] [-per-row N] [-seed S]\n"
    "      vectors from the host CPU, on the standard output\n"
    "  masks\n"
    "      what is not compared, and why\n"
    "  left-out\n"
    "      rows of the instruction table that diff does not run, and why\n";

static int complain(const char *what, const char *arg)
{
    fprintf(stderr, "nestbox lab: %s%s%s\n", what, arg ? ": " : "", arg ? arg : "");
    return 1;
}

static bool number(const char *s, u64 *v)
{
    char *end;

    errno = 0;
    *v = strtoull(s, &end, 0);
    return *s >= '0' && *s <= '9' && !*end && !errno;
}

static int cmd_diff(int argc, char **argv)
{
    struct diff_options o = {
        .engine = { "interp", "host" }, .count = 100000, .seed = 1, .show = 10
    };
    char engines[64];

    for (int k = 0; k < argc; k++) {
        const char *a = argv[k], *v = k + 1 < argc ? argv[k + 1] : NULL;
        u64 n;
        if (!strcmp(a, "-verbose")) {
            o.verbose = true;
            continue;
        }
        if (!strcmp(a, "-undefined")) {
            o.undefined = true;
            continue;
        }
        if (!v)
            return complain("unknown option, or one without its value", a);
        k++;
        if (!strcmp(a, "-engines")) {
            char *comma;
            snprintf(engines, sizeof engines, "%s", v);
            comma = strchr(engines, ',');
            if (!comma)
                return complain("-engines wants two names, such as interp,host", v);
            *comma = 0;
            o.engine[0] = engines;
            o.engine[1] = comma + 1;
        } else if (!strcmp(a, "-row")) {
            o.row = v;
        } else if (!number(v, &n)) {
            return complain("not a number", v);
        } else if (!strcmp(a, "-count")) {
            o.count = n;
        } else if (!strcmp(a, "-seed")) {
            o.seed = n;
        } else if (!strcmp(a, "-first")) {
            o.first = n;
        } else if (!strcmp(a, "-size")) {
            if (n != 8 && n != 16 && n != 32)
                return complain("-size is 8, 16 or 32, not", v);
            o.size = (unsigned)n;
        } else if (!strcmp(a, "-show")) {
            o.show = (unsigned)MIN(n, (u64)1000000);
        } else if (!strcmp(a, "-threads")) {
            if (n != 1)
                return complain("there is one thread only, not", v);
        } else {
            return complain("unknown option", a);
        }
    }
    return lab_diff(&o);
}

static int cmd_run(int argc, char **argv)
{
    const char *engine = "interp";

    while (argc >= 2 && !strcmp(argv[0], "-engine")) {
        engine = argv[1];
        argc -= 2;
        argv += 2;
    }
    if (argc < 1)
        return complain("run wants vector files", NULL);
    if (argv[0][0] == '-')
        return complain("unknown option, or one without its value", argv[0]);
    return vec_run_files(engine, argv, argc);
}

static int cmd_gen(int argc, char **argv)
{
    struct vec_gen_options o = { .per_row = 3, .seed = 1 };

    for (int k = 0; k < argc; k += 2) {
        const char *a = argv[k], *v = k + 1 < argc ? argv[k + 1] : NULL;
        u64 n;
        if (!v)
            return complain("unknown option, or one without its value", a);
        if (!strcmp(a, "-family"))
            o.family = v;
        else if (!strcmp(a, "-row"))
            o.row = v;
        else if (!number(v, &n))
            return complain("not a number", v);
        else if (!strcmp(a, "-per-row"))
            o.per_row = (unsigned)MIN(n, (u64)1000);
        else if (!strcmp(a, "-seed"))
            o.seed = n;
        else
            return complain("unknown option", a);
    }
    return vec_gen(&o);
}

static int cmd_masks(void)
{
    for (unsigned k = 0; k < lab_num_mask_notes; k++) {
        const struct lab_mask_note *m = &lab_mask_notes[k];
        printf("%s: %s\n  not compared: %s\n  manual: %s\n  seen: %s\n", m->rows, m->when, m->what,
               m->sdm, m->seen);
    }
    return 0;
}

static int cmd_left_out(void)
{
    for (unsigned n = 0; n < isa_num_rows(); n++) {
        const struct isa_row *row = isa_row(n);
        const char *why = gen_left_out(row);
        if (why)
            printf("%s%02x %s: %s\n", row->map == MAP_2 ? "0f" : "", row->op, row->name, why);
    }
    return 0;
}

int lab_main(int argc, char **argv)
{
    argc--;
    argv++;
    if (argc < 1 || !strcmp(argv[0], "-help") || !strcmp(argv[0], "help")) {
        fputs(usage, argc < 1 ? stderr : stdout);
        return argc < 1;
    }
    if (!strcmp(argv[0], "diff"))
        return cmd_diff(argc - 1, argv + 1);
    if (!strcmp(argv[0], "run"))
        return cmd_run(argc - 1, argv + 1);
    if (!strcmp(argv[0], "gen"))
        return cmd_gen(argc - 1, argv + 1);
    if (!strcmp(argv[0], "left-out"))
        return cmd_left_out();
    if (!strcmp(argv[0], "masks"))
        return cmd_masks();
    complain("unknown command", argv[0]);
    fputs(usage, stderr);
    return 1;
}
