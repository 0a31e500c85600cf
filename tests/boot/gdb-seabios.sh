#!/bin/sh
# SPDX-License-Identifier: MIT
# Debian's gdb steps through SeaBIOS to the boot sector: registers, memory, breakpoints,
# watchpoints, the monitor, detach.
#: needs program gdb gdb
#: cap 120
set -u
sock=$NESTBOX_WORK/gdb.sock
"$NESTBOX" -m 16 -display none -gdb unix:"$sock" -S 2>nestbox.err &
pid=$!
trap 'kill $pid 2>/dev/null' EXIT
n=0
while [ ! -S "$sock" ]; do
    n=$((n + 1))
    [ $n -lt 100 ] || { echo "no socket"; cat nestbox.err; exit 1; }
    sleep 0.1
done
cat >commands <<END
set confirm off
set pagination off
set architecture i386
target remote $sock
printf "reset %x:%x base %x cr0 %x\n", \$cs, \$eip, \$cs_base, \$cr0
stepi
printf "step1 %x:%x base %x\n", \$cs, \$eip, \$cs_base
monitor info status
hbreak *0x7c00
continue
printf "boot %x:%x mode %x\n", \$cs, \$eip, \$cr0
x/1xh 0x7dfe
set \$ecx = 0x12345678
printf "ecx %x cx %x\n", \$ecx, \$ecx & 0xffff
set var *(int *)0x7000 = 0x55667788
x/1xw 0x7000
delete
watch *(int *)0x46c
continue
printf "ticked\n"
delete
stepi 5
printf "fctrl %x st0 %d\n", \$fctrl, (int)\$st0
monitor no-such-command
detach
END
timeout 60 gdb -batch -nx -x commands >gdb.out 2>&1
rc=$?
cat gdb.out
[ $rc -eq 0 ] || exit 1
for want in 'reset f000:fff0 base ffff0000 cr0 60000010' 'step1 f000:e05b base f0000' '^paused' \
    'boot 0:7c00 mode 10' '0x7dfe:.*0xaa55' 'ecx 12345678 cx 5678' '0x7000:.*0x55667788' \
    'Hardware watchpoint' '^Old value' '^ticked' '^fctrl' 'unknown command: no-such' detached; do
    grep -q "$want" gdb.out || { echo "missing: $want"; exit 1; }
done
# Detached, the guest goes on; the end removes the socket.
kill -0 $pid || { echo "nestbox has ended"; exit 1; }
kill -TERM $pid
wait $pid
rc=$?
trap - EXIT
[ $rc -eq 0 ] || { echo "SIGTERM gave status $rc"; exit 1; }
[ ! -e "$sock" ] || { echo "the socket is still there"; exit 1; }
