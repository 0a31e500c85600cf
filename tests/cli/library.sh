#!/bin/sh
# SPDX-License-Identifier: MIT
# The library as a stranger uses it: installed into a folder, found by pkg-config, both examples built
# against the shared and the static one; what it exports; what uninstall leaves.
#: cap 240
#: needs program pkg-config pkg-config
#: needs program nm binutils
#: needs program make make
set -u
fail() {
    echo "$*"
    exit 1
}

top=$(dirname -- "$NESTBOX_BUILD")
[ -f "$top/Makefile" ] || { echo "no Makefile beside $NESTBOX_BUILD"; exit 77; }
slot() { sed -n "s/^$1 := //p" "$top/Makefile"; }
cc=$(slot CC) san=$(slot SAN_FLAGS) prefix=$(slot prefix) libdir=$(slot libdir)
unset MAKEFLAGS MAKELEVEL MFLAGS
dest=$(pwd)/root

make -C "$top" install DESTDIR="$dest" >install.log 2>&1 || fail "make install: $(cat install.log)"
for f in bin/nestbox include/nestbox.h share/nestbox/LICENSE share/man/man1/nestbox.1; do
    [ -s "$dest$prefix/$f" ] || fail "$f was not installed"
done
lib=$dest$libdir
api=$(sed -n 's/^#define NB_API_VERSION //p' "$dest$prefix/include/nestbox.h" | cut -d' ' -f1)
[ "$(readlink "$lib/libnestbox.so")" = "libnestbox.so.$api" ] || fail "libnestbox.so is no link to .so.$api"
grep -q "^NESTBOX_$api {" "$NESTBOX_SRC/machine/nestbox.map" || fail "the map's version is not $api"

# Exported is what nestbox.h declares, all of it and nothing else.
nm -D --defined-only "$lib/libnestbox.so.$api" | awk '$2 == "T" || $2 == "D" || $2 == "R" || $2 == "B" { print $3 }' |
    sed 's/@.*//' | sort -u >exported
sed -n 's/^[a-z].*[ *]\(nb_[a-z0-9_]*\)(.*/\1/p' "$dest$prefix/include/nestbox.h" | grep -v '_fn$' | sort -u >declared
[ -s declared ] && cmp -s exported declared || fail "exported, not declared, or the other way: $(diff exported declared)"
nm -D --defined-only "$lib/libnestbox.so.$api" | grep -v -e ' nb_' -e " NESTBOX_$api\$" &&
    fail "these symbols are exported"

PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dest
PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_ALLOW_SYSTEM_CFLAGS PKG_CONFIG_ALLOW_SYSTEM_LIBS
[ "$(pkg-config --modversion nestbox)" = "$("$NESTBOX" -version | sed -n '1s/.* \([0-9.]*\).*/\1/p')" ] ||
    fail "version $(pkg-config --modversion nestbox) is not what $("$NESTBOX" -version | head -n 1) says"
cflags=$(pkg-config --cflags nestbox) libs=$(pkg-config --libs nestbox)
# The sysroot is this test's; the libraries that ours needs are the host's.
static=$(sed -n 's/^Libs.private: //p' "$lib/pkgconfig/nestbox.pc")

for source in "$NESTBOX_SRC"/docs/examples/*.c; do
    name=$(basename "$source" .c)
    # Lists of flags, unquoted on purpose.
    # shellcheck disable=SC2086
    $cc -std=c11 -O1 -Wall -Wextra -Werror $san $cflags -o "$name-shared" "$source" $libs 2>cc.log ||
        fail "$name, shared: $(cat cc.log)"
    # shellcheck disable=SC2086
    $cc -std=c11 -O1 -Wall -Wextra -Werror $san $cflags -o "$name-static" "$source" \
        "$lib/libnestbox.a" $static 2>cc.log || fail "$name, static: $(cat cc.log)"
    nm -u "$name-static" | grep -q ' nb_' && fail "$name-static needs the shared library"
    LD_LIBRARY_PATH=$lib "./$name-shared" >"$name.1" 2>&1 || fail "$name, shared: $(cat "$name.1")"
    "./$name-static" >"$name.2" 2>&1 || fail "$name, static: $(cat "$name.2")"
    for out in "$name.1" "$name.2"; do
        cmp -s "$out" "$NESTBOX_SRC/docs/examples/$name.out" ||
            fail "$out: $(diff "$NESTBOX_SRC/docs/examples/$name.out" "$out")"
    done
done
[ "$(wc -l <"$NESTBOX_SRC/docs/examples/decode.c")" -le 60 ] || fail "decode.c promises 60 lines"

make -C "$top" uninstall DESTDIR="$dest" >uninstall.log 2>&1 || fail "make uninstall: $(cat uninstall.log)"
[ -z "$(find "$dest" -type f -o -type l)" ] || fail "left behind: $(find "$dest" -type f -o -type l)"
exit 0
