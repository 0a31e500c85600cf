# SPDX-License-Identifier: MIT
# FreeDOS B with XMGR, UIDE's DMA, its cache in extended memory, CD-ROM, APM idling and mouse driver.
#: tags full
#: needs guest freedos-b-1440k.img
#: needs program mcopy mtools
#: needs program mkfs.fat dosfstools
#: needs program xorriso xorriso
#: cap 180
PATH=$PATH:/usr/sbin:/sbin
. "$NESTBOX_SRC/tests/boot/dos.inc"
. "$NESTBOX_SRC/tests/boot/continue.inc"
freedos_b a.img && dos_disk c.img && dos_disk d.img || exit 1
# no menu; then copies without end
mtype -i a.img ::CONFIG.SYS | grep -v '^MENU\|^[0-9]*?' >config.sys
printf '@ECHO OFF\r\nSHSUCDX /~ /D:OPDISK\r\nLH FDAPM APMDOS\r\nCTMOUSE.EXE\r\n:L\r\nCOPY /B C:\\BIG.BIN D:\\COPY.BIN\r\n'"\
"'DIR E:\r\nDEL D:\\COPY.BIN\r\nGOTO L\r\n' >autoexec.bat
mcopy -o -i a.img config.sys autoexec.bat :: || exit 1
awk 'BEGIN { for (n = 0; n < 125000; n++) printf "%07d\n", n * 7919 % 9999991 }' >big.bin
mcopy -i c.img@@32256 big.bin ::BIG.BIN || exit 1
mkdir -p cd && echo hello >cd/readme.txt
xorriso -as mkisofs -quiet -V NESTCD -o cd.iso cd 2>xorriso.log || exit 1
continue_guest freedos-b 300000000 '1234567 30303030 77777777 101010101 149162536 180180180 222222222 244444444 288888888' \
    ide 170000000 100000 \
    -clock counted,ns=20 -m 32 -boot a -drive file=a.img,if=floppy,snapshot=on -drive file=c.img,snapshot=on \
    -drive file=d.img,snapshot=on,index=1 -cdrom cd.iso
