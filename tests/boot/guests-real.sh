#!/bin/sh
# SPDX-License-Identifier: MIT
# Every small guest once in real time, as a user starts it: to its prompt, its menu or its picture.
#: tags full alone
#: cap 900
#: needs guest freedos-1440k.img
#: needs guest freedos-b-1440k.img
#: needs guest svarog86-720k.img
#: needs guest kolibrios-1440k.img
#: needs guest floppybird.img
#: needs guest mikeos.iso
#: needs guest linux-test
#: needs guest linux-test-pae
#: needs busybox
#: needs file /boot/memtest86+ia32.bin memtest86+
set -u
failed=0
floppy() { echo "-drive file=$NESTBOX_GUESTS/$1,if=floppy,snapshot=on"; }

real() { # NAME OPTION...
    name=$1
    shift
    start=$(date +%s)
    if "$NESTBOX" -display none -timeout 200 "$@" </dev/null >out 2>&1; then
        echo "$name: $(($(date +%s) - start)) s"
    else
        echo "$name: status $?"
        cat out
        failed=1
    fi
}

# looks NAME SIZE SECONDS COLOURS OPTION...: a picture of this size and so many colours within that time.
looks() {
    name=$1 size=$2 seconds=$3 colours=$4
    shift 4
    { echo "sleep $seconds"; echo 'screendump "picture.ppm"'; } >script
    "$NESTBOX" -display none -script script "$@" </dev/null >out 2>&1 || { cat out; failed=1; return; }
    got=$(head -c 15 picture.ppm | tr '\n' ' ')
    has=$(tail -c +16 picture.ppm | od -An -v -w3 -tx1 | sort -u | wc -l)
    echo "$name: $has colours"
    case $got in
    "P6 $size 255 "*) [ "$has" -ge "$colours" ] && return ;;
    esac
    echo "$name: not what it should show: $got"
    failed=1
}

"$NESTBOX_SRC/tools/mkinitramfs" rd "$NESTBOX_BUSYBOX" "$NESTBOX_SRC/tests/boot/linux.init" || exit 1
# shellcheck disable=SC2046
{
    real freedos -m 16 $(floppy freedos-1440k.img) -expect-screen 'A:\>'
    real freedos-b -m 16 $(floppy freedos-b-1440k.img) -expect-screen 'Select from Menu'
    real svarog86 -m 16 $(floppy svarog86-720k.img) -expect-screen 'A:\>'
    real mikeos -m 32 -cdrom "$NESTBOX_GUESTS/mikeos.iso" -expect-screen 'Please select an interface'
    real memtest -m 32 -kernel /boot/memtest86+ia32.bin -expect-screen 'Test #2'
    real linux -m 128 -kernel "$NESTBOX_GUESTS/linux-test" -initrd rd -append 'console=ttyS0 quiet test=clocks' \
        -expect-serial 'CLOCKS AGREE' -expect-serial 'INIT DONE'
    real linux-pae -m 512 -kernel "$NESTBOX_GUESTS/linux-test-pae" -initrd rd \
        -append 'console=ttyS0 quiet test=clocks' -expect-serial 'CLOCKS AGREE' -expect-serial 'INIT DONE'
    looks kolibrios '800 600' 60 500 -m 256 $(floppy kolibrios-1440k.img)
    looks floppybird '640 400' 10 10 -m 16 $(floppy floppybird.img)
}
exit $failed
