# Random layers through the kernels of the targets that have their own: on the board and as portable twins on the host.
random_layers() { # "TARGET SEED COUNT"
    set -- $1
    local folder=$WORK/layers/$1_$2
    mkdir -p "$folder"
    lua5.4 tests/random_layers.lua "$3" "$2" "$1" >"$folder/layers_$2.json"
    lua5.4 tests/ops_runner.lua "$folder/layers_$2.json" "$folder" host "$1" 2>"$folder/stderr" || not_ok "layers/$1/$2" "the runner stopped: $(cat "$folder/stderr")"
}

for target in cortex-m0plus cortex-m4 rv32imc; do
    if tests/lib/firmware.sh $target available; then
        if [ "$FULL" = 1 ]; then seq 1 200 | sed "s/^/$target /; s/\$/ 100/"; else printf '%s\n' "$target 1 100" "$target 2 100"; fi
    else
        echo "skip layers/$target: no cross compiler or QEMU for it" >&2
    fi
done | each random_layers
