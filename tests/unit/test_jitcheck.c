/* SPDX-License-Identifier: MIT */
/* -engine check (cpu/jit/check.c, cpu/twice.c): it finds what a wrong translation does, wherever it
 * shows, and what it runs twice the bus sees once. */
#include "core/strbuf.h"
#include "tests/unit/cpu_rig.h"

Suite *suite_jitcheck(void);

#if HAVE_JIT
#include "cpu/jit/jit.h"

#define DATA_AT 0x40000u
#define MMIO_AT 0x200000u

struct env {
    struct rig *r;
    struct cpu *c;
    struct strbuf log;
    struct region mmio;
    u32 reads, writes, next; /* of the device, and what it reads as */
    u32 last;
    bool raise;              /* an access raises INTR */
    u32 dma_to;              /* an access writes the count there */
};

static void sink(void *to, enum log_class cls, const char *line)
{
    struct env *v = to;

    if (cls == LOG_WARN)
        sb_addf(&v->log, "%s\n", line);
}

static void touched(struct env *v)
{
    u8 n = (u8)(v->reads + v->writes);

    if (v->raise)
        cpu_set_intr(v->c, 1);
    if (v->dma_to)
        dma_write(&v->r->mem, v->dma_to, &n, 1);
}

static u32 dev_read(void *dev, u32 off, unsigned size)
{
    struct env *v = dev;

    (void)off;
    v->reads++;
    touched(v);
    return ++v->next & size_mask(size);
}

static void dev_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct env *v = dev;

    (void)off;
    v->writes++;
    v->last = val & size_mask(size);
    touched(v);
}

static const struct region_ops dev_ops = { .read = dev_read, .write = dev_write, .min = 1, .max = 4,
                                           .unaligned = true };

static struct env *env_new(void)
{
    struct env *v = calloc(1, sizeof *v);

    v->r = rig_prot();
    v->c = v->r->c;
    v->r->log.sink = sink;
    v->r->log.sink_to = v;
    v->r->port_region.ops = &dev_ops;
    v->r->port_region.dev = v;
    v->mmio = (struct region){ .name = "device", .base = MMIO_AT, .size = PAGE_SIZE,
                               .kind = REGION_IO, .ops = &dev_ops, .dev = v, .prio = PRIO_BAR,
                               .flags = REGION_RW };
    ck_assert(space_map(&v->r->mem, &v->mmio, &v->r->e));
    ck_assert_msg(jit_attach_check(v->c, &v->r->e), "%s", v->r->e.msg);
    return v;
}

static void env_free(struct env *v)
{
    space_unmap(&v->r->mem, &v->mmio);
    sb_free(&v->log);
    rig_free(v->r);
    free(v);
}

#define REG(v, r) cpu_get((v)->c, CPU_##r)
#define CODE(v, ...) \
    do { \
        static const u8 code_[] = { __VA_ARGS__, 0xeb, 0xfe }; /* and jmp $ */ \
        memcpy((v)->r->host + CODE_AT, code_, sizeof code_); \
    } while (0)

static enum cpu_exit go(struct env *v, u64 n)
{
    cpu_set(v->c, CPU_EIP, CODE_AT);
    return cpu_run(v->c, *cpu_retired(v->c) + n);
}

/* The same in the copies of instructions that the slow paths use. */
static void spoil_copies(struct env *v, u32 from, u32 to)
{
    struct jit *j = jit_of(v->c);
    unsigned found = 0;

    for (u32 at = 0; at + 4 <= j->side_pos; at += 4)
        if (ld32(j->side + at) == from) {
            st32(j->side + at, to);
            found++;
        }
    ck_assert_uint_gt(found, 0);
}

/* Turns these bytes of the translations into those: as a wrong template would have written them. */
static void spoil(struct env *v, u32 from, u32 to)
{
    struct jit *j = jit_of(v->c);
    unsigned found = 0;

    for (u32 at = j->code_start; at + 4 <= j->code_pos; at++)
        if (ld32(j->mem.write + at) == from) {
            st32(j->mem.write + at, to);
            found++;
        }
    ck_assert_uint_gt(found, 0);
}

static void expect_report(struct env *v, const char *text)
{
    const char *log = sb_text(&v->log);

    ck_assert_msg(strstr(log, text) != NULL, "no \"%s\" in:\n%s", text, log);
    ck_assert_ptr_nonnull(strstr(log, "differs from the interpreter in the block at 0008:0001"));
    ck_assert_ptr_nonnull(strstr(log, "guest code:"));
    ck_assert_ptr_nonnull(strstr(log, "host code:"));
}

static void expect_silence(struct env *v)
{
    ck_assert_str_eq(sb_text(&v->log), "");
    ck_assert_uint_gt(jit_of(v->c)->stat_checked, 0);
}

START_TEST(right_code_passes)
{
    struct env *v = env_new();

    CODE(v, 0xb8, 0x44, 0x33, 0x22, 0x11,               /* mov eax, 11223344h */
         0xa3, 0x00, 0x00, 0x04, 0x00,                  /* mov [40000h], eax */
         0x01, 0x05, 0x00, 0x00, 0x04, 0x00,            /* add [40000h], eax */
         0x0f, 0x92, 0xc3);                             /* setb bl */
    for (unsigned k = 0; k < 3; k++)
        ck_assert_int_eq(go(v, 40), CPU_BUDGET);
    expect_silence(v);
    ck_assert_uint_eq(peek32(v->r, DATA_AT), 0x22446688);
    env_free(v);
}
END_TEST

START_TEST(wrong_register)
{
    struct env *v = env_new();

    CODE(v, 0xb8, 0x44, 0x33, 0x22, 0x11, 0x43); /* mov eax, 11223344h; inc ebx */
    ck_assert_int_eq(go(v, 20), CPU_BUDGET);
    spoil(v, 0x11223344, 0x11223345);
    cpu_set(v->c, CPU_EBX, 7);
    ck_assert_int_eq(go(v, 20), CPU_BUG);
    expect_report(v, "gpr");
    expect_report(v, "EAX=11223345");
    /* it stands where the interpreter stands */
    ck_assert_uint_eq(REG(v, EAX), 0x11223344);
    ck_assert_uint_eq(REG(v, EBX), 8);
    ck_assert_uint_eq(REG(v, EIP), CODE_AT + 6);
    env_free(v);
}
END_TEST

START_TEST(wrong_flag)
{
    struct env *v = env_new();

    CODE(v, 0x3d, 0x44, 0x33, 0x22, 0x11); /* cmp eax, 11223344h */
    ck_assert_int_eq(go(v, 20), CPU_BUDGET);
    spoil(v, 0x11223344, 0x11223345);
    cpu_set(v->c, CPU_EAX, 0x11223344);
    ck_assert_int_eq(go(v, 20), CPU_BUG);
    expect_report(v, "cc.");
    ck_assert_uint_eq(REG(v, EFLAGS) & FL_ARITH, FL_ZF | FL_PF);
    env_free(v);
}
END_TEST

START_TEST(wrong_value_in_memory)
{
    struct env *v = env_new();

    CODE(v, 0xc7, 0x05, 0x00, 0x00, 0x04, 0x00, 0x44, 0x33, 0x22, 0x11); /* mov [40000h], ... */
    ck_assert_int_eq(go(v, 20), CPU_BUDGET);
    spoil(v, 0x11223344, 0x11223345);
    ck_assert_int_eq(go(v, 20), CPU_BUG);
    expect_report(v, "memory at frame 40 offset 000: 44 33 22 11");
    expect_report(v, "the translator's 45 33 22 11");
    ck_assert_uint_eq(peek32(v->r, DATA_AT), 0x11223344);
    env_free(v);
}
END_TEST

/* At its place is what it should be from the time before. */
START_TEST(wrong_place_in_memory)
{
    struct env *v = env_new();

    CODE(v, 0xc7, 0x05, 0x34, 0x02, 0x04, 0x00, 0x44, 0x33, 0x22, 0x11); /* mov [40234h], ... */
    ck_assert_int_eq(go(v, 20), CPU_BUDGET);
    spoil(v, 0x00040234, 0x00040238);
    ck_assert_int_eq(go(v, 20), CPU_BUG);
    expect_report(v, "memory at frame 40 offset 230:");
    ck_assert_uint_eq(peek32(v->r, DATA_AT + 0x238), 0);
    env_free(v);
}
END_TEST

START_TEST(wrong_page_in_memory)
{
    struct env *v = env_new();

    CODE(v, 0xc7, 0x05, 0x34, 0x02, 0x04, 0x00, 0x44, 0x33, 0x22, 0x11);
    ck_assert_int_eq(go(v, 20), CPU_BUDGET);
    spoil(v, 0x00040234, 0x00041234);
    ck_assert_int_eq(go(v, 20), CPU_BUG);
    expect_report(v, "the translator alone wrote to a page, at offset 234");
    ck_assert_uint_eq(peek32(v->r, DATA_AT + 0x1234), 0);
    env_free(v);
}
END_TEST

START_TEST(fault_of_one_alone)
{
    struct env *v = env_new();

    st32(v->r->host + 0x50000, 0x51000 | 7); /* 1 MB, one to one */
    for (u32 p = 0; p < 256; p++)
        st32(v->r->host + 0x51000 + 4 * p, p << 12 | 7);
    cpu_set(v->c, CPU_CR3, 0x50000);
    cpu_set(v->c, CPU_CR0, CR0_PE | CR0_ET | CR0_PG);
    CODE(v, 0x40, 0xa1, 0x34, 0x02, 0x04, 0x00); /* inc eax; mov eax, [40234h] */
    ck_assert_int_eq(go(v, 20), CPU_BUDGET);
    expect_silence(v);
    spoil(v, 0x00040234, 0x00340234);
    spoil_copies(v, 0x00040234, 0x00340234);
    ck_assert_int_eq(go(v, 20), CPU_BUG);
    expect_report(v, "the translator faults, vector 14 at 00010001");
    ck_assert_uint_eq(REG(v, EIP), CODE_AT + 6);
    env_free(v);
}
END_TEST

START_TEST(faults_pass)
{
    struct env *v = env_new();

    st32(v->r->host + 0x50000, 0x51000 | 7);
    for (u32 p = 0; p < 256; p++)
        st32(v->r->host + 0x51000 + 4 * p, p << 12 | 7);
    cpu_set(v->c, CPU_CR3, 0x50000);
    cpu_set(v->c, CPU_CR0, CR0_PE | CR0_ET | CR0_PG);
    CODE(v, 0x40, 0xa1, 0x34, 0x02, 0x34, 0x00); /* inc eax; mov eax, [340234h] */
    ck_assert_int_eq(go(v, 20), CPU_BUDGET);
    expect_silence(v);
    ck_assert_int_eq(frame_seen(v->r).vec, EXC_PF);
    ck_assert_uint_eq(frame_seen(v->r).eip, CODE_AT + 1);
    ck_assert_uint_eq(REG(v, CR2), 0x340234);
    env_free(v);
}
END_TEST

/* A and D bits are set by each run anew: from what the other left they could not be compared. */
START_TEST(accessed_and_dirty)
{
    struct env *v = env_new();

    st32(v->r->host + 0x50000, 0x51000 | 7);
    for (u32 p = 0; p < 256; p++)
        st32(v->r->host + 0x51000 + 4 * p, p << 12 | 7);
    cpu_set(v->c, CPU_CR3, 0x50000);
    cpu_set(v->c, CPU_CR0, CR0_PE | CR0_ET | CR0_PG);
    CODE(v, 0xa1, 0x00, 0x00, 0x04, 0x00,   /* mov eax, [40000h] */
         0xa3, 0x00, 0x10, 0x04, 0x00);     /* mov [41000h], eax */
    ck_assert_int_eq(go(v, 20), CPU_BUDGET);
    expect_silence(v);
    ck_assert_uint_eq(peek32(v->r, 0x51000 + 4 * 0x40), 0x40000 | 0x27);
    ck_assert_uint_eq(peek32(v->r, 0x51000 + 4 * 0x41), 0x41000 | 0x67);
    env_free(v);
}
END_TEST

START_TEST(bus_sees_it_once)
{
    struct env *v = env_new();

    CODE(v, 0xe4, 0x40,                                 /* in al, 40h */
         0xe5, 0x40,                                    /* in eax, 40h */
         0x8b, 0x1d, 0x00, 0x00, 0x20, 0x00,            /* mov ebx, [200000h] */
         0xff, 0x05, 0x00, 0x00, 0x20, 0x00,            /* inc dword [200000h] */
         0xe7, 0x40);                                   /* out 40h, eax */
    for (u32 k = 1; k < 4; k++) {
        ck_assert_int_eq(go(v, 20), CPU_BUDGET);
        ck_assert_uint_eq(v->reads, 4 * k);
        ck_assert_uint_eq(v->writes, 2 * k);
        ck_assert_uint_eq(REG(v, EBX), 4 * k - 1);
        ck_assert_uint_eq(v->last, 4 * k - 2);
    }
    expect_silence(v);
    env_free(v);
}
END_TEST

START_TEST(other_bus_access)
{
    struct env *v = env_new();

    CODE(v, 0xc7, 0x05, 0x34, 0x02, 0x20, 0x00, 0x44, 0x33, 0x22, 0x11); /* mov [200234h], ... */
    ck_assert_int_eq(go(v, 20), CPU_BUDGET);
    expect_silence(v);
    spoil_copies(v, 0x11223344, 0x11223345);
    ck_assert_int_eq(go(v, 20), CPU_BUG);
    expect_report(v, "000200234 the interpreter wrote 11223344, the translator 11223345");
    ck_assert_uint_eq(v->writes, 2);
    ck_assert_uint_eq(v->last, 0x11223344);
    env_free(v);
}
END_TEST

/* What a device does to the CPU in the first run happens at the same place in the second. */
START_TEST(interrupt_by_an_access)
{
    struct env *v = env_new();

    CODE(v, 0x40, 0xe6, 0x40, 0x40, 0xe6, 0x40, 0x40); /* inc eax; out 40h, al; inc eax; ... */
    cpu_set(v->c, CPU_EFLAGS, FL_IF);
    v->raise = true; /* nobody answers the INTA cycle, so it goes on */
    ck_assert_int_eq(go(v, 20), CPU_BUDGET);
    expect_silence(v);
    ck_assert_uint_eq(v->writes, 2);
    ck_assert_uint_eq(REG(v, EAX), 3);
    env_free(v);
}
END_TEST

START_TEST(dma_by_an_access)
{
    struct env *v = env_new();

    CODE(v, 0xe6, 0x40,                                 /* out 40h, al */
         0x8b, 0x1d, 0x00, 0x00, 0x04, 0x00,            /* mov ebx, [40000h] */
         0xe6, 0x40,
         0x03, 0x1d, 0x00, 0x00, 0x04, 0x00);           /* add ebx, [40000h] */
    v->dma_to = DATA_AT;
    ck_assert_int_eq(go(v, 20), CPU_BUDGET);
    expect_silence(v);
    ck_assert_uint_eq(REG(v, EBX), 3);
    ck_assert_uint_eq(peek32(v->r, DATA_AT), 2);
    env_free(v);
}
END_TEST

START_TEST(string_instructions)
{
    struct env *v = env_new();

    CODE(v, 0xf3, 0xaa,             /* rep stosb */
         0x89, 0xfe, 0x4e,          /* mov esi, edi; dec esi */
         0xf3, 0xa4);               /* rep movsb: ECX is 0 */
    cpu_set(v->c, CPU_EAX, 0x5a);
    cpu_set(v->c, CPU_EDI, DATA_AT + 0xff0);
    cpu_set(v->c, CPU_ECX, 0x2020);
    ck_assert_int_eq(go(v, 0x2040), CPU_BUDGET);
    expect_silence(v);
    ck_assert_uint_eq(v->r->host[DATA_AT + 0xfef], 0);
    for (u32 k = 0; k < 0x2020; k++)
        ck_assert_uint_eq(v->r->host[DATA_AT + 0xff0 + k], 0x5a);
    ck_assert_uint_eq(v->r->host[DATA_AT + 0xff0 + 0x2020], 0);
    env_free(v);
}
END_TEST

START_TEST(writes_over_itself)
{
    struct env *v = env_new();

    CODE(v, 0xc6, 0x05, 0x07, 0x00, 0x01, 0x00, 0x43,  /* mov byte [10007h], 43h */
         0x40);                                         /* inc eax, then inc ebx */
    ck_assert_int_eq(go(v, 20), CPU_BUDGET);
    ck_assert_uint_eq(REG(v, EBX), 1);
    ck_assert_uint_eq(REG(v, EAX), 0);
    ck_assert_str_eq(sb_text(&v->log), "");
    ck_assert_uint_gt(jit_of(v->c)->stat_unchecked, 0);
    env_free(v);
}
END_TEST

#if HAVE_ZYDIS
/* Code that is not the emitter's. Before each: nop; behind each: jmp to the nop. */
static const struct { const char *what; u8 n; u8 code[15]; const char *why; } strange[] = {
    { "mov eax, [r14+24h]", 4, { 0x41, 0x8b, 0x46, 0x24 }, NULL },
    { "mov [r10+r9], eax", 4, { 0x43, 0x89, 0x04, 0x0a }, NULL },
    { "mov r10, [r15+r10*8]", 4, { 0x4f, 0x8b, 0x14, 0xd7 }, NULL },
    { "mov r9d, [rsp+8]", 5, { 0x44, 0x8b, 0x4c, 0x24, 0x08 }, NULL },
    { "lea rbx, [rax+rcx]", 4, { 0x48, 0x8d, 0x1c, 0x08 }, NULL },
    { "int3", 1, { 0xcc }, NULL },
    { "ret", 1, { 0xc3 }, NULL },
    { "lea rsp, [rsp+8]", 5, { 0x48, 0x8d, 0x64, 0x24, 0x08 }, NULL },
    { "call r10", 3, { 0x41, 0xff, 0xd2 }, NULL },
    { "mov eax, [rbx]", 2, { 0x8b, 0x03 }, "no known form" },
    { "mov eax, [r14-4]", 4, { 0x41, 0x8b, 0x46, 0xfc }, "no known form" },
    { "mov eax, [r14+7fffffffh]", 7, { 0x41, 0x8b, 0x86, 0xff, 0xff, 0xff, 0x7f },
      "no known form" },
    { "mov [r10+r9*2], eax", 4, { 0x43, 0x89, 0x04, 0x4a }, "no known form" },
    { "mov [r10+r9+1], eax", 5, { 0x43, 0x89, 0x44, 0x0a, 0x01 }, "no known form" },
    { "mov eax, [rsp]", 3, { 0x8b, 0x04, 0x24 }, "no known form" },
    { "mov eax, [rsp+20h]", 4, { 0x8b, 0x44, 0x24, 0x20 }, "no known form" },
    { "mov eax, [rip+4]", 6, { 0x8b, 0x05, 4, 0, 0, 0 }, "no known form" },
    { "mov eax, fs:[r14]", 4, { 0x64, 0x41, 0x8b, 0x06 }, "no known form" },
    { "add rsp, 8", 4, { 0x48, 0x83, 0xc4, 0x08 }, "a register that is kept" },
    { "mov r14, rax", 3, { 0x49, 0x89, 0xc6 }, "a register that is kept" },
    { "inc r15d", 3, { 0x41, 0xff, 0xc7 }, "a register that is kept" },
    { "mov spl, al", 3, { 0x40, 0x88, 0xc4 }, "a register that is kept" },
    { "push rax", 1, { 0x50 }, "no instruction for translations" },
    { "pop rax", 1, { 0x58 }, "no instruction for translations" },
    { "lea rsp, [rsp+18h]", 5, { 0x48, 0x8d, 0x64, 0x24, 0x18 }, "a register that is kept" },
    { "mov rsp, [r14+24h]", 4, { 0x49, 0x8b, 0x66, 0x24 }, "a register that is kept" },
    { "call rax", 2, { 0xff, 0xd0 }, "in a register or in memory" },
    { "rep movsb", 2, { 0xf3, 0xa4 }, "no instruction for translations" },
    { "in al, dx", 1, { 0xec }, "no instruction for translations" },
    { "hlt", 1, { 0xf4 }, "no instruction for translations" },
    { "syscall", 2, { 0x0f, 0x05 }, "no instruction for translations" },
    { "int 80h", 2, { 0xcd, 0x80 }, "no instruction for translations" },
    { "wrmsr", 2, { 0x0f, 0x30 }, "no instruction for translations" },
    { "jmp rax", 2, { 0xff, 0xe0 }, "in a register or in memory" },
    { "call [r14]", 3, { 0x41, 0xff, 0x16 }, "in a register or in memory" },
    { "jmp into itself", 5, { 0xe9, 0xfc, 0xff, 0xff, 0xff }, "a strange place" },
    { "jmp far away", 5, { 0xe9, 0x00, 0x00, 0x10, 0x00 }, "a strange place" },
    { "mov r11, 123456789abcdef0h", 10,
      { 0x49, 0xbb, 0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12 }, "no address of ours" },
    { "nothing", 1, { 0x06 }, "no instruction" },
};

START_TEST(verifier)
{
    struct env *v = env_new();
    struct jit *j = jit_of(v->c);
    char why[200] = "";
    const u32 at = j->code_pos;
    u8 *p = j->mem.write + at;
    unsigned n = strange[_i].n;
    struct jit_block jb = { .start = at, .code = at, .end = at + 1 + n + 5 };

    p[0] = 0x90;
    memcpy(p + 1, strange[_i].code, n);
    p[1 + n] = 0xe9;
    st32(p + 2 + n, (u32)-(i32)(1 + n + 5));
    bool ok = x64_verify(j, &jb, why, sizeof why);
    if (!strange[_i].why)
        ck_assert_msg(ok, "%s: %s", strange[_i].what, why);
    else
        ck_assert_msg(!ok && strstr(why, strange[_i].why), "%s: %s", strange[_i].what, why);
    /* without the way out */
    jb.end -= 5;
    if (!strange[_i].why && n > 1)
        ck_assert(!x64_verify(j, &jb, why, sizeof why) && strstr(why, "runs out of its end"));
    env_free(v);
}
END_TEST
#endif

Suite *suite_jitcheck(void)
{
    Suite *s = suite_create("jitcheck");
    TCase *t = tcase_create("all");

#if HAVE_ZYDIS
    tcase_add_loop_test(t, verifier, 0, ARRAY_LEN(strange));
#endif

    tcase_add_test(t, right_code_passes);
    tcase_add_test(t, wrong_register);
    tcase_add_test(t, wrong_flag);
    tcase_add_test(t, wrong_value_in_memory);
    tcase_add_test(t, wrong_place_in_memory);
    tcase_add_test(t, wrong_page_in_memory);
    tcase_add_test(t, fault_of_one_alone);
    tcase_add_test(t, faults_pass);
    tcase_add_test(t, accessed_and_dirty);
    tcase_add_test(t, bus_sees_it_once);
    tcase_add_test(t, other_bus_access);
    tcase_add_test(t, interrupt_by_an_access);
    tcase_add_test(t, dma_by_an_access);
    tcase_add_test(t, string_instructions);
    tcase_add_test(t, writes_over_itself);
    suite_add_tcase(s, t);
    return s;
}

#else

Suite *suite_jitcheck(void) { return suite_create("jitcheck"); }

#endif
