# The built-in disk, each block run by the translator and by the interpreter.
needs feature JIT
cap 120
budget 30000000000
run -engine check -clock counted,ns=10 -m 64
expect screen ", 0 failed"
key f2
expect screen "PASS real-mode #DE"
reject screen "FAIL"
expect screen ", 0 failed"
