# SPDX-License-Identifier: MIT
#: cap 120
. "$NESTBOX_SRC/tests/boot/continue.inc"
continue_guest built-in 90000000 '1003 190077 2445566 9071313 17654321 28400719 40001002 61234567 80808080' \
    ide 1000000 20000 -clock counted,ns=10 -m 64
