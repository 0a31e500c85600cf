# SPDX-License-Identifier: MIT
#: needs guest kolibrios-1440k.img
#: tags full
#: cap 300
. "$NESTBOX_SRC/tests/boot/continue.inc"
continue_guest kolibrios 300000000 \
    '71 5550123 24681357 60221407 88888889 137035999 173205080 223606797 282842712' \
    fdc 30000000 250000 -clock counted,ns=20 -m 64 \
    -drive "file=$NESTBOX_GUESTS/kolibrios-1440k.img,if=floppy,snapshot=on"
