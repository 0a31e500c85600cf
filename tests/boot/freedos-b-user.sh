#!/bin/sh
# SPDX-License-Identifier: MIT
# What users of DOS do: Turkish keyboard and code page, the mouse, long file names, printing to a file.
#: needs guest freedos-b-1440k.img
#: needs program mcopy mtools
#: needs program mkfs.fat dosfstools
#: cap 60
set -u
PATH=$PATH:/usr/sbin:/sbin
. "$NESTBOX_SRC/tests/boot/dos.inc"
fail() {
    echo "$*"
    exit 1
}
freedos_b a.img && dos_disk c.img || fail "no disks"
printf 'one\r\ntwo\r\nthree\r\n' >list.txt
mcopy -i c.img@@32256 list.txt ::LIST.TXT || fail "no file"

play -m 32 -boot a -drive file=a.img,if=floppy,snapshot=on -hda c.img -parallel file:paper.txt <<'EOF' || fail "status"
expect screen "Select from Menu"
key 2
key ret
expect screen "Installed at PS/2 port"
expect screen "MODE select codepage 857 function completed"
expect screen "Keyboard layout    : KEYBRD2.SYS:TR [857]"
expect screen "CD isn't detected"
type "cls\n"
sleep 1
# US names of the keys: the Turkish i, colon, full stop and > are elsewhere
key c shift-slash ret
expect screen "C:\\>"
key c o p y spc l apostrophe s t slash t x t spc l p t 1 ret
expect screen "=> lpt1"
sleep 1
key e c h o spc semicolon bracket_left bracket_right apostrophe shift-less t u r k slash t x t ret
sleep 2
EOF
cmp paper.txt list.txt || fail "another text on paper"
# in code page 857
mcopy -n -i c.img@@32256 ::TURK.TXT turk.txt && printf '\237\247\201i\r\n' | cmp - turk.txt || fail "other letters"
