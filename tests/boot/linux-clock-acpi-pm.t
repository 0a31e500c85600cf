# Linux 6.1 with the clock source acpi_pm, 24 bits that are extended by looking often enough.
tags linux
cap 120
needs guest linux-test
needs busybox
initramfs rd linux.init
disk hd.img 16M
budget 60000000000
run -clock counted,ns=10 -m 128 -kernel $GUESTS/linux-test -initrd $WORK/rd -hda $WORK/hd.img -no-reboot -append 'console=ttyS0,115200 end=reboot test=forks,clocks clock=acpi_pm'
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
reject serial "ACPI Error"
reject serial "marked unstable"
expect serial "CLOCK IS acpi_pm"
expect serial "FORKS 300"
expect serial "CLOCKS AGREE"
expect serial "reboot: Restarting system"
exit 0
