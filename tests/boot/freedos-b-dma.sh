#!/bin/sh
# SPDX-License-Identifier: MIT
# FreeDOS B with XMGR, UIDE and SHSUCDX: 4 MB from hard disk to hard disk and a file from a CD-ROM, all by DMA.
#: needs guest freedos-b-1440k.img
#: needs program mcopy mtools
#: needs program mkfs.fat dosfstools
#: needs program xorriso xorriso
#: cap 90
set -u
PATH=$PATH:/usr/sbin:/sbin
. "$NESTBOX_SRC/tests/boot/dos.inc"
fail() {
    echo "$*"
    exit 1
}

freedos_b a.img || fail "no floppy"
dos_disk c.img && dos_disk d.img || fail "no disks"
# not random: the same run every time; no two sectors are alike
awk 'BEGIN { for (n = 0; n < 500000; n++) printf "%07d\n", n * 7919 % 9999991 }' >big.bin
mcopy -i c.img@@32256 big.bin ::BIG.BIN || fail "no file"
mkdir -p cd/sub
echo 'from the CD-ROM' >cd/readme.txt
awk 'BEGIN { for (n = 0; n < 150000; n++) printf "%09d\n", n * 104729 % 999999937 }' >cd/sub/data.bin
xorriso -as mkisofs -quiet -V NESTCD -o cd.iso cd 2>xorriso.log || fail "no CD-ROM: $(cat xorriso.log)"

play -m 32 -boot a -drive file=a.img,if=floppy -hda c.img -hdb d.img -cdrom cd.iso >log <<'EOF' || fail "first boot: $(cat log)"
expect screen "Select from Menu"
reject screen "BAD Controller"
reject screen "not UltraDMA"
key ret
expect screen "IDE0 Primary-master disk is NESTBOX HARDDISK, ATA-33."
expect screen "IDE0 Primary-slave disk is NESTBOX HARDDISK, ATA-33."
expect screen "Secondary-master, NESTBOX CD-ROM, ATA-33."
expect screen "SHSUCDX installed"
expect screen "E:   OPDISK     0"
expect screen "CD isn't detected"
type "cls\n"
sleep 1
monitor "info ide"
type "copy /b c:\\big.bin d:\\copy.bin\n"
expect screen "c:\\big.bin => d:\\copy.bin"
expect screen "copy.bin\nA:\\>"
type "dir e:\n"
expect screen "Volume in drive E is NESTCD"
expect screen "README   TXT            16"
type "type e:\\readme.txt\n"
expect screen "\nfrom the CD-ROM"
type "copy /b e:\\sub\\data.bin d:\\\n"
expect screen "data.bin\nA:\\>"
monitor "info ide"
EOF
# Reads (command 08) until the file was written (00), by tables that only UIDE makes.
cat log
grep 'channel 0 bus master: ' log | sed 's/table 0*[1-9a-f].*/table/' | cut -c 23- | tr '\n' ' ' >masters
[ "$(cat masters)" = "command 08 status 04 table command 00 status 04 table " ] || fail "no DMA: $(cat masters)"
grep -q 'channel 1 bus master: command 08 .* table 0*[1-9a-f]' log || fail "no DMA from the CD-ROM"
mcopy -n -i d.img@@32256 ::COPY.BIN copy.bin && cmp copy.bin big.bin || fail "another copy of BIG.BIN"
mcopy -n -i d.img@@32256 ::DATA.BIN data.bin && cmp data.bin cd/sub/data.bin || fail "another DATA.BIN"
dd if=d.img of=part.img bs=512 skip=63 2>/dev/null
fsck.fat -n part.img || fail "fsck.fat"

# The next boot, without UIDE: the firmware reads what DMA wrote.
mtype -i a.img ::CONFIG.SYS | grep -v UIDE >config.sys
mcopy -o -i a.img config.sys ::CONFIG.SYS
play -m 32 -boot a -drive file=a.img,if=floppy -hda c.img -hdb d.img <<'EOF' || fail "second boot"
expect screen "Select from Menu"
key ret
expect screen "CD isn't detected"
type "copy /b d:\\copy.bin c:\\third.bin\n"
expect screen "third.bin\nA:\\>" 200
EOF
mcopy -n -i c.img@@32256 ::THIRD.BIN third.bin && cmp third.bin big.bin || fail "another copy after the second boot"
