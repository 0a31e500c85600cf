#!/bin/sh
# SPDX-License-Identifier: MIT
# The Debian installer from a CD-ROM: El Torito without emulation, ISOLINUX and its menu.
#: tags linux full
#: cap 1500
#: needs program xorriso xorriso
#: needs file /usr/lib/ISOLINUX/isolinux.bin isolinux
#: needs file /usr/lib/syslinux/modules/bios/menu.c32 syslinux-common
#: needs file /usr/lib/debian-installer/images/12/i386/text/debian-installer/i386/linux debian-installer-12-netboot-i386
set -u
. "$NESTBOX_SRC/tests/boot/installer.inc"
. "$NESTBOX_SRC/tests/boot/boot-cd.inc"

mkdir -p cd && cp $installer/linux $installer/initrd.gz cd/ || exit 1
isolinux_cd cd.iso cd <<END || exit 1
ui menu.c32
menu title Nestbox CD
label installer
menu label Debian installer
kernel /linux
append initrd=/initrd.gz $installer_append
label other
menu label Another line
localboot -1
END
installer_from "Nestbox CD" -cdrom cd.iso

# The chosen line's bar is light grey, the other line and the box are blue, black is around them.
want_pixel menu.ppm 600 56 '170 170 170'
want_pixel menu.ppm 600 72 '0 0 170'
want_pixel menu.ppm 600 200 '0 0 170'
want_pixel menu.ppm 600 390 '0 0 0'
want_pixel menu.ppm 50 56 '0 0 0'
