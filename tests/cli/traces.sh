#!/bin/sh
# SPDX-License-Identifier: MIT
# -d exec,cpu,int with -dfilter and -dlimit, and where `nestbox lab tracediff` sees traces part: ours,
# and samples in the forms that QEMU 7.2 and Bochs 2.7 write.
#: cap 60
set -u
fail() {
    echo "$*"
    exit 1
}

# A firmware of nine instructions: jmp far; mov ax, 1234h; mov cx, 3; add ax, cx; rep stosb (ES = 0);
# int3, to 0000:0000, where memory is 0: add [bx+si], al.
{
    printf '\270\064\022\271\003\000\001\310\363\252\314'
    head -c 65509 /dev/zero
    printf '\352\000\000\000\360'
    head -c 11 /dev/zero
} >rom
printf '\125\252\001\313' >vga
head -c 508 /dev/zero >>vga
nb() {
    "$NESTBOX" -m 16 -bios rom -vgabios vga -display none -clock counted "$@" </dev/null
}

nb -d exec,cpu,int -D a.log -stop-at 10 || fail "status $?"
sed -n 2p a.log | grep -q '^exec 0 f000:0000fff0 0[0-9a-f]*fff0 ea000000f0' || fail "first: $(sed -n 2p a.log)"
sed -n 1p a.log | grep -q '^cpu 0 eax=00000000 .* eip=0000fff0 eflags=00000002 cs=f000 .* cpl=0 cr0=60000010 ' ||
    fail "first registers: $(sed -n 1p a.log)"
grep -q '^cpu 3 eax=00001234 .* ecx=00000003 ' a.log || fail "registers before add"
# Three iterations are one line; the count has moved on by three.
[ "$(grep -c '^exec .* f3aa ' a.log)" -eq 1 ] || fail "rep stosb: $(grep -c f3aa a.log) lines"
grep -q '^exec 4 f000:00000008 ' a.log && grep -q '^exec 7 f000:0000000a ' a.log || fail "counts around rep"
grep -q '^int [0-9]* v=03 e=0000 soft cpl=0 f000:0000000b ss:esp=0000:00000000 cr2=00000000 -> 0000:' a.log ||
    fail "int3: $(grep '^int' a.log)"

# Tracing changes nothing.
nb -d hash -stop-at 10 | grep 'trace hash' >1
nb -d exec,cpu,int,mmu,hash -D b.log -stop-at 10 | grep 'trace hash' >2
cmp -s 1 2 || fail "the trace hash differs with traces on"

# Blocks: the first is of one instruction, a far jump; the translator's code of those that it translates.
nb -d in_asm -D i.log -stop-at 10 || fail "in_asm: status $?"
grep -q '^in_asm block f000:0000fff0 0[0-9a-f]*fff0 insns=1' i.log || fail "in_asm: $(cat i.log)"
grep -q '^in_asm guest 0000fff0 ea000000f0 jmp' i.log || fail "in_asm: $(cat i.log)"
if grep -q '^#define HAVE_JIT 1' "$NESTBOX_BUILD/config.h"; then
    "$NESTBOX" -display none -clock counted,ns=10 -engine jit -perfmap -d op,out_asm -D o.log \
        -stop-at 3000000 </dev/null &
    pid=$!
    wait $pid || fail "out_asm: status $?"
    awk '
        /^out_asm block/ { want = substr($4, 7) + 0; blocks++; insns = 0 }
        /^out_asm guest/ { insns++; if (insns > want) bad = $0 }
        /^op / && $3 != "how=template" && $3 != "how=handler" { bad = $0 }
        END { if (!blocks || bad != "") { print blocks " blocks; " bad; exit 1 } }' o.log || fail "out_asm"
    grep -q '^op [0-9a-f]* how=template flags=dead bytes=[1-9]' o.log || fail "op: no dead flags"
    map=/tmp/perf-$pid.map
    grep -q '^[0-9a-f]* [0-9a-f]* nestbox_stubs$' "$map" && grep -q ' guest_sys_000' "$map" ||
        fail "perf map: $(head -n 3 "$map")"
    [ "$(grep -c guest_ "$map")" -eq "$(grep -c '^out_asm block' o.log)" ] || fail "perf map: not all"
    rm -f "$map"
fi

# Addresses: QEMU's three forms.
for f in 0xf0003+5 0xf0003..0xf0007 0xf0007-5; do
    nb -d exec -dfilter $f -D f.log -stop-at 10 || fail "-dfilter $f"
    [ "$(cut -d' ' -f3 f.log | tr '\n' ' ')" = "f000:00000003 f000:00000006 " ] || fail "-dfilter $f: $(cat f.log)"
done
for f in 5 1..0 x+1 1+ 0x100000000+1; do
    nb -d exec -dfilter $f -stop-at 1 >out 2>err
    [ $? -eq 1 ] && grep -q 'dfilter' err || fail "-dfilter $f: $(cat err)"
done

# The log's budget pauses the machine.
nb -d exec,cpu -dlimit 4K -D l.log -stop-at 1000 -timeout 0.1 >out 2>err &
pid=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    grep -qs 'budget of 4096 bytes' l.log err && break
    sleep 0.3
done
kill $pid 2>/dev/null
wait $pid 2>/dev/null
grep -qs 'budget of 4096 bytes (-dlimit)' l.log err || fail "no word of the budget"
[ "$(wc -c <l.log)" -lt 6000 ] || fail "the log went on to $(wc -c <l.log) bytes"
nb -dlimit 5 -stop-at 1 >out 2>err
[ $? -eq 1 ] || fail "-dlimit 5 is taken"

# differs WANT_STATUS TEXT ARGUMENT...
differs() {
    want=$1 text=$2
    shift 2
    "$NESTBOX" lab tracediff "$@" >out 2>err
    rc=$?
    [ $rc -eq "$want" ] || fail "tracediff $*: status $rc: $(cat out err)"
    cat out err | grep -qF -e "$text" || fail "tracediff $*: no '$text' in: $(cat out err)"
}

gzip -k a.log
differs 0 "agree over" a.log a.log.gz
sed '/^cpu 3 /s/ecx=00000003/ecx=00000002/' a.log >c.log
differs 1 "part at instruction 4: line 7 of a.log" a.log c.log
grep -q 'ecx *A 00000003  B 00000002' out || fail "ecx is not named: $(cat out)"
differs 0 "agree over" -ignore ecx a.log c.log
sed '/^cpu 4 /s/eflags=000000../eflags=00000003/' a.log >c.log
differs 1 "part at instruction 5" a.log c.log
grep -q '^  eflags .* cf' out || fail "cf is not named: $(cat out)"
sed 's/ v=03 / v=04 /' a.log >c.log
differs 1 "vector  A 00000003  B 00000004" a.log c.log
head -n 6 a.log >c.log
differs 0 "a.log goes on" a.log c.log
differs 2 "never comes to" -from 0x1234 a.log a.log
differs 0 "agree over" -from 3 a.log a.log
differs 2 "no line of a trace" rom a.log
differs 2 "no-such-file" a.log no-such-file
head -c 60 a.log.gz >cut.gz
differs 2 "cut.gz" a.log cut.gz
differs 1 "no such field or flag" -ignore frob a.log a.log

# QEMU: -d cpu,exec,in_asm,int,nochain -singlestep. An iteration of REP is an instruction there; the
# registers behind an event's line are the event's.
qemu() { # EIP EAX ECX EFL EDI
    cat <<DUMP
Trace 0: 0x7f0000000100 [000f0000/000f$1/00000040/ff000201]
EAX=0000$2 EBX=00000000 ECX=0000$3 EDX=000006d8
ESI=00000000 EDI=0000$5 EBP=00000000 ESP=00000000
EIP=0000$1 EFL=000000$4 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
ES =0000 00000000 0000ffff 00009300
CS =f000 000f0000 0000ffff 00009b00
CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000
EFER=0000000000000000
DUMP
}
{
    cat <<DUMP
----------------
IN:
0x000f0003:  b9 03 00                 movw     \$3, %cx

DUMP
    qemu 0000 0000 0000 02 0000
    qemu 0003 1234 0000 02 0000
    qemu 0006 1234 0003 02 0000
    qemu 0008 1237 0003 02 0000
    qemu 0008 1237 0002 02 0001
    qemu 0008 1237 0001 02 0002
    qemu 000a 1237 0000 02 0003
    echo '     0: v=03 e=0000 i=1 cpl=0 IP=f000:0000000a pc=000f000a SP=0000:00000000 env->regs[R_EAX]=00001237'
    qemu 000a ffff ffff ff ffff | sed 1d
} >q.log
differs 0 "agree over 5 instructions" -from 0 a.log q.log
sed '0,/EAX=00001234/s//EAX=00001235/' q.log >q2.log
differs 1 "eax     A 00001234  B 00001235" -from 0 a.log q2.log
grep -q 'movw .*%cx' out || fail "QEMU's disassembly is not shown: $(cat out)"

# Bochs: trace on, trace-reg on. Registers come in front of their instruction.
bochs() { # EIP EAX ECX EFLAGS COUNT
    cat <<DUMP
CPU0:
rax: 00000000_0000$2
rbx: 00000000_00000000
rcx: 00000000_0000$3
r8 : 00000000_00000000
rip: 00000000_0000$1
eflags 0x000000$4: id vip vif ac vm rf nt IOPL=0 of df if tf sf zf af pf cf
(0).[$5] [0x0000000f$1] f000:$1 (unk. ctxt): nop                       ; 90
DUMP
}
{
    echo 'Next at t=0'
    bochs 0000 0000 0000 02 1
    bochs 0003 1234 0000 02 2
    bochs 0006 1235 0003 02 3
} >x.log
differs 1 "part at instruction 3: line 7 of a.log (A), line 25 of x.log" -from 0 a.log x.log
differs 0 "agree over 3 instructions" -from 0 -ignore eax a.log x.log
differs 1 "part at instruction 3" q.log x.log
