/* SPDX-License-Identifier: MIT */
/* What every engine lays out alike: pages, segments, patches, the collection of changes. */
#include "lab/lab.h"

const struct lab_page lab_pages[LAB_PAGES] = {
    { LAB_DATA + 0x1000, true, false }, { LAB_DATA + 0x2000, true, false },
    { LAB_STACK + 0x1000, true, false }, { LAB_STACK + 0x2000, true, false },
    { LAB_DATA + 0x3000, false, false },
    { LAB_CODE, false, true }, { LAB_CODE + 0x1000, false, true },
};

/* Linux sets the accessed bit of every descriptor that modify_ldt() makes, and DPL 3; a present
 * conforming segment it refuses. */
const struct lab_seg lab_ldt[LAB_LDT_LEN] = {
    { "code32", LAB_CODE, 0x1fff, 0xb, true, false, false },
    { "code16", LAB_CODE, 0xffff, 0xb, false, false, false },
    { "data32", LAB_DATA, 0x4fff, 0x3, true, false, false },
    { "data16", LAB_DATA, 0xffff, 0x3, false, false, false },
    { "stack32", LAB_STACK, 0x3fff, 0x3, true, false, false },
    { "stack16", LAB_STACK, 0xffff, 0x3, false, false, false },
    { "read-only", LAB_DATA, 0x4fff, 0x1, true, false, false },
    { "down32", LAB_DATA, 0x17ff, 0x7, true, false, false },
    { "down16", LAB_DATA, 0x17ff, 0x7, false, false, false },
    { "execute-only", LAB_CODE, 0x1fff, 0x9, true, false, false },
    { "absent", LAB_DATA, 0x4fff, 0x3, true, false, true },
    { "code paged", LAB_CODE, 1, 0xb, true, true, false },
    { "cut", LAB_DATA, 0x1a2b, 0x3, true, false, false },
    { "code absent", LAB_CODE, 0x1fff, 0xf, true, false, true },
    { "stack down", LAB_STACK, 0x0fff, 0x7, false, false, false },
    { "paged", LAB_DATA, 0x2, 0x3, true, true, false },
    { "code cut", LAB_CODE, 0x8ff, 0xb, true, false, false },
};

u32 lab_seg_limit(const struct lab_seg *s)
{
    return s->pages ? s->limit << 12 | 0xfff : s->limit;
}

bool lab_seg_of(u16 sel, u32 *base, u32 *limit, u16 *attr)
{
    if (sel == SEL_CODE32 || sel == SEL_DATA32) {
        *base = 0;
        *limit = 0xffffffffu;
        *attr = sel == SEL_CODE32 ? 0xc0fb : 0xc0f3;
        return true;
    }
    if ((sel & 7) == 7 && sel >> 3 < LAB_LDT_LEN) {
        const struct lab_seg *s = &lab_ldt[sel >> 3];
        *base = s->base;
        *limit = lab_seg_limit(s);
        *attr = (u16)(0x70 | s->type | (s->absent ? 0 : 0x80) | (s->big ? 0x4000 : 0) |
                      (s->pages ? 0x8000 : 0));
        return true;
    }
    return false;
}

int lab_page_of(u32 la)
{
    for (int k = 0; k < LAB_PAGES; k++)
        if ((la & ~0xfffu) == lab_pages[k].la)
            return k;
    return -1;
}

bool lab_vector_has_error(unsigned vec)
{
    return vec == 8 || (vec >= 10 && vec <= 14) || vec == 17;
}

void lab_collect(struct lab_result *r, const u8 *now, u8 *before)
{
    u64 hash = 0xcbf29ce484222325ull;
    u32 n = 0;

    for (u32 at = 0; at < LAB_WRITABLE * 4096; at += 256) {
        if (!memcmp(now + at, before + at, 256))
            continue;
        for (u32 k = at; k < at + 256; k += 4) {
            u32 v = ld32(now + k);
            if (v == ld32(before + k))
                continue;
            u32 la = lab_pages[k >> 12].la + (k & 0xfff);
            if (n < LAB_MAX_WORDS)
                r->word[n] = (struct lab_word){ la, v };
            n++;
            hash = (hash ^ la ^ (u64)v << 32) * 0x100000001b3ull;
            hash ^= hash >> 29;
        }
    }
    r->num_words = n;
    r->hash = hash;
}

static u8 *byte_at(u8 *const page[LAB_PAGES], u32 la)
{
    int k = lab_page_of(la);

    /* code pages are the code's alone */
    return k < 0 || lab_pages[k].exec ? NULL : page[k] + (la & 0xfff);
}

void lab_apply(const struct lab_case *c, u8 *const page[LAB_PAGES])
{
    for (unsigned n = 0; n < c->num_patches; n++) {
        const struct lab_patch *p = &c->patch[n];
        for (unsigned k = 0; k < p->len; k++) {
            u8 *b = byte_at(page, p->la + k);
            if (b)
                *b = p->data[k];
        }
    }
}

void lab_unapply(const struct lab_case *c, u8 *const page[LAB_PAGES])
{
    for (unsigned n = 0; n < c->num_patches; n++) {
        const struct lab_patch *p = &c->patch[n];
        for (unsigned k = 0; k < p->len; k++) {
            u8 *b = byte_at(page, p->la + k);
            if (b)
                *b = lab_fill(p->la + k);
        }
    }
}

void lab_fill_page(u8 *page, unsigned n)
{
    for (u32 k = 0; k < 4096; k++)
        page[k] = lab_pages[n].exec ? 0xcc : lab_fill(lab_pages[n].la + k);
}

unsigned lab_pad(u8 out[LAB_PAD], unsigned bits, u32 to, u16 sel)
{
    unsigned n = 0;

    if (bits == 16)
        out[n++] = 0x66;
    out[n++] = 0xea;
    st32(out + n, to);
    st16(out + n + 4, sel);
    return n + 6;
}

void lab_settle(const struct lab_case *c, struct lab_result *r)
{
    u32 at = r->out.eip - 1;

    if (r->status != LAB_FAULT || r->vec != 3)
        return;
    /* an INT3 of the case itself stays a fault; a 16-bit IP wraps */
    if (at - c->in.eip < c->len)
        return;
    r->status = LAB_DONE;
    r->out.eip = at;
    r->vec = 0;
}

const char *const lab_class_name[LC_NUM] = {
    "done", "#DE", "#DB", "#BP", "#OF", "#BR", "#UD", "#NP", "#SS", "#GP", "#PF-read", "#PF-write",
    "#PF-second-page", "#PF-fetch", "#AC", "#MF", "#XM", "other",
};

enum lab_class lab_class_of(const struct lab_result *r)
{
    static const u8 by_vector[20] = {
        LC_DE, LC_DB, LC_OTHER, LC_BP, LC_OF, LC_BR, LC_UD, LC_OTHER, LC_OTHER, LC_OTHER, LC_OTHER,
        LC_NP, LC_SS, LC_GP, LC_OTHER, LC_OTHER, LC_MF, LC_AC, LC_OTHER, LC_XM,
    };

    if (r->status == LAB_DONE)
        return LC_DONE;
    if (r->status != LAB_FAULT || r->vec >= ARRAY_LEN(by_vector))
        return LC_OTHER;
    if (r->vec != 14)
        return by_vector[r->vec];
    if (r->err & 16)
        return LC_PF_FETCH;
    if (!(r->cr2 & 0xfff)) /* nothing is ever put at the very start of a bad page */
        return LC_PF_SECOND;
    return r->err & 2 ? LC_PF_WRITE : LC_PF_READ;
}

struct lab_engine *lab_engine_open(const char *name, struct err *e)
{
    if (!strcmp(name, "host"))
        return lab_host_open(e);
    if (!strcmp(name, "interp"))
        return lab_interp_open(e);
    if (!strcmp(name, "interp-soft"))
        return lab_interp_soft_open(e);
    if (!strcmp(name, "jit") || !strcmp(name, "views"))
        return lab_jit_open(!strcmp(name, "views"), e);
    err_set(e, ERR_CONFIG, "unknown engine \"%s\": there are interp, interp-soft, jit, "
            "views and host", name);
    return NULL;
}
