/* SPDX-License-Identifier: MIT */
/* nestbox.h: configuration, creation and the remaining calls. */
#include "machine/machine.h"

#include <stdio.h>

#include "core/xalloc.h"
#include "cpu/trace.h"

#ifndef NESTBOX_VERSION
#define NESTBOX_VERSION "0.1.0"
#endif

struct nb_config {
    struct config *c;
};

void error_out(struct nb_error *to, const struct err *e)
{
    if (!to)
        return;
    to->code = (int)e->code;
    snprintf(to->text, sizeof to->text, "%s", e->msg);
}

int nb_api_version(void)
{
    return NB_API_VERSION;
}

const char *nb_version(void)
{
    return NESTBOX_VERSION;
}

struct nb_config *nb_config_new(void)
{
    struct nb_config *cfg = xcalloc(1, sizeof *cfg);

    cfg->c = config_new();
    return cfg;
}

void nb_config_free(struct nb_config *cfg)
{
    if (!cfg)
        return;
    config_free(cfg->c);
    xfree(cfg);
}

bool nb_config_set(struct nb_config *cfg, const char *key, const char *value, struct nb_error *e)
{
    struct err err = { 0 };

    if (config_set(cfg->c, key, value, &err))
        return true;
    error_out(e, &err);
    return false;
}

void nb_config_log(struct nb_config *cfg, void (*fn)(void *to, const char *line), void *to)
{
    cfg->c->log_fn = fn;
    cfg->c->log_to = to;
}

static void log_line(void *machine, enum log_class cls, const char *line)
{
    struct nb_machine *m = machine;

    if (!m->cfg->log_fn)
        return;
    m->cfg->log_fn(m->cfg->log_to, line);
    if (cls == LOG_WARN || !m->cfg->log_limit)
        return;
    m->log_bytes += strlen(line) + 1;
    if (m->log_bytes < m->cfg->log_limit)
        return;
    m->log_bytes = 0;
    nb_pause(m);
    log_write(&m->log, LOG_WARN, "log: the budget of %llu bytes (-dlimit) is used up; the machine is "
              "paused, \"cont\" goes on for as much again",
              (unsigned long long)m->cfg->log_limit);
}

static void kick_cpu(void *machine)
{
    struct nb_machine *m = machine;

    if (m->cpu)
        cpu_kick(m->cpu);
}

/* Seconds that the RTC shows at guest time 0. Counted runs start at a fixed date unless told
 * otherwise: the same run every time. */
static i64 rtc_start(const struct config *cfg)
{
    if (cfg->rtc_fixed)
        return cfg->rtc_date;
    if (cfg->clock != CLOCK_REAL)
        return 1262304000; /* 2010-01-01 */
    i64 now = os_wall_ns() / (i64)NS_PER_SEC;
    return cfg->rtc_local ? now + os_zone_offset(now) : now;
}

static void start_trace(struct nb_machine *m)
{
    struct cpu_trace_range r[CPU_TRACE_RANGES];
    unsigned n = MIN(m->cfg->num_log_ranges, (unsigned)CPU_TRACE_RANGES);

    for (unsigned k = 0; k < n; k++)
        r[k] = (struct cpu_trace_range){ m->cfg->log_range[k].first, m->cfg->log_range[k].last };
    if (n)
        cpu_trace_filter(m->cpu, r, n);
    cpu_trace_update(m->cpu);
}

struct nb_machine *nb_new(const struct nb_config *cfg, struct nb_error *e)
{
    struct nb_machine *m = xcalloc(1, sizeof *m);
    struct err err = { 0 };

    m->cfg = config_copy(cfg->c);
    m->perf_map = -1;
    m->stop_at = m->cfg->stop_at;
    log_init(&m->log);
    m->log.sink = log_line;
    m->log.sink_to = m;
    m->log.mask = m->cfg->log_mask;
    m->thread = os_thread_self();
    m->lock = os_mutex_new();
    m->board = board_find(m->cfg->board);
    m->loop = loop_new(&err);
    clock_init(&m->clock, m->cfg->clock, m->cfg->ns_per_insn, &m->zero_count, os_mono_ns, NULL);
    m->clock.on_earlier = machine_earlier_deadline;
    m->clock.on_earlier_to = m;
    m->sys.rtc_base = rtc_start(m->cfg);
    os_precise_sleep();
    if (!m->loop)
        goto fail;
    loop_on_kick(m->loop, kick_cpu, m);
    picture_new(m);
    typist_new(m);
    hash_init(m);
    if (!drives_open(m, &err) || !ports_open(m, &err) || !machine_build(m, &err))
        goto fail;
    if (m->hash.on)
        hash_init(m); /* the spaces exist now */
    for (unsigned k = 0; k < m->num_devices; k++)
        if (m->dev[k]->cls->reset)
            m->dev[k]->cls->reset(m->dev[k], RESET_POWER_ON);
    cpu_set_a20(m->cpu, m->a20_level);
    cpu_reset(m->cpu, CPU_POWER_ON);
    start_trace(m);
    if (m->cfg->loadvm && !machine_load(m, m->cfg->loadvm, &err))
        goto fail;
    return m;
fail:
    error_out(e, &err);
    nb_free(m);
    return NULL;
}

void nb_free(struct nb_machine *m)
{
    if (!m)
        return;
    __atomic_store_n(&m->freeing, true, __ATOMIC_RELAXED);
    if (m->loop && m->cpu)
        loop_on_kick(m->loop, NULL, NULL);
    typist_free(m);
    machine_unbuild(m);
    ports_close(m);
    drives_close(m);
    if (m->loop)
        loop_free(m->loop);
    if (m->perf_map >= 0)
        os_close(m->perf_map);
    picture_free(m);
    os_mutex_free(m->lock);
    log_free(&m->log);
    config_free(m->cfg);
    xfree(m);
}

int nb_exit_code(const struct nb_machine *m)
{
    return m->exit_code;
}

bool nb_log_items(struct nb_machine *m, const char *items, struct nb_error *e)
{
    struct err err = { 0 };
    bool hash = false;
    u32 mask;

    if (!config_log_mask(items, &mask, &hash, &err)) {
        error_out(e, &err);
        return false;
    }
    m->log.mask = mask;
    cpu_trace_update(m->cpu);
    return true;
}

bool nb_save(struct nb_machine *m, const char *file, struct nb_error *e)
{
    struct err err = { 0 };
    bool held = m->clock.holding;

    clock_hold(&m->clock); /* the guest does not see how long this takes */
    bool ok = machine_save(m, file, &err);
    if (!held)
        clock_release(&m->clock);
    if (!ok)
        error_out(e, &err);
    return ok;
}

bool nb_media_change(struct nb_machine *m, const char *drive, const char *file, unsigned flags,
                     struct nb_error *e)
{
    struct err err = { 0 };

    if (file ? drive_change(m, drive, file, flags, &err) :
               drive_eject(m, drive, flags & NB_MEDIA_FORCE, &err))
        return true;
    error_out(e, &err);
    return false;
}
