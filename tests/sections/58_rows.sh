# Nodes executed row by row: random networks, their figures under budgets, generated code against the interpreter.
rows_format() { # FOLDER
    local pair
    cp .clang-format "$1/" || return 1
    for pair in "$1"/chain_*.c; do
        clang-format "$pair" | diff -u "$pair" - || return 1
    done
}
random_chains() { # "SEED COUNT"
    local seed count folder model target targets=host
    read -r seed count <<<"$1"
    folder=$WORK/rows/$seed
    rm -rf "$folder"
    mkdir -p "$folder"
    lua5.4 tests/random_chains.lua "$count" "$seed" "$folder" 2>"$folder/stderr" || not_ok "rows/$seed" "the generator stopped: $(cat "$folder/stderr")"
    for target in cortex-m4 cortex-m55; do
        ! tests/lib/firmware.sh $target available || [ $target-"$FULL" = cortex-m55-0 ] || targets="$targets $target"
    done
    # shellcheck disable=SC2086 # a list of targets
    lua5.4 tests/ops_runner.lua "$folder/chains.json" "$folder/cases" $targets 2>"$folder/stderr" | sed 's|^\([a-z ]*\) ops/chains/|\1 rows/|'
    [ ! -s "$folder/stderr" ] || not_ok "rows/$seed" "the runner stopped: $(cat "$folder/stderr")"
    check "rows/format/$seed" rows_format "$folder/cases/host"
    # Inputs and outputs in the arena, too.
    for model in "$folder"/chain_"$seed"_{1,2}.json; do
        check "rows/arena/$(basename "$model" .json)" "$ETCH" verify "$model" --optimize ram --io arena --sanitize --cc clang \
            --cflags "-O1 $STRICT -Wno-overlength-strings"
        ! "$ETCH" compile "$model" --patches 2 -o "$folder/strips" >/dev/null 2>&1 || # nothing can be made in strips
            check "rows/arena/strips/$(basename "$model" .json)" "$ETCH" verify "$model" --patches 2 --io arena --sanitize
    done
}
export -f rows_format
if [ "$FULL" = 1 ]; then seq 1 20 | sed 's/$/ 16/'; else printf '%s\n' '1 5' '2 5'; fi | each random_chains
