#!/bin/sh
# SPDX-License-Identifier: MIT
# What the command line refuses, in which words and with which exit status.
#: cap 60
set -u
failed=0

# refuses STATUS TEXT ARGUMENT...: one line on stderr that starts with TEXT.
refuses() {
    want=$1 text=$2
    shift 2
    "$NESTBOX" -display none "$@" >out 2>err </dev/null
    rc=$?
    if [ $rc -ne "$want" ] || [ "$(wc -l <err)" -ne 1 ] || [ -s out ]; then
        echo "nestbox $*: status $rc, not $want, or more than one line"
        failed=1
    fi
    case $(cat err) in
    "nestbox: $text"*) ;;
    *) echo "nestbox $*: '$(cat err)' does not start with '$text'"; failed=1 ;;
    esac
}

# answers TEXT ARGUMENT...: status 0, TEXT in the output.
answers() {
    text=$1
    shift
    "$NESTBOX" "$@" >out 2>err </dev/null || { echo "nestbox $*: status $?"; failed=1; }
    grep -qF -e "$text" out || { echo "nestbox $*: no '$text' in the output"; failed=1; }
}

refuses 1 "-foo: invalid option" -foo
refuses 1 "-m: requires an argument" -m
refuses 1 "-m lots" -m lots
refuses 1 "-m 0" -m 0
refuses 1 "CPU model 'z80'" -cpu z80
refuses 1 "-machine q35" -machine q35
refuses 1 "-smp 2" -smp 2
refuses 1 "-vga voodoo" -vga voodoo
refuses 1 "-gdb" -gdb telnet:1
refuses 2 "-script no-such-file: " -script no-such-file
refuses 2 "-script .: " -script .
refuses 1 "-drive" -drive file=x,format=qcow2
refuses 1 "-device sb16: there is no sound card" -device sb16
refuses 2 "-gdb tcp:10.0.0.1:1: only this machine" -gdb tcp:10.0.0.1:1
refuses 2 "-monitor tcp::0: \"0\" is no port; use a number from 1 to 65535" -monitor tcp::0
refuses 2 "-gdb tcp::65536: \"65536\" is no port; use" -gdb tcp::65536
for port in 0 65536 99999 4294967297 -1 12x http; do
    for kind in "" ,server,nowait; do
        refuses 1 "-serial tcp:localhost:$port$kind: tcp:localhost:$port: \"$port\" is no port; use a \
number from 1 to 65535" -serial "tcp:localhost:$port$kind"
    done
done
refuses 1 "-debugcon tcp::99999: tcp::99999: \"99999\" is no port" -debugcon tcp::99999
refuses 1 "-serial telnet:localhost:4444,server: telnet:localhost:4444,server: there is no telnet" \
    -serial telnet:localhost:4444,server
refuses 1 "-serial udp::4444" -serial udp::4444
printf 'expect screen "a"\nfrob\n' >bad.script
refuses 1 "bad.script:2: unknown statement" -script bad.script
mkdir folder
: >empty
head -c 1000 /dev/zero >odd.img
refuses 2 "" -hda no-such-file
refuses 2 "" -hda folder
refuses 2 "" -D folder/none/log
answers "nestbox 0" -version
answers "-drive" -help
answers "pc " -machine help
answers "isa-debug-exit" -device help
answers "guest_errors" -d help
exit $failed
