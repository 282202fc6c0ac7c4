# Random layers through the kernels of the targets that have their own: on the board and as portable twins on the host.
random_layers() { # "TARGET SEED COUNT KIND": layers, channels or lstm
    set -- $1
    local folder=$WORK/$4/$1_$2
    mkdir -p "$folder"
    lua5.4 "tests/random_$4.lua" "$3" "$2" "$1" >"$folder/$4_$2.json"
    lua5.4 tests/ops_runner.lua "$folder/$4_$2.json" "$folder" host "$1" 2>"$folder/stderr" || not_ok "$4/$1/$2" "the runner stopped: $(cat "$folder/stderr")"
}

for target in cortex-m0plus cortex-m4 rv32imc cortex-m55; do
    if tests/lib/firmware.sh $target available; then
        if [ "$FULL" = 1 ]; then seq 1 200 | sed "s/^/$target /; s/\$/ 100 layers/"; else printf '%s\n' "$target 1 100 layers" "$target 2 100 layers"; fi
        case $target in
        cortex-m4 | cortex-m55)
            if [ "$FULL" = 1 ]; then seq 1 20 | sed "s/^/$target /; s/\$/ 50 lstm/"; else printf '%s\n' "$target 1 30 lstm"; fi
            if [ "$FULL" = 1 ]; then seq 1 50 | sed "s/^/$target /; s/\$/ 100 channels/"; else printf '%s\n' "$target 1 100 channels"; fi
            ;;
        esac
    else
        echo "skip layers/$target: no cross compiler or QEMU for it" >&2
    fi
done | each random_layers

# The same with the output over the input, as near as the planner finds right for the kernel: with --optimize=ram.
overlapped_layer() { # "MODEL OPTION..."
    set -- $1
    local output
    output=$(timeout 100 "$ETCH" verify "$@" --target cortex-m4 --optimize ram --io arena 2>&1) && ok "overlapped/$(basename "$1" .json)${2:+/host}" ||
        not_ok "overlapped/$(basename "$1" .json)${2:+/host}" "$output"
}

if tests/lib/firmware.sh cortex-m4 available; then
    mkdir -p "$WORK/layers/overlapped"
    lua5.4 tests/random_layers.lua $([ "$FULL" = 1 ] && echo 200 || echo 24) 5 cortex-m4 "$WORK/layers/overlapped"
    for model in "$WORK"/layers/overlapped/*.json; do
        printf '%s\n' "$model" "$model --board host --sanitize"
    done
fi | each overlapped_layer
