#!/bin/sh
# SPDX-License-Identifier: MIT
# -daemonize and -pidfile: who waits for what, with which status, and what is left behind.
#: cap 120
set -u
pid=''
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null' EXIT
fail() {
    echo "$*"
    [ ! -f err ] || cat err
    exit 1
}
until_true() {
    u=0
    while ! "$@"; do
        u=$((u + 1))
        [ $u -lt 300 ] || return 1
        sleep 0.1
    done
}
nb() { timeout 60 "$NESTBOX" -m 16 -display none "$@"; }
gone() { ! kill -0 "$1" 2>/dev/null; }
is_not() { [ ! -e "$1" ]; }

# The command ends although its output is a pipe that somebody reads to the end: nothing is kept open.
nb -daemonize -pidfile pid -monitor unix:mon -serial file:serial -name daemon 2>&1 </dev/null | cat >out
[ ! -s out ] || fail "it says something: $(cat out)"
pid=$(cat pid) || fail "no pidfile"
kill -0 "$pid" || fail "it does not run"
[ -S mon ] || fail "it is ready, but the monitor does not listen"
[ "$(ps -o pid= -o sid= -o tty= -p "$pid" | awk '{ print ($1 != $2), $3 }')" = "1 ?" ] ||
    fail "it is in a session of ours, or leads one: $(ps -o pid,sid,tty -p "$pid")"
if [ -d "/proc/$pid/fd" ]; then
    for fd in 0 1 2; do
        [ "$(readlink "/proc/$pid/fd/$fd")" = /dev/null ] || fail "fd $fd is no /dev/null"
    done
fi

# The file is taken: by number, before anything else happens, and it stays.
nb -pidfile pid -hda no-such-file 2>err </dev/null
[ $? -eq 2 ] || fail "a second one: status"
[ "$(cat err)" = "nestbox: -pidfile pid: process $pid is using it" ] || fail "a second one"
nb -daemonize -pidfile pid 2>err </dev/null
[ $? -eq 2 ] && grep -q "process $pid is using it" err || fail "a second daemon"
[ "$(cat pid)" = "$pid" ] || fail "the pidfile changed"

# It works, ends in order, and removes what it made.
until_true grep -qa READY serial || fail "the machine does not run"
kill -TERM "$pid"
until_true gone "$pid" || fail "SIGTERM does not end it"
until_true is_not pid || fail "the pidfile is left"
[ ! -e mon ] || fail "the socket is left"
pid=''

# One that was killed leaves a file that is not locked: the next takes it.
nb -daemonize -pidfile pid || fail "again"
pid=$(cat pid)
kill -9 "$pid"
until_true gone "$pid"
[ -s pid ] || fail "who removed it?"
nb -daemonize -pidfile pid 2>err || fail "an old pidfile"
[ "$(cat pid)" != "$pid" ] || fail "the old number is left"
pid=$(cat pid)
kill -TERM "$pid"
until_true gone "$pid"
pid=''

# Errors are the caller's: message and status.
refuses() {
    want=$1 text=$2
    shift 2
    nb -daemonize "$@" >out 2>err </dev/null
    rc=$?
    [ $rc -eq "$want" ] || fail "$*: status $rc, not $want"
    [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ] || fail "$*: not one line"
    case $(cat err) in
    "nestbox: $text"*) ;;
    *) fail "$*: not '$text'" ;;
    esac
}
: >other
echo "something else" >notes
mkdir folder
refuses 2 "" -hda no-such-file -pidfile p
[ ! -e p ] || fail "a pidfile is left after a failure"
refuses 1 "CPU model 'z80'" -cpu z80
refuses 2 "-monitor tcp::0: " -monitor tcp::0
refuses 2 "-gdb tcp:10.0.0.1:1: " -gdb tcp:10.0.0.1:1
refuses 5 "" -loadvm other
refuses 1 "-daemonize: a port wants the terminal" -nographic
refuses 1 "-daemonize: a port wants the terminal" -serial mon:stdio
refuses 1 "-daemonize: the monitor wants the terminal" -monitor stdio
refuses 1 "-daemonize: -d needs -D FILE" -d int
refuses 2 "-pidfile folder/none/p: " -pidfile folder/none/p
refuses 2 "-pidfile folder: " -pidfile folder
refuses 2 "-pidfile /dev/null: that is no file with a process number" -pidfile /dev/null
refuses 2 "-pidfile notes: that is no file with a process number" -pidfile notes
[ "$(cat notes)" = "something else" ] || fail "a file of somebody's is gone"

# Without -daemonize the file is removed at the end, too.
nb -pidfile pid -clock counted,ns=20 -stop-at 1000000 </dev/null || fail "-pidfile alone"
[ ! -e pid ] || fail "-pidfile alone is left"
nb -pidfile pid -timeout 0.05 -clock counted,ns=20 >out 2>&1 </dev/null
[ $? -eq 4 ] && [ ! -e pid ] || fail "-pidfile and -timeout"
exit 0
