#!/bin/sh
# SPDX-License-Identifier: MIT
# FreeDOS B in real time.
#: tags full alone
#: needs guest freedos-b-1440k.img
#: needs program mcopy mtools
#: needs program mkfs.fat dosfstools
#: cap 120
set -u
PATH=$PATH:/usr/sbin:/sbin
. "$NESTBOX_SRC/tests/boot/dos.inc"
freedos_b a.img && dos_disk c.img || exit 1
mtype -i a.img ::CONFIG.SYS | grep -v '^MENU\|^[0-9]*?' >config.sys
mcopy -o -i a.img config.sys ::CONFIG.SYS || exit 1
exec "$NESTBOX" -display none -m 32 -boot a -drive file=a.img,if=floppy -hda c.img \
    -expect-screen 'IDE0 Primary-master disk is NESTBOX HARDDISK, ATA-33.' -expect-screen "CD isn't detected" -timeout 100
