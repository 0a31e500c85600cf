#!/bin/sh
# SPDX-License-Identifier: MIT
# The SDL window under a window manager, and without any: full screen by key and at the start, what it shows there, keys
# and pointer in it, the size afterwards, maximized windows, the close button. A boot sector of its own
# tells on the serial port what keyboard and mouse send.
#: needs feature SDL2
#: needs program Xvfb xvfb
#: needs program xdotool xdotool
#: needs program openbox openbox
#: needs program wmctrl wmctrl
#: needs program import imagemagick
#: needs program convert imagemagick
#: cap 120
set -u
fail() {
    echo "$*"
    cat events nestbox.err
    exit 1
}

# Each byte of the controller: K or M, two hex digits, a blank.
cat >mouse.S <<'END'
.code16
.globl _start
_start: cli
    mov $0x3fb, %dx             # words of eight bits
    mov $3, %al
    out %al, %dx
    mov $0xa8, %al              # the second port is on
    out %al, $0x64
    call wait
    mov $0xd4, %al              # to the mouse: report
    out %al, $0x64
    call wait
    mov $0xf4, %al
    out %al, $0x60
next: in $0x64, %al
    test $1, %al
    jz next
    mov $'K', %bl
    test $0x20, %al
    jz 1f
    mov $'M', %bl
1:  in $0x60, %al
    mov %al, %bh
    mov %bl, %al
    call put
    mov %bh, %al
    shr $4, %al
    call digit
    mov %bh, %al
    and $15, %al
    call digit
    mov $' ', %al
    call put
    jmp next
digit: add $'0', %al
    cmp $'9', %al
    jbe put
    add $7, %al
put: mov $0x3f8, %dx
    out %al, %dx
1:  mov $0x3fd, %dx
    in %dx, %al
    test $0x20, %al
    jz 1b
    ret
wait: in $0x64, %al
    test $2, %al
    jnz wait
    ret
    .org 510
    .word 0xaa55
END
as --32 -o mouse.o mouse.S && ld -m elf_i386 -Ttext 0x7c00 --oformat binary -o mouse.img mouse.o || exit 1

# Xvfb chooses a free number itself.
Xvfb -displayfd 3 -screen 0 1920x1080x24 -nolisten tcp 3>number >xvfb.log 2>&1 &
xvfb=$! wm='' pid=''
trap 'kill $xvfb $wm $pid 2>/dev/null' EXIT
n=0
while [ ! -s number ]; do
    n=$((n + 1))
    [ $n -lt 100 ] || { echo "Xvfb does not start"; exit 77; }
    sleep 0.1
done
DISPLAY=:$(cat number)
SDL_VIDEODRIVER=x11
HOME=$NESTBOX_WORK
export DISPLAY SDL_VIDEODRIVER HOME
unset WAYLAND_DISPLAY
# The libraries under SDL keep some memory to the end.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS
# until_true COMMAND...: it is true within some seconds.
until_true() {
    u=0
    while ! "$@"; do
        u=$((u + 1))
        [ $u -lt 100 ] || return 1
        sleep 0.1
    done
}
manages() { wmctrl -m >/dev/null 2>&1; }
mkfifo monitor.in

find_window() { win=$(xdotool search --onlyvisible --name testbox 2>/dev/null | head -n 1) && [ -n "$win" ]; }
size() { xdotool getwindowgeometry --shell "$win" | sed -n 's/^\(WIDTH\|HEIGHT\)=//p' | tr '\n' ' '; }
size_is() { [ "$(size)" = "$1 $2 " ]; }
want_size() { until_true size_is "$1" "$2" || fail "$3: size $(size), not $1 $2"; }
title_has() { case $(xdotool getwindowname "$win") in *"$1"*) ;; *) return 1 ;; esac; }
heard() { grep -qa -e "$1" events; }

shows() {
    echo "screendump $NESTBOX_WORK/guest.ppm" >&4
    sleep 0.4
    import -depth 8 -window root root.ppm
    convert -size 1920x1080 xc:black \( guest.ppm -sample 200% \) -geometry +240+140 -composite \
        -depth 8 want.ppm
    cmp -s want.ppm root.ppm
}
start() {
    : >events
    # shellcheck disable=SC2086
    "$NESTBOX" -m 16 -name testbox -display sdl -fda mouse.img -snapshot -serial file:events \
        -monitor stdio ${2-} <monitor.in >monitor.out 2>nestbox.err &
    pid=$!
    exec 4>monitor.in
    until_true find_window || fail "no window"
    until_true heard "MFA " || fail "the guest does not start"
    until_true xdotool "$1" --sync "$win"
}
finish() {
    exec 4>&-
    wait $pid
    rc=$?
    pid=''
    [ $rc -eq 0 ] || fail "$1 gave status $rc"
}

# Nobody manages windows: a server with nothing but nestbox on it.
start windowfocus -full-screen
want_size 1920 1080 "-full-screen without a window manager"
xdotool key ctrl+alt+f
want_size 720 400 "leaving it"
xdotool key ctrl+alt+f
want_size 1920 1080 "full screen without a window manager"
until_true shows || fail "without a window manager the picture is not doubled and centred"
kill -TERM $pid
finish "SIGTERM"

openbox >wm.log 2>&1 &
wm=$!
until_true manages || fail "the window manager does not start"
start windowactivate
# 720x400 in the middle of 1920x1080: doubled, black around it.
want_size 720 400 "the window"
xdotool key ctrl+alt+f
want_size 1920 1080 "full screen"
until_true shows || fail "full screen: the picture is not doubled and centred with black around it"

# Keys and pointer; a click grabs, and moves are the guest's as they are.
: >events
xdotool key q
until_true heard "K10 K90 " || fail "full screen: no key"
xdotool mousemove 700 500 click 1
until_true title_has Ctrl-Alt-G || fail "full screen: a click does not grab"
xdotool mousemove_relative -- 30 20
until_true heard "M28 M1E MEC " || fail "full screen: the pointer does not move"
xdotool click 3
until_true heard "M0A M00 M00 M08 M00 M00 " || fail "full screen: no button"
xdotool key ctrl+alt+g
: >events
xdotool mousemove_relative -- 10 10
sleep 0.3
title_has Ctrl-Alt-G && fail "full screen: the mouse is not released"
heard M && fail "full screen: the mouse is released and still moves"

# Back: the former size, whatever it was, and maximized if it was that.
xdotool key ctrl+alt+f
want_size 720 400 "back"
xdotool windowsize "$win" 1000 500
want_size 1000 500 "resized"
xdotool key ctrl+alt+f
want_size 1920 1080 "full screen again"
xdotool key ctrl+alt+equal # means nothing there
xdotool key ctrl+alt+f
want_size 1000 500 "back again"
wmctrl -i -r "$win" -b add,maximized_vert,maximized_horz
not_small() { ! size_is 1000 500; }
until_true not_small || fail "it cannot be maximized"
maximized=$(size)
xdotool key ctrl+alt+f
want_size 1920 1080 "full screen from maximized"
xdotool key ctrl+alt+f
# shellcheck disable=SC2086
want_size $maximized "back to maximized"
wmctrl -i -c "$win"
finish "the close button"

# From the start: when it is left, the window has the size of the picture, not of the blank screen before.
start windowactivate -full-screen
want_size 1920 1080 "-full-screen"
xdotool key ctrl+alt+f
want_size 720 400 "leaving -full-screen"
kill -TERM $pid
finish SIGTERM
