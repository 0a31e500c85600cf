/* SPDX-License-Identifier: MIT */
/* All programs but those of apps.c, which is an executable of its own. */
#include "bench.h"

const struct program *const program_tables[] = {
    int_programs,    core_programs, hash_programs,    call_programs,
    x87_programs,    sse_programs,  sse_int_programs, memory_programs,
    string_programs, os_programs,   smc_programs,     io_programs,
    disk_programs,   NULL,
};
