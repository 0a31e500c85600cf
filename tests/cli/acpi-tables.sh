#!/bin/sh
# SPDX-License-Identifier: MIT
# Intel's compiler reads our ACPI tables (`info acpi`) and compiles what it read without an error.
#: cap 60
#: needs program iasl acpica-tools
#: needs program acpixtract acpica-tools
set -u
fail() {
    echo "$*"
    exit 1
}

# Reads tables out of file $1 and compiles them; what was wrong goes to "log".
check() {
    rm -f ./*.dat ./*.dsl
    acpixtract -a "$1" >log 2>&1 || return 1
    for table in dsdt facp facs rsdt; do
        iasl -d $table.dat >>log 2>&1 || return 1
        grep -qi "error\|checksum\|invalid" log && return 1
    done
    iasl -tc dsdt.dsl >>log 2>&1 || return 1
    grep -q " 0 Errors" log
}

for memory in 16 3000; do
    printf 'info acpi\nquit\n' |
        "$NESTBOX" -S -m $memory -display none -clock counted -monitor stdio >out 2>err ||
        fail "nestbox: $(cat err)"
    sed 's/^(nestbox) //' out | sed -n '/ @ 0x/,$p' >dump
    check dump || fail "-m $memory: $(cat log)"
    [ "$(wc -c <facp.dat)" -eq 116 ] || fail "FADT of $(wc -c <facp.dat) bytes"
    grep -q 'DefinitionBlock ("", "DSDT", 1,' dsdt.dsl || fail "DSDT is of another revision"
    grep -q "External" dsdt.dsl && fail "a name that is nowhere: $(grep External dsdt.dsl)"
done

# The check can fail: one byte of DSDT changed.
sed '/^DSDT/,/^$/s/4C 4E 4B 42/4C 4E 4B 43/' dump >worse
cmp -s dump worse && fail "LNKB is not in the dump"
check worse && fail "changed tables pass"
exit 0
