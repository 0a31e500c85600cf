# SPDX-License-Identifier: MIT
# Linux discards a part of its disk: with discard=unmap it becomes a hole in the file, else there is no
# TRIM; cache=writethrough is a drive without a write cache.
#: tags linux
#: needs guest linux-test
#: needs busybox
#: cap 120
set -u
say() { echo "$*" >&2; exit 1; }
"$NESTBOX_SRC/tools/mkinitramfs" rd "$NESTBOX_BUSYBOX" "$NESTBOX_SRC/tests/boot/linux.init" || exit 1

run() { # OPTIONS of the drive
    yes abcdefg | head -c 16777216 >hd.img
    sync hd.img
    "$NESTBOX" -clock counted,ns=10 -display none -serial stdio -no-reboot -m 64 \
        -kernel "$NESTBOX_GUESTS/linux-test" -initrd rd -drive "file=hd.img,$1" \
        -append 'console=ttyS0,115200 quiet end=reboot test=trim' </dev/null >out 2>&1 ||
        say "$1: status $?: $(cat out)"
    want=$(md5sum <hd.img | cut -d' ' -f1)
    grep -q "SDA $want" out || say "$1: the guest reads something else: $(cat out)"
}

run discard=unmap
grep -q 'DISCARD 512 CACHE write back' out && grep -q TRIMMED out || say "no TRIM: $(cat out)"
cmp -s -i 4194304 -n 8388608 hd.img /dev/zero || say "what was discarded is not empty"
[ "$(head -c 4194304 hd.img | tail -c 8)" = abcdefg ] || say "the sector in front is gone"
[ "$(tail -c 4194304 hd.img | head -c 8)" = abcdefg ] || say "the sector behind is gone"
[ "$(du -k hd.img | cut -f1)" -le 8300 ] || say "the file has no hole: $(du -k hd.img)"

run cache=writethrough
grep -q 'DISCARD 0 CACHE write through' out || say "write-through: $(cat out)"
! grep -q TRIMMED out || say "TRIM without discard=unmap"
