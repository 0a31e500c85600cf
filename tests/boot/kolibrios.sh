#!/bin/sh
# SPDX-License-Identifier: MIT
# KolibriOS from a floppy disk: protected mode, VBE 800x600 in 32 bits, its desktop and then HLT.
#: cap 120
#: needs guest kolibrios-1440k.img
set -u
printf '%s\n' 'sleep 14' 'screendump "one.ppm"' 'mouse 40 25' 'sleep 0.5' 'screendump "two.ppm"' \
    'monitor "info status"' >script
"$NESTBOX" -display none -clock counted,ns=20 -m 256 -script script \
    -drive "file=$NESTBOX_GUESTS/kolibrios-1440k.img,if=floppy,snapshot=on" >out || { cat out; exit 1; }
head -c 15 one.ppm | tr '\n' ' ' | grep -q '^P6 800 600 255 ' || { echo "not 800x600"; exit 1; }
colours=$(tail -c +16 one.ppm | od -An -v -w3 -tx1 | sort -u | wc -l)
[ "$colours" -gt 500 ] || { echo "$colours colours: no desktop"; exit 1; }
cmp -s one.ppm two.ppm && { echo "the pointer doesn't move"; exit 1; }
grep -q halted out || { echo "it doesn't idle by HLT"; cat out; exit 1; }
