/* SPDX-License-Identifier: MIT */
/* Real-mode tests on the interpreter: a bare CPU with 16 MB of RAM, all ports FFh.
 *
 * One instruction runs (all iterations of a repeated one), or as far as the vector that it is
 * delivered to; the HLT that ends each test of a 286 or 386, put behind the instruction or injected
 * where it went, is accounted for by one more in IP. Memory that a test doesn't name is 0 and must
 * stay so, below the 1 MB and 64 KB that real mode reaches. */
#include <stdio.h>
#include <string.h>

#include "core/bus.h"
#include "core/ram.h"
#include "core/xalloc.h"
#include "cpu/isa.h"
#include "lab/compare.h"
#include "lab/sst.h"

enum { RAM_BYTES = 16 << 20, REACH = 0x110000, MAX_STEPS = 70000 };

struct real {
    struct log log;
    struct ram ram;
    struct space mem, io;
    struct region region;
    struct cpu *c;
    const struct isa *isa;
    u8 *arena, *want;   /* want: what the reachable part must be afterwards */
    bool delivered, shut; /* shut: shutdown, as the fault's frame doesn't fit either */
    unsigned vector;    /* then */
};

static void release(struct ram_object *obj)
{
    xfree(obj->base);
}

static void on_vector(void *to, unsigned vector)
{
    struct real *r = to;

    r->vector = vector;
    r->delivered = true;
    cpu_stop(r->c);
}

void real_close(struct real *r)
{
    if (!r)
        return;
    cpu_free(r->c);
    space_free(&r->mem);
    space_free(&r->io);
    ram_free(&r->ram);
    log_free(&r->log);
    isa_free(r->isa);
    xfree(r->want);
    xfree(r);
}

struct real *real_open(enum sst_cpu cpu, struct err *e)
{
    struct real *r = xcalloc(1, sizeof *r);
    struct cpu_config cfg = { .model = "486" };

    (void)cpu;
    log_init(&r->log);
    r->arena = xcalloc(1, RAM_BYTES);
    r->want = xcalloc(1, REACH);
    r->isa = isa_new(0xffffffffu);
    ram_init(&r->ram, (struct ram_object){ .base = r->arena, .size = RAM_BYTES, .fd = -1,
                                           .release = release });
    space_init(&r->mem, "memory", 0xfffffffffull, &r->log, &r->ram);
    space_init(&r->io, "ports", 0xffff, &r->log, NULL);
    r->region = (struct region){ .name = "ram", .size = RAM_BYTES, .kind = REGION_RAM,
                                 .prio = PRIO_RAM, .flags = REGION_RW };
    cfg.mem = &r->mem;
    cfg.io = &r->io;
    cfg.log = &r->log;
    cfg.on_vector = on_vector;
    cfg.on_vector_to = r;
    if (!space_map(&r->mem, &r->region, e) || !(r->c = cpu_new(&cfg, e))) {
        real_close(r);
        return NULL;
    }
    return r;
}

static void poke(struct real *r, u32 at, u8 v)
{
    at &= RAM_BYTES - 1;
    if (r->arena[at] != v)
        ram_wr(&r->ram, at >> PAGE_SHIFT, at & PAGE_MASK, 1)[at & PAGE_MASK] = v;
    if (at < REACH)
        r->want[at] = v;
}

/* ---- what other processors do otherwise */

static bool is_name(const struct decoded *d, const char *names)
{
    char key[40];

    snprintf(key, sizeof key, " %.30s ", d->row->name);
    return strstr(names, key);
}

static const char *known_286(const struct real *r, const struct sst_test *t,
                             const struct decoded *d)
{
    if (d->lock && !((d->row->attr & A_LOCK) && d->mod != 3))
        return "LOCK before an instruction that later processors refuse it for";
    if (d->in.len > 10 && t->has_exc)
        return "more than the 10 bytes that a 286 takes";
    if (t->has_exc && t->exc == EXC_GP && r->vector == EXC_SS)
        return "13 for an operand beyond the limit of SS, which is 12 since the 386";
    if (t->has_exc && (d->row->attr & (A_REP | A_REPC)))
        return "SI, DI and CX are not what they were when a string operation faults";
    if (t->has_exc && d->row->op == 0x8f)
        return "SP is not what it was when POP to memory faults";
    if (t->has_exc && t->exc == EXC_UD && is_name(d, " mov ") && d->reg >= 4)
        return "no FS and GS";
    if (!t->has_exc && r->delivered && (r->vector == EXC_SS || r->vector == EXC_GP))
        return "an operand of several words wraps at FFFF";
    if (!t->has_exc && r->delivered && r->vector == EXC_DE && is_name(d, " idiv "))
        return "some quotients that are too large give a result";
    if (t->has_exc && t->exc == EXC_DE && is_name(d, " aam "))
        return "AAM sets flags before it divides";
    return NULL;
}

/* 64h to 67h, which are conditional jumps on an 8086, and F1h, there LOCK. */
static bool has_386_prefix(const struct decoded *d, const struct sst_test *t)
{
    for (unsigned k = 0; k < d->num_prefixes; k++)
        if (t->code[k] >= 0x64 && t->code[k] <= 0x67)
            return true;
    return d->opcode == 0xf1 && !d->map;
}

const char *real_known(struct real *r, enum sst_cpu cpu, const struct sst_test *t)
{
    struct decoded d;

    if (isa_decode(r->isa, t->code, MIN(t->len, 15u), 0, &d) != DECODE_OK || !d.row)
        return cpu == SST_8086 ? "no such instruction on an IA-32 processor"
               : cpu == SST_286 && t->exc == EXC_GP && r->vector == EXC_UD
                   ? "the length of an undefined opcode"
                   : NULL;
    if (cpu == SST_286)
        return known_286(r, t, &d);
    if (cpu != SST_8086)
        return NULL;
    if (d.row->feat != FEAT_8086 || has_386_prefix(&d, t))
        return "another instruction, or none, on an 8086";
    if (is_name(&d, " mov ") && (d.opcode == 0x8c || d.opcode == 0x8e) && d.reg >= 4)
        return "no FS and GS";
    if (is_name(&d, " push ") &&
        (d.opcode == 0x54 || (d.opcode == 0xff && d.mod == 3 && d.rm == 4)))
        return "PUSH SP pushes what SP becomes";
    if (is_name(&d, " rol ror rcl rcr shl shr sar "))
        return "counts are not taken modulo 32";
    if (is_name(&d, " aaa aas "))
        return "AL's carry doesn't reach AH";
    if (is_name(&d, " daa das ") && (t->before.reg[SR_EFLAGS] & FL_AF) &&
        (u8)t->before.reg[SR_EAX] >= 0x9a && (u8)t->before.reg[SR_EAX] <= 0x9f)
        return "DAA and DAS correct above 9Fh, not 99h, when AF is set";
    if (is_name(&d, " das ") && (u8)t->before.reg[SR_EAX] < 6)
        return "DAS doesn't set CF for the borrow of its first step";
    if (is_name(&d, " idiv ") && d.rep)
        return "F2h and F3h negate IDIV's quotient";
    if (is_name(&d, " idiv ") && (cpu_get(r->c, CPU_EAX) & (d.size ? 0xffff : 0xff)) ==
                                     (d.size ? 0x8000 : 0x80))
        return "the lowest quotient is a divide error";
    if (is_name(&d, " div idiv aam ") && r->delivered)
        return "a divide error leaves the next instruction's address";
    if (r->shut ||
        (r->delivered && (r->vector == EXC_SS || r->vector == EXC_GP || r->vector == EXC_UD)))
        return "there are no limits and no undefined opcodes on an 8086";
    return NULL;
}

/* ---- running */

struct regmap { u8 sst; u8 cpu; };
static const struct regmap regmap[] = {
    { SR_EAX, CPU_EAX }, { SR_EBX, CPU_EBX }, { SR_ECX, CPU_ECX }, { SR_EDX, CPU_EDX },
    { SR_ESI, CPU_ESI }, { SR_EDI, CPU_EDI }, { SR_EBP, CPU_EBP }, { SR_ESP, CPU_ESP },
    { SR_CS, CPU_CS }, { SR_DS, CPU_DS }, { SR_ES, CPU_ES }, { SR_FS, CPU_FS }, { SR_GS, CPU_GS },
    { SR_SS, CPU_SS },
};

/* EFLAGS bits that exist on the processor: 4 upper bits are 0 on a 286 in real mode; on an 8086
 * they are 1, and pushed so. */
static u32 flag_bits(enum sst_cpu cpu)
{
    return cpu == SST_386 ? 0x3ffd5 : cpu == SST_286 ? 0xfd5 : 0xfd5;
}

static void set_state(struct real *r, enum sst_cpu cpu, const struct sst_test *t)
{
    const struct sst_state *s = &t->before;
    struct cpu *c = r->c;

    cpu_reset(c, CPU_INIT);
    cpu_set_a20(c, cpu != SST_8086 && cpu != SST_186); /* 20 address lines */
    c->events = 0;
    cpu_set(c, CPU_CR0, s->have & BIT(SR_CR0) ? (s->reg[SR_CR0] & 0xe) | CR0_ET : CR0_ET);
    cpu_set(c, CPU_IDTR_LIMIT, 0x3ff);
    for (unsigned k = 0; k < ARRAY_LEN(regmap); k++)
        if (s->have & BIT(regmap[k].sst))
            cpu_set(c, regmap[k].cpu, s->reg[regmap[k].sst]);
        else
            cpu_set(c, regmap[k].cpu, 0);
    cpu_set(c, CPU_CS_ATTR, 0x93); /* as any load of CS in real mode leaves it */
    cpu_set(c, CPU_EIP, s->reg[SR_EIP]);
    cpu_set(c, CPU_EFLAGS, (s->reg[SR_EFLAGS] & flag_bits(cpu) & ~(u32)(FL_VM | FL_RF)) | FL_1);
    if (cpu == SST_386) {
        cpu_set(c, CPU_DR6, s->reg[SR_DR6]);
        cpu_set(c, CPU_DR7, s->reg[SR_DR7]);
    }
    for (unsigned k = 0; k < s->num_ram; k++)
        poke(r, s->ram[k].at, s->ram[k].v);
}

static bool repeats(const struct real *r, const struct sst_test *t)
{
    struct decoded d;

    return isa_decode(r->isa, t->code, MIN(t->len, 15u), 0, &d) == DECODE_OK && d.row &&
           (d.row->attr & (A_REP | A_REPC)) && d.rep;
}

static const char *run(struct real *r, const struct sst_test *t)
{
    struct cpu *c = r->c;
    u32 start = c->eip;
    bool rep = repeats(r, t);

    r->delivered = r->shut = false;
    r->vector = 256;
    for (unsigned n = 0; n < MAX_STEPS; n++) {
        enum cpu_exit why = cpu_step(c);
        if (why == CPU_SHUTDOWN) {
            r->shut = true;
            return "shuts down";
        }
        if (why != CPU_BUDGET && why != CPU_KICK)
            return NULL; /* halted */
        if (r->delivered || !rep || c->eip != start)
            return NULL;
    }
    return "does not end";
}

static void clean_up(struct real *r, const struct sst_test *t)
{
    for (unsigned k = 0; k < t->before.num_ram; k++)
        poke(r, t->before.ram[k].at, 0);
    for (unsigned k = 0; k < t->after.num_ram; k++)
        poke(r, t->after.ram[k].at, 0);
}

static bool is_pushf(const struct real *r, const struct sst_test *t)
{
    struct decoded d;

    return isa_decode(r->isa, t->code, MIN(t->len, 15u), 0, &d) == DECODE_OK && d.row &&
           is_name(&d, " pushf ");
}

static void check_memory(struct real *r, enum sst_cpu cpu, const struct sst_test *t, u32 flag_mask,
                         struct strbuf *why)
{
    const struct sst_state *s = &t->after;
    unsigned shown = 0;

    const u32 *ss = s->have & BIT(SR_SS) ? s->reg : t->before.reg;
    const u32 *sp = s->have & BIT(SR_ESP) ? s->reg : t->before.reg;
    /* where the frame has EFLAGS; the file's own address is that of the bus cycle, which is even */
    u32 flags_at = (ss[SR_SS] << 4) + ((sp[SR_ESP] + 4) & 0xffff), high = flags_at + 1;
    bool flags = t->has_exc;

    if (cpu == SST_8086) { /* its upper 4 bits are pushed as 1; no frame is marked */
        u32 top = (ss[SR_SS] << 4) & 0xfffff, off = sp[SR_ESP] + (r->delivered ? 4 : 0);
        flags = r->delivered || is_pushf(r, t);
        flags_at = (top + (off & 0xffff)) & 0xfffff;
        high = (top + ((off + 1) & 0xffff)) & 0xfffff;
    }

    for (unsigned k = 0; k < s->num_ram; k++) {
        u32 at = s->ram[k].at & (RAM_BYTES - 1);
        u8 got = r->arena[at], mask = 0xff;
        if (flags && (at == flags_at || at == high))
            mask = (u8)((flag_mask & flag_bits(cpu)) >> (at == flags_at ? 0 : 8));
        if ((got ^ s->ram[k].v) & mask)
            sb_addf(why, " mem[%x]=%02x (expected %02x)", at, got, s->ram[k].v);
        if (at < REACH)
            r->want[at] = got; /* judged */
    }
    for (u32 page = 0; page < REACH; page += PAGE_SIZE) {
        if (!memcmp(r->arena + page, r->want + page, PAGE_SIZE))
            continue;
        for (u32 at = page; at < page + PAGE_SIZE; at++)
            if (r->arena[at] != r->want[at]) {
                if (shown++ < 8)
                    sb_addf(why, " mem[%x]=%02x (expected unchanged)", at, r->arena[at]);
                poke(r, at, 0);
            }
    }
}

static u32 reg_now(const struct cpu *c, unsigned k, unsigned hlt)
{
    for (unsigned n = 0; n < ARRAY_LEN(regmap); n++)
        if (regmap[n].sst == k)
            return cpu_get(c, regmap[n].cpu);
    switch (k) {
    case SR_EIP: return c->eip + hlt;
    case SR_EFLAGS: return cpu_get(c, CPU_EFLAGS);
    case SR_CR0: return cpu_get(c, CPU_CR0);
    case SR_DR6: return cpu_get(c, CPU_DR6);
    case SR_DR7: return cpu_get(c, CPU_DR7);
    default: return 0;
    }
}

void real_run(struct real *r, enum sst_cpu cpu, const struct sst_test *t, u32 flag_mask,
              struct strbuf *why, bool *changed)
{
    bool wide = cpu == SST_386;
    struct cpu *c = r->c;
    unsigned hlt;
    const char *bad;

    set_state(r, cpu, t);
    bad = run(r, t);
    if (bad)
        sb_addf(why, " %s", bad);
    hlt = cpu == SST_8086 || cpu == SST_186 || (c->events & EV_HALT) ? 0 : 1;
    *changed = t->after.num_ram || (t->after.have & ~BIT(SR_EIP));
    for (unsigned k = 0; k < SST_REGS && !bad; k++) {
        u32 want = t->after.have & BIT(k) ? t->after.reg[k] : t->before.reg[k];
        u32 got = reg_now(c, k, hlt), mask = t->mask[k];
        if (!((t->before.have | t->after.have) & BIT(k)) || k == SR_CR3)
            continue;
        if (!wide || (k >= SR_CS && k <= SR_SS))
            mask &= 0xffff;
        if (k == SR_EFLAGS)
            mask &= flag_mask & flag_bits(cpu);
        if (k == SR_CR0)
            mask &= 0xf;
        if (k == SR_DR6 || k == SR_DR7)
            mask &= 0xe3ff & (k == SR_DR6 ? 0xe00f : 0xffff);
        if (k == SR_EIP)
            mask &= 0xffff; /* real mode */
        if ((got ^ want) & mask)
            sb_addf(why, " %s=%x (expected %x)", sst_reg_name[k], got & mask, want & mask);
    }
    if (!bad)
        check_memory(r, cpu, t, flag_mask & t->mask[SR_EFLAGS], why);
    clean_up(r, t);
    if (bad) { /* whatever it did */
        for (u32 at = 0; at < REACH; at++)
            if (r->arena[at])
                poke(r, at, 0);
        memset(r->want, 0, REACH);
    }
}
