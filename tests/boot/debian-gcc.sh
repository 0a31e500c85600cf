#!/bin/sh
# SPDX-License-Identifier: MIT
# Debian 12 from its disk (SeaBIOS, GRUB, bus-master DMA): log in, write a program, compile and run it,
# write and read files, power off by ACPI; afterwards the host finds the file system whole and the
# files in it as they were written.
#: tags full linux
#: needs program debootstrap debootstrap
#: needs program grub-mkimage grub-common
#: needs program sfdisk fdisk
#: needs file /usr/lib/grub/i386-pc/boot.img grub-pc-bin
#: cap 3600
. "$NESTBOX_SRC/tests/boot/debian.inc"
PATH=$PATH:/usr/sbin:/sbin

# The same source here and there. No tabs: they would ask the guest's shell for completion.
cat >sum.c <<'END'
#include <stdio.h>
#include <stdlib.h>
static int less(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int main(void)
{
    static int v[20000];
    unsigned x = 1;
    double h = 0;
    unsigned long long f = 1;
    for (int k = 0; k < 20000; k++) {
        x = x * 1103515245 + 12345;
        v[k] = x >> 8 & 0xfffff;
        h += 1.0 / (v[k] + 1);
        f = f * 6364136223846793005ull + v[k];
    }
    qsort(v, 20000, sizeof v[0], less);
    printf("SUM %d %d %d %.9f %llu\n", v[0], v[9999], v[19999], h, f / 1000003);
    return 0;
}
END
${CC:-cc} -O1 -o sum sum.c || { echo "no C compiler"; exit 77; }
sum=$(./sum)
data=$(seq 1 400000 | md5sum | cut -d' ' -f1)

{
    debian_login
    # the sleep: what comes before cat reads would be echoed twice
    cat <<'END'
send "cat >sum.c\n"
sleep 1
END
    sed 's/\\/\\\\/g; s/"/\\"/g; s/^/send "/; s/$/\\n"/' sum.c
    cat <<END
send "\x04"
send "gcc -O2 -Wall -o sum sum.c && ./sum\n"
expect serial "$sum" 300
send "seq 1 400000 >data; sync; echo 3 >/proc/sys/vm/drop_caches; md5sum <data\n"
expect serial "$data" 120
send "for n in 1 2; do cp -r /usr/include inc\$n; rm -rf inc\$((n - 1)); done; sync; echo COPIED \$?\n"
expect serial "COPIED 0" 300
send "cat /sys/class/ata_device/dev1.0/dma_mode >mode; cat /proc/interrupts >interrupts; poweroff\n"
expect serial "reboot: Power down" 120
exit 0
END
} >script
# Holes stay holes.
cp --sparse=always "$debian" disk.img || exit 1
debian_run file=disk.img,format=raw

e2fsck -fn 'disk.img?offset=1048576' >fsck 2>&1 || { cat fsck; exit 1; }
get() { debugfs -R "cat /root/$1" 'disk.img?offset=1048576' 2>/dev/null; }
get sum.c | cmp - sum.c || exit 1
[ "$(get data | md5sum | cut -d' ' -f1)" = "$data" ] || { echo "data are different on the disk"; exit 1; }
# By DMA, and without an interrupt that nobody wanted.
get mode | grep -q UDMA_2 || { echo "no UDMA: $(get mode)"; exit 1; }
get interrupts | grep -E '^ *(ERR|MIS): *0$' || { echo "bad interrupts:"; get interrupts; exit 1; }
