#!/bin/sh
# SPDX-License-Identifier: MIT
# Debian on its disk: from power-on to where udev loads drivers from the disk.
#: tags full linux
#: needs program debootstrap debootstrap
#: needs program grub-mkimage grub-common
#: needs program sfdisk fdisk
#: needs file /usr/lib/grub/i386-pc/boot.img grub-pc-bin
#: cap 3600
. "$NESTBOX_SRC/tests/boot/debian.inc"
. "$NESTBOX_SRC/tests/boot/continue.inc"
# shellcheck disable=SC2086
continue_guest debian 7400000000 \
    '95367431 618033988 1414213562 5772156649 5963473329 6283185307 6433982448 6726133109 7182818284' \
    ide 6500000000 1000000 \
    $debian_options -drive "file=$debian,format=raw,snapshot=on"
