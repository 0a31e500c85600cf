#!/bin/sh
# SPDX-License-Identifier: MIT
# SIGTERM: a system without ACPI is stopped, one with ACPI has its power button pressed, one that does
# not listen is stopped by the second signal. Soft off ends the process, or pauses it.
#: tags linux
#: cap 120
#: needs guest linux-test
#: needs busybox
set -u
pid=
fail() {
    echo "$*"
    [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
    tail -n 5 serial 2>/dev/null
    exit 1
}
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null' EXIT

start() { # ARGUMENT...: in the background, in real time
    : >serial
    "$NESTBOX" -m 64 -display none -monitor none -serial file:serial "$@" </dev/null >out 2>err &
    pid=$!
}

saw() { # TEXT
    n=0
    until grep -q "$1" serial; do
        n=$((n + 1))
        [ $n -lt 600 ] || fail "\"$1\" did not appear"
        kill -0 $pid 2>/dev/null || fail "nestbox ended: $(cat err)"
        sleep 0.1
    done
}

ended() { # STATUS SECONDS
    n=0
    while kill -0 $pid 2>/dev/null; do
        n=$((n + 1))
        [ $n -lt $(($2 * 10)) ] || fail "still running after $2 s"
        sleep 0.1
    done
    wait $pid
    status=$?
    pid=
    [ $status -eq "$1" ] || fail "status $status, not $1: $(cat err)"
}

"$NESTBOX_SRC/tools/mkinitramfs" rd "$NESTBOX_BUSYBOX" "$NESTBOX_SRC/tests/boot/linux.init" || exit 1
kernel="$NESTBOX_GUESTS/linux-test"

# The built-in disk has no ACPI on.
start
saw READY
kill -TERM $pid
ended 0 5

start -kernel "$kernel" -initrd rd -append 'console=ttyS0,115200 quiet end=button'
saw WAITING
kill -TERM $pid
ended 0 30
grep -q PRESSED serial || fail "the system did not see the button"

# This one ignores it.
start -kernel "$kernel" -initrd rd -append 'console=ttyS0,115200 quiet'
saw "INIT DONE"
sleep 1
kill -TERM $pid
sleep 1.5
kill -0 $pid 2>/dev/null || fail "the first SIGTERM ended a system with ACPI"
kill -TERM $pid
ended 0 5

# -no-shutdown: off is a pause.
start -no-shutdown -kernel "$kernel" -initrd rd -append 'console=ttyS0,115200 quiet end=off'
saw "INIT DONE"
sleep 3
kill -0 $pid 2>/dev/null || fail "-no-shutdown: ended"
kill -TERM $pid
ended 0 5
exit 0
