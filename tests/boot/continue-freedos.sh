# SPDX-License-Identifier: MIT
#: needs guest freedos-1440k.img
#: cap 120
. "$NESTBOX_SRC/tests/boot/continue.inc"
continue_guest freedos 70000000 '51237 1730455 9016243 23378911 31002467 37777216 44918273 52001939 60123457' \
    fdc 12000000 250000 \
    -clock counted,ns=20 -m 16 -drive "file=$NESTBOX_GUESTS/freedos-1440k.img,if=floppy,snapshot=on"
