#!/bin/sh
# SPDX-License-Identifier: MIT
# Debian from its disk in real time, to the login on the text screen.
#: tags full linux alone
#: needs program debootstrap debootstrap
#: needs program grub-mkimage grub-common
#: needs program sfdisk fdisk
#: needs file /usr/lib/grub/i386-pc/boot.img grub-pc-bin
#: cap 3600
. "$NESTBOX_SRC/tests/boot/debian.inc"
{
    debian_menu t
    echo 'expect screen "debian login:" 1200'
} >script
"$NESTBOX" -display none -m 256 -drive "file=$debian,format=raw,snapshot=on" -serial stdio -script script \
    </dev/null >out 2>err || { cat err; tail -c 3000 out; exit 1; }
! complaints out || exit 1
