/* SPDX-License-Identifier: MIT */
/* The firmware tables against a reader of our own (contract A1): AML with nothing that ACPI 1.0b
 * lacks, every table whole, links and routing complete, no resource twice. Tables that were made
 * bad on purpose must not pass. Then SeaBIOS places them, and memory is searched. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bios/tables.h"
#include "tests/unit/machine_rig.h"

#define MAX_DEV 64
#define MAX_RANGES 96

static const struct bios_board full = {
    .ram_bytes = 128u << 20, .pm_base = 0x600, .smb_base = 0x700, .gpe_base = 0xafe0,
    .smi_port = 0xb2, .sci = 9, .acpi_enable = 0xf1, .acpi_disable = 0xf0, .cmos_century = 0x32,
    .router_devfn = 8, .router_compatible = 0x122e8086, .pirq_reg = 0x60, .pci_slots = 8,
    .sci_slot = 1, .pirq_irqs = { 5, 10, 11 }, .num_pirq_irqs = 3, .pir_irqs = 0xdef8,
    .pit = true, .rtc = true, .fpu = true, .keyboard = true, .mouse = true, .floppy = true,
    .serial = { { 0x3f8, 4 }, { 0x2f8, 3 } }, .num_serial = 2,
    .parallel = { { 0x378, 7 } }, .num_parallel = 1, .fw_cfg = 0x510, .debugcon = 0xe9,
    .version = "1.2", .cpu_signature = 0x6d8, .cpu_features = 0x0782a9bf, .cpu_mhz = 1000,
};

/* ---- the reader ---- */

struct found {
    char name[5];
    bool has_adr;
    u32 hid, uid;
    bool has_uid;
    unsigned methods;      /* bits: _STA _PRS _CRS _SRS _DIS */
    u32 crs_at, crs_len;
};
struct reader {
    const u8 *p;
    u32 at;
    unsigned depth;
    struct found dev[MAX_DEV];
    unsigned num_devs;
    struct { char name[5]; u8 args; } method[64];
    unsigned num_methods;
    u32 prt_at, prt_end;
    const char *why; /* first thing that is wrong */
};

static const char *const link_parts[] = { "_STA", "_PRS", "_CRS", "_SRS", "_DIS" };

static bool bad(struct reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
    return false;
}

/* Operands: t a term, T a target, n a name. */
static const char *operands(u8 op)
{
    switch (op) {
    case 0x06: return "nn";
    case 0x70: case 0x80: case 0x81: case 0x82: return "tT";
    case 0x71: case 0x75: case 0x76: case 0x87: case 0x8e: return "T";
    case 0x72: case 0x73: case 0x74: case 0x77: case 0x79: case 0x7a: case 0x7b: case 0x7c:
    case 0x7d: case 0x7e: case 0x7f: case 0x88: return "ttT";
    case 0x78: return "ttTT";
    case 0x83: case 0x92: case 0xa4: return "t";
    case 0x86: return "Tt";
    case 0x8a: case 0x8b: case 0x8c: case 0x8d: case 0x8f: return "ttn";
    case 0x90: case 0x91: case 0x93: case 0x94: case 0x95: return "tt";
    case 0xa3: case 0xa5: case 0xcc: return "";
    default: return NULL;
    }
}

static bool term(struct reader *r, u32 end, struct found *in);

static bool pkg(struct reader *r, u32 end, u32 *stop)
{
    u32 start = r->at;
    if (start >= end)
        return bad(r, "length beyond the end");
    u8 lead = r->p[r->at++];
    unsigned more = lead >> 6;
    u32 n = more ? lead & 15u : lead & 63u;
    if (more && lead & 0x30)
        return bad(r, "reserved bits in a length");
    for (unsigned k = 0; k < more; k++)
        n |= (u32)r->p[r->at++] << (4 + 8 * k);
    *stop = start + n;
    return (*stop <= end && *stop >= r->at) || bad(r, "length beyond the end");
}

/* Reads a NameString; last: its last segment, "" for none. */
static bool name(struct reader *r, u32 end, char last[5])
{
    unsigned segs = 1;

    while (r->at < end && (r->p[r->at] == '\\' || r->p[r->at] == '^'))
        r->at++;
    if (r->p[r->at] == 0x00) {
        r->at++;
        last[0] = 0;
        return true;
    }
    if (r->p[r->at] == 0x2e) {
        segs = 2;
        r->at++;
    } else if (r->p[r->at] == 0x2f) {
        segs = r->p[r->at + 1];
        r->at += 2;
    }
    for (unsigned k = 0; k < segs; k++, r->at += 4) {
        if (r->at + 4 > end)
            return bad(r, "name beyond the end");
        memcpy(last, r->p + r->at, 4);
        last[4] = 0;
        for (unsigned i = 0; i < 4; i++)
            if (!((last[i] >= 'A' && last[i] <= 'Z') || last[i] == '_' ||
                  (i && last[i] >= '0' && last[i] <= '9')))
                return bad(r, "opcode that ACPI 1.0b does not have");
    }
    return true;
}

static bool terms(struct reader *r, u32 end, struct found *in)
{
    while (r->at < end)
        if (!term(r, end, in))
            return false;
    return r->at == end || bad(r, "term beyond its block");
}

static bool package(struct reader *r, u32 end)
{
    u32 stop;
    unsigned n = 0;
    char last[5];

    if (!pkg(r, end, &stop))
        return false;
    u8 want = r->p[r->at++];
    for (; r->at < stop; n++) {
        u8 c = r->p[r->at];
        bool is_name = c == '\\' || c == '^' || c == '_' || (c >= 'A' && c <= 'Z') || c == 0x2e ||
                       c == 0x2f;
        if (is_name ? !name(r, stop, last) : !term(r, stop, NULL))
            return false;
    }
    return n == want || bad(r, "package with another number of elements than it says");
}

static u32 number(const struct reader *r, u32 at)
{
    const u8 *p = r->p + at;
    return p[0] == 0x0a ? p[1] : p[0] == 0x0b ? ld16(p + 1) : p[0] == 0x0c ? ld32(p + 1) : p[0];
}

static void note_part(struct found *in, const char *last)
{
    for (unsigned k = 0; in && k < ARRAY_LEN(link_parts); k++)
        if (!strcmp(last, link_parts[k]))
            in->methods |= BIT(k);
}

static bool extended(struct reader *r, u32 end, struct found *in)
{
    u32 stop;
    char last[5];
    u8 op = r->p[r->at++];

    if (op == 0x80) {
        if (!name(r, end, last))
            return false;
        r->at++;
        return term(r, end, in) && term(r, end, in);
    }
    if (op != 0x81 && op != 0x82)
        return bad(r, "opcode that ACPI 1.0b does not have");
    if (!pkg(r, end, &stop) || !name(r, stop, last))
        return false;
    if (op == 0x81) {
        r->at++;
        while (r->at < stop) {
            u32 ignored;
            r->at += 4;
            if (!pkg(r, stop + 1000, &ignored))
                return false;
        }
        return r->at == stop || bad(r, "field beyond its block");
    }
    if (r->num_devs == MAX_DEV)
        return bad(r, "too many devices");
    struct found *d = &r->dev[r->num_devs++];
    memcpy(d->name, last, 5);
    return terms(r, stop, d);
}

static bool definition(struct reader *r, u32 end, struct found *in)
{
    char last[5];

    if (!name(r, end, last))
        return false;
    u32 at = r->at;
    note_part(in, last);
    if (in && !strcmp(last, "_HID"))
        in->hid = number(r, at);
    if (in && !strcmp(last, "_ADR"))
        in->has_adr = true;
    if (in && !strcmp(last, "_UID")) {
        in->has_uid = true;
        in->uid = number(r, at);
    }
    if (!strcmp(last, "_PRT")) {
        if (r->p[at] != 0x12)
            return bad(r, "_PRT is no fixed package");
        r->prt_at = at;
    }
    if (!term(r, end, in))
        return false;
    if (!strcmp(last, "_PRT"))
        r->prt_end = r->at;
    if (in && !strcmp(last, "_CRS") && r->p[at] == 0x11) {
        in->crs_at = at;
        in->crs_len = r->at - at;
    }
    return true;
}

static bool term(struct reader *r, u32 end, struct found *in)
{
    u32 stop;
    char last[5];

    if (r->at >= end || ++r->depth > 64)
        return bad(r, "term beyond the end");
    u8 op = r->p[r->at++];
    bool ok = true;
    const char *o = operands(op);
    if (op == 0x00 || op == 0x01 || op == 0xff || (op >= 0x60 && op <= 0x6e)) {
    } else if (op >= 0x0a && op <= 0x0c) {
        r->at += 1u << (op - 0x0a);
    } else if (op == 0x0d) {
        while (r->at < end && r->p[r->at++])
            ;
    } else if (op == 0x08) {
        ok = definition(r, end, in);
    } else if (op == 0x10) {
        ok = pkg(r, end, &stop) && name(r, stop, last) && terms(r, stop, NULL);
    } else if (op == 0x11) {
        ok = pkg(r, end, &stop) && term(r, stop, NULL);
        r->at = ok ? stop : r->at;
    } else if (op == 0x12) {
        ok = package(r, end);
    } else if (op == 0x14) {
        ok = pkg(r, end, &stop) && name(r, stop, last);
        if (ok && r->num_methods < ARRAY_LEN(r->method)) {
            memcpy(r->method[r->num_methods].name, last, 5);
            r->method[r->num_methods++].args = r->p[r->at] & 7;
            note_part(in, last);
        }
        r->at++;
        ok = ok && terms(r, stop, NULL);
    } else if (op == 0x5b) {
        ok = extended(r, end, in);
    } else if (op == 0xa0 || op == 0xa2) {
        ok = pkg(r, end, &stop) && term(r, stop, NULL) && terms(r, stop, NULL);
    } else if (op == 0xa1) {
        ok = pkg(r, end, &stop) && terms(r, stop, NULL);
    } else if (o) {
        for (; ok && *o; o++)
            ok = *o == 'n' ? name(r, end, last) : term(r, end, NULL);
    } else {
        r->at--;
        ok = name(r, end, last);
        for (unsigned k = 0; ok && k < r->num_methods; k++) /* a call? */
            if (!strcmp(r->method[k].name, last) && last[0] != '_')
                for (u8 a = 0; ok && a < r->method[k].args; a++)
                    ok = term(r, end, NULL);
    }
    r->depth--;
    return ok && (r->at <= end || bad(r, "term beyond the end"));
}

/* ---- rules ---- */

struct range {
    u32 base, last;
    const char *owner;
};

static u8 sum(const u8 *p, u32 n)
{
    u8 s = 0;
    while (n--)
        s = (u8)(s + *p++);
    return s;
}

static const u8 *table(const struct blob *b, const char *sig)
{
    for (u32 at = 0; at + 8 <= b->len; at += ld32(b->data + at + 4)) {
        while (b->data[at] == 0)
            at++;
        if (!memcmp(b->data + at, sig, 4))
            return b->data + at;
        if (ld32(b->data + at + 4) < 8)
            break;
    }
    return NULL;
}

static const struct found *device(const struct reader *r, const char *n)
{
    for (unsigned k = 0; k < r->num_devs; k++)
        if (!strcmp(r->dev[k].name, n))
            return &r->dev[k];
    return NULL;
}

#define PNP0C0F 0x0f0cd041u

static bool check_devices(struct reader *r)
{
    for (unsigned k = 0; k < r->num_devs; k++) {
        const struct found *d = &r->dev[k];
        if (!d->hid && !d->has_adr)
            return bad(r, "device without _HID and _ADR");
        if (d->hid == PNP0C0F && d->methods != 31)
            return bad(r, "link without all of _STA _PRS _CRS _SRS _DIS");
        for (unsigned i = 0; i < k; i++)
            if (d->hid && d->hid == r->dev[i].hid &&
                (!d->has_uid || !r->dev[i].has_uid || d->uid == r->dev[i].uid))
                return bad(r, "two devices with one _HID and _UID");
    }
    return true;
}

static bool check_routing(struct reader *r, unsigned slots)
{
    u32 stop, seen = 0;
    char last[5];

    if (!r->prt_at)
        return bad(r, "no _PRT");
    r->at = r->prt_at + 1;
    pkg(r, r->prt_end, &stop);
    if (r->p[r->at++] != slots * 4)
        return bad(r, "_PRT does not have four entries a slot");
    while (r->at < stop) {
        u32 end;
        if (r->p[r->at++] != 0x12 || !pkg(r, stop, &end) || r->p[r->at++] != 4)
            return bad(r, "_PRT entry is no package of four");
        u32 where = number(r, r->at), slot = where >> 16;
        r->at += 5;
        u32 pin = number(r, r->at);
        r->at += pin > 1 ? 2 : 1;
        if ((where & 0xffff) != 0xffff || slot < 1 || slot > slots || pin > 3)
            return bad(r, "_PRT entry is not for all functions of a slot");
        if (!name(r, end, last))
            return false;
        const struct found *link = device(r, last);
        if (!link || link->hid != PNP0C0F)
            return bad(r, "_PRT names no link");
        char want = slot == 1 && !pin ? 'S' : (char)('A' + (slot + pin - 1) % 4);
        if (last[3] != want)
            return bad(r, "_PRT names the wrong link");
        if (r->p[r->at++] != 0 || r->at != end)
            return bad(r, "_PRT entry does not end in 0");
        seen++;
    }
    return seen == slots * 4 || bad(r, "_PRT is short");
}

/* Collects a device's ranges; false for what 1.0b doesn't know. */
static bool resources(struct reader *r, const struct found *d, struct range *io, unsigned *num_io,
                      struct range *mem, unsigned *num_mem, u32 *irqs)
{
    u32 stop, at, end = d->crs_at + d->crs_len;

    r->at = d->crs_at + 1;
    pkg(r, end, &stop);
    at = r->at + (r->p[r->at] == 0x0a ? 2 : r->p[r->at] == 0x0b ? 3 : 1);
    while (at < end) {
        const u8 *p = r->p + at;
        if (*p == 0x79)
            return at + 2 == end || bad(r, "resources go on behind their end");
        if (*p == 0x47) {
            io[(*num_io)++] = (struct range){ ld16(p + 2), ld16(p + 2) + p[7] - 1u, d->name };
            if (ld16(p + 2) != ld16(p + 4) || !p[7])
                return bad(r, "port range that can move");
        } else if (*p == 0x22) {
            if (*irqs & ld16(p + 1))
                return bad(r, "an IRQ twice");
            *irqs |= ld16(p + 1);
        } else if (*p == 0x88 && p[3] == 1) {
            io[(*num_io)++] = (struct range){ ld16(p + 8), ld16(p + 10), d->name };
            if ((u16)(ld16(p + 10) - ld16(p + 8) + 1) != ld16(p + 14))
                return bad(r, "window of another length than its ends say");
        } else if (*p == 0x87) {
            mem[(*num_mem)++] = (struct range){ ld32(p + 10), ld32(p + 14), d->name };
            if (ld32(p + 14) - ld32(p + 10) + 1 != ld32(p + 22))
                return bad(r, "window of another length than its ends say");
        } else if (*p != 0x2a && *p != 0x89 && !(*p == 0x88 && p[3] == 2)) {
            return bad(r, "resource that ACPI 1.0b does not have");
        }
        at += *p & 0x80 ? 3u + ld16(p + 1) : 1u + (*p & 7);
    }
    return bad(r, "resources without an end");
}

static bool disjoint(const struct range *a, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; k < i; k++)
            if (a[i].base <= a[k].last && a[k].base <= a[i].last)
                return false;
    return true;
}

static bool check_resources(struct reader *r, u64 ram)
{
    struct range io[MAX_RANGES], windows[16], mem[8];
    unsigned num_io = 0, num_windows = 0, num_mem = 0;
    u32 irqs = 0;

    for (unsigned k = 0; k < r->num_devs; k++) {
        const struct found *d = &r->dev[k];
        bool root = !strcmp(d->name, "PCI0");
        if (d->crs_at && !resources(r, d, root ? windows : io, root ? &num_windows : &num_io, mem,
                                    &num_mem, &irqs))
            return false;
    }
    if (!disjoint(io, num_io))
        return bad(r, "a port twice");
    if (!disjoint(windows, num_windows) || !disjoint(mem, num_mem) || num_mem != 2)
        return bad(r, "windows overlap");
    for (unsigned k = 0; k < num_mem; k++) {
        if (mem[k].base < 0xa0000 || (mem[k].last >= 0xc0000 && mem[k].base < ram) ||
            mem[k].last >= 0xfec00000u)
            return bad(r, "window over what E820 lists");
    }
    return true;
}

/* All rules; NULL, or the first that is broken. */
static const char *lint(const struct bios_tables *t, const struct bios_board *b)
{
    const u8 *facs = table(&t->acpi, "FACS"), *dsdt = table(&t->acpi, "DSDT");
    const u8 *fadt = table(&t->acpi, "FACP"), *rsdt = table(&t->acpi, "RSDT");
    static struct reader zero;
    struct reader *r = malloc(sizeof *r);
    const char *why;

    *r = zero;
    if (!facs || !dsdt || !fadt || !rsdt)
        why = "a table is missing";
    else if ((facs - t->acpi.data) % 64 || ld32(facs + 4) != 64)
        why = "FACS";
    else if (sum(dsdt, ld32(dsdt + 4)) || sum(fadt, ld32(fadt + 4)) || sum(rsdt, ld32(rsdt + 4)) ||
             sum(t->rsdp.data, 20))
        why = "checksum";
    else if (ld32(fadt + 4) != 116 || fadt[8] != 1 || dsdt[8] != 1 || rsdt[8] != 1 ||
             t->rsdp.len != 20 || t->rsdp.data[15] != 0)
        why = "length or revision";
    else {
        r->p = dsdt;
        r->at = 36;
        if (terms(r, ld32(dsdt + 4), NULL) && check_devices(r) && check_routing(r, b->pci_slots))
            check_resources(r, b->ram_bytes);
        why = r->why;
    }
    free(r);
    return why;
}

START_TEST(good_tables)
{
    static const u32 mb[] = { 1, 16, 128, 2047, 2048, 2049, 3072, 3584 };

    for (unsigned k = 0; k < ARRAY_LEN(mb) * 2; k++) {
        struct bios_board b = full;
        struct bios_tables t;
        b.ram_bytes = (u64)mb[k / 2] << 20;
        if (k & 1) { /* as little as can be */
            b.num_serial = b.num_parallel = 0;
            b.floppy = b.keyboard = b.mouse = b.fpu = false;
        }
        bios_tables_make(&t, &b);
        const char *why = lint(&t, &b);
        ck_assert_msg(!why, "%u MB: %s", mb[k / 2], why);
        bios_tables_free(&t);
    }
}
END_TEST

/* Finds bytes in the DSDT; fails the test if they are not there. */
static u8 *find(struct bios_tables *t, const char *bytes, size_t n)
{
    for (u32 at = 0; at + n <= t->acpi.len; at++)
        if (!memcmp(t->acpi.data + at, bytes, n))
            return t->acpi.data + at;
    ck_abort_msg("%s is not in the tables", bytes);
    return NULL;
}

static void mend(struct bios_tables *t)
{
    u8 *dsdt = (u8 *)table(&t->acpi, "DSDT");
    dsdt[9] = 0;
    dsdt[9] = (u8)-sum(dsdt, ld32(dsdt + 4));
}

START_TEST(bad_tables)
{
    struct bios_tables t;
    u8 *p;

    bios_tables_make(&t, &full);
    ck_assert_ptr_null(lint(&t, &full));
    switch (_i) {
    case 0: /* a byte of a name, the checksum left alone */
        find(&t, "LNKB", 4)[3] = 'C';
        ck_assert_str_eq(lint(&t, &full), "checksum");
        break;
    case 1: /* VarPackage */
        find(&t, "_PRT\x12", 5)[4] = 0x13;
        mend(&t);
        ck_assert_str_eq(lint(&t, &full), "_PRT is no fixed package");
        break;
    case 2:
        memcpy(find(&t, "_DIS", 4), "_DIT", 4);
        mend(&t);
        ck_assert_str_eq(lint(&t, &full), "link without all of _STA _PRS _CRS _SRS _DIS");
        break;
    case 3: /* LNKA's _UID becomes LNKB's */
        p = find(&t, "LNKA\x08_HID", 9);
        p += 4 + 5 + 5 + 5;
        ck_assert_uint_eq(p[0], 1);
        ck_assert_mem_eq(p - 4, "_UID", 4);
        p[0] = 0x00;
        mend(&t);
        ck_assert_ptr_null(lint(&t, &full)); /* 0 is as good as 1 */
        p = find(&t, "COM2\x08_HID", 9) + 4 + 5 + 5 + 5;
        ck_assert_uint_eq(p[1], 2);
        p[1] = 1;
        mend(&t);
        ck_assert_str_eq(lint(&t, &full), "two devices with one _HID and _UID");
        break;
    case 4: /* an operator that came later: 64-bit integers */
        find(&t, "\x0c\x41\xd0\x0a\x03", 5)[0] = 0x0e;
        mend(&t);
        ck_assert_str_eq(lint(&t, &full), "opcode that ACPI 1.0b does not have");
        break;
    case 5: /* a link that does not exist */
        memcpy(find(&t, "\x01LNKB", 5) + 1, "LNKX", 4);
        mend(&t);
        ck_assert_str_eq(lint(&t, &full), "_PRT names no link");
        break;
    case 6:
        st16(find(&t, "\x47\x01\xf8\x02\xf8\x02", 6) + 2, 0x3f0);
        mend(&t);
        ck_assert_ptr_nonnull(lint(&t, &full));
        break;
    case 7: { /* the board has more memory than the window leaves */
        struct bios_board b = full;
        b.ram_bytes = 0x90000000u;
        ck_assert_str_eq(lint(&t, &b), "window over what E820 lists");
        break;
    }
    case 8:
        ((u8 *)table(&t.acpi, "FACP"))[8] = 3;
        ck_assert_str_eq(lint(&t, &full), "checksum");
        ((u8 *)table(&t.acpi, "FACP"))[9] -= 2;
        ck_assert_str_eq(lint(&t, &full), "length or revision");
        break;
    default:
        for (u32 at = 0; at < 5000; at++) { /* no bytes lead the reader out of the table */
            u8 old, *q = t.acpi.data + 64 + 36 + at % (ld32(table(&t.acpi, "DSDT") + 4) - 36);
            old = *q;
            *q = (u8)(at * 77 + 13);
            mend(&t);
            (void)lint(&t, &full);
            *q = old;
        }
        break;
    }
    bios_tables_free(&t);
}
END_TEST

START_TEST(fadt_values)
{
    struct bios_tables t;

    bios_tables_make(&t, &full);
    const u8 *f = table(&t.acpi, "FACP");
    ck_assert_uint_eq(ld16(f + 46), 9);
    ck_assert_uint_eq(ld32(f + 48), 0xb2);
    ck_assert_uint_eq(ld16(f + 52), 0xf0f1);
    ck_assert_uint_eq(ld32(f + 56), 0x600);
    ck_assert_uint_eq(ld32(f + 60), 0);
    ck_assert_uint_eq(ld32(f + 64), 0x604);
    ck_assert_uint_eq(ld32(f + 76), 0x608);
    ck_assert_uint_eq(ld32(f + 80), 0xafe0);
    ck_assert_uint_eq(ld32(f + 88), 0x04000204);
    ck_assert_uint_eq(ld32(f + 92), 4);
    ck_assert_uint_eq(ld32(f + 96), 0x0fff0fff);
    ck_assert_uint_eq(f[108], 0x32);
    ck_assert_uint_eq(ld32(f + 112), 0x8025); /* fixed power button, 24-bit timer, not reduced */
    bios_tables_free(&t);
}
END_TEST

START_TEST(routing_tables_agree)
{
    struct bios_tables t;

    bios_tables_make(&t, &full);
    const u8 *p = t.pir.data;
    ck_assert_mem_eq(p, "$PIR\x00\x01", 6);
    ck_assert_uint_eq(ld16(p + 6), t.pir.len);
    ck_assert_uint_eq(t.pir.len, 32 + 8 * 16);
    ck_assert_uint_eq(sum(p, t.pir.len), 0);
    ck_assert_uint_eq(p[9], 8);
    for (u32 slot = 1; slot <= 8; slot++) {
        const u8 *s = p + 32 + (slot - 1) * 16;
        ck_assert_uint_eq(s[1], slot << 3);
        for (u32 pin = 0; pin < 4; pin++) {
            bool sci = slot == 1 && !pin;
            ck_assert_uint_eq(s[2 + pin * 3], sci ? 0 : 0x60 + (slot + pin - 1) % 4);
            ck_assert_uint_eq(ld16(s + 3 + pin * 3), sci ? 0 : 0xdef8);
        }
    }
    bios_tables_free(&t);
}
END_TEST

START_TEST(smbios)
{
    static const u8 types[] = { 0, 1, 3, 4, 16, 17, 19, 32, 127 };
    static const u8 uuid[16] = { 0x10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
    struct bios_board b = full;
    struct bios_tables t;
    u32 at = 0, n = 0, largest = 0;

    b.uuid = uuid;
    bios_tables_make(&t, &b);
    const u8 *a = t.smbios_anchor.data, *p = t.smbios.data;
    ck_assert_uint_eq(t.smbios_anchor.len, 31);
    ck_assert_mem_eq(a, "_SM_", 4);
    ck_assert_uint_eq(sum(a, 31), 0);
    ck_assert_uint_eq(sum(a + 16, 15), 0);
    while (at < t.smbios.len) {
        u32 start = at;
        ck_assert_uint_eq(p[at], types[n]);
        if (p[at] == 1)
            ck_assert_mem_eq(p + at + 8, "\x03\x02\x01\x10\x05\x04\x07\x06\x08\x09", 10);
        at += p[at + 1];
        while (p[at] || p[at + 1])
            at++;
        at += 2;
        largest = MAX(largest, at - start);
        n++;
    }
    ck_assert_uint_eq(at, t.smbios.len);
    ck_assert_uint_eq(n, ARRAY_LEN(types));
    ck_assert_uint_eq(ld16(a + 0x1c), n);
    ck_assert_uint_eq(ld16(a + 0x16), t.smbios.len);
    ck_assert_uint_eq(ld16(a + 8), largest);
    bios_tables_free(&t);
}
END_TEST

/* ---- in memory ---- */

static u8 low[0x20000]; /* E0000h-FFFFFh */

static unsigned count(const char *sig, unsigned step, u32 *where)
{
    unsigned n = 0;
    for (u32 at = 0; at + 16 <= sizeof low; at += step)
        if (!memcmp(low + at, sig, strlen(sig))) {
            *where = 0xe0000 + at;
            n++;
        }
    return n;
}

START_TEST(as_seabios_places_them)
{
    static const char *const ram[] = { "4", "64" };
    struct nb_config *cfg = nb_config_new();
    struct nb_error e = { 0 };
    u32 at = 0xe0000;
    u8 t[128];

    rig_set(cfg, "m", ram[_i]);
    rig_set(cfg, "clock", "counted");
    rig_set(cfg, "seed", "1");
    struct nb_machine *m = nb_new(cfg, &e);
    ck_assert_msg(m != NULL, "%s", e.text);
    nb_config_free(cfg);
    nb_run(m, 400000000);
    ck_assert_uint_eq(nb_mem_read(m, true, 0xe0000, low, sizeof low), sizeof low);
    ck_assert_uint_eq(count("_MP_", 16, &at), 0);
    ck_assert_uint_eq(count("$PIR", 16, &at), 1);
    ck_assert_uint_eq(sum(low + at - 0xe0000, ld16(low + at - 0xe0000 + 6)), 0);
    ck_assert_uint_eq(count("_SM_", 16, &at), 1);
    ck_assert_uint_eq(sum(low + at - 0xe0000, 31), 0);
    ck_assert_uint_eq(count("RSD PTR ", 16, &at), 1);
    ck_assert_uint_eq(sum(low + at - 0xe0000, 20), 0);
    u32 rsdt = ld32(low + at - 0xe0000 + 16), fadt = rig_mem32(m, rsdt + 36);
    ck_assert_uint_eq(rig_mem32(m, rsdt), 0x54445352);
    nb_mem_read(m, true, fadt, t, 116);
    ck_assert_mem_eq(t, "FACP", 4);
    ck_assert_uint_eq(sum(t, 116), 0);
    ck_assert_uint_eq(rig_mem32(m, ld32(t + 36)), 0x53434146); /* FACS */
    ck_assert_uint_eq(ld32(t + 36) % 64, 0);
    ck_assert_uint_eq(rig_mem32(m, ld32(t + 40)), 0x54445344); /* DSDT */
    /* where the firmware put the blocks that FADT names */
    ck_assert_uint_eq(rig_pci32(m, 0x0b, 0x40), ld32(t + 56) | 1);
    ck_assert_uint_eq(rig_pci32(m, 0x0b, 0x90), (ld32(t + 56) + 0x100) | 1);
    ck_assert_uint_eq(rig_pci32(m, 0x0b, 0x80) & 1, 1);
    ck_assert_uint_eq(rig_pci32(m, 0x0b, 0x3c) & 0xff, ld16(t + 46));
    ck_assert_uint_eq(rig_pci32(m, 0x08, 0x60), 0x0b0b0a0a); /* as INTLINE is made from */
    nb_free(m);
}
END_TEST

Suite *suite_tables(void);
Suite *suite_tables(void)
{
    Suite *s = suite_create("tables");
    TCase *t = tcase_create("tables");

    tcase_add_test(t, good_tables);
    tcase_add_loop_test(t, bad_tables, 0, 10);
    tcase_add_test(t, fadt_values);
    tcase_add_test(t, routing_tables_agree);
    tcase_add_test(t, smbios);
    tcase_add_loop_test(t, as_seabios_places_them, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
