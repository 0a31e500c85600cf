# FreeDOS, each block run by the translator and by the interpreter.
needs feature JIT
needs guest freedos-1440k.img
cap 120
budget 20000000000
run -engine check -clock counted,ns=20 -m 16 -drive file=$GUESTS/freedos-1440k.img,if=floppy,snapshot=on
expect screen "A:\\>"
type "dir\n"
expect screen "KERNEL   SYS"
expect screen "bytes free"
