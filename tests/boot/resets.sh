#!/bin/sh
# SPDX-License-Identifier: MIT
# Every way to reset the machine through SeaBIOS, from real and from protected mode and with chips in
# disorder: the system boots again with zeroed memory, or comes back where CMOS 0Fh and 40:67h say, with its
# memory. What the chips themselves keep and lose is tests/unit/test_reset.c's.
#: needs program gcc gcc
#: needs program ld binutils
#: cap 120
set -u
gcc -m32 -c -o resets.o "$NESTBOX_SRC/tests/boot/resets.S" 2>gcc.log &&
    ld -m elf_i386 -Ttext 0x7c00 --oformat binary -o boot.img resets.o 2>>gcc.log ||
    { cat gcc.log; echo "no assembler for IA-32 here"; exit 77; }
truncate -s 1440k boot.img

# boots KEYS...: typed with a pause, and then it has booted again. returns: it has come back.
after() { # "TEXT" KEYS...
    ar_text=$1
    shift
    for key in "$@"; do
        case $key in
        -*) echo "monitor \"${key#-}\"" ;;
        *) printf 'key %s\nsleep 0.2\n' "$key" ;;
        esac
    done
    printf 'expect serial "%s" 20\nexpect serial "> "\nexpect screen "\\n>"\n' "$ar_text"
}
boots() { after "BOOT memory zero PE 0 code 00 ticks 1 from A" "$@"; }
returns() { after "BACK memory kept PE 0 code 00 ticks 1 from A" "$@"; }
warm() { after "BOOT memory kept PE 0 code 00 ticks 1 from A" "$@"; }
{
    echo 'budget 200000000000'
    boots
    for how in s h k p t; do
        boots $how
        boots m $how # from protected mode
        boots x $how # with chips in disorder
    done
    boots -system_reset
    boots x -system_reset
    boots ctrl-alt-delete
    # What goes past the processor's pin is a way into the BIOS with everything as it stands, which then
    # resets the machine itself; int 19h is only the boot sector once more.
    boots j
    warm i
    for how in k p t; do
        for code in 5 a b c; do
            returns $code $how
            returns $code m $how
        done
        # 9 is for the BIOS's own int 15h block move, which SeaBIOS does without a reset.
        boots 9 $how
    done
    # CF9h does not look at the code.
    for how in s h; do
        boots 5 $how
        boots a m $how
    done
} >script
"$NESTBOX" -display none -clock counted,ns=20 -m 16 -serial stdio -script script \
    -drive file=boot.img,if=floppy,snapshot=on </dev/null >out 2>&1 && exit 0
cat out
exit 1
