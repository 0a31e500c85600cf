# Linux 6.1 up to its shell and off again, each block run by the translator and by the interpreter.
tags linux
needs feature JIT
needs guest linux-test
needs busybox
cap 240
initramfs rd linux.init
budget 60000000000
run -engine check -clock counted,ns=10 -m 128 -kernel $GUESTS/linux-test -initrd $WORK/rd -no-reboot -append 'console=ttyS0,115200 acpi=strict end=off test=hardware'
reject serial "BUG"
reject serial "Oops"
expect serial "reboot: Power down"
exit 0
