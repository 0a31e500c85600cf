#!/bin/sh
# SPDX-License-Identifier: MIT
# Disk images, kernels, firmware and saved states that are not what they should be: one clear line
# and the documented status; what the host does to an image meanwhile does the process no harm.
#: cap 120
#: needs guest freedos-1440k.img
set -u
failed=0
bad() { echo "$*" >&2; failed=1; }
nb() { "$NESTBOX" -display none -clock counted,ns=20 -m 16 -stop-at 100000 "$@" </dev/null; }

# refuses STATUS TEXT ARGUMENT...: one line on stderr, with TEXT in it.
refuses() {
    want=$1 text=$2
    shift 2
    nb "$@" >out 2>err
    rc=$?
    [ $rc -eq "$want" ] || bad "$*: status $rc, not $want: $(cat err)"
    [ "$(wc -l <err)" -eq 1 ] || bad "$*: not one line: $(cat err)"
    grep -qF -- "$text" err || bad "$*: no \"$text\" in: $(cat err)"
}
# takes TEXT ARGUMENT...: status 0, TEXT among the warnings ("" none).
takes() {
    text=$1
    shift
    nb "$@" >out 2>err || bad "$*: status $?: $(cat err)"
    if [ -n "$text" ]; then
        grep -qF -- "$text" err || bad "$*: no \"$text\" in: $(cat err)"
    else
        [ ! -s err ] || bad "$*: unexpected: $(cat err)"
    fi
}

: >empty
mkdir folder
head -c 1000 /dev/zero >odd
head -c 1048576 /dev/zero >disk
head -c 8704 /dev/zero >small
printf 'this is no kernel' >text
head -c 300000 /dev/zero >large
head -c 100000 /dev/zero | tr '\0' '\377' >ones

refuses 2 "nosuch: there is no such file" -hda nosuch
refuses 2 "nosuch: there is no such file" -cdrom nosuch
refuses 2 "folder: this is a directory" -hda folder
refuses 2 "empty: it is empty" -hda empty
refuses 2 "empty: it is empty" -fda empty
refuses 2 "neither a file nor a block device" -hda /dev/null
takes "is no multiple of 512" -hda odd
takes "is no multiple of 512" -fda odd
takes "" -fda small
refuses 1 "given twice" -hda disk -hda disk
refuses 2 "given twice" -hda disk -hdb disk
refuses 1 "if=scsi: use ide, floppy or none" -drive file=disk,if=scsi
refuses 1 "unknown property fromat" -drive file=disk,fromat=raw
refuses 1 "snapshot=maybe: use on or off" -drive file=disk,snapshot=maybe
refuses 1 "index=9" -drive file=disk,index=9
refuses 1 "needs a file" -drive if=ide
if [ "$(id -u)" != 0 ]; then
    cp disk secret
    chmod 000 secret
    refuses 2 "secret" -hda secret
    cp disk fixed
    chmod 444 fixed
    refuses 2 "fixed" -hda fixed
    takes "" -drive file=fixed,readonly=on
    takes "" -drive file=fixed,snapshot=on
fi

refuses 2 "-kernel nosuch" -kernel nosuch
refuses 2 "is a directory" -kernel folder
for file in empty text odd ones; do
    refuses 1 "-kernel $file: neither a Linux bzImage nor a multiboot kernel" -kernel $file
done
refuses 1 "need -kernel" -initrd text
refuses 1 "need -kernel" -append quiet
refuses 2 "nosuch" -bios nosuch
for file in empty odd large; do
    refuses 1 "a BIOS is a multiple of 1 KB and at most 256 KB" -bios $file
done
refuses 2 "nosuch" -loadvm nosuch
refuses 5 "empty" -loadvm empty
refuses 5 "ones" -loadvm ones

# A saved state: other memory, other processor, other disk policy, cut off, one bit changed.
nb -fda small -savevm state || bad "savevm: status $?"
takes "" -fda small -loadvm state
refuses 5 "-m 16M" -fda small -loadvm state -m 32
refuses 5 "-cpu" -fda small -loadvm state -cpu pentium
refuses 5 "snapshot" -drive file=small,if=floppy,snapshot=on -loadvm state
size=$(wc -c <state)
for part in 10 1000 $((size / 2)) $((size - 1)); do
    head -c "$part" state >cut
    refuses 5 "cut" -fda small -loadvm cut
done
at=17
while [ $at -lt 6000 ]; do # whatever it does to the machine, it ends in order
    { head -c $at state; printf '\377'; tail -c +$((at + 2)) state; } >bits
    nb -fda small -loadvm bits >out 2>err
    rc=$?
    [ $rc -eq 0 ] || [ $rc -eq 5 ] || bad "byte $at changed: status $rc: $(cat err)"
    at=$((at + 397))
done

# An image that grows, or is cut off, under a running machine.
for how in +100000 -1400000; do
    cat "$NESTBOX_GUESTS/freedos-1440k.img" >moving
    rm -f cmd
    mkfifo cmd
    "$NESTBOX" -display none -m 16 -S -drive file=moving,if=floppy -monitor stdio <cmd >out 2>err &
    pid=$!
    exec 9>cmd
    truncate -s $how moving
    { echo cont; sleep 3; echo screentext; echo quit; } >&9
    exec 9>&-
    wait $pid || bad "image changed by $how: status $?: $(cat err)"
    grep -q SeaBIOS out || grep -q DOS out || bad "image changed by $how: nothing ran: $(cat out)"
done
exit $failed
