# memtest86+ finds the processor and all of the memory, and its first tests pass.
cap 120
needs file /boot/memtest86+ia32.bin memtest86+
budget 20000000000
run -clock counted,ns=10 -m 8 -kernel /boot/memtest86+ia32.bin -append console=ttyS0,115200
expect screen "Memtest86+"
reject screen "Errors: 1"
expect screen "Test #3"
expect screen "Test #5"
expect screen "Errors: 0"
