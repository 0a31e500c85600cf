#!/bin/sh
# SPDX-License-Identifier: MIT
# The clocks agree in real time, on an idle host and on one with more to do than it can (tests/asm/p05.c), and
# -speed keeps to it.
#: tags alone
#: cap 120
set -u
elf=$NESTBOX_BUILD/tests/asm/p05.elf
[ -r "$elf" ] || { echo "no compiler for IA-32 (see configure's CC32)"; exit 77; }

# p05 NAME OPTIONS ARGUMENT...
p05() {
    name=$1 options=$2
    shift 2
    "$NESTBOX" -m 64 -cpu max -kernel "$elf" -append "$options" -debugcon "file:$name.log" -display none -monitor none \
        -serial none -no-reboot -device isa-debug-exit,iobase=0xf4 "$@" >"$name.err" 2>&1 </dev/null
    rc=$?
    cat "$name.log"
    if [ $rc -ne 1 ] || ! grep -q '^DONE [0-9]* passed, 0 failed' "$name.log"; then
        echo "$name: status $rc"
        exit 1
    fi
}

p05 idle 'seconds=3 calibrate=0'

hogs=
for k in 1 2 3 4 5 6; do
    (while :; do :; done) &
    hogs="$hogs $!"
done
# shellcheck disable=SC2086
trap 'kill $hogs 2>/dev/null' EXIT
p05 loaded 'seconds=3 busy=50 calibrate=0'
# shellcheck disable=SC2086
kill $hogs
hogs=

# Five instructions a microsecond: 200,000 LOOPs are 47,727 PIT clocks.
before=$(date +%s)
p05 paced 'seconds=3 busy=20' -speed 5
took=$(($(date +%s) - before))
grep -q 'delay loop: 477[0-9][0-9], then 477[0-9][0-9]' paced.log || { echo "another speed"; exit 1; }
[ $took -ge 3 ] || { echo "3 s took $took"; exit 1; }
