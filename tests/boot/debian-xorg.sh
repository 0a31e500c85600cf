#!/bin/sh
# SPDX-License-Identifier: MIT
# Xorg with the vesa driver and icewm on Debian: the desktop in all its colours, a pointer that follows
# the mouse, an xterm that takes what is typed once it was clicked, and a window list at the middle button.
#: tags full linux
#: needs program debootstrap debootstrap
#: needs program grub-mkimage grub-common
#: needs program sfdisk fdisk
#: needs file /usr/lib/grub/i386-pc/boot.img grub-pc-bin
#: cap 3600
. "$NESTBOX_SRC/tests/boot/debian.inc"
{
    debian_menu x
    cat <<'END'
expect serial "X IS UP" 400
sleep 75
screendump "one.ppm"
mouse -100 -50
sleep 1
screendump "two.ppm"
button 1
sleep 0.2
button 0
sleep 2
type "echo 'KEYS ~!@#$%^&*()' arrive >/dev/ttyS0; tput setab 4; clear\n"
expect serial "KEYS ~!@#$%^&*() arrive" 60
sleep 15
screendump "three.ppm"
mouse 20 250
sleep 0.5
button 4
sleep 0.2
button 0
sleep 15
screendump "four.ppm"
END
} >script
debian_run "file=$debian,format=raw,snapshot=on"

for p in one two three four; do
    head -c 16 $p.ppm | tr '\n' ' ' | grep -q '^P6 1024 768 255 ' || { echo "$p: not 1024x768"; exit 1; }
done
# Pixels of a colour, as rrggbb.
pixels() { tail -c +17 "$1.ppm" | od -An -v -w3 -tx1 | tr -d ' ' | grep -c "^$2$"; }
colours=$(tail -c +17 one.ppm | od -An -v -w3 -tx1 | sort -u | wc -l)
[ "$colours" -gt 200 ] || { echo "$colours colours: no desktop"; exit 1; }
[ "$(pixels one 2f5d62)" -gt 250000 ] || { echo "the desktop isn't 2f5d62"; exit 1; }
cmp -s one.ppm two.ppm && { echo "the pointer doesn't move"; exit 1; }
blue=$(pixels three 0000ee)
[ "$blue" -gt 200000 ] || { echo "the xterm isn't blue: $blue pixels"; exit 1; }
cmp -s three.ppm four.ppm && { echo "no window list"; exit 1; }
exit 0
