# Processes that compute on the x87 at the same time under Linux 6.1: each has registers of its
# own, and the sums are those of the host.
tags linux
cap 120
needs guest linux-test
needs busybox
initramfs rd linux.init
budget 60000000000
run -clock counted,ns=10 -m 128 -kernel $GUESTS/linux-test -initrd $WORK/rd -no-reboot -append 'console=ttyS0,115200 end=reboot test=floats quiet'
reject serial "BUG"
reject serial "Oops"
reject serial "BAD "
expect serial "FLOATS 1.25 0.032811710203"
expect serial "FLOATS 2.5 0.101614013692"
expect serial "FLOATS 77 210.973781751408"
expect serial "reboot: Restarting system"
exit 0
