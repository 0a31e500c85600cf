# The Debian installer's kernel and initrd to the language menu, without a warning about our
# hardware. nomodeset: its driver for our graphics card would leave text mode.
tags linux
cap 400
needs file /usr/lib/debian-installer/images/12/i386/text/debian-installer/i386/linux debian-installer-12-netboot-i386
budget 300000000000
run -clock counted,ns=10 -m 512 -kernel /usr/lib/debian-installer/images/12/i386/text/debian-installer/i386/linux -initrd /usr/lib/debian-installer/images/12/i386/text/debian-installer/i386/initrd.gz -append 'vga=normal nomodeset console=ttyS0 console=tty0' -no-reboot
reject serial "WARNING:"
reject serial "BUG:"
reject serial "Oops"
reject serial "nobody cared"
reject serial "failed command"
reject serial "Kernel panic"
reject serial "ACPI Error"
reject serial "ACPI Warning"
reject serial "ACPI BIOS"
expect serial "i8042 KBD port at 0x60,0x64 irq 1" 200
expect screen "Choose the language" 300
