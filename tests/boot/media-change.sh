#!/bin/sh
# SPDX-License-Identifier: MIT
# Linux from a CD-ROM (ISOLINUX), which reads by bus-master DMA; then discs and floppy disks are changed
# under it: locked and unlocked, by the guest and by us, by force while mounted.
#: tags linux
#: cap 180
#: needs program xorriso xorriso
#: needs file /usr/lib/ISOLINUX/isolinux.bin isolinux
#: needs file /usr/lib/syslinux/modules/bios/menu.c32 syslinux-common
#: needs guest linux-test
#: needs guest freedos-1440k.img
#: needs guest svarog86-720k.img
#: needs busybox
set -u
. "$NESTBOX_SRC/tests/boot/boot-cd.inc"
fail() {
    echo "$*"
    cat serial
    exit 1
}

mkdir one two
cp "$NESTBOX_GUESTS/linux-test" one/linux
"$NESTBOX_SRC/tools/mkinitramfs" one/rd "$NESTBOX_BUSYBOX" "$NESTBOX_SRC/tests/boot/media.init" || exit 1
echo "disc one" >one/name
echo "disc two" >two/name
seq 1 500000 >one/data
seq 500000 1000000 >two/data
sum1=$(md5sum <one/data | cut -d' ' -f1) sum2=$(md5sum <two/data | cut -d' ' -f1)
isolinux_cd one.iso one <<END || exit 1
default linux
label linux
kernel /linux
append initrd=/rd console=ttyS0,115200
END
make_iso two.iso two || exit 1
sectors() { echo $(($(wc -c <"$1") / 512)); }

answer() { # "TEXT" "COMMAND": when the guest has said TEXT
    printf 'expect serial "%s"\nmonitor "%s"\nsend "\\n"\n' "$1" "$2"
}
{
    echo 'budget 150000000000'
    for bad in WARNING: BUG: Oops 'nobody cared' 'failed command' 'lost interrupt' 'BAD:' 'NO NEWS'; do
        echo "reject serial \"$bad\""
    done
    answer 'EJECT LOCKED' 'eject ide1-cd0'
    answer 'CHANGE TO 2' "change ide1-cd0 $NESTBOX_WORK/two.iso"
    answer 'INSERT 1' "change ide1-cd0 $NESTBOX_WORK/one.iso"
    answer 'PULL OUT' 'eject -f ide1-cd0'
    answer 'INSERT 2' "change ide1-cd0 $NESTBOX_WORK/two.iso"
    answer 'CHANGE FLOPPY' "change floppy0 $NESTBOX_GUESTS/svarog86-720k.img read-only"
    answer 'EJECT FLOPPY' 'eject floppy0'
    answer 'INSERT FLOPPY' "change floppy0 $NESTBOX_GUESTS/freedos-1440k.img read-only"
    echo 'expect serial "ALL DONE"'
    echo 'exit 0'
} >script
"$NESTBOX" -display none -clock counted,ns=10 -m 128 -cdrom one.iso -boot d -serial stdio \
    -drive "file=$NESTBOX_GUESTS/freedos-1440k.img,if=floppy,readonly=on" -script script </dev/null >serial 2>&1 ||
    fail "the script failed"
tr -d '\r' <serial >text
saw() { grep -q -e "$1" text || fail "\"$1\" is not there"; }
saw XFER_UDMA_
saw "first: disc one $(sectors one.iso)"
saw "SUM1 $sum1"
saw 'has locked'
saw "AGAIN $sum1"
saw "second: disc two $(sectors two.iso)"
saw "SUM2 $sum2"
saw "third: disc one $(sectors one.iso)"
saw "fourth: disc two $(sectors two.iso)"
saw 'FLOPPY 1 1423 .*KERNEL.SYS'
saw 'FLOPPY 2 713 .*ctmouse.exe'
saw 'FLOPPY 3 1423 .*KERNEL.SYS'
