/* SPDX-License-Identifier: MIT */
/* Generator and reducer: what a row can do, that aims are reached, that sequences are what they
 * say, and that an engine which is wrong about one instruction is caught and the program cut
 * down to it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/xalloc.h"
#include "cpu/isa.h"
#include "lab/cells.h"
#include "lab/compare.h"
#include "lab/gen.h"
#include "lab/reduce.h"
#include "lab/seq.h"
#include "lab/vec.h"

static struct lab_engine *interp(void)
{
    struct err e = { 0 };
    struct lab_engine *en = lab_engine_open("interp", &e);

    ck_assert_msg(en != NULL, "%s", e.msg);
    return en;
}

/* ---- an engine with one wrong instruction: whatever ran through it, with EAX even, flips bit 7 of
 * what it did */
struct wrong {
    struct lab_engine e;
    struct lab_engine *good;
    const char *name;        /* mnemonic */
    const struct isa *isa;
    struct lab_case kase[LAB_BATCH];
    unsigned n;
    struct lab_result result[LAB_BATCH];
};

static void wrong_start(struct lab_engine *e, const struct lab_case *cases, unsigned n)
{
    struct wrong *w = container_of(e, struct wrong, e);

    memcpy(w->kase, cases, n * sizeof *cases);
    w->n = n;
    w->good->start(w->good, cases, n);
}

static const struct lab_result *wrong_wait(struct lab_engine *e)
{
    struct wrong *w = container_of(e, struct wrong, e);
    struct seq *s = xcalloc(1, sizeof *s);

    memcpy(w->result, w->good->wait(w->good), w->n * sizeof w->result[0]);
    for (unsigned k = 0; k < w->n; k++) {
        if (!seq_split(w->isa, &w->kase[k], s))
            continue;
        for (unsigned i = 0; i < s->n; i++)
            if (s->i[i].d.row && !strcmp(s->i[i].d.row->name, w->name))
                w->result[k].out.gpr[LG_EDX] ^= 0x80;
    }
    xfree(s);
    return w->result;
}

static void wrong_close(struct lab_engine *e)
{
    struct wrong *w = container_of(e, struct wrong, e);

    w->good->close(w->good);
    isa_free(w->isa);
    xfree(w);
}

static struct lab_engine *wrong_open(const char *name)
{
    struct wrong *w = xcalloc(1, sizeof *w);

    w->e = (struct lab_engine){ "wrong", wrong_start, wrong_wait, wrong_close };
    w->good = interp();
    w->name = name;
    w->isa = isa_new(0xffffffffu);
    return &w->e;
}

START_TEST(wrong_engine_is_reduced)
{
    struct lab_engine *e[2] = { interp(), wrong_open("xor") };
    struct lab_case *c = xcalloc(1, sizeof *c);
    struct reduced *red = xcalloc(1, sizeof *red);
    unsigned found = 0;
    struct gen g;

    gen_init(&g, NULL, 0);
    for (u64 index = 0; index < 3000 && found < 5; index++) {
        const struct lab_result *r[2];
        gen_sequence(&g, 9, index, c);
        e[0]->start(e[0], c, 1);
        e[1]->start(e[1], c, 1);
        r[0] = e[0]->wait(e[0]);
        r[1] = e[1]->wait(e[1]);
        if (!lab_difference(e, g.isa, c, r[0], r[1]))
            continue;
        found++;
        ck_assert(lab_reduce(e, c, red));
        ck_assert(red->diff & LD_GPR);
        ck_assert_uint_eq(red->c.insns, 0); /* one is left */
        ck_assert_str_eq(isa_row(red->c.row)->name, "xor");
        ck_assert_uint_le(red->c.len, 11); /* without prefixes that say nothing */
        for (unsigned k = 0; k < 8; k++) /* the two pointers of the lab's own start stay */
            ck_assert(k == LG_ESP || red->c.in.gpr[k] == 0);
        ck_assert_uint_eq(red->c.in.eflags, LAB_FLAGS_FIXED);
        ck_assert_uint_eq(red->c.num_patches, 0);
        ck_assert_uint_eq(red->c.seed, 9);
        ck_assert_uint_eq(red->c.index, index);
    }
    ck_assert_uint_ge(found, 5);
    /* and what does not differ is said not to */
    gen_case(&g, 1, 0, c);
    c->code[0] = 0x90;
    c->len = 1;
    ck_assert(!lab_reduce(e, c, red));
    gen_free(&g);
    xfree(red);
    xfree(c);
    e[0]->close(e[0]);
    e[1]->close(e[1]);
}
END_TEST

static struct lab_case *parsed(const char *line)
{
    struct vec_line *v = xcalloc(1, sizeof *v);
    struct lab_case *c = xcalloc(1, sizeof *c);
    struct vec_error e = { 0 };

    ck_assert_msg(vec_parse(line, 32, v, &e), "%u: %s", e.column, e.msg);
    *c = v->c;
    xfree(v);
    return c;
}

START_TEST(splitting)
{
    const struct isa *isa = isa_new(0xffffffffu);
    struct lab_case *c = parsed("75 04 40 0f af c0 e9 01 00 00 00 48 90 \"\" =>"), out;
    struct seq *s = xcalloc(1, sizeof *s);
    bool keep[8] = { true, false, true, true, false, true };

    ck_assert(seq_split(isa, c, s));
    ck_assert_uint_eq(s->n, 6); /* jnz, inc, imul, jmp, dec, nop */
    ck_assert_int_eq(s->i[0].target, 3);
    ck_assert_int_eq(s->i[3].target, 5);
    ck_assert_int_eq(s->i[1].target, -1);
    ck_assert(seq_keep(c, s, keep, &out)); /* both branches are shorter now */
    ck_assert_uint_eq(out.len, 11);
    ck_assert_int_eq(memcmp(out.code, "\x75\x03\x0f\xaf\xc0\xe9\x00\x00\x00\x00\x90", 11), 0);
    ck_assert_uint_eq(out.insns, 4);
    xfree(s);
    xfree(c);
    isa_free(isa);
}
END_TEST

START_TEST(undefined_flags)
{
    const struct isa *isa = isa_new(0xffffffffu);
    /* mul edx; jc +2; add eax, eax; cmc */
    struct lab_case *c = parsed("f7 e2 72 02 01 c0 f5 \"\" =>");
    struct seq *s = xcalloc(1, sizeof *s);
    const struct seq_insn *there;
    struct seq_undef u;
    const u32 of_mul = 0xd4; /* SF ZF AF PF */

    ck_assert(seq_split(isa, c, s));
    u = seq_undefined_at(s, c, c->in.eip, &there);
    ck_assert_uint_eq(u.flags, 0);
    ck_assert_ptr_eq(there, &s->i[0]);
    u = seq_undefined_at(s, c, c->in.eip + 2, &there);
    ck_assert_uint_eq(u.flags, of_mul);
    ck_assert(!seq_reads_undefined(&u, s->i[1].d.row)); /* CF is defined */
    u = seq_undefined_at(s, c, c->in.eip + 7, &there);
    ck_assert_uint_eq(u.flags, of_mul); /* ADD may not have run */
    ck_assert_ptr_null(there);
    xfree(c);
    c = parsed("f7 e2 01 c0 f5 \"\" =>");
    ck_assert(seq_split(isa, c, s));
    u = seq_undefined_at(s, c, c->in.eip + 4, &there);
    ck_assert_uint_eq(u.flags, 0);
    xfree(c);
    c = parsed("f7 e2 9f \"\" =>"); /* LAHF */
    ck_assert(seq_split(isa, c, s));
    u = seq_undefined_at(s, c, c->in.eip + 2, &there);
    ck_assert(seq_reads_undefined(&u, there->d.row));
    xfree(s);
    xfree(c);
    isa_free(isa);
}
END_TEST

START_TEST(sequences)
{
    struct lab_case *c = xcalloc(1, sizeof *c), *d = xcalloc(1, sizeof *d);
    struct seq *s = xcalloc(1, sizeof *s);
    unsigned longest = 0, branches = 0, x87 = 0, mmx = 0, sse = 0, memory = 0, done = 0;
    struct lab_engine *e = interp();
    struct gen g;

    gen_init(&g, NULL, 0);
    for (u64 k = 0; k < 3000; k++) {
        struct seq_undef u = { 0 };
        int open = 0;
        gen_sequence(&g, 4, k, c);
        gen_sequence(&g, 4, k, d);
        ck_assert_int_eq(memcmp(c, d, sizeof *c), 0);
        ck_assert(seq_split(g.isa, c, s));
        ck_assert_uint_ge(s->n, 2);
        ck_assert_uint_le(s->n, 32);
        ck_assert_uint_eq(c->insns, s->n);
        longest = MAX(longest, s->n);
        for (unsigned i = 0; i < s->n; i++) {
            const struct isa_row *row = s->i[i].d.row;
            ck_assert_ptr_nonnull(row);
            ck_assert(!seq_reads_undefined(&u, row) || !strcmp(row->name, "pushf"));
            seq_step(&u, row, open > (int)i);
            if (s->i[i].rel) { /* forward, to where an instruction begins */
                ck_assert_int_gt(s->i[i].target, (int)i);
                open = MAX(open, s->i[i].target);
                branches++;
            }
            x87 += (row->attr & A_FPU) != 0;
            mmx += (row->attr & A_MMX) != 0;
            sse += (row->attr & A_SSE) != 0;
            memory += (s->i[i].d.in.flags & INSN_MEM) != 0;
        }
        e->start(e, c, 1);
        done += e->wait(e)->status == LAB_DONE;
    }
    ck_assert_uint_ge(longest, 30);
    ck_assert_uint_gt(branches, 500);
    ck_assert_uint_gt(x87, 2000);
    ck_assert_uint_gt(mmx, 1000);
    ck_assert_uint_gt(sse, 2000);
    ck_assert_uint_gt(memory, 5000);
    ck_assert_uint_gt(done, 1500); /* most get to their end, but not all */
    ck_assert_uint_lt(done, 2900);
    gen_free(&g);
    e->close(e);
    xfree(s);
    xfree(c);
    xfree(d);
}
END_TEST

/* ---- aims */

static u32 outcomes(const struct gen *g, const char *name, bool mem, bool op32)
{
    for (unsigned k = 0; k < g->num_units; k++)
        if (!strcmp(isa_row(g->unit[k].row)->name, name) && g->unit[k].mem == mem &&
            g->unit[k].op32 == op32)
            return g->unit[k].outcomes;
    ck_abort_msg("no unit %s", name);
    return 0;
}

START_TEST(what_a_row_can_do)
{
    const u32 all = BIT(LC_DONE) | BIT(LC_GP) | BIT(LC_PF_FETCH) | BIT(LC_DB);
    const u32 mem = BIT(LC_SS) | BIT(LC_AC) | BIT(LC_PF_SECOND);
    struct gen g;

    gen_init(&g, NULL, 0);
    ck_assert_uint_eq(outcomes(&g, "lea", true, true), all | BIT(LC_UD));
    ck_assert_uint_eq(outcomes(&g, "imul", false, true), all | BIT(LC_UD));
    ck_assert_uint_eq(outcomes(&g, "movzx", true, true),
                      all | BIT(LC_UD) | BIT(LC_SS) | BIT(LC_PF_READ));
    ck_assert_uint_eq(outcomes(&g, "bts", true, true), all | mem | BIT(LC_PF_WRITE));
    ck_assert_uint_eq(outcomes(&g, "bt", true, true), all | mem | BIT(LC_PF_READ) | BIT(LC_UD));
    ck_assert_uint_eq(outcomes(&g, "fst", true, true),
                      all | mem | BIT(LC_PF_WRITE) | BIT(LC_UD) | BIT(LC_MF));
    ck_assert_uint_eq(outcomes(&g, "addps", true, true),
                      all | BIT(LC_SS) | BIT(LC_PF_READ) | BIT(LC_UD) | BIT(LC_XM));
    ck_assert_uint_eq(outcomes(&g, "fnclex", false, true), all | BIT(LC_UD));
    ck_assert_uint_eq(outcomes(&g, "hlt", false, true), BIT(LC_GP) | BIT(LC_PF_FETCH) | BIT(LC_UD));
    ck_assert(outcomes(&g, "div", false, true) & BIT(LC_DE));
    ck_assert(outcomes(&g, "paddb", false, true) & BIT(LC_MF));
    ck_assert(outcomes(&g, "pop", true, true) & BIT(LC_PF_READ));
    ck_assert(outcomes(&g, "pop", true, true) & BIT(LC_PF_WRITE));
    ck_assert(!(outcomes(&g, "movdqa", true, true) & (BIT(LC_AC) | BIT(LC_PF_SECOND))));
    gen_free(&g);
}
END_TEST

/* Each outcome that a row claims comes, and mostly when it is aimed at. */
START_TEST(aims_are_reached)
{
    static const char *const name[] = { "add", "push", "pop", "movs", "bound", "div", "into",
                                        "fadd",
                                        "paddb", "addps", "movaps", "call", "retf", "int", "lds",
                                        "fnsave", "xlat", "mov" };
    struct lab_case *c = xcalloc(1, sizeof *c);
    struct lab_engine *e = interp();

    for (unsigned n = 0; n < ARRAY_LEN(name); n++) {
        u64 tried = 0, hit = 0;
        struct cells t;
        struct gen g;
        unsigned under, all;
        gen_init(&g, name[n], 0);
        cells_init(&t, &g);
        for (u64 k = 0; k < 400ull * g.num_units; k++) {
            unsigned aim = gen_aim(&g, k);
            enum lab_class got;
            gen_case(&g, 3, k, c);
            e->start(e, c, 1);
            got = lab_class_of(e->wait(e));
            cells_add(&t, c, got);
            if (aim != GEN_ANY && c->row == g.unit[k % g.num_units].row) {
                tried++;
                hit += got == aim;
            }
        }
        all = cells_count(&t, 1, &under);
        ck_assert_uint_gt(all, 0);
        if (under)
            cells_print_under(&t, 1);
        ck_assert_msg(!under, "%s: %u of %u outcomes never came", name[n], under, all);
        ck_assert_msg(hit * 10 > tried * 6, "%s: %u of %u aims were reached", name[n],
                      (unsigned)hit, (unsigned)tried);
        for (unsigned k = 0; k < LC_NUM; k++)
            ck_assert_msg(!t.strange[k], "%s: %u times %s, which no row claims", name[n],
                          (unsigned)t.strange[k], lab_class_name[k]);
        cells_free(&t);
        gen_free(&g);
    }
    e->close(e);
    xfree(c);
}
END_TEST

Suite *suite_lab_reduce(void);
Suite *suite_lab_reduce(void)
{
    Suite *s = suite_create("lab_reduce");
    TCase *t = tcase_create("reduce");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, wrong_engine_is_reduced);
    tcase_add_test(t, splitting);
    tcase_add_test(t, undefined_flags);
    tcase_add_test(t, sequences);
    tcase_add_test(t, what_a_row_can_do);
    tcase_add_test(t, aims_are_reached);
    suite_add_tcase(s, t);
    return s;
}
