# SPDX-License-Identifier: MIT
# The Debian installer's kernel and initrd from a CD-ROM: read by SeaBIOS, unpacked, started.
#: tags linux full
#: needs program xorriso xorriso
#: needs file /usr/lib/ISOLINUX/isolinux.bin isolinux
#: needs file /usr/lib/syslinux/modules/bios/menu.c32 syslinux-common
#: needs file /usr/lib/debian-installer/images/12/i386/text/debian-installer/i386/linux debian-installer-12-netboot-i386
#: cap 1500
. "$NESTBOX_SRC/tests/boot/continue.inc"
. "$NESTBOX_SRC/tests/boot/installer.inc"
. "$NESTBOX_SRC/tests/boot/boot-cd.inc"
mkdir -p cd && cp $installer/linux $installer/initrd.gz cd/ || exit 1
isolinux_cd cd.iso cd <<END || exit 1
default installer
label installer
kernel /linux
append initrd=/initrd.gz $installer_append
END
rm -rf cd
continue_guest installer-iso 2000000000 \
    '98765 11235813 70710678 141421356 301029995 577215664 870588235 1234567890 1772453850' \
    ide 40000000 100000 -clock counted,ns=10 -m 256 -cdrom cd.iso
