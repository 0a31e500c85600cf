# SPDX-License-Identifier: MIT
#: tags linux full
#: needs guest linux-test-pae
#: needs busybox
#: cap 300
. "$NESTBOX_SRC/tests/boot/continue.inc"
"$NESTBOX_SRC/tools/mkinitramfs" rd "$NESTBOX_BUSYBOX" "$NESTBOX_SRC/tests/boot/linux.init" || exit 1
seq 1 2000000 | head -c 8388608 >hd.img
continue_guest linux-pae 700000000 \
    '1618033 33550336 57721566 121393000 196418000 267914296 332199999 479001600 612345679' \
    ide 300000000 50000 \
    -clock counted,ns=10 -m 128 -kernel "$NESTBOX_GUESTS/linux-test-pae" -initrd rd \
    -drive file=hd.img,snapshot=on -append 'console=ttyS0,115200 quiet end=loop'
