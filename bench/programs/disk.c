/* SPDX-License-Identifier: MIT */
/*
 * Class disk: a disk read from its start to its end, in the guest the first ATA disk, which Linux
 * drives by bus-master DMA. diskdma reads past the page cache, so that nearly all of the time is the
 * controller's; diskread is what a program sees that reads a file: the kernel reads ahead and copies.
 * On the host the same image is read, from its page cache.
 */
#include "bench.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define CHUNK (512u << 10)

static unsigned char *buffer;
static int disk = -1;

static void disk_open(int flags)
{
    const char *path = disk_path();

    buffer = get_memory(CHUNK);
    disk = open(path, O_RDONLY | flags);
    if (disk < 0 && flags)
        disk = open(path, O_RDONLY); /* the host's file system may not know O_DIRECT */
    if (disk < 0)
        die("disk: can't open it");
}

static void direct_set_up(void) { disk_open(O_DIRECT); }

static void cached_set_up(void) { disk_open(0); }

/* A word of each sector: data that comes late or from elsewhere shows. */
static uint32_t disk_run(void)
{
    uint32_t sum = 0;
    ssize_t len;

    /* What the kernel kept goes away: the unit starts anew. Files have nothing of the kind. */
    ioctl(disk, BLKFLSBUF);
    if (lseek(disk, 0, SEEK_SET) != 0)
        die("disk: seek");
    while ((len = read(disk, buffer, CHUNK)) > 0) {
        for (ssize_t at = 0; at < len; at += 512)
            sum = sum_add(sum, *(const uint32_t *)(const void *)(buffer + at));
    }
    if (len < 0)
        die("disk: read");
    return sum;
}

/* The image: sectors that begin with different words. Its size is one that CHS can address. */
void disk_write_image(void)
{
    static unsigned char sector[512];
    uint32_t seed = 123456789u;

    for (unsigned i = 0; i < DISK_SECTORS; i++) {
        for (unsigned k = 0; k < sizeof(sector); k += 4)
            *(uint32_t *)(void *)(sector + k) = random_next(&seed);
        if (write(STDOUT_FILENO, sector, sizeof(sector)) != sizeof(sector))
            _exit(1);
    }
}

const struct program disk_programs[] = {
    { "diskdma", "disk", 8, NEEDS_DISK, direct_set_up, disk_run },
    { "diskread", "disk", 4, NEEDS_DISK, cached_set_up, disk_run },
    { 0 },
};
