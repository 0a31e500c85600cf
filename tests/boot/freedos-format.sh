#!/bin/sh
# SPDX-License-Identifier: MIT
# FORMAT within DOS, track by track, SYS, a boot from that floppy, and disks changed under DOS' eyes.
# FORMAT 0.91v wants a drive that DOS has looked at before, under QEMU too: dir first.
# Without a change line (SeaBIOS says that there is none), DOS looks again when two seconds have gone by.
#: tags full
#: needs guest svarog86-720k.img
#: needs program mcopy mtools
#: needs program fsck.fat dosfstools
#: cap 120
set -u
PATH=$PATH:/usr/sbin:/sbin
. "$NESTBOX_SRC/tests/boot/dos.inc"
fail() {
    echo "$*"
    exit 1
}
dd if=/dev/null of=b.img bs=1474560 seek=1 2>/dev/null
mformat -i b.img -f 1440 -v OLD :: && printf 'old\n' >old.txt && mcopy -i b.img old.txt ::OLD.TXT || fail "no disk"
dd if=/dev/null of=c.img bs=1474560 seek=1 2>/dev/null
mformat -i c.img -f 1440 -v OTHER :: || fail "no other disk"

play -clock counted,ns=100 -m 16 -boot a -drive "file=$NESTBOX_GUESTS/svarog86-720k.img,if=floppy,snapshot=on" \
    -drive file=b.img,if=floppy,index=1 <<'EOF' || fail "status"
expect screen "A:\\>"
type "cls\n"
sleep 1
type "dir b:\n"
expect screen "Volume in drive B is OLD"
type "format b: /f:1440 /u /v:NEST\n"
expect screen "Press ENTER"
type "\n"
expect screen "Full Formatting"
expect screen "100 percent completed." 200
reject screen "bad"
expect screen "1,457,664  bytes available on disk"
expect screen "Format another floppy"
type "n\n"
sleep 1
monitor "eject floppy1"
EOF
# what the drive writes into a formatted sector; DOS' own are the first 33
[ "$(dd if=b.img bs=512 skip=33 2>/dev/null | tr -d '\366' | wc -c)" = 0 ] || fail "not all sectors are F6h"

play -clock counted,ns=100 -m 16 -boot a -drive "file=$NESTBOX_GUESTS/svarog86-720k.img,if=floppy,snapshot=on" \
    -drive file=b.img,if=floppy,index=1 <<'EOF' || fail "status"
expect screen "A:\\>"
type "sys a: b:\n"
expect screen "System transferred."
type "copy edit.exe b:\n"
expect screen "b:edit.exe\nA:\\>"
type "cls\n"
sleep 1
type "dir b:\n"
expect screen "Volume in drive B is NEST"
monitor "change floppy1 c.img"
sleep 3
type "dir b:\n"
expect screen "Volume in drive B is OTHER"
monitor "change floppy1 b.img"
sleep 3
type "fc edit.exe b:edit.exe\n"
expect screen "No differences"
EOF
fsck.fat -n b.img || fail "fsck.fat"

play -clock counted,ns=100 -m 16 -boot a -drive file=b.img,if=floppy <<'EOF' || fail "boot from the formatted disk"
expect screen "Enter new date"
key ret
expect screen "Enter new time"
key ret
expect screen "A:\\>"
type "dir\n"
expect screen "Volume in drive A is NEST"
EOF
