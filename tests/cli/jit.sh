# SPDX-License-Identifier: MIT
# The translator against the interpreter: instructions, sequences, whole random guests with code that
# writes over itself; what it says where there is none.
#: cap 240
fail() {
    echo "$*"
    exit 1
}

if ! grep -q '^#define HAVE_JIT 1' "$NESTBOX_BUILD/config.h"; then
    "$NESTBOX" lab diff -engines interp,jit -count 1 >out 2>&1 && fail "lab: jit without a translator"
    grep -q "no translator" out || fail "lab: $(cat out)"
    "$NESTBOX" -engine jit -display none -stop-at 1000 2>out || fail "status $?: $(cat out)"
    grep -q "the interpreter does all" out || fail "no word of it: $(cat out)"
    exit 0
fi
"$NESTBOX" lab diff -engines interp,jit -count 40000 -seed 7 -show 2 >out 2>&1 || fail "$(tail -n 30 out)"
"$NESTBOX" lab diff -engines interp,jit -sequences 8000 -seed 7 -show 1 >out 2>&1 || fail "$(tail -n 40 out)"
"$NESTBOX" lab run -engine jit "$NESTBOX_SRC/tests/cpu/jit.vec" >out 2>&1 || fail "$(tail -n 5 out)"
if [ -x "$NESTBOX_BUILD/fuzz/fuzz_guest" ]; then
    FUZZ_ENGINE=jit "$NESTBOX_BUILD/fuzz/fuzz_guest" "$NESTBOX_SRC"/tests/fuzz/seeds/fuzz_guest/* >out 2>&1 ||
        fail "random guests: $(tail -n 5 out)"
    FUZZ_ENGINE=check "$NESTBOX_BUILD/fuzz/fuzz_guest" "$NESTBOX_SRC"/tests/fuzz/seeds/fuzz_guest/* >out 2>&1 ||
        fail "random guests, checked: $(tail -n 100 out)"
fi
# Tier 2, from the start. Sanitizers and hosts that are short of address space have none.
if "$NESTBOX" lab diff -engines interp,views -count 1 >out 2>&1; then
    "$NESTBOX" lab diff -engines interp,views -count 40000 -seed 8 -show 2 >out 2>&1 ||
        fail "views: $(tail -n 30 out)"
    "$NESTBOX" lab diff -engines interp,views -sequences 8000 -seed 8 -show 1 >out 2>&1 ||
        fail "views: $(tail -n 40 out)"
    "$NESTBOX" lab run -engine views "$NESTBOX_SRC/tests/cpu/jit.vec" >out 2>&1 ||
        fail "views: $(tail -n 5 out)"
    if [ -x "$NESTBOX_BUILD/fuzz/fuzz_guest" ]; then
        FUZZ_ENGINE=views "$NESTBOX_BUILD/fuzz/fuzz_guest" "$NESTBOX_SRC"/tests/fuzz/seeds/fuzz_guest/* \
            >out 2>&1 || fail "random guests, views: $(tail -n 5 out)"
    fi
    printf 'stop-at 40000000\nmonitor "info jit"\n' >probe
    "$NESTBOX" -engine jit,views=0 -display none -clock counted,ns=10 -script probe >out 2>&1 ||
        fail "probe: $(cat out)"
    grep -q '^tier 2: [1-9][0-9]* translations' out || fail "no tier 2: $(cat out)"
    grep -q '^views: [1-9][0-9]* on' out || fail "no views: $(cat out)"
    "$NESTBOX" -engine jit,views=off -display none -clock counted,ns=10 -script probe >out 2>&1 ||
        fail "probe: $(cat out)"
    grep -q '^views:' out && fail "views that are off: $(cat out)"
elif ! grep -q 'no room for views' out; then
    fail "views: $(cat out)"
fi
# Its work is counted.
printf 'stop-at 40000000\nmonitor "info jit"\n' >probe
"$NESTBOX" -engine jit -display none -clock counted,ns=10 -script probe >out 2>&1 || fail "probe: $(cat out)"
grep -q '^translated: [1-9][0-9]* blocks' out || fail "nothing translated: $(cat out)"
grep -q '^time: [1-9][0-9]* ns an instruction' out || fail "no time: $(cat out)"
grep -q '^tiers: [1-9][0-9]* instructions run by translations' out || fail "no tiers: $(cat out)"
exit 0
