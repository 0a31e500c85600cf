#!/bin/sh
# SPDX-License-Identifier: MIT
# The Debian installer from a hard disk: GRUB in its first track, an ext2 partition, GRUB's menu.
#: tags linux full
#: cap 1500
#: needs program grub-mkimage grub-common
#: needs file /usr/lib/grub/i386-pc/boot.img grub-pc-bin
#: needs program mke2fs e2fsprogs
#: needs file /usr/lib/debian-installer/images/12/i386/text/debian-installer/i386/linux debian-installer-12-netboot-i386
set -u
. "$NESTBOX_SRC/tests/boot/installer.inc"
. "$NESTBOX_SRC/tests/boot/grub-disk.inc"

mkdir -p disk && cp $installer/linux $installer/initrd.gz disk/ || exit 1
grub_disk hd.img 64 disk <<END || exit 1
set timeout=-1
menuentry "Debian installer" {
    linux /linux $installer_append
    initrd /initrd.gz
}
menuentry "Another line" {
    echo "chosen"
}
END
installer_from "GNU GRUB" -hda hd.img

# The chosen line's bar is light grey, the other line black.
want_pixel menu.ppm 600 70 '170 170 170'
want_pixel menu.ppm 600 86 '0 0 0'
