#!/bin/sh
# SPDX-License-Identifier: MIT
# The Debian installer from a hard disk through GRUB in real time.
#: tags linux full alone
#: cap 1500
#: needs program grub-mkimage grub-common
#: needs file /usr/lib/grub/i386-pc/boot.img grub-pc-bin
#: needs program mke2fs e2fsprogs
#: needs file /usr/lib/debian-installer/images/12/i386/text/debian-installer/i386/linux debian-installer-12-netboot-i386
installer_clock='' installer_wait=3
. "$NESTBOX_SRC/tests/boot/installer-grub.sh"
