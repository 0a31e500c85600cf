/* SPDX-License-Identifier: MIT */
/*
 * Process 1 of the benchmark's guest. The kernel hands it what it does not know itself of its
 * command line; 'run=NAME:UNITS,NAME:UNITS' says what to do:
 *
 *     NAME:UNITS   runs a program in a process of its own
 *     idle         sleeps for good, with the processor halted
 *     touch        writes all free memory, then sleeps: what the emulator holds after that is
 *                  the guest's RAM and its own memory
 *
 * The first mark, '@boot', is the end of the boot; the last is '@done'.
 */
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

/* Left to the kernel when all the rest is written: without it the OOM killer would come. */
#define SPARE_BYTES (4u << 20)

static void sleep_for_good(void)
{
    for (;;)
        pause();
}

static void touch(void)
{
    struct sysinfo si;
    char line[80];
    size_t size;
    volatile unsigned char *p;

    if (sysinfo(&si) != 0)
        die("touch: sysinfo");
    size = (size_t)si.freeram * si.mem_unit;
    size = size > SPARE_BYTES ? (size - SPARE_BYTES) & ~(size_t)4095 : 0;
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        die("touch: mmap");
    /* Different contents: the host must not be able to share pages. */
    for (size_t i = 0; i < size; i += 4096) {
        p[i] = (unsigned char)(i >> 12);
        p[i + 2048] = (unsigned char)(i >> 20 | 1);
    }
    snprintf(line, sizeof(line), "touched %u", (unsigned)size);
    mark(line);
    sleep_for_good();
}

static void run_program(char *name)
{
    char *units = strchr(name, ':');
    char *args[] = { (char *)"/init", name, NULL, NULL };
    char line[120];
    int status;
    pid_t pid;

    if (units) {
        *units = '\0';
        args[2] = units + 1;
    }
    pid = fork();
    if (pid == 0) {
        execve(args[0], args, program_environ);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        die("init: can't start a process");
    } else if (!WIFEXITED(status)) {
        snprintf(line, sizeof(line), "fail %s signal %d", name, WTERMSIG(status));
        mark(line);
    } else if (WEXITSTATUS(status) > 1) {
        snprintf(line, sizeof(line), "fail %s exit status %d", name, WEXITSTATUS(status));
        mark(line);
    }
}

int init_main(void)
{
    const char *todo;
    char *list, *rest;

    mark("boot");
    /* A kernel without console leaves the standard descriptors closed. */
    while (open("/dev/null", O_RDWR) >= 0 && open("/dev/null", O_RDWR) < 3)
        ;
    todo = getenv("run");
    list = strdup(todo ? todo : "");
    setenv("BENCH_GUEST", "1", 1);
    program_environ = environ;
    for (char *item = strtok_r(list, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
        if (strcmp(item, "idle") == 0) {
            mark("idle");
            sleep_for_good();
        } else if (strcmp(item, "touch") == 0) {
            touch();
        } else {
            run_program(item);
        }
    }
    mark("done");
    reboot(RB_AUTOBOOT);
    sleep_for_good();
    return 0;
}
