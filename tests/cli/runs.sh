#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs of the built-in disk: expectations, time limits, stop, save, load, the same hash again.
#: cap 120
set -u
fail() {
    echo "$*"
    exit 1
}

# 20 ns an instruction: at 1 ns the firmware's waits for the USB ports alone take 100 million.
nb() {
    "$NESTBOX" -m 16 -display none -clock counted,ns=20 "$@" </dev/null
}

# An expectation that is met, one that is not.
nb -expect-screen "Self-test" -expect-serial READY -timeout 20 >out 2>err || fail "READY: $(cat err)"
[ ! -s out ] || fail "an expected text was printed"
nb -expect-screen "no such text" -timeout 0.5 -screendump shot.png >out 2>err
[ $? -eq 4 ] || fail "an unmet expectation is not status 4"
grep -q "no such text" err && grep -q "the screen" err && grep -q shot.png err ||
    fail "the report lacks something: $(cat err)"
[ "$(head -c 4 shot.png | tail -c 3)" = PNG ] || fail "no picture"
nb -timeout 0.01 >out 2>err
[ $? -eq 4 ] || fail "-timeout alone is not status 4"

# The text of the screen goes to the output.
nb -stop-at 20000000 -print-screen >out || fail "-print-screen"
grep -q "nestbox" out || fail "no text of the screen"

# Two runs give the same hash, and so does one that was saved and loaded on its way.
nb -stop-at 15000000 -d hash 2>one || fail "first run"
nb -stop-at 15000000 -d hash 2>two || fail "second run"
cmp one two || fail "two runs differ"
nb -stop-at 7654321 -savevm state -d hash 2>three || fail "-savevm"
nb -loadvm state -stop-at 15000000 -d hash 2>four || fail "-loadvm"
cmp one four || fail "saved and loaded, the run differs"
cmp one three >/dev/null && fail "the hash says nothing"
head -c 3000 state >half
nb -loadvm half 2>err
[ $? -eq 5 ] || fail "half a state file is not status 5: $(cat err)"

# A script without statements ends like one that is finished: at once.
printf '# nothing\n\n' >empty
for file in /dev/null empty; do
    timeout 20 "$NESTBOX" -m 16 -display none -script "$file" </dev/null >out 2>err
    status=$?
    [ $status -eq 0 ] && [ ! -s err ] || fail "an empty script ($file): status $status, $(cat err)"
done

# A script's statements, and what they print.
cat >play <<'END'
expect serial "READY"
sendkey f1
sleep 0.2
monitor "info status"
monitor "sendbreak 7"
monitor "sendbreak"
screentext
screendump a.ppm
monitor "system_reset"
expect serial "READY"
type "x"
stop-at 60000000
save late
hash
END
nb -script play -serial null -d hash >out 2>err || fail "script: $(cat err)"
grep -q "nothing is connected to serial port 7" out || fail "a break on no port: $(cat out)"
grep -q "serial port 0" out && fail "no break: $(cat out)"
grep -q "^running" out && grep -q "On this disk\|nestbox" out && grep -q "^trace hash" out ||
    fail "the script printed: $(cat out)"
[ -s late ] && [ "$(head -c 2 a.ppm)" = P6 ] || fail "the script left no files"
nb -script play -serial null -d hash >out2 2>err2
cmp out out2 && cmp err err2 || fail "a script's two runs differ"

# Media change while it runs.
head -c 737280 /dev/zero >image.fd
cat >change <<'END'
monitor "change floppy0 image.fd read-only"
monitor "eject -f ide0-hd0"
monitor "info block"
monitor "change floppy0"
monitor "eject floppy0"
monitor "info block"
END
nb -fda '' -hda image.fd -snapshot -script change >out 2>err || fail "change: $(cat err)"
grep -q "floppy0: image.fd (raw, read-only, snapshot) 1440 sectors" out || fail "change: $(cat out)"
grep -q "ide0-hd0 is a hard disk" out || fail "eject of a disk: $(cat out)"
grep -q "change: use" out || fail "change without a file: $(cat out)"
grep -q "floppy0: .not inserted" out || fail "eject: $(cat out)"
exit 0
