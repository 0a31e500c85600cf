/* SPDX-License-Identifier: MIT */
/*
 * Class io: a port access costs an emulator a walk from the instruction to the device. The ports do
 * nothing that a guest could notice: 80h (power-on codes) and the UART's line status and scratch
 * registers at 3F8h. Not run on the host, where they may be real.
 */
#include "bench.h"

#include <sys/io.h>

/* In every unit: main gives the privilege back after the mark that starts the time. */
static void open_ports(void)
{
    if (iopl(3) != 0)
        die("io: iopl");
}

static uint32_t out_run(void)
{
    open_ports();
    for (uint32_t i = 0; i < 20000; i++)
        outb((unsigned char)i, 0x80);
    return 20000;
}

static uint32_t in_run(void)
{
    uint32_t sum = 0;

    open_ports();
    /* The transmitter is idle: 60h each time. */
    for (uint32_t i = 0; i < 20000; i++)
        sum += inb(0x3fd) & 0x60;
    return sum;
}

static uint32_t scratch_run(void)
{
    uint32_t sum = 0;

    open_ports();
    for (uint32_t i = 0; i < 10000; i++) {
        outb((unsigned char)i, 0x3ff);
        sum = sum_add(sum, inb(0x3ff));
    }
    return sum;
}

/* REP OUTSB to port 80h: one instruction, many accesses. */
static uint32_t outs_run(void)
{
    static const unsigned char text[4096];

    open_ports();
    for (int i = 0; i < 5; i++) {
        const void *p = text;
        uint32_t n = sizeof(text);

        __asm__ volatile("rep outsb" : "+S"(p), "+c"(n) : "d"(0x80) : "memory");
    }
    return 5 * sizeof(text);
}

const struct program io_programs[] = {
    { "portout", "io", 120, NEEDS_PORTS, NULL, out_run },
    { "portin", "io", 120, NEEDS_PORTS, NULL, in_run },
    { "portscratch", "io", 120, NEEDS_PORTS, NULL, scratch_run },
    { "portouts", "io", 120, NEEDS_PORTS, NULL, outs_run },
    { 0 },
};
