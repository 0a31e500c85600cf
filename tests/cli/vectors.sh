#!/bin/sh
# SPDX-License-Identifier: MIT
# `nestbox lab run`, `gen` and `report` with files in all formats: round trips, masks of suites, and
# what is said of bad files.
#: cap 120
set -u
seeds=$NESTBOX_SRC/tests/fuzz/seeds/fuzz_vec
fail() {
    echo "$*"
    exit 1
}
lab() { "$NESTBOX" lab "$@" >out 2>err; }

# run STATUS TEXT ARGUMENT...: exit status and a piece of the output.
run() {
    want=$1 text=$2
    shift 2
    lab run "$@"
    rc=$?
    [ $rc -eq "$want" ] || fail "run $*: status $rc: $(tail -n 3 out) $(cat err)"
    cat out err | grep -qF -e "$text" || fail "run $*: no '$text' in: $(tail -n 3 out) $(cat err)"
}

json=no
grep -q '^#define HAVE_JANSSON 1' "$NESTBOX_BUILD/config.h" && json=yes

# A 286's tests in real mode: a word added in memory, REP MOVSB, a divide error.
run 0 "3 passed, 0 failed" "$seeds/real.moo"
gzip -c "$seeds/real.moo" >real.moo.gz
run 0 "3 passed, 0 failed" real.moo.gz
asan=no # its shadow memory takes the host engine's place
grep -q '^#define HAVE_ASAN 1' "$NESTBOX_BUILD/config.h" && asan=yes
[ $asan = yes ] || run 1 "3 left out: real mode" -engine host "$seeds/real.moo"
# The divide error's test: byte 203ah of its final memory is 10h.
sed 's/\x3a\x20\x00\x00\x10/\x3a\x20\x00\x00\x11/' "$seeds/real.moo" >bad.moo
run 1 "bad.moo: test 2: x: mem[203a]=10 (expected 11)" bad.moo
# A flag that differs counts, unless the file or the suite masks it.
sed 's/\x13\x00\x06\x00RAM/\x13\x00\x07\x00RAM/' "$seeds/real.moo" >flag.moo
run 1 "flag.moo: test 0: x: eflags=4 (expected 5)" flag.moo
sed 's/RMSK\x04\x00\x00\x00\x00\x20\xff\xfb/RMSK\x04\x00\x00\x00\x00\x20\xfe\xfb/' flag.moo >masked.moo
run 0 "3 passed" masked.moo
if [ $json = yes ]; then
    mkdir -p suite
    cp flag.moo suite/
    echo '{"opcodes": {"01": {"flags-mask": 65534}}}' >suite/metadata.json
    run 0 "3 passed" suite/flag.moo
    run 0 "3 passed" -meta suite/metadata.json flag.moo
    echo '{"opcodes": 1}' >suite/metadata.json
    run 2 "no object \"opcodes\"" suite/flag.moo
    run 0 "1 passed" "$seeds/real.json"
    sed 's/"flags": 6/"flags": 7/' "$seeds/real.json" >flag.json
    run 1 "flag.json: test 0: add [bx],ax: eflags=4 (expected 5)" flag.json
    # An 8086 has 20 address lines and pushes 1 in the upper flags; its tests have no HLT behind
    # them, so that F4h at the end is the instruction's: the suite's metadata says which chip it is.
    mkdir -p 8086
    regs='"ax": 5, "bx": 32, "cx": 0, "dx": 4608, "cs": 256, "ss": 512, "ds": 65535, "es": 0, "sp": 64, "bp": 0, "si": 0, "di": 0, "ip": 16, "flags": 61442'
    echo "[{\"name\": \"mov ah,dh\", \"bytes\": [136, 244], \"initial\": {\"regs\": {$regs}, \"ram\": [[4112, 136], [4113, 244]]}, \"final\": {\"regs\": {\"ax\": 4613, \"ip\": 18}, \"ram\": []}}," \
         "{\"name\": \"add [bx],al\", \"bytes\": [0, 7], \"initial\": {\"regs\": {$regs}, \"ram\": [[4112, 0], [4113, 7], [16, 1]]}, \"final\": {\"regs\": {\"flags\": 61446, \"ip\": 18}, \"ram\": [[16, 6]]}}," \
         "{\"name\": \"pushf\", \"bytes\": [156], \"initial\": {\"regs\": {$regs}, \"ram\": [[4112, 156]]}, \"final\": {\"regs\": {\"sp\": 62, \"ip\": 17}, \"ram\": [[8254, 2], [8255, 240]]}}]" >8086/t.json
    run 1 "t.json: test 0: mov ah,dh: eip=13 (expected 12)" 8086/t.json
    echo '{"cpu": "8086", "opcodes": {}}' >8086/metadata.json
    run 0 "3 passed, 0 failed" 8086/t.json
    sed 's/8255, 240/8255, 241/' 8086/t.json >8086/u.json
    run 1 "test 2: pushf: mem[203f]=00 (expected f1)" 8086/u.json
    # What an 8086 alone does is counted by its reason.
    sed 's/"pushf", "bytes": \[156\]/"push sp", "bytes": [84]/; s/4112, 156/4112, 84/; s/8254, 2/8254, 62/; s/8255, 240/8255, 0/' 8086/t.json >8086/v.json
    run 0 "2 passed, 0 failed, 1 skipped" 8086/v.json
    run 0 "1 skipped: PUSH SP pushes what SP becomes" 8086/v.json
else
    run 1 "built without jansson" "$seeds/real.json"
fi

# Malformed files: which test, where.
head -c 100 "$seeds/real.moo" >short.moo
run 1 "short.moo: test 0, offset 32: chunk TEST: its length" short.moo
head -c 20 "$seeds/real.moo" >head.moo
run 1 "test 0, offset 20: the file ends after 0 of 3 tests" head.moo
printf 'MOO \377\377\377\377' >long.moo
run 1 "test 0, offset 0: chunk MOO : its length 4294967295 goes" long.moo
sed 's/C286/Z80 /' "$seeds/real.moo" >z80.moo
run 1 "offset 16: tests of an unknown CPU, \"Z80 \"" z80.moo
printf 'MOO \014\000\000\000\002\000\000\000\000\000\000\000C286' >two.moo
run 1 "version 2.0" two.moo
if [ $json = yes ]; then
    printf '[{"name": "x", "bytes": [300]}]' >bad.json
    run 1 "bad.json: test 0, offset 1: a byte is above 255" bad.json
    printf '[ {"bytes": [1' >cut.json
    run 1 "cut.json: test 0, offset" cut.json
    printf '[' >open.json
    run 1 "test 0, offset 1: the file ends within the array" open.json
    printf '{"a": 1}' >object.json
    run 1 "offset 0: expected [" object.json
fi
head -c 60 real.moo.gz >cut.moo.gz
run 2 "compressed data end early" cut.moo.gz
printf '.bits 64\n.cpl 1\n01 d8 "" =>\n' >lines.vec
run 1 "lines.vec:2:1: a directive is" lines.vec
printf '90 "nop" cr0=1 =>\n.cpl 0\n90 "nop" cr9=1 =>\n90 "nop" msr=1 =>\n90 "nop" => if=0\n' >sys.vec
run 1 "sys.vec:1:10: no such register" sys.vec
grep -q 'sys.vec:3:' out && grep -q 'sys.vec:4:' out && grep -q 'sys.vec:5: nop: if=1 (expected 0)' out ||
    fail "CPL 0: $(cat out)"

# What gen makes passes on both engines, in every format.
case $(uname -sm) in
"Linux x86_64") ;;
*) exit 0 ;;
esac
[ $asan = no ] || exit 0
formats='vec moo'
[ $json = yes ] && formats='vec moo json'
for f in $formats; do
    lab gen -format $f -rows 's[hab]*' -count 200 -seed 9 -o gen.$f.gz || fail "gen $f: $(cat err)"
    zcat gen.$f.gz | grep -qa 'family [0-9]* model [0-9]*' || fail "gen $f: no CPU is named"
    for e in interp host; do
        run 0 "200 passed, 0 failed" -engine $e gen.$f.gz
    done
done
lab gen -format moo -rows 's[hab]*' -count 200 -seed 9 -o again.moo && zcat gen.moo.gz | cmp -s - again.moo ||
    fail "the same seed makes another file"
lab gen -rows nosuch -count 1 && fail "rows that don't exist"
lab gen -format xml && fail "a format that doesn't exist"

# The report counts by row; a file of one row leaves the others missing, by name.
lab gen -rows 'bswap' -count 20 -seed 1 -o one.vec
lab report -html report.html one.vec
[ $? -eq 1 ] || fail "a report with rows missing is status 0"
grep -q '^0F C8  *bswap  *[1-9][0-9]* ' out || fail "bswap: $(grep bswap out)"
grep -q '^  missing: add (00), ' out || fail "nothing is missing: $(tail -n 3 out)"
grep -q '<td>bswap</td><td class="n">[1-9][0-9]*</td>' report.html || fail "not in the page"
grep -qE '(src|href)=' report.html && fail "the page needs another file"
exit 0
