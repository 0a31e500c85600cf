#!/bin/sh
# SPDX-License-Identifier: MIT
# A game in mode 13h from a floppy image of 17 sectors: its picture is on the screen, and a key
# changes it.
#: cap 60
#: needs guest floppybird.img
set -u
printf '%s\n' 'sleep 1.5' 'screendump "one.ppm"' 'screendump "same.ppm"' 'key spc' 'sleep 0.5' \
    'screendump "two.ppm"' >script
"$NESTBOX" -display none -clock counted,ns=20 -m 16 -script script \
    -drive "file=$NESTBOX_GUESTS/floppybird.img,if=floppy,snapshot=on" || exit 1
head -c 15 one.ppm | tr '\n' ' ' | grep -q '^P6 640 400 255 ' || { echo "not 640x400"; exit 1; }
cmp -s one.ppm same.ppm || { echo "two pictures of one moment differ"; exit 1; }
cmp -s one.ppm two.ppm && { echo "nothing moves"; exit 1; }
# The sky (0, 170, 170) fills the upper left corner, the sand the lower one; the bird's yellow and
# the pipes' greens are there: more than 10 colours in all.
pixel() { tail -c +$((16 + 3 * ($2 * 640 + $1))) two.ppm | head -c 3 | od -An -tu1 | tr -s ' '; }
colours=$(tail -c +16 two.ppm | od -An -v -w3 -tx1 | sort -u | wc -l)
[ "$(pixel 2 2)" = " 0 170 170" ] || { echo "no sky: $(pixel 2 2)"; exit 1; }
[ "$(pixel 2 395)" = " 255 190 125" ] || { echo "no sand: $(pixel 2 395)"; exit 1; }
[ "$colours" -gt 10 ] || { echo "$colours colours"; exit 1; }
