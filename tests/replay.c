/* SPDX-License-Identifier: MIT */
/* Stands in for libFuzzer's main in plain builds: feeds each named file, and each file in each
 * named folder, to the fuzz target once. A finding shows as a crash, whose input was named last. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

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

int main(int argc, char **argv)
{
    int count = 0;
    bool ok = true;

    for (int i = 1; i < argc; i++)
        ok &= replay(argv[i], &count, 0);
    printf("%d passed, %d failed\n", ok ? count : 0, ok ? 0 : 1);
    return ok ? 0 : 1;
}
