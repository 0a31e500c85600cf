# SPDX-License-Identifier: MIT
#: tags linux
#: needs guest linux-test
#: needs busybox
#: cap 240
. "$NESTBOX_SRC/tests/boot/continue.inc"
"$NESTBOX_SRC/tools/mkinitramfs" rd "$NESTBOX_BUSYBOX" "$NESTBOX_SRC/tests/boot/linux.init" || exit 1
seq 1 2000000 | head -c 8388608 >hd.img
continue_guest linux 700000000 \
    '3141592 27182818 66260701 104857600 199792458 230258509 314159265 466920160 602214076' \
    ide 300000000 50000 \
    -clock counted,ns=10 -m 96 -kernel "$NESTBOX_GUESTS/linux-test" -initrd rd \
    -drive file=hd.img,snapshot=on -append 'console=ttyS0,115200 quiet end=loop'
