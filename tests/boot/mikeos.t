# MikeOS from a CD-ROM with El Torito floppy emulation, in real mode.
needs guest mikeos.iso
budget 20000000000
run -clock counted,ns=20 -m 32 -cdrom $GUESTS/mikeos.iso
expect screen "Please select an interface"
key ret
expect screen "Please select a file using the cursor"
