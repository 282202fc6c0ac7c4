# The order of execution: a model of four branches that are listed side by side, with a state that is read before and after it
# is assigned. One branch after the other needs a quarter of the RAM, and computes the same.
folder=$WORK/order model=tests/order/branches.json
rm -rf "$folder"
mkdir -p "$folder"

figure() { # KEY: of the plan
    sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$folder/plan.json" | head -1
}
branches_in_turn() { # OPTIONS...
    "$ETCH" inspect "$model" --json "$@" >"$folder/plan.json" || return 1
    local own peak arena
    own=$(figure own_peak) peak=$(figure peak) arena=$(figure arena_bytes)
    [ "$own" -ge 4096 ] && [ "$peak" -le 1500 ] && [ "$arena" -le "$peak" ] || echo "own order $own, peak $peak, arena $arena"
}
for io in caller arena; do
    check order/arena-$io sh -c '[ -z "$1" ] || { echo "$1"; exit 1; }' arena "$(branches_in_turn --io $io 2>&1)"
    for optimize in speed ram; do
        check order/verify-$io-$optimize timeout 120 "$ETCH" verify "$model" --io $io --optimize $optimize
    done
done
check order/said sh -c '"$1" inspect "$2" | grep -q "^order    changed: at most [0-9]* bytes alive instead of [0-9]*; no order has less"' said "$ETCH" "$model"
check order/kept sh -c '! "$1" inspect models/digits_cnn.json | grep -q "^order"' kept "$ETCH"

# Vectors in sequence: the state is carried from one to the next.
sequence() {
    "$ETCH" compile "$model" --dump order -o "$folder" >"$folder/nodes" || return 1
    local writes
    writes=$(grep -nE '^ *(assign|add_before|sub_after)\b' "$folder/nodes" | sed 's/.*\(assign\|add_before\|sub_after\).*/\1/' | tr '\n' ' ')
    [ "$writes" = "add_before assign sub_after " ] || { echo "$writes"; return 1; }
}
check order/state sequence
