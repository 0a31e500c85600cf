/* SPDX-License-Identifier: MIT */
/* The decoder: any bytes, any mode. No byte behind `len` is read (the sanitizer's business), the result is
 * the same twice and does not depend on what follows the instruction. */
#include "tests/fuzz/fuzz.h" /* first: it wants _GNU_SOURCE */

#include "cpu/cpu.h"
#include "cpu/isa.h"
#include "cpu/state.h"

static const struct isa *tables[3];

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static const u32 features[] = { ~0u, 0, 0x0000ffff };

    if (size < 2)
        return 0;
    unsigned which = data[0] % 3;
    u32 mode = data[0] & 4 ? MODE_D : 0;
    if (!tables[which])
        tables[which] = isa_new(features[which]);
    for (size_t at = 1; at < size; ) {
        unsigned len = (unsigned)MIN(size - at, (size_t)20);
        u8 *code = malloc(len), longer[32];
        struct decoded a, b;
        memcpy(code, data + at, len);
        memset(&a, 0x55, sizeof a);
        memset(&b, 0xaa, sizeof b);
        enum decode_status sa = isa_decode(tables[which], code, len, mode, &a);
        MUST(isa_decode(tables[which], code, len, mode, &b) == sa);
        if (sa == DECODE_OK) {
            MUST(a.in.len >= 1 && a.in.len <= 15 && a.in.len <= len);
            MUST(a.row == b.row && a.in.len == b.in.len && a.in.imm == b.in.imm &&
                 a.in.disp == b.in.disp && a.in.modrm == b.in.modrm && a.in.row == b.in.row);
            /* MOV to and from CR and DR: no displacement, whatever mod says */
            if (a.map == MAP_2 && a.opcode >= 0x20 && a.opcode <= 0x23)
                MUST(a.in.len == a.num_prefixes + 3);
            /* the bytes behind it are not its business */
            memset(longer, 0xff, sizeof longer);
            memcpy(longer, code, a.in.len);
            MUST(isa_decode(tables[which], longer, a.in.len, mode, &b) == DECODE_OK);
            MUST(b.in.len == a.in.len && b.row == a.row);
            MUST(isa_decode(tables[which], longer, 32, mode, &b) == DECODE_OK);
            MUST(b.in.len == a.in.len && b.row == a.row && b.in.imm == a.in.imm);
            for (unsigned n = 0; n < a.in.len && a.row; n++)
                MUST(isa_decode(tables[which], code, n, mode, &b) == DECODE_MORE);
        } else if (sa == DECODE_MORE) {
            MUST(len < 15);
        }
        char text[96];
        unsigned n = cpu_disasm(code, len, 0x1000, mode ? 32 : 16, text, sizeof text);
        MUST(n >= 1 && n <= 15);
        n = cpu_disasm(code, len, 0x1000, mode ? 32 : 16, text, 1 + data[at] % 8);
        at += sa == DECODE_OK ? a.in.len : 1;
        free(code);
    }
    return 0;
}
