#!/bin/sh
# SPDX-License-Identifier: MIT
# A touched file of the guest code makes the disk and the option ROM old: what make would build.
#: cap 60
set -u
cd "$NESTBOX_BUILD/.." || exit 1
src=$(sed -n 's/^S := //p' Makefile)
failed=0

# old FILE PRODUCT: PRODUCT is up to date, and would not be if FILE were new.
old() {
    if ! make -q "$2" >/dev/null 2>&1; then
        echo "$2 is not up to date; is the build?"
        failed=1
    elif make -q -W "$src/$1" "$2" >/dev/null 2>&1; then
        echo "$2 does not depend on $1"
        failed=1
    fi
}

for file in "$src"/bios/disk/*.inc "$src"/bios/disk/*.S "$src"/bios/disk/disk.ld; do
    case $file in
    */image.S) continue ;;
    esac
    old "bios/disk/${file##*/}" build/bios/disk/builtin-disk.bin
done
old bios/disk/image.S build/bios/disk/image.o
old bios/optrom/kernel.S build/bios/optrom/kernel-rom.bin
old bios/optrom/image.S build/bios/optrom/image.o
exit $failed
