/* SPDX-License-Identifier: MIT */
/* The trace hash of counted runs: every bus access, DMA transfer and delivered vector, in order, each
 * with the retired count, EIP, ESP and EFLAGS at it. Two engines, or two runs, are equal if and (to
 * the hash's strength) only if these are. */
#include "machine/machine.h"

/* Two independent multiply-xorshift lanes over 64-bit words. */
static void mix(struct trace_hash *t, u64 v)
{
    t->h[0] = (t->h[0] ^ v) * 0x9e3779b97f4a7c15ull;
    t->h[0] ^= t->h[0] >> 29;
    t->h[1] = (t->h[1] + v) * 0xbf58476d1ce4e5b9ull;
    t->h[1] ^= t->h[1] >> 32;
}

static void mix_cpu(struct nb_machine *m)
{
    struct trace_hash *t = &m->hash;

    if (!m->cpu)
        return;
    mix(t, *cpu_retired(m->cpu));
    mix(t, (u64)cpu_get(m->cpu, CPU_EIP) << 32 | cpu_get(m->cpu, CPU_ESP));
    mix(t, cpu_get(m->cpu, CPU_EFLAGS));
}

static void trace_access(void *machine, paddr addr, u32 val, unsigned size, bool write, bool port)
{
    struct nb_machine *m = machine;

    mix(&m->hash, addr << 8 | size << 4 | (write ? 2u : 0) | (port ? 1u : 0));
    mix(&m->hash, val);
    if (m->cpu)
        cpu_sync_state(m->cpu);
    mix_cpu(m);
}

static void trace_dma(void *machine, paddr addr, const void *buf, u32 len, bool write)
{
    struct nb_machine *m = machine;
    const u8 *p = buf;
    u64 word;

    mix(&m->hash, 0x200000000ull | (write ? 1u : 0));
    mix(&m->hash, addr << 24 ^ len);
    for (u32 k = 0; k < len; k += 8) {
        word = 0;
        memcpy(&word, p + k, MIN(8u, len - k));
        mix(&m->hash, word);
    }
    if (m->cpu)
        cpu_sync_state(m->cpu);
    mix_cpu(m);
}

/* EIP is the handler's by now and the count exact: syncing would put the old EIP back. */
void hash_vector(void *machine, unsigned vector)
{
    struct nb_machine *m = machine;

    mix(&m->hash, 0x100000000ull | vector);
    mix_cpu(m);
}

void hash_init(struct nb_machine *m)
{
    m->hash.h[0] = 0x6e657374626f7821ull;
    m->hash.h[1] = 1;
    m->hash.on = m->cfg->hash;
    if (m->hash.on) {
        m->mem.trace = m->io.trace = trace_access;
        m->mem.trace_dma = trace_dma;
        m->mem.trace_to = m->io.trace_to = m;
    }
}

uint64_t nb_trace_hash(struct nb_machine *m, bool final)
{
    struct trace_hash t = m->hash, keep = m->hash;

    if (!m->hash.on)
        return 0;
    if (final) {
        mix_cpu(m);
        for (unsigned r = 0; r < CPU_NUM_REGS; r++)
            mix(&m->hash, cpu_get(m->cpu, (enum cpu_reg)r));
        for (unsigned r = 0; r < 8; r++) {
            u8 v[16] = { 0 };
            cpu_get_st(m->cpu, r, v);
            mix(&m->hash, ld64(v));
            mix(&m->hash, ld16(v + 8));
            cpu_get_xmm(m->cpu, r, v);
            mix(&m->hash, ld64(v));
            mix(&m->hash, ld64(v + 8));
        }
        for (u32 f = 0; f < m->layout.total; f++) {
            const u8 *p = ram_rd(&m->ram, f);
            for (u32 k = 0; k < PAGE_SIZE; k += 8) {
                u64 v = ld64(p + k);
                if (v) {
                    mix(&m->hash, (u64)f << PAGE_SHIFT | k);
                    mix(&m->hash, v);
                }
            }
        }
        t = m->hash;
        m->hash = keep;
    }
    return t.h[0] ^ t.h[1];
}
