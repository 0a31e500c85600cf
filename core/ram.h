/* SPDX-License-Identifier: MIT */
/* Guest RAM and ROM as a table: frame -> host page.
 *
 * Frames number the backing store, not guest physical addresses: regions map runs of frames into
 * the memory space. Nothing may assume that frames are linear in host memory: today they are one
 * arena in a memory object, later a snapshot's mapping plus pages copied on write.
 * A pointer into RAM is for one page, for reading or for writing, and dies on return to the run
 * loop. Asking in write mode first copies on write, marks dirty and drops cached code. */
#ifndef NB_CORE_RAM_H
#define NB_CORE_RAM_H

#include "core/types.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096u
#define PAGE_MASK 4095u

/* Why a frame must not be written through a cached pointer. */
enum ram_flags {
    RAM_ROM = 1,     /* never writable by the guest */
    RAM_CODE = 2,    /* decoded or translated instructions were made from it */
    RAM_SHARED = 4,  /* not ours yet: copy before the first write */
    RAM_TABLES = 8,  /* a page walk read it and tlb=coherent is on */
    RAM_CLEAN = 16,  /* not written since the dirty log was last read */
};

/* Host memory objects come from host/; core sees this. A NULL obj means anonymous memory that
 * cannot be mapped a second time. */
struct ram_object {
    u8 *base;   /* mapping of the whole object in this process */
    u64 size;
    int fd;     /* -1 if none */
    void (*release)(struct ram_object *obj);
    /* Makes whole pages zero and gives their memory back; NULL: they are cleared by hand. */
    void (*zero)(struct ram_object *obj, u64 off, u64 len);
};

struct ram {
    u8 **page;          /* [frames] host address of the page; never NULL */
    u8 *flags;          /* [frames] ram_flags */
    u32 frames;
    struct ram_object obj;
    /* Called before bytes [off, off+len) of a frame with RAM_CODE are written (len > 0, within
     * the page). The CPU drops what it made of them. */
    void (*code_written)(void *to, u32 frame, u32 off, u32 len);
    void *code_to;
    /* Called before each ram_wr() and ram_wr_rom(), whatever the flags; usually NULL. */
    void (*writing)(void *to, u32 frame, u32 off, u32 len);
    void *writing_to;
    /* Called when a frame that carries RAM_TABLES is written. */
    void (*tables_written)(void *to, u32 frame, u32 off, u32 len);
    void *tables_to;
    /* Called when flags of a frame changed so that cached write pointers are wrong. */
    void (*protect)(void *to, u32 frame);
    void *protect_to;
};

/* obj->size bytes (a multiple of the page size), all zero. */
void ram_init(struct ram *ram, struct ram_object obj);
void ram_free(struct ram *ram);

static inline const u8 *ram_rd(const struct ram *ram, u32 frame)
{
    return ram->page[frame];
}

/* For writing bytes [off, off+len) of the frame; does all that a write must do. */
u8 *ram_wr(struct ram *ram, u32 frame, u32 off, u32 len);
/* The same, also for ROM: loaders and reset only. */
u8 *ram_wr_rom(struct ram *ram, u32 frame, u32 off, u32 len);

/* Sets a flag; if that makes cached write pointers wrong, `protect` is called. */
void ram_set_flag(struct ram *ram, u32 frame, u8 flag);
void ram_clear_flag(struct ram *ram, u32 frame, u8 flag);

/* Where a frame lives, for mapping it a second time: object's descriptor and offset. false if
 * the object cannot be mapped. */
bool ram_backing(const struct ram *ram, u32 frame, int *fd, u64 *offset, u8 *flags);
/* The same for the frame whose page is at p. */
bool ram_backing_at(const struct ram *ram, const u8 *p, int *fd, u64 *offset);

void ram_zero(struct ram *ram, u32 first, u32 count); /* power-on reset */

#endif
