/* SPDX-License-Identifier: MIT */
/* Contexts (registers) and snapshots (registers and memory) of a CPU without a machine. */
#include <stdlib.h>

#include "core/xalloc.h"
#include "machine/cpu_api.h"

struct nb_cpu_context {
    char *model; /* a state says what it says for this set of features only */
    u8 bytes[];
};

struct nb_cpu_snapshot {
    struct nb_cpu *cpu;
    struct nb_cpu_context *ctx;
    unsigned num_maps;
    struct cpu_mapping *map; /* holds their backings */
    u8 **bytes;              /* contents; NULL: functions */
};

struct nb_cpu_context *nb_cpu_context_save(struct nb_cpu *cpu, struct nb_error *e)
{
    struct nb_cpu_context *ctx;

    if (!cpu_not_within(cpu, "a context can't be saved", e))
        return NULL;
    ctx = xcalloc(1, sizeof *ctx + cpu_context_size());
    ctx->model = xstrdup(cpu->model);
    cpu_context_get(cpu->c, ctx->bytes);
    return ctx;
}

static bool fits(const struct nb_cpu *cpu, const struct nb_cpu_context *ctx, struct nb_error *e)
{
    return !strcmp(ctx->model, cpu->model) ||
           cpu_fail(e, ERR_STATE, "the context is of a CPU model \"%s\", this CPU is a \"%s\"",
                    ctx->model, cpu->model);
}

bool nb_cpu_context_update(struct nb_cpu *cpu, struct nb_cpu_context *ctx, struct nb_error *e)
{
    if (!cpu_not_within(cpu, "a context can't be saved", e) || !fits(cpu, ctx, e))
        return false;
    cpu_context_get(cpu->c, ctx->bytes);
    return true;
}

bool nb_cpu_context_restore(struct nb_cpu *cpu, const struct nb_cpu_context *ctx,
                            struct nb_error *e)
{
    if (!cpu_not_within(cpu, "a context can't be restored", e) || !fits(cpu, ctx, e))
        return false;
    cpu_context_set(cpu->c, ctx->bytes);
    return true;
}

bool nb_cpu_context_equal(const struct nb_cpu_context *a, const struct nb_cpu_context *b)
{
    return !strcmp(a->model, b->model) && !memcmp(a->bytes, b->bytes, cpu_context_size());
}

void nb_cpu_context_free(struct nb_cpu_context *ctx)
{
    if (!ctx)
        return;
    xfree(ctx->model);
    xfree(ctx);
}

/* ---- snapshots */

void nb_cpu_snapshot_free(struct nb_cpu_snapshot *s)
{
    if (!s)
        return;
    for (unsigned k = 0; k < s->num_maps; k++) {
        cpu_backing_drop(s->cpu, s->map[k].backing);
        free(s->bytes[k]);
    }
    cpu_mem_bury(s->cpu);
    nb_cpu_context_free(s->ctx);
    xfree(s->map);
    xfree(s->bytes);
    xfree(s);
}

struct nb_cpu_snapshot *nb_cpu_snapshot_take(struct nb_cpu *cpu, struct nb_error *e)
{
    struct nb_cpu_snapshot *s;

    if (!cpu_not_within(cpu, "a snapshot can't be taken", e))
        return NULL;
    s = xcalloc(1, sizeof *s);
    s->cpu = cpu;
    s->ctx = nb_cpu_context_save(cpu, NULL);
    s->map = xcalloc(cpu->num_maps, sizeof *s->map);
    s->bytes = xcalloc(cpu->num_maps, sizeof *s->bytes);
    for (unsigned k = 0; k < cpu->num_maps; k++) {
        const struct cpu_mapping *m = cpu->map[k];
        s->map[k] = *m;
        s->num_maps = k + 1;
        if (!m->backing)
            continue;
        m->backing->refs++;
        s->bytes[k] = malloc(m->size); /* a size that the caller chose: may fail */
        if (!s->bytes[k]) {
            cpu_fail(e, ERR_RESOURCE, "the host gives no %llu KB for a copy of the mapping at %llx",
                     (unsigned long long)m->size >> 10, (unsigned long long)m->addr);
            nb_cpu_snapshot_free(s);
            return NULL;
        }
        memcpy(s->bytes[k], m->host, m->size);
    }
    return s;
}

static bool same_maps(const struct nb_cpu *cpu, const struct nb_cpu_snapshot *s)
{
    if (cpu->num_maps != s->num_maps)
        return false;
    for (unsigned k = 0; k < s->num_maps; k++) {
        const struct cpu_mapping *a = cpu->map[k], *b = &s->map[k];
        if (a->addr != b->addr || a->size != b->size || a->prot != b->prot || a->host != b->host ||
            a->backing != b->backing || a->read != b->read || a->write != b->write ||
            a->user != b->user || a->io_offset != b->io_offset)
            return false;
    }
    return true;
}

bool nb_cpu_snapshot_restore(struct nb_cpu *cpu, const struct nb_cpu_snapshot *s,
                             struct nb_error *e)
{
    if (!cpu_not_within(cpu, "a snapshot can't be restored", e))
        return false;
    if (s->cpu != cpu)
        return cpu_fail(e, ERR_STATE, "the snapshot is of another CPU");
    if (!same_maps(cpu, s))
        cpu_mem_replace(cpu, s->map, s->num_maps);
    for (unsigned k = 0; k < s->num_maps; k++) {
        const struct cpu_mapping *m = &s->map[k];
        /* pages that did not change keep what was made of their code */
        for (u64 off = 0; s->bytes[k] && off < m->size; off += PAGE_SIZE)
            if (memcmp(m->host + off, s->bytes[k] + off, PAGE_SIZE) != 0)
                nb_cpu_mem_write(cpu, m->addr + off, s->bytes[k] + off, PAGE_SIZE, NULL);
    }
    return nb_cpu_context_restore(cpu, s->ctx, e);
}
