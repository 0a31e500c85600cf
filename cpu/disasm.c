/* SPDX-License-Identifier: MIT */
/* Disassembly for people: by Zydis where it is built in, else the table's mnemonic and the bytes. */
#include <stdio.h>

#include "cpu/isa.h"

#if HAVE_ZYDIS
#include <Zydis/Zydis.h>

unsigned cpu_disasm(const u8 *code, unsigned len, u32 eip, unsigned bits, char *out, size_t size)
{
    ZydisDisassembledInstruction in;
    ZydisMachineMode mode = bits == 64 ? ZYDIS_MACHINE_MODE_LONG_64
                            : bits == 32 ? ZYDIS_MACHINE_MODE_LEGACY_32
                                         : ZYDIS_MACHINE_MODE_LEGACY_16;

    if (!ZYAN_SUCCESS(ZydisDisassembleIntel(mode, eip, code, MIN(len, 15u), &in))) {
        snprintf(out, size, "db %02Xh", len ? code[0] : 0);
        return 1;
    }
    snprintf(out, size, "%s", in.text);
    return in.info.length;
}

#else

unsigned cpu_disasm(const u8 *code, unsigned len, u32 eip, unsigned bits, char *out, size_t size)
{
    if (bits == 64) { /* not in the table */
        unsigned n16 = MIN(len, 16u);
        snprintf(out, size, "db");
        for (unsigned k = 0, p = 2; k < n16 && p + 4 < size; k++)
            p += (unsigned)snprintf(out + p, size - p, " %02x", code[k]);
        return n16 ? n16 : 1;
    }
    const struct isa *isa = isa_new(0xffffffffu);
    struct decoded d;
    enum decode_status st = isa_decode(isa, code, MIN(len, 15u), bits == 32 ? MODE_D : 0, &d);
    unsigned n = st == DECODE_OK && d.row ? d.in.len : 1, at;

    (void)eip;
    at = (unsigned)snprintf(out, size, "%s ", n > 1 || (st == DECODE_OK && d.row) ? d.row->name : "db");
    for (unsigned k = 0; k < n && at + 3 < size; k++)
        at += (unsigned)snprintf(out + at, size - at, "%02x", code[k]);
    isa_free(isa);
    return n;
}

#endif
