# FreeDOS from a floppy disk: the prompt, and commands typed through the keyboard.
needs guest freedos-1440k.img
budget 20000000000
run -clock counted,ns=20 -m 16 -drive file=$GUESTS/freedos-1440k.img,if=floppy,snapshot=on
expect screen "A:\\>"
type "ver\n"
expect screen "FreeCom version"
type "dir\n"
expect screen "KERNEL   SYS"
expect screen "bytes free"
type "echo (Mixed) CASE; 100% {ok} ~\n"
# a lone % is the start of a variable to FreeCom
expect screen "\n(Mixed) CASE; 100 {ok} ~"
