# SeaBIOS's boot menu, reached with Esc: the third of three devices, a CD-ROM, is chosen.
needs guest freedos-1440k.img
needs guest mikeos.iso
disk c.img 8M
budget 20000000000
run -clock counted,ns=20 -m 16 -boot menu=on -drive file=$GUESTS/freedos-1440k.img,if=floppy,snapshot=on -hda $WORK/c.img -cdrom $GUESTS/mikeos.iso
expect screen "Press ESC for boot menu"
key esc
expect screen "Select boot device:"
expect screen "1. "
expect screen "2. "
expect screen "3. "
expect screen "Floppy [drive A]"
expect screen "DVD/CD"
key 3
expect screen "Welcome to MikeOS"
