# A file that FreeDOS wrote to its floppy disk is there for the next boot.
needs guest freedos-1440k.img
copy a.img $GUESTS/freedos-1440k.img
budget 30000000000
run -clock counted,ns=20 -m 16 -drive file=$WORK/a.img,if=floppy
expect screen "A:\\>"
type "echo written by the first boot>kept.txt\n"
sleep 2
type "dir kept.txt\n"
expect screen "1 file(s)"
run -clock counted,ns=20 -m 16 -drive file=$WORK/a.img,if=floppy
expect screen "A:\\>"
type "type kept.txt\n"
expect screen "\nwritten by the first boot"
