# The built-in disk, each block run by the interpreter and as code of tier 2.
needs feature JIT
cap 120
budget 30000000000
run -engine check,views=0 -clock counted,ns=10 -m 64
expect screen ", 0 failed"
key f2
expect screen "PASS real-mode #DE"
reject screen "FAIL"
expect screen ", 0 failed"
