/* SPDX-License-Identifier: MIT */
/* `nestbox lab translate`: the translator's code for a block of guest code, as text that is the
 * same in each run and on each host. Golden files (tests/jit/) are made of it.
 *
 * A file's first line may have a title behind '#'; then come the bytes, in lines that begin with
 * them. What this command prints is such a file: so a golden file is its own input.
 *
 * The block lies at 00010000h, 32-bit, flat, CPL 0, without paging, in memory full of HLT. */
#include "lab/translate.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/strbuf.h"
#include "core/xalloc.h"
#include "cpu/sys.h"
#include "cpu/trace.h"
#include "host/os.h"

#if HAVE_JIT && HAVE_ZYDIS
#include "cpu/jit/jit.h"

enum { RAM_BYTES = 1 << 20, CODE_AT = 0x10000, STACK_AT = 0x8000, MAX_LABELS = 256 };

struct work {
    struct log log;
    struct ram ram;
    struct space mem, io;
    struct region region;
    struct cpu *c;
    struct strbuf in, out;      /* lines of in_asm and out_asm */
    u32 labels[MAX_LABELS];
    unsigned num_labels;
};

static void release(struct ram_object *obj)
{
    xfree(obj->base);
}

static void sink(void *to, enum log_class cls, const char *line)
{
    struct work *w = to;

    if (cls == LOG_IN_ASM)
        sb_addf(&w->in, "%s\n", line);
    else if (cls == LOG_OUT_ASM)
        sb_addf(&w->out, "%s\n", line);
    else if (cls == LOG_WARN)
        fprintf(stderr, "%s\n", line);
}

static bool make(struct work *w, const u8 *code, unsigned n, struct err *e)
{
    struct cpu_config cfg = { .model = "max,+nx", .mem = &w->mem, .io = &w->io, .log = &w->log };
    struct cpu_trace_range only = { CODE_AT, CODE_AT };
    u8 *ram = xcalloc(1, RAM_BYTES);

    memset(ram, 0xf4, RAM_BYTES);
    memcpy(ram + CODE_AT, code, n);
    log_init(&w->log);
    w->log.sink = sink;
    w->log.sink_to = w;
    ram_init(&w->ram, (struct ram_object){ .base = ram, .size = RAM_BYTES, .fd = -1,
                                           .release = release });
    space_init(&w->mem, "memory", 0xfffffffffull, &w->log, &w->ram);
    space_init(&w->io, "ports", 0xffff, &w->log, NULL);
    w->region = (struct region){ .name = "ram", .size = RAM_BYTES, .kind = REGION_RAM,
                                 .prio = PRIO_RAM, .flags = REGION_RW };
    if (!space_map(&w->mem, &w->region, e))
        return false;
    w->c = cpu_new(&cfg, e);
    if (!w->c || !jit_attach(w->c, 0, e))
        return false;
    cpu_set(w->c, CPU_CR0, CR0_PE | CR0_ET | CR0_NE);
    cpu_set(w->c, CPU_CR4, CR4_OSFXSR | CR4_OSXMMEXCPT);
    cpu_set(w->c, CPU_FCW, 0x37f); /* as every program finds it: after power-on nothing is masked */
    for (unsigned s = S_ES; s <= S_GS; s++) {
        cpu_set(w->c, CPU_ES + s, s == S_CS ? 8 : 16);
        cpu_set(w->c, CPU_ES_BASE + s, 0);
        cpu_set(w->c, CPU_ES_LIMIT + s, 0xffffffff);
        cpu_set(w->c, CPU_ES_ATTR + s, s == S_CS ? 0xc09b : 0xc093);
    }
    for (unsigned r = 0; r < 8; r++)
        cpu_set(w->c, CPU_EAX + r, STACK_AT);
    cpu_set(w->c, CPU_EIP, CODE_AT);
    cpu_catch_faults(w->c, true);
    cpu_trace_filter(w->c, &only, 1);
    w->log.mask = BIT(LOG_IN_ASM) | BIT(LOG_OUT_ASM);
    cpu_run(w->c, *cpu_retired(w->c) + 2 * BLOCK_MAX_INSNS);
    return true;
}

static void unmake(struct work *w)
{
    cpu_free(w->c);
    if (w->mem.name)
        space_free(&w->mem);
    if (w->io.name)
        space_free(&w->io);
    if (w->ram.page)
        ram_free(&w->ram);
    log_free(&w->log);
    sb_free(&w->in);
    sb_free(&w->out);
}

/* ---- names for what is not the same everywhere */

#define FIELD_(m) { #m, offsetof(struct cpu, m), sizeof(((struct cpu *)0)->m) }
static const struct { const char *name; size_t at, size; } fields[] = {
    FIELD_(eip), FIELD_(eflags), FIELD_(events), FIELD_(tlb_rd), FIELD_(tlb_wr), FIELD_(cur),
    FIELD_(mode), FIELD_(retired), FIELD_(until), FIELD_(cpl), FIELD_(kick), FIELD_(fpu.cw),
    FIELD_(fpu.sw), FIELD_(fpu.valid), FIELD_(fpu.fop), FIELD_(fpu.fcs), FIELD_(fpu.fds),
    FIELD_(fpu.fip), FIELD_(fpu.fdp), FIELD_(fpu.mxcsr), FIELD_(fpu.reg), FIELD_(fpu.xmm),
    FIELD_(gpr), FIELD_(fast.link), FIELD_(fast.near), FIELD_(fast.flags), FIELD_(fast.key),
    FIELD_(fast.fp_in), FIELD_(fast.note), FIELD_(fast.note_seg), FIELD_(fast.view), FIELD_(fast),
};

static void field_name(size_t at, struct strbuf *sb)
{
    size_t seg = at - offsetof(struct cpu, seg);

    if (at >= offsetof(struct cpu, seg) && seg < S_NUM * sizeof(struct seg)) {
        size_t m = seg % sizeof(struct seg);
        sb_addf(sb, "cpu.seg[%zu].%s", seg / sizeof(struct seg),
                m == offsetof(struct seg, base) ? "base" :
                m == offsetof(struct seg, limit) ? "limit" :
                m == offsetof(struct seg, rd_end) ? "rd_end" :
                m == offsetof(struct seg, wr_end) ? "wr_end" : "sel");
        return;
    }
    for (unsigned k = 0; k < ARRAY_LEN(fields); k++)
        if (at >= fields[k].at && at < fields[k].at + fields[k].size) {
            sb_addf(sb, "cpu.%s", fields[k].name);
            if (at != fields[k].at)
                sb_addf(sb, "+%zu", at - fields[k].at);
            return;
        }
    sb_add(sb, "cpu.?");
}

static void stub_name(const struct jit *j, u32 at, struct strbuf *sb)
{
    static const char *const loads[] = { "", "sse", "x87", "all" };

    for (unsigned k = 1; k < ARRAY_LEN(j->fp_load); k++)
        if (at == j->fp_load[k]) {
            sb_addf(sb, "fp_load_%s%s", loads[k & 3], k & FP_OPEN ? "_open" : "");
            return;
        }
    sb_add(sb, at == j->leave ? "leave" : at == j->call_group ? "call_group" :
               at == j->dispatch ? "dispatch" : "stub");
}

static unsigned label_of(struct work *w, u32 at)
{
    unsigned k = 0;

    while (k < w->num_labels && w->labels[k] < at)
        k++;
    if (k < w->num_labels && w->labels[k] == at)
        return k;
    if (w->num_labels == MAX_LABELS)
        return 0;
    memmove(&w->labels[k + 1], &w->labels[k], (w->num_labels - k) * sizeof *w->labels);
    w->labels[k] = at;
    w->num_labels++;
    return k;
}

/* A jump's target in an instruction's text: Zydis writes it with 16 digits. */
static const char *target_of(const char *text, u32 *at)
{
    const char *p = strstr(text, "0x00000000");
    char *end;

    if (!p)
        return NULL;
    *at = (u32)strtoull(p, &end, 16);
    return end - p == 18 ? p : NULL;
}

static void host_text(struct work *w, const char *text, u32 from, u32 end, struct strbuf *sb)
{
    const struct jit *j = jit_of(w->c);
    u32 to;
    const char *target = target_of(text, &to);

    if (target) {
        sb_addn(sb, text, (size_t)(target - text));
        if (to >= from && to < end)
            sb_addf(sb, "L%u", label_of(w, to) + 1);
        else
            stub_name(j, to, sb);
        sb_add(sb, target + 18);
        return;
    }
    for (const char *p = text; *p;) {
        char *stop;
        if (!strncmp(p, "[r14+0x", 7)) {
            size_t at = strtoull(p + 5, &stop, 16);
            if (*stop == ']') {
                sb_add(sb, "[");
                field_name(at, sb);
                p = stop;
                continue;
            }
        }
        if (!strncmp(p, "0x", 2) && strtoull(p, &stop, 16) > 0xffffffffull) {
            sb_add(sb, "ADDRESS");
            p = stop;
            continue;
        }
        sb_addn(sb, p++, 1);
    }
}

/* ---- the text */

static const char *next_line(const char **p, char *line, size_t size)
{
    size_t n = strcspn(*p, "\n");

    if (!**p)
        return NULL;
    snprintf(line, size, "%.*s", (int)n, *p);
    *p += n + ((*p)[n] == '\n');
    return line;
}

/* "in_asm guest EIP BYTES TEXT" of that EIP, with the bytes apart. */
static void guest_line(const struct work *w, const char *eip, struct strbuf *sb)
{
    char line[256], hex[40], text[128], at[16];
    const char *p = sb_text(&w->in);

    while (next_line(&p, line, sizeof line)) {
        if (sscanf(line, "in_asm guest %15s %39s %127[^\n]", at, hex, text) != 3 || strcmp(at, eip))
            continue;
        struct strbuf bytes = { 0 };
        for (const char *h = hex; *h; h += 2)
            sb_addf(&bytes, "%.2s ", h);
        sb_addf(sb, "%-24s %s\n", bytes.s, text);
        sb_free(&bytes);
        return;
    }
}

static void print(struct work *w, const char *title, struct strbuf *sb)
{
    unsigned guest = 0, host = 0, cold = 0, bytes = 0, at = 0, insns = 0;
    struct strbuf body = { 0 };
    bool in_cold = false;
    char line[256];

    for (int pass = 0; pass < 2; pass++) { /* labels are known in the second */
        const char *p = sb_text(&w->out);
        body.len = 0;
        guest = host = cold = 0;
        in_cold = false;
        while (next_line(&p, line, sizeof line)) {
            char eip[16], text[160];
            u32 ofs;
            if (sscanf(line, "out_asm block %15s insns=%u bytes=%u at=%x", eip, &insns, &bytes,
                       &at) == 4)
                continue;
            if (sscanf(line, "out_asm guest %15s", eip) == 1) {
                guest_line(w, eip, &body);
                guest++;
            } else if (!strcmp(line, "out_asm cold")) {
                sb_add(&body, "cold:\n");
                in_cold = true;
            } else if (sscanf(line, "out_asm host %x %159[^\n]", &ofs, text) == 2) {
                char label[16] = "";
                for (unsigned k = 0; k < w->num_labels; k++)
                    if (w->labels[k] == ofs)
                        snprintf(label, sizeof label, "L%u:", k + 1);
                sb_addf(&body, "%-8s", label);
                host_text(w, text, at, at + bytes, &body);
                sb_add(&body, "\n");
                host += !in_cold;
                cold += in_cold;
            }
        }
    }
    sb_addf(sb, "guest=%u host=%u cold=%u bytes=%u # %s\n\n", guest, host, cold, bytes, title);
    if (body.s)
        sb_addn(sb, body.s, body.len);
    sb_free(&body);
}

/* Bytes at the beginnings of lines, in pairs of digits; false: there are none, or too many. */
static bool read_bytes(const char *text, u8 *code, unsigned max, unsigned *n, char *title,
                       size_t size)
{
    bool first = true;
    char line[512];

    *n = 0;
    for (const char *p = text; next_line(&p, line, sizeof line); first = false) {
        const char *hash = strchr(line, '#'), *c = line;
        if (first && hash) {
            snprintf(title, size, "%s", hash + 1 + strspn(hash + 1, " "));
            continue;
        }
        for (; isxdigit((u8)c[0]) && isxdigit((u8)c[1]); c += 2) {
            char two[3] = { c[0], c[1], 0 };
            if (*n == max)
                return false;
            code[(*n)++] = (u8)strtoul(two, NULL, 16);
            if (c[2] != ' ')
                break;
            c++;
        }
    }
    return *n > 0;
}

static int translate(const char *file, struct err *e)
{
    struct work w = { .c = NULL };
    struct strbuf sb = { 0 };
    u8 code[BLOCK_MAX_INSNS * 15];
    char title[128];
    unsigned n;
    size_t len;
    u8 *text = os_read_file(file, 1 << 20, &len, e);

    if (!text)
        return 2;
    snprintf(title, sizeof title, "%s", file);
    if (!read_bytes((const char *)text, code, sizeof code, &n, title, sizeof title)) {
        xfree(text);
        err_set(e, ERR_CONFIG, "%s: lines that begin with a block's bytes are wanted", file);
        return 2;
    }
    xfree(text);
    bool ok = make(&w, code, n, e);
    if (ok && !w.out.s)
        ok = err_set(e, ERR_CONFIG, "%s: this is not translated", file);
    if (ok) {
        print(&w, title, &sb);
        fputs(sb_text(&sb), stdout);
    }
    sb_free(&sb);
    unmake(&w);
    return ok ? 0 : 2;
}

#else

static int translate(const char *file, struct err *e)
{
    (void)file;
    err_set(e, ERR_CONFIG, "there is no translator for this host's processor, or no Zydis");
    return 2;
}

#endif

int lab_translate_main(int argc, char **argv)
{
    struct err e = { 0 };

    if (argc != 1) {
        fprintf(stderr, "nestbox lab: translate wants a file\n");
        return 1;
    }
    int rc = translate(argv[0], &e);
    if (rc)
        fprintf(stderr, "nestbox lab: %s\n", e.msg);
    return rc;
}
