# SPDX-License-Identifier: MIT
#: needs guest floppybird.img
#: cap 120
. "$NESTBOX_SRC/tests/boot/continue.inc"
continue_guest floppybird 90000000 '111111 3000017 9999991 20202020 31415926 44444444 55555557 66666666 77777777' \
    fdc 8000000 100000 \
    -clock counted,ns=20 -m 16 -drive "file=$NESTBOX_GUESTS/floppybird.img,if=floppy,snapshot=on"
