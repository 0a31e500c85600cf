#!/bin/sh
# SPDX-License-Identifier: MIT
# Command lines as they are written for QEMU, and what the machine then has: drives where -device, bus and
# unit say, the debug console at another port, the firmware's waits, a preset's choices.
#: cap 120
set -u
fail() {
    echo "$*"
    [ ! -f err ] || cat err
    exit 1
}
nb() { timeout 60 "$NESTBOX" -display none -clock counted,ns=20 "$@" </dev/null; }
head -c 1048576 /dev/zero >one.img
head -c 2097152 /dev/zero >two.img
head -c 737280 /dev/zero >a.img

echo 'monitor "info block"
monitor "eject cd"
monitor "change cd one.img"
monitor "eject d0"
monitor "info block"' >script
nb -nodefaults -enable-kvm -machine type=pc,accel=kvm,usb=off -smp 1,cores=1 -m size=16,maxmem=1G,slots=2 \
    -drive id=d0,file=one.img,if=none,format=raw,cache=none,aio=native,discard=unmap \
    -device ide-hd,drive=d0,bus=ide.1,unit=1,serial=X -device ide-cd,drive=cd,bus=ide.0 \
    -drive file=two.img,if=none,id=cd,media=cdrom,readonly=on -drive file=two.img,bus=0,unit=1,snapshot=on \
    -drive if=floppy,index=0,file=a.img,format=raw,media=disk -boot order=c,strict=on -vga std \
    -rtc base=utc,driftfix=slew -net none -no-hpet -k en-us -name guest=q,debug-threads=on \
    -global PIIX4_PM.disable_s3=1 -msg timestamp=on -script script >out 2>err || fail "drives"
grep '^[a-z]' out >got
cat >want <<'END'
ide1-hd1 (d0): one.img (raw) 2048 sectors
ide0-cd0 (cd): two.img (raw, read-only) 4096 sectors
ide0-hd1: two.img (raw, snapshot) 4096 sectors
floppy0: a.img (raw) 1440 sectors
eject: ide1-hd1 is a hard disk: its medium cannot be changed while the machine runs; start nestbox with another -drive
ide1-hd1 (d0): one.img (raw) 2048 sectors
ide0-cd0 (cd): [not inserted]
ide0-hd1: two.img (raw, snapshot) 4096 sectors
floppy0: a.img (raw) 1440 sectors
END
grep -q "^change: ide0-cd0: " got || fail "one.img is in use, and change takes it"
grep -v "^change: " got >got2
cmp -s got2 want || fail "drives: $(diff got2 want)"

# SeaBIOS talks to port 402h if somebody is there.
nb -m 16 -chardev file,id=seabios,path=dbg1 -device isa-debugcon,iobase=0x402,chardev=seabios \
    -stop-at 1000000 || fail "isa-debugcon"
grep -q "^SeaBIOS" dbg1 || fail "no debug messages"
nb -m 16 -debugcon file:dbg2 -global isa-debugcon.iobase=0x402 -stop-at 1000000 || fail "-global"
cmp -s dbg1 dbg2 || fail "-global: other messages"
nb -m 16 -device isa-debugcon,iobase=0x3f8 2>err && fail "a port that is taken"
[ "$(wc -l <err)" -eq 1 ] && grep -q "^nestbox: debugcon: .*3f8" err || fail "a port that is taken"

# The boot menu's time, from the firmware's first word to the disk's.
time_of() {
    printf 'expect screen "Boot failed" 20\nmonitor "info status"\n' >script
    nb -m 16 -hda one.img -snapshot -boot "$1" -script script >out 2>err || fail "-boot $1"
    awk '/guest time/ { split($0, a, "guest time "); printf "%d\n", a[2] * 10 }' out
}
short=$(time_of menu=on,splash-time=500) long=$(time_of menu=on)
[ $((long - short)) -ge 40 ] && [ $((long - short)) -le 50 ] || fail "splash-time: $short, $long tenths"

# A preset is a line on stderr and what it says; explicit options win.
nb -preset linux -m 16 -stop-at 1000000 2>err >out || fail "-preset linux"
[ "$(cat err)" = "nestbox: -preset linux: -cpu pentium-m,+nx -rtc base=utc -vga std" ] || fail "-preset"
[ ! -s out ] || fail "-preset: output"
nb -preset win98 -m 16 -expect-screen "family 6 model 5" -timeout 20 2>err || fail "-preset win98"
nb -cpu 486 -preset win98 -m 16 -expect-screen "family 4" -timeout 20 2>err || fail "-cpu wins"
exit 0
