# Random graphs of operators that share bytes: generated code against the interpreter.
random_graphs() { # SEED
    local folder=$WORK/graphs/$1 work
    mkdir -p "$folder"
    lua5.4 tests/random_graphs.lua 75 "$1" >"$folder/graphs_$1.json"
    lua5.4 tests/ops_runner.lua "$folder/graphs_$1.json" "$folder" host 2>"$folder/stderr" || not_ok "graphs/$1" "the runner stopped: $(cat "$folder/stderr")"
    # Inputs and outputs in the arena, too.
    for work in "$folder"/graph_"$1"_1.json "$folder"/graph_"$1"_2?.json; do
        check "graphs/arena/$(basename "$work" .json)" verify_here "${work%.json}.arena" "cc -std=c99 -O0 $SANITIZE" "$work" --io arena
    done
}
test_program
if [ "${FULL:-0}" = 1 ]; then seeds=$(seq 1 20); else seeds="1 2 3 4"; fi
printf '%s\n' $seeds | each random_graphs
