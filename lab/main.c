/* SPDX-License-Identifier: MIT */
/* The command line of `nestbox lab`. */
#include "lab/lab_main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lab/diff.h"
#include "lab/gen.h"
#include "lab/masks.h"
#include "lab/report.h"
#include "lab/tracediff.h"
#include "lab/translate.h"
#include "lab/vec.h"

static const char usage[] =
    "Usage: nestbox lab COMMAND ...\n"
    "  diff [-engines A,B] [-count N | -sequences N | -min N] [-seed S] [-first I]\n"
    "       [-case I | -sequence I] [-row NAME] [-size 8|16|32] [-show N] [-verbose]\n"
    "       [-cells] [-done] [-undefined] [-no-reduce]\n"
    "      generated instructions, or sequences of 2 to 30, on two engines (interp, host),\n"
    "      compared; mismatches are reduced to the shortest program that shows them.\n"
    "      -cells lists rows, forms, sizes and outcomes with less than 1000 cases; -min N goes on\n"
    "      until all have N; -done leaves out what aims at a fault\n"
    "  run [-engine interp|host] [-show N] [-meta FILE] FILE...\n"
    "      vectors: .vec, SingleStepTests' JSON and MOO, also compressed by gzip\n"
    "  gen [-format vec|json|moo] [-family NAME] [-row NAME] [-rows PATTERN] [-per-row N | -count N]\n"
    "      [-seed S] [-o FILE]\n"
    "      vectors from the host CPU\n"
    "  report [-html FILE] [-count N] [-seed S] [-meta FILE] [FILE...]\n"
    "      by row of the instruction table: what was run and reached, and what differs\n"
    "  tracediff [-context N] [-ignore NAME,...] [-from EIP] A B\n"
    "      the first difference of two traces (nestbox's, QEMU's, Bochs's)\n"
    "  translate FILE\n"
    "      the translator's code for the block whose bytes FILE has (tests/jit/*.golden)\n"
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

static int cmd_run(int argc, char **argv)
{
    struct vec_run_options o = { .engine = "interp", .show = 100 };

    for (; argc && argv[0][0] == '-'; argc -= 2, argv += 2) {
        const char *a = argv[0], *v = argc > 1 ? argv[1] : NULL;
        u64 n;
        if (!v)
            return complain("unknown option, or one without its value", a);
        if (!strcmp(a, "-engine"))
            o.engine = v;
        else if (!strcmp(a, "-meta"))
            o.meta = v;
        else if (strcmp(a, "-show"))
            return complain("unknown option", a);
        else if (!number(v, &n))
            return complain("not a number", v);
        else
            o.show = (unsigned)MIN(n, (u64)1000000000);
    }
    if (argc < 1)
        return complain("run wants vector files", NULL);
    return vec_run_files(&o, argv, argc);
}

static bool format_of(const char *s, enum vec_format *f)
{
    static const char names[][5] = { "vec", "json", "moo" };

    for (unsigned k = 0; k < ARRAY_LEN(names); k++)
        if (!strcmp(s, names[k])) {
            *f = (enum vec_format)k;
            return true;
        }
    return false;
}

static int cmd_gen(int argc, char **argv)
{
    struct vec_gen_options o = { .per_row = 3, .seed = 1 };

    for (int k = 0; k < argc; k += 2) {
        const char *a = argv[k], *v = k + 1 < argc ? argv[k + 1] : NULL;
        u64 n;
        if (!v)
            return complain("unknown option, or one without its value", a);
        if (!strcmp(a, "-family")) {
            o.family = v;
        } else if (!strcmp(a, "-row")) {
            o.row = v;
        } else if (!strcmp(a, "-rows")) {
            o.rows = v;
        } else if (!strcmp(a, "-o")) {
            o.file = v;
        } else if (!strcmp(a, "-format")) {
            if (!format_of(v, &o.format))
                return complain("-format is vec, json or moo, not", v);
        } else if (!number(v, &n)) {
            return complain("not a number", v);
        } else if (!strcmp(a, "-per-row")) {
            o.per_row = (unsigned)MIN(n, (u64)1000);
        } else if (!strcmp(a, "-count")) {
            if (!n || n > 1000000)
                return complain("-count is 1 to 1000000, not", v);
            o.count = n;
        } else if (!strcmp(a, "-seed")) {
            o.seed = n;
        } else {
            return complain("unknown option", a);
        }
    }
    return vec_gen(&o);
}

static int cmd_report(int argc, char **argv)
{
    struct report_options o = { .seed = 1 };

    for (; argc && argv[0][0] == '-'; argc -= 2, argv += 2) {
        const char *a = argv[0], *v = argc > 1 ? argv[1] : NULL;
        u64 n;
        if (!v)
            return complain("unknown option, or one without its value", a);
        if (!strcmp(a, "-html"))
            o.html = v;
        else if (!strcmp(a, "-meta"))
            o.meta = v;
        else if (strcmp(a, "-count") && strcmp(a, "-seed"))
            return complain("unknown option", a);
        else if (!number(v, &n))
            return complain("not a number", v);
        else if (a[1] == 'c')
            o.count = n;
        else
            o.seed = n;
    }
    o.files = argv;
    o.num_files = argc;
    if (!argc && !o.count)
        return complain("report wants vector files, or -count N for generated cases", NULL);
    return lab_report(&o);
}

static int cmd_tracediff(int argc, char **argv)
{
    struct tracediff_options o = { .context = 5 };

    for (; argc > 2 && argv[0][0] == '-'; argc -= 2, argv += 2) {
        u64 n;
        if (!strcmp(argv[0], "-ignore")) {
            o.ignore = argv[1];
        } else if (!strcmp(argv[0], "-from")) {
            if (!number(argv[1], &n) || n > 0xffffffff)
                return complain("-from is an address such as 0x7c00, not", argv[1]);
            o.has_from = true;
            o.from = (u32)n;
        } else if (strcmp(argv[0], "-context")) {
            return complain("unknown option", argv[0]);
        } else if (!number(argv[1], &n) || n > TRACEDIFF_MAX_CONTEXT) {
            return complain("-context is 0 to 1000, not", argv[1]);
        } else {
            o.context = (unsigned)n;
        }
    }
    if (argc != 2)
        return complain("tracediff wants two files", NULL);
    o.file[0] = argv[0];
    o.file[1] = argv[1];
    return lab_tracediff(&o);
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
        return lab_diff_main(argc - 1, argv + 1);
    if (!strcmp(argv[0], "run"))
        return cmd_run(argc - 1, argv + 1);
    if (!strcmp(argv[0], "gen"))
        return cmd_gen(argc - 1, argv + 1);
    if (!strcmp(argv[0], "report"))
        return cmd_report(argc - 1, argv + 1);
    if (!strcmp(argv[0], "tracediff"))
        return cmd_tracediff(argc - 1, argv + 1);
    if (!strcmp(argv[0], "translate"))
        return lab_translate_main(argc - 1, argv + 1);
    if (!strcmp(argv[0], "left-out"))
        return cmd_left_out();
    if (!strcmp(argv[0], "masks"))
        return cmd_masks();
    complain("unknown command", argv[0]);
    fputs(usage, stderr);
    return 1;
}
