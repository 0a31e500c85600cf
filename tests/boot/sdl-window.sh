#!/bin/sh
# SPDX-License-Identifier: MIT
# The SDL window on a virtual X server: title, keys, grab and release, scaling, and the picture
# compared pixel by pixel with what the machine says it shows.
#: needs feature SDL2
#: needs program Xvfb xvfb
#: needs program xdotool xdotool
#: needs program import imagemagick
#: needs program convert imagemagick
#: cap 120
set -u
fail() {
    echo "$*"
    cat monitor.out nestbox.err
    exit 1
}

# Xvfb chooses a free number itself.
Xvfb -displayfd 3 -screen 0 2304x1280x24 -nolisten tcp 3>number >xvfb.log 2>&1 &
xvfb=$! pid=''
trap 'kill $xvfb $pid 2>/dev/null' EXIT
n=0
while [ ! -s number ]; do
    n=$((n + 1))
    [ $n -lt 100 ] || { echo "Xvfb does not start"; exit 77; }
    sleep 0.1
done
DISPLAY=:$(cat number)
SDL_VIDEODRIVER=x11
export DISPLAY SDL_VIDEODRIVER
unset WAYLAND_DISPLAY
# The libraries under SDL keep some memory to the end.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS

mkfifo monitor.in
"$NESTBOX" -m 16 -name testbox -display sdl -monitor stdio <monitor.in >monitor.out 2>nestbox.err &
pid=$!
exec 4>monitor.in

# wait_for TEXT: until the screen shows it.
wait_for() {
    w=0
    while :; do
        : >monitor.out
        echo screentext >&4
        sleep 0.3
        grep -qa -e "$1" monitor.out && return
        w=$((w + 1))
        [ $w -lt 60 ] || fail "the screen does not show '$1'"
    done
}

wait_for "press any"
win=$(xdotool search --name testbox | head -n 1)
[ -n "$win" ] || fail "no window"
xdotool windowfocus "$win"
sleep 0.3
title() { xdotool getwindowname "$win"; }
[ "$(title)" = "nestbox: testbox" ] || fail "title: $(title)"

# Keys by their place: the disk names them.
xdotool key q
wait_for "^ Key  *Q "
xdotool key F5
wait_for "^ Key  *F5 "

# A click grabs and the title says how to release.
xdotool mousemove --window "$win" 100 100 click 1
sleep 0.5
case $(title) in *Ctrl-Alt-G*) ;; *) fail "not grabbed: $(title)" ;; esac
xdotool key ctrl+alt+g
sleep 0.5
case $(title) in *Ctrl-Alt-G*) fail "not released: $(title)" ;; esac

# The window shows what the machine shows; the clock on it may tick in between.
same() {
    tries=0
    while :; do
        echo "screendump $NESTBOX_WORK/guest.ppm" >&4
        sleep 0.4
        import -depth 8 -window "$win" window.ppm
        convert guest.ppm -sample "$1" guest-scaled.ppm
        cmp -s guest-scaled.ppm window.ppm && return
        tries=$((tries + 1))
        [ $tries -lt 10 ] || fail "the picture differs at $1"
    done
}
same 100%
xdotool key ctrl+alt+equal
sleep 1
same 200%

# SIGTERM ends it in order.
kill -TERM $pid
wait $pid
rc=$?
pid=''
[ $rc -eq 0 ] || fail "SIGTERM gave status $rc"
