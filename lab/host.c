/* SPDX-License-Identifier: MIT */
/* The host engine's parent side: a confined child, a batch in shared memory, a new child when one
 * ends (which names the case that ended it). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lab/host.h"

#if LAB_HAVE_HOST

#include <cpuid.h>
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/xalloc.h"

struct host_engine {
    struct lab_engine e;
    struct lab_shm *shm;
    int memfd;
    pid_t child;
};

static long futex(volatile u32 *at, int op, u32 val, const struct timespec *ts)
{
    return syscall(SYS_futex, at, op, val, ts, NULL, 0);
}

static void set_state(struct lab_shm *shm, u32 s)
{
    __atomic_store_n(&shm->state, s, __ATOMIC_RELEASE);
    futex(&shm->state, FUTEX_WAKE, 1, NULL);
}

/* Until the child is done; false when it ended. */
static bool wait_done(struct host_engine *h)
{
    for (;;) {
        struct timespec ts = { 0, 200000000 };
        u32 s = __atomic_load_n(&h->shm->state, __ATOMIC_ACQUIRE);
        if (s == LAB_SHM_DONE)
            return true;
        futex(&h->shm->state, FUTEX_WAIT, s, &ts);
        if (__atomic_load_n(&h->shm->state, __ATOMIC_ACQUIRE) == LAB_SHM_DONE)
            return true;
        if (waitpid(h->child, NULL, WNOHANG) == h->child) {
            h->child = 0;
            return false;
        }
    }
}

/* Nothing but the lab's pages may lie where 32-bit code can reach. */
static bool low_memory_is_free(struct err *e)
{
    FILE *f = fopen("/proc/self/maps", "r");
    unsigned long long start;
    char line[512];
    bool ok = true;

    if (!f)
        return err_set(e, ERR_RESOURCE, "can't read /proc/self/maps: %s", strerror(errno));
    while (ok && fgets(line, sizeof line, f))
        if (sscanf(line, "%llx-", &start) == 1 && start < 0x100000000ull)
            ok = err_set(e, ERR_RESOURCE, "the host engine needs the low 4 GB for itself, but this "
                         "program has a mapping at %llx (build it as PIE)", start);
    fclose(f);
    return ok;
}

static bool spawn(struct host_engine *h, struct err *e)
{
    h->shm->state = LAB_SHM_IDLE;
    h->shm->failed = 0;
    h->child = fork();
    if (h->child < 0)
        return err_set(e, ERR_RESOURCE, "fork: %s", strerror(errno));
    if (!h->child)
        lab_child(h->shm, h->memfd);
    if (!wait_done(h) || h->shm->failed)
        return err_set(e, ERR_RESOURCE, "the host engine did not start: %s: %s",
                       h->shm->where[0] ? h->shm->where : "the child ended",
                       strerror((int)h->shm->failed));
    return true;
}

static void host_start(struct lab_engine *e, const struct lab_case *cases, unsigned n)
{
    struct host_engine *h = container_of(e, struct host_engine, e);

    memcpy(h->shm->kase, cases, n * sizeof *cases);
    h->shm->first = 0;
    h->shm->n = n;
    set_state(h->shm, LAB_SHM_GO);
}

static const struct lab_result *host_wait(struct lab_engine *e)
{
    struct host_engine *h = container_of(e, struct host_engine, e);

    while (!wait_done(h)) {
        u32 at = h->shm->at;
        struct err err = { 0 };
        h->shm->result[at].status = LAB_DIED;
        h->shm->result[at].num_words = 0;
        if (!spawn(h, &err)) {
            for (u32 k = at; k < h->shm->n; k++)
                h->shm->result[k].status = LAB_DIED;
            break;
        }
        h->shm->first = at + 1;
        set_state(h->shm, LAB_SHM_GO);
    }
    return h->shm->result;
}

static void host_close(struct lab_engine *e)
{
    struct host_engine *h = container_of(e, struct host_engine, e);

    if (h->child > 0) {
        kill(h->child, SIGKILL);
        waitpid(h->child, NULL, 0);
    }
    if (h->memfd >= 0)
        close(h->memfd);
    munmap(h->shm, sizeof *h->shm);
    xfree(h);
}

struct lab_engine *lab_host_open(struct err *e)
{
    struct host_engine *h = xcalloc(1, sizeof *h);

    h->e = (struct lab_engine){ "host", host_start, host_wait, host_close };
    h->memfd = -1;
    h->shm = mmap(NULL, sizeof *h->shm, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (h->shm == MAP_FAILED) {
        err_set(e, ERR_RESOURCE, "no memory for the host engine: %s", strerror(errno));
        xfree(h);
        return NULL;
    }
    h->memfd = (int)syscall(SYS_memfd_create, "lab", 1u);
    if (h->memfd < 0 || ftruncate(h->memfd, LAB_PAGES * 4096))
        err_set(e, ERR_RESOURCE, "no memory object for the host engine: %s", strerror(errno));
    else if (low_memory_is_free(e) && spawn(h, e))
        return &h->e;
    host_close(&h->e);
    return NULL;
}

static unsigned identify(char vendor[13])
{
    u32 a, b, c, d;

    vendor[0] = 0;
    if (!__get_cpuid(0, &a, &b, &c, &d))
        return 0;
    memcpy(vendor, &b, 4);
    memcpy(vendor + 4, &d, 4);
    memcpy(vendor + 8, &c, 4);
    vendor[12] = 0;
    return __get_cpuid(1, &a, &b, &c, &d) ? a : 0;
}

bool lab_host_is_amd(void)
{
    char vendor[13];

    identify(vendor);
    return !strcmp(vendor, "AuthenticAMD") || !strcmp(vendor, "HygonGenuine");
}

void lab_host_name(char *out, size_t size)
{
    char vendor[13], brand[49] = "";
    u32 sig = identify(vendor);
    u32 family = sig >> 8 & 15, model = sig >> 4 & 15;

    if (family == 15)
        family += sig >> 20 & 0xff;
    if (family >= 6)
        model |= sig >> 12 & 0xf0;
    for (u32 k = 0; k < 3; k++) {
        u32 r[4];
        if (!__get_cpuid(0x80000002u + k, &r[0], &r[1], &r[2], &r[3]))
            break;
        memcpy(brand + 16 * k, r, 16);
    }
    brand[48] = 0;
    snprintf(out, size, "%s family %u model %u stepping %u, %s", vendor, family, model, sig & 15,
             brand[0] ? brand + strspn(brand, " ") : "no brand string");
    for (size_t n = strlen(out); n && out[n - 1] == ' '; n--)
        out[n - 1] = 0;
}

#else

#include <stdio.h>

struct lab_engine *lab_host_open(struct err *e)
{
    err_set(e, ERR_CONFIG, "engine host is not available here: it needs Linux on x86-64");
    return NULL;
}

bool lab_host_is_amd(void)
{
    return false;
}

void lab_host_name(char *out, size_t size)
{
    snprintf(out, size, "no x86-64 Linux host");
}

#endif
