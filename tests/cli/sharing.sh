#!/bin/sh
# SPDX-License-Identifier: MIT
# One image in several processes: all of them with snapshot=on or readonly=on, or one writer.
#: cap 60
set -u
failed=0
bad() { echo "$*" >&2; failed=1; }
head -c 1048576 /dev/zero >disk
rm -f cmd
mkfifo cmd
pids=''
trap 'for p in $pids; do kill $p 2>/dev/null; done' EXIT

# holds OPTION: a machine that has the image open, paused, until its monitor's input ends.
holds() {
    "$NESTBOX" -display none -m 16 -S -drive "file=disk,$1" -monitor stdio <cmd >held 2>&1 &
    pid=$! pids="$pids $!"
    exec 9>cmd
    n=0
    until grep -q 'nestbox monitor' held; do
        n=$((n + 1))
        [ $n -lt 100 ] || { bad "$1: did not start: $(cat held)"; return; }
        sleep 0.1
    done
}
lets_go() {
    echo quit >&9
    exec 9>&-
    wait "$pid" || bad "holder: status $?: $(cat held)"
}
# second WANT OPTION TEXT
second() {
    "$NESTBOX" -display none -m 16 -clock counted -stop-at 1000 -drive "file=disk,$2" >out 2>&1 </dev/null 9>&-
    rc=$?
    [ $rc -eq "$1" ] || bad "second with $2: status $rc, not $1: $(cat out)"
    [ -z "${3:-}" ] || grep -q "$3" out || bad "second with $2: no \"$3\" in: $(cat out)"
}

holds snapshot=on
second 0 snapshot=on
second 0 readonly=on,if=floppy
second 2 werror=report "disk"
lets_go
holds readonly=on,if=floppy
second 0 snapshot=on
second 2 werror=report "disk"
lets_go
holds werror=report
# the message says who has it
for how in snapshot=on readonly=on,if=floppy werror=report; do
    second 2 $how "process $pid\|$pid"
done
lets_go
second 0 werror=report
# snapshot=on leaves the image as it is
sum=$(cksum <disk)
second 0 snapshot=on
[ "$(cksum <disk)" = "$sum" ] || bad "snapshot=on changed the image"
exit $failed
