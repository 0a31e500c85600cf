#!/bin/sh
# SPDX-License-Identifier: MIT
# What a guest prints through the firmware arrives; ports by -serial, -parallel and -chardev.
#: cap 120
set -u
failed=0
fail() { echo "$*"; failed=1; }

# A boot sector: a line by INT 17h to LPT1, by INT 14h to COM2; BIOS data to COM2 as well.
cat >boot.s <<'END'
        .code16
        .globl _start
_start: xor %ax, %ax
        mov %ax, %ds
        mov %ax, %ss
        mov $0x7000, %sp
        xor %dx, %dx
        mov $1, %ah             /* initialise the printer */
        int $0x17
        mov $text, %si
1:      lodsb
        test %al, %al
        jz 2f
        mov $0, %ah
        int $0x17
        test $0x29, %ah         /* no time-out, no error, paper */
        jnz bad
        jmp 1b
2:      mov $1, %dx
        mov $0xe3, %ax          /* 9600 8N1 */
        int $0x14
        mov $0x400, %si         /* four serial ports, three parallel ones, as hexadecimal */
        mov $14, %cx
3:      lodsb
        aam $16
        push %ax
        mov %ah, %al
        call digit
        pop %ax
        call digit
        loop 3b
5:      mov $3, %ah             /* until the last one is out */
        int $0x14
        test $0x40, %ah
        jz 5b
        mov $0x10, %al
        out %al, $0xf4
bad:    mov $0x20, %al
        out %al, $0xf4
digit:  add $0x30, %al
        cmp $0x3a, %al
        jb 4f
        add $0x27, %al
4:      mov $1, %ah
        mov $1, %dx
        int $0x14
        ret
text:   .asciz "Hello, printer\r\n"
        .org 510
        .byte 0x55, 0xaa
END
as --32 -o boot.o boot.s && ld -m elf_i386 -Ttext 0x7c00 --oformat binary -o boot.bin boot.o ||
    { echo "no boot sector: as or ld failed"; exit 1; }
dd if=/dev/zero of=boot.img bs=1024 count=1440 2>/dev/null
dd if=boot.bin of=boot.img conv=notrunc 2>/dev/null
printf 'Hello, printer\r\n' >want

# guest STATUS ARGUMENT...
guest() {
    want_rc=$1
    shift
    "$NESTBOX" -m 16 -display none -clock counted -fda boot.img -device isa-debug-exit -timeout 60 \
        "$@" >out 2>err </dev/null
    rc=$?
    [ $rc -eq "$want_rc" ] || fail "$*: status $rc, not $want_rc: $(cat err)"
}

guest 33 -parallel file:paper -serial null -serial file:com2
cmp -s want paper || fail "the printer got '$(cat paper)'"
[ "$(cat com2)" = f803f802000000007803""00000000 ] || fail "the BIOS found '$(cat com2)'"

# The same by -chardev; all ports at once.
guest 33 -chardev file,id=p,path=paper2 -device isa-parallel,chardev=p -parallel null \
    -chardev file,id=s,path=com2b -serial null -serial chardev:s -serial null -serial null
cmp -s want paper2 || fail "-chardev: the printer got '$(cat paper2)'"
[ "$(cat com2b)" = f803f802e803e80278037802""0000 ] || fail "the BIOS found '$(cat com2b)'"

# No port.
guest 33 -parallel none -serial null -serial file:com2
[ "$(cat com2)" = f803f802000000000000""00000000 ] || fail "the BIOS found '$(cat com2)'"

# A FIFO: what is read there is what was printed, and nobody reading stops nobody.
mkfifo fifo.in fifo.out
timeout 60 cat fifo.out >paper3 &
reader=$!
guest 33 -parallel pipe:fifo -serial null -serial null
wait $reader
cmp -s want paper3 || fail "pipe: the printer got '$(cat paper3)'"

# A server that no client has found yet is no printer (SeaBIOS waits and says so), and the socket
# goes with the machine.
guest 65 -parallel unix:sock,server,nowait -serial null -serial null
[ -e sock ] && fail "the socket is left behind"

# A pseudo terminal says whose it is.
guest 33 -parallel pty -serial null -serial pty
grep -q '^nestbox: LPT1: the pseudo terminal is /dev/pts/' err || fail "pty: $(cat err)"
grep -q '^nestbox: COM2: the pseudo terminal is /dev/pts/' err || fail "pty: $(cat err)"

"$NESTBOX" -display none -parallel stdio -monitor stdio >out 2>err </dev/null
[ $? -eq 1 ] && grep -q 'want the terminal' err || fail "stdio twice: $(cat err)"
"$NESTBOX" -display none -parallel vc >out 2>err </dev/null
[ $? -eq 1 ] && grep -q '^nestbox: -parallel vc: vc: the window has no text' err ||
    fail "vc: $(cat err)"
exit $failed
