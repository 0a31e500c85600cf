/* SPDX-License-Identifier: MIT */
/* The lookup tables behind isa_decode(); private to isa.c and decode.c. */
#ifndef NB_CPU_ISA_IMPL_H
#define NB_CPU_ISA_IMPL_H

#include "cpu/isa.h"

struct isa {
    u32 features;
    /* row number + 1, by [map 1 or 2][mandatory prefix][opcode][0: memory, 1: register form]
     * [reg field]; rows without ModRM fill all of them, rows of PFX_ANY all prefixes */
    u16 map[2][PFX_ANY][256][2][8];
    u8 has_modrm[2][256];
    u16 fx[8][64]; /* D8..DF with an exact ModRM byte C0..FF: goes before map[] */
    u16 sys[64];   /* 0F 01 with an exact ModRM byte */
};

#endif
