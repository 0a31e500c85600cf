# SPDX-License-Identifier: MIT
#: needs file /boot/memtest86+ia32.bin memtest86+
#: tags full
#: cap 240
. "$NESTBOX_SRC/tests/boot/continue.inc"
continue_guest memtest 400000000 '7000003 20000003 50000017 77777777 111111113 161803398 223606797 300000007 350000003' \
    none 0 0 -clock counted,ns=10 -m 8 -kernel /boot/memtest86+ia32.bin
