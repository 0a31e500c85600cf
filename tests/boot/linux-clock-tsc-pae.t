# Linux 6.1 (PAE) with the clock source tsc.
tags linux full
cap 120
needs guest linux-test-pae
needs busybox
initramfs rd linux.init
disk hd.img 16M
budget 60000000000
run -clock counted,ns=10 -m 128 -kernel $GUESTS/linux-test-pae -initrd $WORK/rd -hda $WORK/hd.img -no-reboot -append 'console=ttyS0,115200 end=reboot test=forks,clocks clock=tsc-early'
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
expect serial "CLOCK IS tsc"
expect serial "FORKS 300"
expect serial "CLOCKS AGREE"
expect serial "reboot: Restarting system"
exit 0
