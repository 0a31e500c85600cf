/* SPDX-License-Identifier: MIT */
/* The two features that gdb knows (its manual, G.5.5) in gdb's order, and one of ours with what
 * only a system has. EIP is the offset in CS, as a real processor's would be: in real mode the
 * linear address is $cs_base + $eip. */
#include "frontend/gdb_regs.h"

#include <string.h>

static const struct {
    const char *name, *type, *group;
    unsigned char bits;
    char feature; /* c core, s sse, y system */
} regs[] = {
    { "eax", "int32", NULL, 32, 'c' }, { "ecx", "int32", NULL, 32, 'c' },
    { "edx", "int32", NULL, 32, 'c' }, { "ebx", "int32", NULL, 32, 'c' },
    { "esp", "data_ptr", NULL, 32, 'c' }, { "ebp", "data_ptr", NULL, 32, 'c' },
    { "esi", "int32", NULL, 32, 'c' }, { "edi", "int32", NULL, 32, 'c' },
    { "eip", "code_ptr", NULL, 32, 'c' }, { "eflags", "i386_eflags", NULL, 32, 'c' },
    { "cs", "int32", NULL, 32, 'c' }, { "ss", "int32", NULL, 32, 'c' },
    { "ds", "int32", NULL, 32, 'c' }, { "es", "int32", NULL, 32, 'c' },
    { "fs", "int32", NULL, 32, 'c' }, { "gs", "int32", NULL, 32, 'c' },
    { "st0", "i387_ext", NULL, 80, 'c' }, { "st1", "i387_ext", NULL, 80, 'c' },
    { "st2", "i387_ext", NULL, 80, 'c' }, { "st3", "i387_ext", NULL, 80, 'c' },
    { "st4", "i387_ext", NULL, 80, 'c' }, { "st5", "i387_ext", NULL, 80, 'c' },
    { "st6", "i387_ext", NULL, 80, 'c' }, { "st7", "i387_ext", NULL, 80, 'c' },
    { "fctrl", "int", "float", 32, 'c' }, { "fstat", "int", "float", 32, 'c' },
    { "ftag", "int", "float", 32, 'c' }, { "fiseg", "int", "float", 32, 'c' },
    { "fioff", "int", "float", 32, 'c' }, { "foseg", "int", "float", 32, 'c' },
    { "fooff", "int", "float", 32, 'c' }, { "fop", "int", "float", 32, 'c' },
    { "xmm0", "vec128", NULL, 128, 's' }, { "xmm1", "vec128", NULL, 128, 's' },
    { "xmm2", "vec128", NULL, 128, 's' }, { "xmm3", "vec128", NULL, 128, 's' },
    { "xmm4", "vec128", NULL, 128, 's' }, { "xmm5", "vec128", NULL, 128, 's' },
    { "xmm6", "vec128", NULL, 128, 's' }, { "xmm7", "vec128", NULL, 128, 's' },
    { "mxcsr", "i386_mxcsr", "vector", 32, 's' },
    { "cs_base", "int32", "system", 32, 'y' }, { "ss_base", "int32", "system", 32, 'y' },
    { "ds_base", "int32", "system", 32, 'y' }, { "es_base", "int32", "system", 32, 'y' },
    { "fs_base", "int32", "system", 32, 'y' }, { "gs_base", "int32", "system", 32, 'y' },
    { "ldtr", "int32", "system", 32, 'y' }, { "tr", "int32", "system", 32, 'y' },
    { "gdtr_base", "int32", "system", 32, 'y' }, { "gdtr_limit", "int32", "system", 32, 'y' },
    { "idtr_base", "int32", "system", 32, 'y' }, { "idtr_limit", "int32", "system", 32, 'y' },
    { "cr0", "int32", "system", 32, 'y' }, { "cr2", "int32", "system", 32, 'y' },
    { "cr3", "int32", "system", 32, 'y' }, { "cr4", "int32", "system", 32, 'y' },
    { "dr0", "int32", "system", 32, 'y' }, { "dr1", "int32", "system", 32, 'y' },
    { "dr2", "int32", "system", 32, 'y' }, { "dr3", "int32", "system", 32, 'y' },
    { "dr6", "int32", "system", 32, 'y' }, { "dr7", "int32", "system", 32, 'y' },
    { "efer", "int32", "system", 32, 'y' },
};

#define NUM_REGS (sizeof regs / sizeof regs[0])

unsigned gdb_num_regs(void)
{
    return NUM_REGS;
}

unsigned gdb_num_g_regs(void)
{
    unsigned n = 0;

    while (n < NUM_REGS && regs[n].feature != 'y')
        n++;
    return n;
}

unsigned gdb_reg_size(unsigned n)
{
    return n < NUM_REGS ? regs[n].bits / 8 : 0;
}

void gdb_reg_read(struct nb_machine *m, unsigned n, uint8_t *to)
{
    uint8_t b[16] = { 0 };

    nb_reg_get(m, regs[n].name, b, sizeof b);
    memcpy(to, b, gdb_reg_size(n));
}

bool gdb_reg_write(struct nb_machine *m, unsigned n, const uint8_t *from)
{
    return nb_reg_set(m, regs[n].name, from, gdb_reg_size(n));
}

/* Types have to stand in the feature that uses them. */
static const char core_types[] =
    "<flags id=\"i386_eflags\" size=\"4\">"
    "<field name=\"CF\" start=\"0\" end=\"0\"/><field name=\"\" start=\"1\" end=\"1\"/>"
    "<field name=\"PF\" start=\"2\" end=\"2\"/><field name=\"AF\" start=\"4\" end=\"4\"/>"
    "<field name=\"ZF\" start=\"6\" end=\"6\"/><field name=\"SF\" start=\"7\" end=\"7\"/>"
    "<field name=\"TF\" start=\"8\" end=\"8\"/><field name=\"IF\" start=\"9\" end=\"9\"/>"
    "<field name=\"DF\" start=\"10\" end=\"10\"/><field name=\"OF\" start=\"11\" end=\"11\"/>"
    "<field name=\"NT\" start=\"14\" end=\"14\"/><field name=\"RF\" start=\"16\" end=\"16\"/>"
    "<field name=\"VM\" start=\"17\" end=\"17\"/><field name=\"AC\" start=\"18\" end=\"18\"/>"
    "<field name=\"VIF\" start=\"19\" end=\"19\"/><field name=\"VIP\" start=\"20\" end=\"20\"/>"
    "<field name=\"ID\" start=\"21\" end=\"21\"/></flags>";
static const char sse_types[] =
    "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
    "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
    "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
    "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
    "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
    "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
    "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>"
    "<field name=\"v2_double\" type=\"v2d\"/><field name=\"v16_int8\" type=\"v16i8\"/>"
    "<field name=\"v8_int16\" type=\"v8i16\"/><field name=\"v4_int32\" type=\"v4i32\"/>"
    "<field name=\"v2_int64\" type=\"v2i64\"/><field name=\"uint128\" type=\"uint128\"/></union>"
    "<flags id=\"i386_mxcsr\" size=\"4\"><field name=\"IE\" start=\"0\" end=\"0\"/>"
    "<field name=\"DE\" start=\"1\" end=\"1\"/><field name=\"ZE\" start=\"2\" end=\"2\"/>"
    "<field name=\"OE\" start=\"3\" end=\"3\"/><field name=\"UE\" start=\"4\" end=\"4\"/>"
    "<field name=\"PE\" start=\"5\" end=\"5\"/><field name=\"DAZ\" start=\"6\" end=\"6\"/>"
    "<field name=\"IM\" start=\"7\" end=\"7\"/><field name=\"DM\" start=\"8\" end=\"8\"/>"
    "<field name=\"ZM\" start=\"9\" end=\"9\"/><field name=\"OM\" start=\"10\" end=\"10\"/>"
    "<field name=\"UM\" start=\"11\" end=\"11\"/><field name=\"PM\" start=\"12\" end=\"12\"/>"
    "<field name=\"FZ\" start=\"15\" end=\"15\"/></flags>";

static void feature(struct text *out, char which, const char *name, const char *types)
{
    text_addf(out, "<feature name=\"%s\">", name);
    text_add(out, types);
    for (unsigned k = 0; k < NUM_REGS; k++) {
        if (regs[k].feature != which)
            continue;
        text_addf(out, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"", regs[k].name,
                  regs[k].bits, regs[k].type, k);
        if (regs[k].group)
            text_addf(out, " group=\"%s\"", regs[k].group);
        text_add(out, "/>");
    }
    text_add(out, "</feature>");
}

void gdb_target_xml(struct text *out)
{
    text_add(out, "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
             "<target version=\"1.0\"><architecture>i386</architecture>");
    feature(out, 'c', "org.gnu.gdb.i386.core", core_types);
    feature(out, 's', "org.gnu.gdb.i386.sse", sse_types);
    feature(out, 'y', "org.nestbox.i386.system", "");
    text_add(out, "</target>");
}
