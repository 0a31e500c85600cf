#!/bin/sh
# SPDX-License-Identifier: MIT
# The host has no room for what the guest writes: the machine pauses and can go on when there is, or
# the guest gets an error, as werror= says. A limit of the file size stands in for the full disk.
#: cap 120
#: needs guest freedos-1440k.img
#: needs program prlimit util-linux
set -u
say() { echo "$*" >&2; exit 1; }
limit=51200 # behind FAT and root directory, before the first free cluster (sector 133)
fresh() { cat "$NESTBOX_GUESTS/freedos-1440k.img" >a.img; }
limited() { exec prlimit --fsize=$limit:unlimited "$NESTBOX" -display none -m 16 "$@"; }

printf '%s\n' 'expect screen "A:\\>"' 'type "echo hello>x.txt\n"' 'expect screen "txt"' \
    'sleep 3' 'type "n"' 'sleep 8' 'screentext' >write.script

# without a word about it: the machine stops at the write
fresh
(limited -clock counted,ns=20 -drive file=a.img,if=floppy -script write.script) >out 2>&1
[ $? -eq 4 ] || say "paused machine: status is not 4: $(cat out)"
grep -q 'a disk failed, the machine is paused' out || say "no message: $(cat out)"

# werror=report: DOS gets the error, the machine runs on
fresh
(limited -clock counted,ns=20 -drive file=a.img,if=floppy,werror=report -script write.script) >out 2>&1 ||
    say "werror=report: status $?: $(cat out)"
grep -qi 'error writing\|abort' out || say "DOS saw no error: $(cat out)"

# in real time, with room made and "cont": the write that failed is done after all
fresh
rm -f cmd
mkfifo cmd
(limited -drive file=a.img,if=floppy -monitor stdio) <cmd >out 2>&1 &
pid=$!
exec 9>cmd
trap 'kill $pid 2>/dev/null' EXIT
wait_for() { # TEXT: in what the monitor answers
    n=0
    until grep -q "$1" out; do
        n=$((n + 1))
        [ $n -lt 300 ] || say "no \"$1\": $(cat out)"
        kill -0 $pid 2>/dev/null || say "ended before \"$1\": $(cat out)"
        sleep 0.2
        [ -z "${2:-}" ] || echo "$2" >&9
    done
}
wait_for 'A:\\>' screentext
printf '%s\n' 'sendtext "echo hello>x.txt\n"' >&9
wait_for 'a disk failed'
prlimit --pid $pid --fsize=unlimited:unlimited || say "prlimit"
printf '%s\n' cont 'sendtext "type x.txt\n"' >&9
wait_for '^hello' screentext
echo quit >&9
wait $pid || say "status $? at the end: $(cat out)"
# a second machine reads it from the file
printf '%s\n' 'expect screen "A:\\>"' 'type "type x.txt\n"' 'expect screen "\nhello"' >read.script
"$NESTBOX" -display none -m 16 -clock counted,ns=20 -drive file=a.img,if=floppy,readonly=on \
    -script read.script || say "the file is not there"
