#!/bin/sh
# SPDX-License-Identifier: MIT
# The Debian installer from a CD-ROM in real time.
#: tags linux full alone
#: cap 1500
#: needs program xorriso xorriso
#: needs file /usr/lib/ISOLINUX/isolinux.bin isolinux
#: needs file /usr/lib/syslinux/modules/bios/menu.c32 syslinux-common
#: needs file /usr/lib/debian-installer/images/12/i386/text/debian-installer/i386/linux debian-installer-12-netboot-i386
installer_clock='' installer_wait=3
. "$NESTBOX_SRC/tests/boot/installer-iso.sh"
