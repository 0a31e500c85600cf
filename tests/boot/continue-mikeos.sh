# SPDX-License-Identifier: MIT
#: needs guest mikeos.iso
#: cap 120
. "$NESTBOX_SRC/tests/boot/continue.inc"
continue_guest mikeos 13000000 '77777 1234567 2098765 3141592 4500001 5772156 6931471 8000009 9869604' \
    ide 2000000 25000 -clock counted,ns=20 -m 32 -cdrom "$NESTBOX_GUESTS/mikeos.iso"
