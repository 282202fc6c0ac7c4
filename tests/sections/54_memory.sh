# What people keep of a memory plan: its picture (inspect --memory) and its figures (compile --lock).
folder=$WORK/memory
rm -rf "$folder"
mkdir -p "$folder"

# Names that XML must not see as they are: markup, quotes, a byte that is no UTF-8, a long name.
# $1: number of nodes. Pads keep every buffer apart.
write_chain() {
    lua5.4 - "$1" <<'EOF'
        local count, nodes, tensors, before = tonumber(arg[1]), {}, {}, "x"
        for i = 1, count do
            local after = i == count and "y" or "<t> & 'quoted' " .. i .. (" long"):rep(20)
            nodes[i] = ('{"name": "a<b>&%d\255", "op": "Pad", "inputs": ["%s"], "outputs": ["%s"], "attributes": {"paddings": [0, %d]}}')
                :format(i, before, after, i % 3 + 1)
            tensors[i] = ('"%s": {"dtype": "float32"}'):format(after)
            before = after
        end
        print(('{"etch": 1, "name": "chain <%d>", "inputs": [{"name": "x", "dtype": "float32", "shape": [8]}], "outputs": ["y"],\n"nodes": [%s],\n"tensors": {%s}}')
            :format(count, table.concat(nodes, ",\n"), table.concat(tensors, ",\n")))
EOF
}

# The picture is well-formed, its boxes lie in the plot, no two of them overlap, and there is one per buffer.
picture() { # MODEL OPTIONS...
    local svg=$folder/picture.svg
    "$ETCH" inspect "$@" --memory "$svg" --json >"$folder/plan.json" && "$ETCH" inspect "$@" --memory "$folder/again.svg" >/dev/null || return 1
    cmp "$svg" "$folder/again.svg" || { echo "differs from run to run"; return 1; }
    [ ! -e "$svg.tmp" ] || { echo "left $svg.tmp"; return 1; }
    lua5.4 tests/check_svg.lua "$svg" "$(grep -c '"offset"' "$folder/plan.json")"
}
for model in models/digits_cnn.json models/digits_mlp.json tests/golden/small.json tests/golden/float.json; do
    for io in caller arena; do
        check "memory/picture/$(basename "$model" .json)-$io" picture "$model" --io "$io"
    done
done
for nodes in 1 2 30 500; do
    write_chain $nodes >"$folder/chain.json"
    check "memory/picture/$nodes-nodes" picture "$folder/chain.json" --io arena
done
check memory/picture/peak sh -c '"$1" inspect models/digits_cnn.json --memory "$2/p.svg" >/dev/null && grep -q "peak = lower bound" "$2/p.svg" &&
    grep -q "Memory plan of digits_cnn" "$2/p.svg"' peak "$ETCH" "$folder"
no_plan() {
    printf '{"etch": 1, "inputs": [], "outputs": ["y"], "nodes": [{"op": "Softmax", "inputs": ["y"], "outputs": ["y"]}], "tensors": {}}' >"$folder/bad.json"
    "$ETCH" inspect "$folder/bad.json" --memory "$folder/bad.svg" >/dev/null 2>&1 && { echo "accepted"; return 1; }
    [ ! -e "$folder/bad.svg" ]
}
check memory/picture/no_plan no_plan

# The lock: written once, then compared; nothing is written when it differs.
lock=$folder/digits.lock out=$folder/out
compile() { "$ETCH" compile models/digits_cnn.json -o "$out" --lock "$lock" "$@" 2>"$folder/message" >/dev/null; }
lock_written() {
    compile || { cat "$folder/message"; return 1; }
    cp "$lock" "$folder/first.lock"
    local name
    for name in model digest target optimize io arena_bytes state_bytes io_bytes weights_bytes constants_bytes macs; do
        grep -q "^$name [^ ]*\$" "$lock" || { echo "no $name"; return 1; }
    done
    for name in arena state weights constants; do
        grep -q "^${name}_bytes $(sed -n "s/^#define DIGITS_CNN_${name^^}_BYTES \([0-9]*\)\$/\1/p" "$out/digits_cnn.h")\$" "$lock" || { echo "$name"; return 1; }
    done
    grep -q "^macs $("$ETCH" inspect models/digits_cnn.json --json | sed -n 's/.*"macs": \([0-9]*\), "constant_bytes": [0-9]*,$/\1/p')\$" "$lock"
}
check memory/lock/written lock_written
lock_same() {
    rm -rf "$out"
    compile || { cat "$folder/message"; return 1; }
    [ -f "$out/digits_cnn.c" ] && cmp "$lock" "$folder/first.lock" || return 1
    sed 's/$/\r/' "$folder/first.lock" >"$lock"
    compile || { echo "CR LF:"; cat "$folder/message"; return 1; }
}
check memory/lock/same lock_same
lock_differs() {
    { sed -e 's/^arena_bytes .*/arena_bytes 12345/' -e '/^macs/d' "$folder/first.lock"; echo flash 7; } >"$lock"
    cp "$lock" "$folder/edited.lock"
    rm -rf "$out"
    compile
    [ $? -eq 1 ] || { echo "status"; return 1; }
    [ ! -e "$out/digits_cnn.c" ] && cmp "$lock" "$folder/edited.lock" || { echo "something was written"; return 1; }
    grep -q ": arena_bytes 12345 -> [0-9]*\$" "$folder/message" && grep -q ": macs (none) -> [0-9]*\$" "$folder/message" &&
        grep -q ": flash 7 -> (none)\$" "$folder/message" && grep -q -e '--lock-update' "$folder/message" && [ "$(wc -l <"$folder/message")" -eq 4 ] ||
        { cat "$folder/message"; return 1; }
    cp "$folder/first.lock" "$lock"
    compile --optimize speed && { echo "another option was accepted"; return 1; }
    grep -q ": optimize balanced -> speed\$" "$folder/message" || { cat "$folder/message"; return 1; }
    cp "$folder/edited.lock" "$lock"
    compile --lock-update || { cat "$folder/message"; return 1; }
    cmp "$lock" "$folder/first.lock"
}
check memory/lock/differs lock_differs
# A wrong name must not cost a file.
lock_refused() { # CONTENT
    printf '%b' "$1" >"$lock"
    cp "$lock" "$folder/other"
    compile --lock-update
    [ $? -eq 3 ] && cmp "$lock" "$folder/other"
}
check memory/lock/not_a_lock lock_refused 'int main(void);\n'
check memory/lock/empty lock_refused ''
check memory/lock/malformed lock_refused "$(head -1 "$folder/first.lock")\\narena_bytes\\n"

# The header's macros in constant expressions.
cat >"$folder/budget.c" <<'EOF'
#include "digits_cnn.h"
_Static_assert(DIGITS_CNN_ARENA_BYTES + DIGITS_CNN_STATE_BYTES <= 64 * 1024, "RAM");
_Static_assert(DIGITS_CNN_WEIGHTS_BYTES + DIGITS_CNN_CONSTANTS_BYTES <= 256 * 1024, "flash");
_Static_assert(DIGITS_CNN_MACS > 1000 && DIGITS_CNN_MACS < 10000000, "time");
#if DIGITS_CNN_MACS > 10000000
#error time
#endif
EOF
check memory/static_assert gcc -std=c11 -Wall -Wextra -Wpedantic -Werror -Igenerated -fsyntax-only "$folder/budget.c"
