# SPDX-License-Identifier: MIT
# The Debian installer's kernel and initrd from a disk through GRUB.
#: tags linux full
#: needs program grub-mkimage grub-common
#: needs file /usr/lib/grub/i386-pc/boot.img grub-pc-bin
#: needs program mke2fs e2fsprogs
#: needs file /usr/lib/debian-installer/images/12/i386/text/debian-installer/i386/linux debian-installer-12-netboot-i386
#: cap 1500
. "$NESTBOX_SRC/tests/boot/continue.inc"
. "$NESTBOX_SRC/tests/boot/installer.inc"
. "$NESTBOX_SRC/tests/boot/grub-disk.inc"
mkdir -p disk && cp $installer/linux $installer/initrd.gz disk/ || exit 1
grub_disk hd.img 64 disk <<END || exit 1
set timeout=0
menuentry "Debian installer" {
    linux /linux $installer_append
    initrd /initrd.gz
}
END
rm -rf disk
continue_guest installer-grub 2000000000 \
    '54321 13579111 66743015 137050000 299792458 602214076 912345678 1380649000 1644934066' \
    ide 90000000 100000 -clock counted,ns=10 -m 256 -drive file=hd.img,snapshot=on
