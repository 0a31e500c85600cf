# SPDX-License-Identifier: MIT
#: needs guest svarog86-720k.img
#: cap 120
. "$NESTBOX_SRC/tests/boot/continue.inc"
continue_guest svarog86 120000000 '99991 4000037 12345679 27182818 40302010 57721566 69314718 86602540 99999989' \
    fdc 12000000 250000 \
    -clock counted,ns=20 -m 16 -drive "file=$NESTBOX_GUESTS/svarog86-720k.img,if=floppy,snapshot=on"
