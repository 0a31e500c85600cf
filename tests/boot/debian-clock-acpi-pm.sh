#!/bin/sh
# SPDX-License-Identifier: MIT
# Debian with the PM timer as its clock.
#: tags full linux
#: needs program debootstrap debootstrap
#: needs program grub-mkimage grub-common
#: needs program sfdisk fdisk
#: needs file /usr/lib/grub/i386-pc/boot.img grub-pc-bin
#: cap 3600
. "$NESTBOX_SRC/tests/boot/debian.inc"
debian_clock m acpi_pm 'Power down'
