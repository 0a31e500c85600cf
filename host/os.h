/* SPDX-License-Identifier: MIT */
/* What we ask of the operating system: time, events, threads, memory, files. Everything above
 * host/ uses this header instead of POSIX; host/os_posix.c and os_file.c implement it. Functions
 * may be called on any thread unless they say otherwise. */
#ifndef NB_HOST_OS_H
#define NB_HOST_OS_H

#include "core/err.h"
#include "core/ram.h"
#include "core/types.h"

/* ---- time ---- */
u64 os_mono_ns(void *unused);          /* monotonic; fits struct clock's host_ns */
i64 os_wall_ns(void);                  /* since 1970, UTC */
i64 os_zone_offset(i64 utc_seconds);   /* local time minus UTC then, in seconds */
void os_sleep_ns(u64 ns);
/* Asks for exact wake-ups of the calling thread (the kernel's default slack is 50 us). */
void os_precise_sleep(void);

/* ---- events, threads ---- */
struct os_event; /* a flag to wait for; signal() is async-signal-safe */
struct os_event *os_event_new(void);
void os_event_free(struct os_event *ev);
void os_event_signal(struct os_event *ev);
void os_event_clear(struct os_event *ev);
int os_event_fd(const struct os_event *ev); /* readable while signalled, for poll */
/* true if signalled (and clears it); false after timeout_ns. UINT64_MAX: waits for ever. */
bool os_event_wait(struct os_event *ev, u64 timeout_ns);

struct os_thread;
struct os_mutex;
struct os_cond;
/* All signals are blocked in the new thread. NULL if the host has no thread left. */
struct os_thread *os_thread_start(void (*fn)(void *arg), void *arg, const char *name);
u64 os_thread_self(void); /* a number for the calling thread, unique while it lives */
void os_thread_join(struct os_thread *t); /* waits for its end and releases it */
struct os_mutex *os_mutex_new(void);
void os_mutex_free(struct os_mutex *m);
void os_mutex_lock(struct os_mutex *m);
void os_mutex_unlock(struct os_mutex *m);
struct os_cond *os_cond_new(void);
void os_cond_free(struct os_cond *c);
void os_cond_wait(struct os_cond *c, struct os_mutex *m);
void os_cond_broadcast(struct os_cond *c);

/* ---- memory ---- */
/* A zeroed object of `size` bytes that can be mapped a second time by its descriptor, or else
 * anonymous memory (fd -1). Its pages cost nothing until they are touched. */
bool os_ram_new(struct ram_object *obj, u64 size, struct err *e);

/* ---- files ---- */
bool os_file_exists(const char *path); /* something that could be opened for reading */
/* The whole file, at most `limit` bytes; one zero byte follows the data. xfree() the result. */
u8 *os_read_file(const char *path, size_t limit, size_t *len, struct err *e);

/* A file written as a whole: nothing is at `path` before commit, which also brings it to the disk.
 * write and read have the type of struct snap_out's and snap_in's. */
struct os_out;
struct os_out *os_out_new(const char *path, struct err *e);
bool os_out_write(void *out, const void *data, size_t len);
bool os_out_commit(struct os_out *out, struct err *e); /* releases it in any case */
void os_out_abort(struct os_out *out);

struct os_in;
struct os_in *os_in_new(const char *path, struct err *e);
bool os_in_read(void *in, void *data, size_t len); /* false: end of file or failure */
void os_in_free(struct os_in *in);

/* /tmp/perf-PID.map, empty; -1: no. The other adds a piece of code. */
int os_perf_map(struct err *e);
void os_perf_map_add(int fd, const void *code, size_t size, const char *name);

/* Positioned access for disk images. */
enum os_status { OS_OK, OS_AGAIN, OS_EOF, OS_NO_SPACE, OS_FAILED };
enum os_kind { OS_REGULAR, OS_BLOCK_DEVICE, OS_DIRECTORY, OS_OTHER };
/* -1 with a message that says what to do. Never creates or truncates. */
int os_open(const char *path, bool writable, struct err *e);
int os_temp(struct err *e);      /* read-write, empty, already unlinked, in $TMPDIR */
void os_close(int fd);
enum os_kind os_kind(int fd);
bool os_size(int fd, u64 *size); /* files and block devices */
/* All of len bytes. OS_EOF: the file ends before (what is there was read, the rest is zero).
 * OS_AGAIN: no_wait was asked for, and it would have to wait for the disk. */
enum os_status os_pread(int fd, void *buf, size_t len, u64 offset, bool no_wait);
enum os_status os_pwrite(int fd, const void *buf, size_t len, u64 offset);
enum os_status os_flush(int fd);
/* Past the page cache from now on (O_DIRECT); false: the file system cannot. Then: what positions,
 * lengths and addresses must be multiples of; probed with `page`, which is aligned to any; 0: unknown. */
bool os_set_direct(int fd);
u32 os_direct_align(int fd, u8 *page);
void os_punch(int fd, u64 offset, u64 len); /* gives space back; a host that cannot does nothing */
/* Locks the open file as a whole, for as long as a descriptor of it is open. Shared locks exclude
 * an exclusive one and the reverse. The message names the process that is in the way. */
bool os_lock(int fd, bool exclusive, const char *path, struct err *e);

/* ---- terminal ---- */
/* Puts the terminal at fd into raw mode (Ctrl-C is a key); restored by os_tty_restore(), when the
 * process exits, and before an abort. false: no terminal, or we are in its background. */
bool os_tty_raw(int fd);
void os_tty_restore(void);

#endif
