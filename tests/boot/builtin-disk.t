# With nothing to boot, the built-in disk starts: its self-test passes and it answers keys.
budget 30000000000
run -clock counted,ns=10 -m 64
expect screen "Self-test"
expect screen ", 0 failed"
expect screen "64 MB usable by E820"
expect screen "01.1 8086:7111 IDE"
expect screen "01.3 8086:7113"
expect screen " at port 0608"
key a
expect screen "scan 1E"
key f2
expect screen "PASS real-mode #DE"
reject screen "FAIL"
expect screen ", 0 failed"
key esc
expect screen "F1 help"
