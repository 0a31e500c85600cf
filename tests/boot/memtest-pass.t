# memtest86+: one full pass over 32 MB without an error.
tags full
cap 1800
needs file /boot/memtest86+ia32.bin memtest86+
budget 1200000000000
run -clock counted,ns=10 -m 32 -kernel /boot/memtest86+ia32.bin
expect screen "Pass:  0        Errors: 0"
reject screen "Errors: 1"
expect screen "Test #5" 200
expect screen "Test #9" 600
expect screen "Pass:  1        Errors: 0" 900
