#!/bin/sh
# SPDX-License-Identifier: MIT
# El Torito with emulation, by SeaBIOS: FreeDOS from a diskette's image on a CD-ROM; GRUB and memtest86+ from a
# hard disk's, also in a slave that is alone on its cable.
#: cap 120
#: needs program xorriso xorriso
#: needs program grub-mkimage grub-common
#: needs file /usr/lib/grub/i386-pc/boot.img grub-pc-bin
#: needs program mke2fs e2fsprogs
#: needs file /boot/memtest86+ia32.bin memtest86+
#: needs guest freedos-1440k.img
set -u
. "$NESTBOX_SRC/tests/boot/grub-disk.inc"
. "$NESTBOX_SRC/tests/boot/boot-cd.inc"
nestbox() { "$NESTBOX" -display none -clock counted,ns=20 -m 16 "$@" || exit 1; }

mkdir -p one && cp "$NESTBOX_GUESTS/freedos-1440k.img" one/boot.img && seq 1 500000 >one/other || exit 1
make_iso one.iso one -b boot.img -c boot.cat || exit 1
cat >script <<'END'
budget 30000000000
expect screen "A:\\>"
type "dir\n"
expect screen "bytes free"
expect screen "FREEDOS"
type "type readme.txt\n"
sleep 1
type "echo end of it\n"
expect screen "\nend of it"
type "copy readme.txt new.txt\n"
expect screen "rite"
END
nestbox -cdrom one.iso -script script

mkdir -p disk two && cp /boot/memtest86+ia32.bin disk/memtest || exit 1
grub_disk two/boot.img 12 disk <<'END' || exit 1
set timeout=-1
menuentry "Memory test" {
    linux16 /memtest
}
menuentry "List" {
    ls (hd0,msdos1)/
}
END
make_iso two.iso two -hard-disk-boot -b boot.img -c boot.cat || exit 1
cat >script <<'END'
budget 60000000000
expect screen "GNU GRUB"
expect screen "Memory test"
key ret
expect screen "Memtest86+" 30
END
nestbox -cdrom two.iso -script script
nestbox -drive file=two.iso,media=cdrom,index=1 -script script
