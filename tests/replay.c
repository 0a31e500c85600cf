/* SPDX-License-Identifier: MIT */
/* Stands in for libFuzzer's main in plain builds: feeds each named file, and each file in each
 * named folder, to the fuzz target once. A finding shows as a crash, whose input was named last.
 *
 * Where there is no libFuzzer: -random SEED [-seconds N] [-max BYTES] [-keep FILE] feeds random
 * bytes. -keep leaves the last input in FILE, whatever became of it; -engine names the engine of
 * targets that have a choice. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/types.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { INPUT_LIMIT = 16 << 20 };

static bool replay_file(const char *path)
{
    FILE *in = fopen(path, "rb");

    if (!in) {
        perror(path);
        return false;
    }
    u8 *data = malloc(INPUT_LIMIT);
    size_t size = data ? fread(data, 1, INPUT_LIMIT, in) : 0;

    fclose(in);
    /* An exact copy, so that the sanitizers see a read past the end. */
    u8 *exact = data ? realloc(data, size ? size : 1) : NULL;

    if (!exact) {
        free(data);
        fprintf(stderr, "%s: out of memory\n", path);
        return false;
    }
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return true;
}

static bool replay(const char *path, int *count, int depth)
{
    DIR *dir = opendir(path);
    bool ok = true;

    if (!dir || depth > 1) {
        if (dir)
            closedir(dir);
        (*count)++;
        return replay_file(path);
    }
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        char sub[4096];

        if (e->d_name[0] == '.')
            continue;
        snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
        ok &= replay(sub, count, depth + 1);
    }
    closedir(dir);
    return ok;
}

struct random_run {
    u64 seed;
    unsigned long seconds, max;
    const char *keep;
};

static u64 next_random(u64 *x)
{
    *x += 0x9e3779b97f4a7c15ull;
    u64 z = (*x ^ *x >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static int run_random(const struct random_run *r)
{
    u64 x = r->seed, done = 0;
    time_t end = time(NULL) + (time_t)r->seconds;
    int keep = r->keep ? open(r->keep, O_RDWR | O_CREAT | O_CLOEXEC, 0644) : -1;

    if (r->keep && keep < 0) {
        perror(r->keep);
        return 1;
    }
    while (time(NULL) < end) {
        size_t size = next_random(&x) % r->max + 1;
        u8 *data = malloc(size);

        if (!data)
            return 1;
        for (size_t k = 0; k < size; k++)
            data[k] = (u8)next_random(&x);
        if (keep >= 0 &&
            (pwrite(keep, data, size, 0) != (ssize_t)size || ftruncate(keep, (off_t)size))) {
            perror(r->keep);
            return 1;
        }
        LLVMFuzzerTestOneInput(data, size);
        free(data);
        done++;
    }
    if (keep >= 0)
        close(keep);
    printf("%llu inputs\n", (unsigned long long)done);
    return 0;
}

/* The options of random runs; 0 when there are none, -1 for wrong ones. */
static int random_options(int argc, char **argv, struct random_run *r)
{
    *r = (struct random_run){ .seconds = 60, .max = 1024 };
    if (argc < 2 || argv[1][0] != '-')
        return 0;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc)
            return -1;
        if (!strcmp(argv[i], "-random"))
            r->seed = strtoull(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "-seconds"))
            r->seconds = strtoul(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "-max"))
            r->max = strtoul(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "-keep"))
            r->keep = argv[i + 1];
        else if (!strcmp(argv[i], "-engine"))
            setenv("FUZZ_ENGINE", argv[i + 1], 1);
        else
            return -1;
    }
    return r->max ? 1 : -1;
}

int main(int argc, char **argv)
{
    struct random_run r;
    int count = 0, random = random_options(argc, argv, &r);
    bool ok = true;

    if (random < 0) {
        fprintf(stderr, "usage: %s FILE... | -random SEED [-seconds N] [-max BYTES] [-keep FILE] "
                        "[-engine NAME]\n", argv[0]);
        return 2;
    }
    if (random)
        return run_random(&r);
    for (int i = 1; i < argc; i++)
        ok &= replay(argv[i], &count, 0);
    printf("%d passed, %d failed\n", ok ? count : 0, ok ? 0 : 1);
    return ok ? 0 : 1;
}
