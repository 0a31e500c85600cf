/* SPDX-License-Identifier: MIT */
/* All chips of the board, wired, under random verbs: port and memory accesses, configuration cycles, DMA
 * from and to RAM, time, input, resets. The CPU takes interrupts meanwhile.
 *
 * Input: verbs of one byte with their arguments. Port numbers come from a list of what is there, or are given. */
#include "tests/fuzz/fuzz.h" /* first: it wants _GNU_SOURCE */

#include "devices/pci.h"
#include "tests/fuzz/pc_board.h"

static const u16 ports[] = {
    0x00, 0x08, 0x0b, 0x0c, 0x0f, 0x20, 0x21, 0x40, 0x42, 0x43, 0x60, 0x61, 0x64, 0x70, 0x71, 0x80,
    0x81, 0x87, 0x92, 0xa0, 0xa1, 0xb2, 0xc0, 0xd0, 0xd6, 0xde, 0xe9, 0xf0, 0x170, 0x171, 0x172,
    0x173, 0x174, 0x175, 0x176, 0x177, 0x1ce, 0x1cf, 0x1d0, 0x1f0, 0x1f1, 0x1f2, 0x1f3, 0x1f4, 0x1f5,
    0x1f6, 0x1f7, 0x376, 0x3b4, 0x3b5, 0x3c0, 0x3c1, 0x3c2, 0x3c4, 0x3c5, 0x3c6, 0x3c8, 0x3c9, 0x3ce,
    0x3cf, 0x3d4, 0x3d5, 0x3da, 0x3f2, 0x3f4, 0x3f5, 0x3f6, 0x3f7, 0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc,
    0x3fd, 0x3ff, 0x4d0, 0x4d1, 0x510, 0x511, 0x514, 0x518, 0xcf8, 0xcf9, 0xcfc, 0xc000, 0xc004,
    0xc008, 0xc00c,
};

static u32 port(struct fuzz_input *in)
{
    u8 n = take8(in);

    return n < 0xf0 ? ports[n % ARRAY_LEN(ports)] : take(in, 2);
}

/* A place where something is, mostly: text and graphics memory, BARs, ROM, RAM's end. */
static paddr place(struct fuzz_input *in)
{
    static const u32 at[] = { 0xa0000, 0xb0000, 0xb8000, 0xc0000, 0xe0000, 0xf0000, 0xe0000000,
                              0xfffc0000, 0x9f000, 0x100000, 0xfebf0000, 0 };
    u8 n = take8(in);

    return (paddr)at[n % ARRAY_LEN(at)] + take(in, 2);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct fuzz_input in = { data, MIN(size, (size_t)2000) };
    struct nb_machine *m = machine();
    unsigned width, n;
    u8 buf[64];

    nb_run(m, 200000);
    while (in.left) {
        u8 verb = take8(&in);
        width = 1u << (verb >> 4) % 3;
        switch (verb & 15) {
        case 0: case 1: case 2: case 3:
            n = port(&in);
            space_write(&m->io, n, take(&in, width), width);
            break;
        case 4: case 5:
            space_read(&m->io, port(&in), width);
            break;
        case 6: /* a string of data, as REP OUTS and INS move it */
            n = port(&in);
            for (unsigned k = 1 + take8(&in); k; k--)
                if (verb & 0x40)
                    space_write(&m->io, n, (u32)k * 0x01020305, width);
                else
                    space_read(&m->io, n, width);
            break;
        case 7:
            space_write(&m->mem, place(&in), take(&in, width), width);
            break;
        case 8:
            space_read(&m->mem, place(&in), width);
            break;
        case 9: { /* configuration space of one of the four functions */
            static const u8 fn[] = { 0x00, 0x08, 0x09, 0x10 };
            u32 addr = 0x80000000u | (u32)fn[verb >> 6] << 8 | (take8(&in) & 0xfc);
            space_write(&m->io, 0xcf8, addr, 4);
            n = verb >> 4 & 3;
            if (n < 3)
                space_write(&m->io, 0xcfc + (take8(&in) & (4 - width)), take(&in, width), width);
            else
                space_read(&m->io, 0xcfc, 4);
            break;
        }
        case 10:
            nb_run(m, 1 + (u64)take(&in, 2) * (verb & 0x40 ? 400 : 20));
            break;
        case 11: /* RAM, for descriptors and tables */
            for (n = 0; n < 16; n++)
                buf[n] = take8(&in);
            dma_write(&m->mem, 0x1000u + take8(&in) * 16u, buf, 16);
            break;
        case 12:
            nb_key(m, take8(&in), verb & 0x10);
            if (verb & 0x20)
                nb_mouse(m, (i8)take8(&in), (i8)take8(&in), (i8)verb >> 6, take8(&in) & 7);
            break;
        case 13:
            for (n = 0; n < 20; n++)
                buf[n] = (u8)(verb + n);
            nb_serial_input(m, 0, buf, 1 + (verb >> 4));
            break;
        case 14: {
            static struct nb_frame f;
            memset(&f, 0, sizeof f);
            nb_frame_now(m, &f);
            nb_frame_free(&f);
            char *text = nb_screen_text(m);
            nb_string_free(text);
            space_peek(&m->io, port(&in), width);
            break;
        }
        default:
            if (verb == 0x1f)
                nb_reset(m);
            else
                nb_nmi(m);
            break;
        }
    }
    nb_run(m, 1000000);
    nb_string_free(nb_info(m, "mtree"));
    nb_free(m);
    return 0;
}
