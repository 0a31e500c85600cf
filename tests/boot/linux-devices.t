# Linux 6.1 finds our hardware, without a warning about it; disk, 300 forks, restart.
tags linux
cap 120
needs guest linux-test
needs busybox
initramfs rd linux.init
disk hd.img 16M
budget 60000000000
run -clock counted,ns=10 -m 128 -kernel $GUESTS/linux-test -initrd $WORK/rd -hda $WORK/hd.img -no-reboot -append 'console=ttyS0,115200 end=reboot test=hardware,forks,disk,clocks'
reject serial "WARNING:"
reject serial "BUG"
reject serial "Oops"
reject serial "nobody cared"
reject serial "irq event"
reject serial "failed command"
reject serial "exception Emask"
reject serial "lost interrupt"
reject serial "BAD "
reject serial "DIFFER"
reject serial "ACPI BIOS"
reject serial "ACPI Error"
reject serial "ACPI Warning"
reject serial "A valid RSDP was not found"
reject serial "marked unstable"
expect serial "MHz processor"
expect serial "ttyS0 at I/O 0x3f8 (irq = 4, base_baud = 115200) is a 16550A"
expect serial "parport0: PC-style at 0x378, irq 7"
expect serial "lp0: using parport0 (interrupt-driven)"
expect serial "FDC 0 is a post-1991 82077"
expect serial "ata_piix"
expect serial "uhci_hcd 0000:00:01.2: UHCI Host Controller"
expect serial "hub 1-0:1.0: USB hub found"
expect serial "i8042 KBD port at 0x60,0x64 irq 1"
expect serial "i8042 AUX port at 0x60,0x64 irq 12"
expect serial "registered as rtc0"
expect serial "[sda] 32768 512-byte logical blocks"
expect serial "INIT on 6.1"
expect serial "AT Translated Set 2 keyboard"
expect serial "ImExPS/2 Generic Explorer Mouse"
expect serial "16384 sda"
expect serial "FORKS 300"
expect serial "SDA b5cfa9d6c8febd618f91ac2843d50a1c"
expect serial "BACK a8177876b2886cb74338f9a050089431"
expect serial "CLOCKS AGREE"
expect serial "INIT DONE"
expect serial "reboot: Restarting system"
exit 0
