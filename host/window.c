/* SPDX-License-Identifier: MIT */
/* Windows onto memory objects, and the faults of code that looks through them (core/vmem.h). Linux
 * on x86-64; elsewhere there are none.
 *
 * A window is a hole in the address space, far from where the kernel puts mappings by itself: a
 * hole costs no mapping, so that the limit on their number (65,530) goes to what is shown. One page
 * in front stays mapped and tells the windows of one process from each other.
 *
 * The handler and its table belong to the process, as signals do. It runs on the stack it finds,
 * or on an alternate one if the program has set that up: emitted code keeps an ordinary stack. */
#define _GNU_SOURCE
#include "core/vmem.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define WATCHED 1
#endif
#endif

#if defined(__linux__) && defined(__x86_64__) && !defined(WATCHED)

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define PLACES_FROM 0x100000000000ull
#define PLACES_STEP 0x8000000000ull
enum { NUM_PLACES = 64, GUARD = 4096 };

static bool under_valgrind(void)
{
    const char *p = getenv("LD_PRELOAD");

    return p && strstr(p, "vgpreload");
}

u8 *vmem_window_new(size_t size)
{
    if (size > PLACES_STEP - GUARD || under_valgrind())
        return NULL;
    for (unsigned k = 0; k < NUM_PLACES; k++) {
        u8 *want = (u8 *)(uintptr_t)(PLACES_FROM + k * PLACES_STEP) - GUARD;
        void *p = mmap(want, size + GUARD, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (p == want) {
            munmap(want + GUARD, size);
            return want + GUARD;
        }
        if (p != MAP_FAILED) {
            munmap(p, size + GUARD); /* a kernel that does not know the flag */
            return NULL;
        }
        if (errno != EEXIST)
            return NULL;
    }
    return NULL;
}

void vmem_window_free(u8 *w, size_t size)
{
    if (w)
        munmap(w - GUARD, size + GUARD);
}

bool vmem_show(u8 *at, size_t size, int fd, u64 off, bool write)
{
    return mmap(at, size, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED | MAP_FIXED, fd,
                (off_t)off) != MAP_FAILED;
}

bool vmem_hide(u8 *at, size_t size)
{
    return !munmap(at, size);
}

bool vmem_show_read_only(u8 *at, size_t size)
{
    return !mprotect(at, size, PROT_READ);
}

/* ---- faults ---- */

enum { NUM_TRAPS = 64 };
static struct {
    pthread_mutex_t lock;
    struct vmem_trap trap[NUM_TRAPS]; /* from == UINT64_MAX, or 0: none; written last */
    unsigned used;
    bool installed;
    struct sigaction before;
} traps = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void pass_on(int sig, siginfo_t *info, void *context)
{
    struct sigaction *b = &traps.before;

    if (b->sa_flags & SA_SIGINFO) {
        b->sa_sigaction(sig, info, context);
    } else if (b->sa_handler != SIG_DFL && b->sa_handler != SIG_IGN) {
        b->sa_handler(sig);
    } else {
        signal(sig, SIG_DFL); /* the instruction does it again, now for good */
        if (info->si_code <= 0)
            raise(sig);
    }
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    u64 pc = (u64)regs[REG_RIP];

    for (unsigned k = 0; info->si_code > 0 && k < NUM_TRAPS; k++) {
        struct vmem_trap *t = &traps.trap[k];
        u64 from = __atomic_load_n(&t->from, __ATOMIC_ACQUIRE);
        if (!from || pc < from || pc >= t->to)
            continue;
        u64 on = t->at(t->ctx, pc, (u64)(uintptr_t)info->si_addr);
        if (!on)
            break;
        regs[REG_RIP] = (greg_t)on;
        return;
    }
    pass_on(sig, info, context);
}

bool vmem_trap_add(const struct vmem_trap *t)
{
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK }, now;
    bool ok = false;

    pthread_mutex_lock(&traps.lock);
    sigemptyset(&sa.sa_mask);
    if (!traps.installed)
        traps.installed = !sigaction(SIGSEGV, &sa, &traps.before);
    /* one that was put on top of ours may or may not hand on what it gets: that is not good
     * enough */
    if (traps.installed && !sigaction(SIGSEGV, NULL, &now) && now.sa_sigaction == on_fault)
        for (unsigned k = 0; k < NUM_TRAPS && !ok; k++) {
            struct vmem_trap *to = &traps.trap[k];
            if (to->from)
                continue;
            to->to = t->to;
            to->at = t->at;
            to->ctx = t->ctx;
            __atomic_store_n(&to->from, t->from, __ATOMIC_RELEASE);
            traps.used++;
            ok = true;
        }
    pthread_mutex_unlock(&traps.lock);
    return ok;
}

void vmem_trap_remove(const struct vmem_trap *t)
{
    struct sigaction now;

    pthread_mutex_lock(&traps.lock);
    for (unsigned k = 0; k < NUM_TRAPS; k++)
        if (traps.trap[k].from == t->from && traps.trap[k].ctx == t->ctx) {
            __atomic_store_n(&traps.trap[k].from, 0, __ATOMIC_RELEASE);
            traps.used--;
            /* another's handler on top of ours may still come here */
            if (!traps.used && !sigaction(SIGSEGV, NULL, &now) && now.sa_sigaction == on_fault)
                traps.installed = sigaction(SIGSEGV, &traps.before, NULL) != 0;
            break;
        }
    pthread_mutex_unlock(&traps.lock);
}

#else

u8 *vmem_window_new(size_t size) { (void)size; return NULL; }
void vmem_window_free(u8 *w, size_t size) { (void)w; (void)size; }
bool vmem_show(u8 *at, size_t size, int fd, u64 off, bool write)
{
    (void)at; (void)size; (void)fd; (void)off; (void)write;
    return false;
}
bool vmem_hide(u8 *at, size_t size) { (void)at; (void)size; return false; }
bool vmem_show_read_only(u8 *at, size_t size) { (void)at; (void)size; return false; }
bool vmem_trap_add(const struct vmem_trap *t) { (void)t; return false; }
void vmem_trap_remove(const struct vmem_trap *t) { (void)t; }

#endif
