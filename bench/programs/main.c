/* SPDX-License-Identifier: MIT */
/*
 * bench NAME [UNITS]   runs a program between two marks; UNITS "auto": for a sixth of a second
 * bench -l             lists the programs: name, class, units, needs
 * bench -image         writes the image of a disk for class disk to standard output
 *
 * As process 1 of a guest it is init (init.c). The marks are lines that start with '@':
 *
 *     @begin NAME
 *     @end NAME UNITS CHECKSUM
 *     @skip NAME WHY        this CPU or system can't run it
 *     @fail NAME WHY
 *
 * In a guest they go straight to the UART at 3F8h, byte by byte, with the processor waiting for
 * each: the kernel's serial driver would buffer them, and the host would see them late. That takes
 * I/O privilege, which is given back before the program runs, because Linux does extra work at the
 * task switches of a process that holds it.
 */
#include "bench.h"

#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define COM1    0x3f8
#define AUTO_NS 160000000ll

char *const *program_environ;
const char *program_path;
static const char *running = "init"; /* the program that this process runs */

static bool in_guest(void) { return getpid() == 1 || getenv("BENCH_GUEST"); }

static void uart_send(const char *text)
{
    for (; *text; text++) {
        while (!(inb(COM1 + 5) & 0x20))
            ;
        outb((unsigned char)*text, COM1);
    }
    /* The shifter as well: what is timed next starts with an idle line. */
    while (!(inb(COM1 + 5) & 0x40))
        ;
}

void mark(const char *text)
{
    char line[160];
    int len = snprintf(line, sizeof(line), "%s@%s\n", in_guest() ? "\r\n" : "", text);

    if (!in_guest()) {
        if (write(STDOUT_FILENO, line, (size_t)len) != len)
            _exit(3);
    } else if (iopl(3) == 0) {
        uart_send(line);
        iopl(0);
    }
}

void die(const char *what)
{
    char line[120];

    snprintf(line, sizeof(line), "fail %s %s", running, what);
    mark(line);
    _exit(1);
}

void *get_memory(size_t size)
{
    void *p =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (p == MAP_FAILED)
        die("no memory");
    return p;
}

/* Natively bench/run says where they are; a guest has busybox in its initramfs and the disk as the
 * first one that the kernel finds. */
const char *busybox_path(void)
{
    const char *path = getenv("BENCH_BUSYBOX");

    return path ? path : "/bin/busybox";
}

const char *disk_path(void)
{
    const char *path = getenv("BENCH_DISK");

    if (!path && in_guest()) {
        path = "/disk";
        mknod(path, S_IFBLK | 0400, makedev(8, 0)); /* sda; that it is there already is fine */
    }
    return path ? path : "";
}

const struct program *program_find(const char *name)
{
    for (size_t t = 0; program_tables[t]; t++) {
        for (const struct program *p = program_tables[t]; p->name; p++) {
            if (strcmp(p->name, name) == 0)
                return p;
        }
    }
    return NULL;
}

static void list(void)
{
    for (size_t t = 0; program_tables[t]; t++) {
        for (const struct program *p = program_tables[t]; p->name; p++)
            printf("%s %s %u%s%s%s%s\n", p->name, p->class_name, p->units,
                   p->needs & NEEDS_SSE2 ? " sse2" : "", p->needs & NEEDS_PORTS ? " ports" : "",
                   p->needs & NEEDS_BUSYBOX ? " busybox" : "",
                   p->needs & NEEDS_DISK ? " disk" : "");
    }
}

static const char *lacking(const struct program *p)
{
    unsigned eax, ebx, ecx, edx;

    if (p->needs & NEEDS_SSE2 && !(__get_cpuid(1, &eax, &ebx, &ecx, &edx) && edx & bit_SSE2))
        return "no SSE2";
    if (p->needs & NEEDS_PORTS && !in_guest())
        return "no ports";
    if (p->needs & NEEDS_BUSYBOX && access(busybox_path(), X_OK) != 0)
        return "no busybox";
    if (p->needs & NEEDS_DISK && access(disk_path(), R_OK) != 0)
        return "no disk";
    return NULL;
}

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* UNITS 0: as many as fit into AUTO_NS, three at least. */
static int run(const struct program *p, unsigned units)
{
    char line[120];
    const char *why = lacking(p);
    uint32_t sum = 0;
    int64_t until_ns = 0;
    unsigned i;

    running = p->name;
    if (why) {
        snprintf(line, sizeof(line), "skip %s %s", p->name, why);
        mark(line);
        return 0;
    }
    if (p->set_up)
        p->set_up();
    if (!units)
        until_ns = now_ns() + AUTO_NS;
    snprintf(line, sizeof(line), "begin %s", p->name);
    mark(line);
    for (i = 0; units ? i < units : i < 3 || now_ns() < until_ns; i++) {
        uint32_t one = p->run();

        if (i && one != sum) {
            snprintf(line, sizeof(line), "fail %s unit %u gave %08x after %08x", p->name, i, one,
                     sum);
            mark(line);
            return 1;
        }
        sum = one;
    }
    snprintf(line, sizeof(line), "end %s %u %08x", p->name, i, sum);
    mark(line);
    return 0;
}

int main(int argc, char **argv, char **envp)
{
    const struct program *p;
    unsigned units;

    program_environ = envp;
    program_path = argv[0];
    if (getpid() == 1)
        return init_main();
    if (argc == 2 && strcmp(argv[1], "-l") == 0) {
        list();
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "-image") == 0) {
        disk_write_image();
        return 0;
    }
    /* What the fork+exec programs start. */
    if (argc == 2 && strcmp(argv[1], "-true") == 0)
        return 0;
    p = argc >= 2 ? program_find(argv[1]) : NULL;
    if (!p || argc > 3) {
        fprintf(stderr, "usage: bench NAME [UNITS] | -l\n");
        return 2;
    }
    units = p->units;
    if (argc == 3) {
        units = (unsigned)strtoul(argv[2], NULL, 10);
        if (!units && strcmp(argv[2], "auto") != 0)
            units = 1;
    }
    return run(p, units);
}
