/* SPDX-License-Identifier: MIT */
/* The ISA DMA bus: what a card (floppy, sound) sees of the two 8237s. */
#ifndef NB_DEVICES_ISA_DMA_H
#define NB_DEVICES_ISA_DMA_H

#include "core/types.h"

/* Channels 0..3 are bytes, 5..7 words. The card asserts DREQ; the controller then calls the
 * card's transfer function until DREQ falls, the channel is masked, or terminal count. */
struct isa_dma {
    void *dev;
    /* Registers the card of a channel. step() moves at most `len` bytes between buf and the card:
     * to_memory: the card fills buf; else it takes from buf; returns the bytes moved. verify: the
     * card counts but no data moves (buf is scratch). tc is set when these bytes reach terminal
     * count if all are moved. */
    void (*attach)(void *dev, unsigned channel,
                   u32 (*step)(void *card, u8 *buf, u32 len, bool to_memory, bool verify, bool tc),
                   void *card);
    void (*dreq)(void *dev, unsigned channel, bool level);
};

#endif
