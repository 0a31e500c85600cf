/* SPDX-License-Identifier: MIT */
/* CPU models and CPUID (SDM 2, CPUID). What guests are told exists is the model's mask, plus and
 * minus the options, and of that only what is implemented. */
#include "cpu/isa.h"
#include "cpu/sys.h"

/* The one list of what there is. */
enum {
    IMPLEMENTED_EDX = CPUID_FPU | CPUID_VME | CPUID_DE | CPUID_PSE | CPUID_TSC | CPUID_MSR |
                      CPUID_PAE | CPUID_MCE | CPUID_CX8 | CPUID_SEP | CPUID_MTRR | CPUID_PGE |
                      CPUID_MCA | CPUID_CMOV | CPUID_PAT | CPUID_PSE36 | CPUID_CLFSH |
                      CPUID_MMX | CPUID_FXSR | CPUID_SSE | CPUID_SSE2 | CPUID_SS,
    IMPLEMENTED_ECX = CPUID_ECX_SSE3 | CPUID_ECX_MONITOR,
    IMPLEMENTED_EXT_EDX = CPUID_EXT_NX,
};

#define FEATS_486 BIT(FEAT_8086) | BIT(FEAT_186) | BIT(FEAT_286) | BIT(FEAT_386) | BIT(FEAT_486)

static const struct cpu_model models[] = {
#define MODEL(n, t, v, sig, lev, d, cx, xd, od, oxd, bi, br, l0, l1, l2, l3, feats) \
    { .name = n, .text = t, .vendor = v, .signature = sig, .level = lev, .edx = d, .ecx = cx, \
      .ext_edx = xd, .opt_edx = od, .opt_ext_edx = oxd, .brand_index = bi, .brand = br, \
      .leaf2 = { l0, l1, l2, l3 }, .isa = feats },
#include "cpu/models.def"
#undef MODEL
};

/* Names of option bits, and the rows of isa.def that go with them. */
static const struct feature {
    const char *name;
    u32 edx, ext_edx;
    u32 isa;
    u32 ecx;
} features[] = {
    { "fpu", CPUID_FPU, 0, BIT(FEAT_FPU), 0 },
    { "vme", CPUID_VME, 0, 0, 0 },
    { "de", CPUID_DE, 0, 0, 0 },
    { "pse", CPUID_PSE, 0, 0, 0 },
    { "tsc", CPUID_TSC, 0, BIT(FEAT_TSC), 0 },
    { "msr", CPUID_MSR, 0, BIT(FEAT_MSR), 0 },
    { "pae", CPUID_PAE, 0, 0, 0 },
    { "mce", CPUID_MCE, 0, 0, 0 },
    { "cx8", CPUID_CX8, 0, BIT(FEAT_CX8), 0 },
    { "sep", CPUID_SEP, 0, BIT(FEAT_SEP), 0 },
    { "mtrr", CPUID_MTRR, 0, 0, 0 },
    { "pge", CPUID_PGE, 0, 0, 0 },
    { "mca", CPUID_MCA, 0, 0, 0 },
    { "cmov", CPUID_CMOV, 0, BIT(FEAT_CMOV), 0 },
    { "pat", CPUID_PAT, 0, 0, 0 },
    { "pse36", CPUID_PSE36, 0, 0, 0 },
    { "clflush", CPUID_CLFSH, 0, BIT(FEAT_CLFLUSH), 0 },
    { "mmx", CPUID_MMX, 0, BIT(FEAT_MMX), 0 },
    { "fxsr", CPUID_FXSR, 0, BIT(FEAT_FXSR), 0 },
    { "sse", CPUID_SSE, 0, BIT(FEAT_SSE), 0 },
    { "sse2", CPUID_SSE2, 0, BIT(FEAT_SSE2), 0 },
    { "ss", CPUID_SS, 0, 0, 0 },
    { "sse3", 0, 0, BIT(FEAT_SSE3), CPUID_ECX_SSE3 },
    { "pni", 0, 0, BIT(FEAT_SSE3), CPUID_ECX_SSE3 }, /* as Linux has it; not in the list */
    { "monitor", 0, 0, BIT(FEAT_MONITOR), CPUID_ECX_MONITOR },
    { "nx", 0, CPUID_EXT_NX, 0, 0 },
};

static const struct cpu_model *find_model(const char *name, size_t len)
{
    for (size_t k = 0; k < ARRAY_LEN(models); k++) {
        if (strlen(models[k].name) == len && !memcmp(models[k].name, name, len))
            return &models[k];
    }
    return NULL;
}

static const struct feature *find_feature(const char *name, size_t len)
{
    for (size_t k = 0; k < ARRAY_LEN(features); k++) {
        if (strlen(features[k].name) == len && !memcmp(features[k].name, name, len))
            return &features[k];
    }
    return NULL;
}

static bool is_word(const char *p, size_t len, const char *word)
{
    return strlen(word) == len && !memcmp(p, word, len);
}

static bool implemented(const struct feature *f)
{
    return !(f->edx & ~(u32)IMPLEMENTED_EDX) && !(f->ecx & ~(u32)IMPLEMENTED_ECX) &&
           !(f->ext_edx & ~(u32)IMPLEMENTED_EXT_EDX);
}

/* +name, -name */
static bool feature_option(struct cpu *c, const char *opt, size_t len, struct err *e)
{
    const struct feature *f = find_feature(opt + 1, len - 1);
    const struct cpu_model *m = c->model;
    u32 edx = m->edx | m->opt_edx, ext = m->ext_edx | m->opt_ext_edx;

    if (!f)
        return err_set(e, ERR_CONFIG, "CPU feature '%.*s' is not known; '-cpu help' lists them",
                       (int)len - 1, opt + 1);
    if (*opt == '-') {
        c->cpuid_edx &= ~f->edx;
        c->cpuid_ecx &= ~f->ecx;
        c->cpuid_ext_edx &= ~f->ext_edx;
        return true;
    }
    if (!implemented(f))
        return err_set(e, ERR_CONFIG, "CPU feature '%s' is not implemented; leave it out", f->name);
    if ((f->edx & ~edx) || (f->ecx & ~m->ecx) || (f->ext_edx & ~ext))
        return err_set(e, ERR_CONFIG, "CPU model '%s' cannot have '%s'; try '-cpu max'", m->name,
                       f->name);
    c->cpuid_edx |= f->edx;
    c->cpuid_ecx |= f->ecx;
    c->cpuid_ext_edx |= f->ext_edx;
    return true;
}

/* key=value */
static bool value_option(struct cpu *c, const char *opt, size_t len, struct err *e)
{
    const char *eq = memchr(opt, '=', len);
    size_t klen = eq ? (size_t)(eq - opt) : len, vlen = eq ? len - klen - 1 : 0;
    const char *v = eq ? eq + 1 : "";

    if (eq && is_word(opt, klen, "msr")) {
        if (!is_word(v, vlen, "gp") && !is_word(v, vlen, "zero"))
            return err_set(e, ERR_CONFIG, "CPU option 'msr=%.*s': 'gp' or 'zero' is wanted",
                           (int)vlen, v);
        c->msr_gp = *v == 'g';
        return true;
    }
    if (eq && is_word(opt, klen, "level")) {
        if (vlen != 1 || *v < '1' || *v > '5')
            return err_set(e, ERR_CONFIG, "CPU option 'level=%.*s': 1 to 5 is wanted",
                           (int)vlen, v);
        c->cpuid_level = (u32)(*v - '0');
        return true;
    }
    if (eq && is_word(opt, klen, "vendor")) {
        if (vlen != 12)
            return err_set(e, ERR_CONFIG, "CPU option 'vendor=%.*s': 12 characters are wanted",
                           (int)vlen, v);
        memcpy(c->cpuid_vendor, v, 12);
        return true;
    }
    if (eq && is_word(opt, klen, "fpu")) {
        if (!is_word(v, vlen, "host") && !is_word(v, vlen, "soft"))
            return err_set(e, ERR_CONFIG, "CPU option 'fpu=%.*s': 'host' or 'soft' is wanted",
                           (int)vlen, v);
        c->soft_fpu = *v == 's';
        return true;
    }
    return err_set(e, ERR_CONFIG,
                   "CPU option '%.*s' is not known; +FEATURE, -FEATURE, msr=gp, level=N, "
                   "vendor=NAME and fpu=soft are", (int)len, opt);
}

bool cpu_set_model(struct cpu *c, const char *spec, struct err *e)
{
    const char *p = spec ? spec : models[0].name;
    size_t len = strcspn(p, ",");
    const struct cpu_model *m = len ? find_model(p, len) : &models[0];

    if (!m)
        return err_set(e, ERR_CONFIG, "CPU model '%.*s' is not known; '-cpu help' lists them",
                       (int)len, p);
    c->model = m;
    c->cpuid_edx = m->edx & (u32)IMPLEMENTED_EDX;
    c->cpuid_ecx = m->ecx & (u32)IMPLEMENTED_ECX;
    c->cpuid_ext_edx = m->ext_edx & (u32)IMPLEMENTED_EXT_EDX;
    c->cpuid_level = m->level;
    memcpy(c->cpuid_vendor, m->vendor, 12);
    c->msr_gp = false;
    for (p += len; *p == ','; p += len) {
        p++;
        len = strcspn(p, ",");
        if (!len || !(*p == '+' || *p == '-' ? feature_option(c, p, len, e)
                                             : value_option(c, p, len, e))) {
            if (!len)
                err_set(e, ERR_CONFIG, "CPU model '%s': an option is empty", spec);
            return false;
        }
    }
    /* NX lives in PAE's page tables */
    if (!(c->cpuid_edx & CPUID_PAE))
        c->cpuid_ext_edx &= ~(u32)CPUID_EXT_NX;
    c->isa_features = m->isa;
    for (size_t k = 0; k < ARRAY_LEN(features); k++) {
        if ((features[k].edx & c->cpuid_edx) || (features[k].ecx & c->cpuid_ecx))
            c->isa_features |= features[k].isa;
        else
            c->isa_features &= ~features[k].isa;
    }
    if ((c->cpuid_edx & (CPUID_CMOV | CPUID_FPU)) == (CPUID_CMOV | CPUID_FPU))
        c->isa_features |= BIT(FEAT_FCMOV);
    return true;
}

void cpu_cpuid(const struct cpu *c, u32 leaf, u32 subleaf, u32 out[4])
{
    const struct cpu_model *m = c->model;
    u32 ext_max = m->brand ? 0x80000004 : c->cpuid_ext_edx ? 0x80000001 : 0;
    char brand[48] = "";

    (void)subleaf; /* no leaf has any */
    memset(out, 0, 4 * sizeof(*out));
    if (leaf >= 0x80000000u ? leaf > ext_max : leaf > c->cpuid_level)
        leaf = c->cpuid_level; /* beyond the highest: as the highest basic leaf */
    switch (leaf) {
    case 0:
        out[0] = c->cpuid_level;
        memcpy(&out[1], c->cpuid_vendor, 4);
        memcpy(&out[3], c->cpuid_vendor + 4, 4);
        memcpy(&out[2], c->cpuid_vendor + 8, 4);
        break;
    case 1:
        out[0] = m->signature;
        out[1] = m->brand_index | (c->cpuid_edx & CPUID_CLFSH ? 8u << 8 : 0);
        out[2] = c->cpuid_ecx;
        out[3] = c->cpuid_edx;
        break;
    case 2:
        memcpy(out, m->leaf2, sizeof(m->leaf2));
        if (!(out[0] & 0xff))
            out[0] |= 1; /* guests loop that often */
        break;
    case 5:
        if (c->cpuid_ecx & CPUID_ECX_MONITOR)
            out[0] = out[1] = MONITOR_LINE;
        break;
    case 0x80000000u:
        out[0] = ext_max;
        break;
    case 0x80000001u:
        out[3] = c->cpuid_ext_edx;
        break;
    case 0x80000002u: case 0x80000003u: case 0x80000004u:
        memcpy(brand, m->brand, MIN(strlen(m->brand), sizeof(brand) - 1));
        memcpy(out, brand + 16 * (leaf - 0x80000002u), 16);
        break;
    }
}

void cpu_list_models(struct strbuf *sb)
{
    sb_addf(sb, "CPU models (the first is the default):\n");
    for (size_t k = 0; k < ARRAY_LEN(models); k++)
        sb_addf(sb, "  %-10s %s\n", models[k].name, models[k].text);
    sb_addf(sb, "Options: msr=gp|zero,level=1..5,vendor=NAME,fpu=host|soft,+FEATURE,-FEATURE:\n");
    for (size_t k = 0; k < ARRAY_LEN(features); k++) {
        if (implemented(&features[k]) && strcmp(features[k].name, "pni") != 0)
            sb_addf(sb, " %s", features[k].name);
    }
    sb_addf(sb, "\n");
}
