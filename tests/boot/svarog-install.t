# A blank hard disk becomes the system disk of FreeDOS: partitioned by PART, formatted, booted from,
# a file written and read back.
cap 180
needs guest svarog86-720k.img
disk c.img 48M
budget 200000000000
run -clock counted,ns=20 -m 16 -drive file=$GUESTS/svarog86-720k.img,if=floppy,snapshot=on -hda $WORK/c.img -boot a
expect screen "A:\\>"
type "part\n"
expect screen "Save Changes"
type "u"
expect screen "Standard IPL code was installed"
key spc
expect screen "1   Yes"
key insert
expect screen "DOS FAT-16 (up to 2G)"
key down down down down down down ret
expect screen "1   Yes  DOS FAT-16"
key f2
expect screen "MBR was saved"
key esc
expect screen "A:\\>"
run -clock counted,ns=20 -m 16 -drive file=$GUESTS/svarog86-720k.img,if=floppy,snapshot=on -hda $WORK/c.img -boot a
expect screen "C: HD1, Pri"
expect screen "A:\\>"
type "format c: /s\n"
expect screen "YES/NO"
type "YES\n"
expect screen "volume label"
type "NEST\n"
expect screen "System transferred." 200
expect screen "A:\\>"
run -clock counted,ns=20 -m 16 -hda $WORK/c.img
reject screen "No bootable device"
expect screen "Enter new date"
key ret
expect screen "Enter new time"
key ret
expect screen "C:\\>"
type "echo from the hard disk>new.txt\n"
sleep 1
type "dir\n"
expect screen "NEW      TXT"
run -clock counted,ns=20 -m 16 -hda $WORK/c.img
expect screen "Enter new date"
key ret
expect screen "Enter new time"
key ret
expect screen "C:\\>"
type "type new.txt\n"
expect screen "\nfrom the hard disk"
