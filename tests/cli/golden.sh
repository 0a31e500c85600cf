# SPDX-License-Identifier: MIT
# The translator's code for the blocks of tests/jit/*.golden is what those files have. `make golden`
# writes them anew: look at the difference, the first lines have the numbers of instructions.
#: needs feature JIT
#: needs feature ZYDIS
#: cap 60
rc=0 n=0
for f in "$NESTBOX_SRC"/tests/jit/*.golden; do
    name=${f##*/}
    "$NESTBOX" lab translate "$f" >"$name" || exit 1
    diff -u "$f" "$name" || rc=1
    n=$((n + 1))
done
[ $n -ge 20 ] || { echo "$n golden files"; exit 1; }
# ... and in an order of other files: nothing of one shows in another
"$NESTBOX" lab translate "$f" | cmp -s - "$f" || [ $rc -ne 0 ] || { echo "not the same twice"; exit 1; }
echo '# nothing' >empty
"$NESTBOX" lab translate empty >out 2>&1 && { echo "an empty file is taken"; exit 1; }
exit $rc
