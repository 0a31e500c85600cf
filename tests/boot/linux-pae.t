# Linux 6.1 with three-level page tables.
tags linux
cap 180
needs guest linux-test-pae
needs busybox
initramfs rd linux.init
disk hd.img 16M
budget 60000000000
run -clock counted,ns=10 -m 512 -kernel $GUESTS/linux-test-pae -initrd $WORK/rd -hda $WORK/hd.img -no-reboot -append 'console=ttyS0,115200 end=reboot test=hardware,forks,disk,sums'
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
expect serial "MD5 c3bb6194fc73331f4371c611115059e0"
expect serial "SHA256 a7a14d0926bda540030fd4c43a64aa0c8a343f5cd735e34b45150c4b0b7a528e"
expect serial "GUNZIP a8177876b2886cb74338f9a050089431"
expect serial "reboot: Restarting system"
exit 0
