# Random layers through the kernels of the targets that have their own: on the board and as portable twins on the host.
random_layers() { # "TARGET SEED COUNT KIND": layers, channels, lstm or eights
    set -- $1
    local folder=$WORK/$4/$1_$2
    mkdir -p "$folder"
    lua5.4 "tests/random_$4.lua" "$3" "$2" "$1" >"$folder/$4_$2.json"
    lua5.4 tests/ops_runner.lua "$folder/$4_$2.json" "$folder" host "$1" 2>"$folder/stderr" || not_ok "$4/$1/$2" "the runner stopped: $(cat "$folder/stderr")"
}

# "TARGET SEED COUNT KIND" lines: few seeds, or many for test-full
seeds() { # TARGET KIND COUNT FEW MANY
    seq 1 "$([ "$FULL" = 1 ] && echo "$5" || echo "$4")" | sed "s/.*/$1 & $3 $2/"
}

for target in cortex-m0plus cortex-m4 rv32imc cortex-m55; do
    if tests/lib/firmware.sh $target available; then
        seeds $target layers 100 1 200
        seeds $target channels 100 1 50
        seeds $target lstm 30 1 30
        case $target in cortex-m0plus | rv32imc) seeds $target eights 30 1 30 ;; esac
    else
        echo "skip layers/$target: no cross compiler or QEMU for it" >&2
    fi
done | each random_layers

# The same with the output over the input, as near as the planner finds right for the kernel: with --optimize=ram.
overlapped_layer() { # MODEL: on the board, and on the host
    local name options="--target cortex-m4 --optimize ram --io arena"
    name=$(basename "$1" .json)
    # shellcheck disable=SC2086 # options
    check "overlapped/$name" timeout 100 "$ETCH" verify "$1" $options
    # shellcheck disable=SC2086
    check "overlapped/$name/host" verify_here "${1%.json}" "cc -std=c99 -O0 $SANITIZE" "$1" $options
}

test_program
if tests/lib/firmware.sh cortex-m4 available; then
    mkdir -p "$WORK/layers/overlapped"
    lua5.4 tests/random_layers.lua $([ "$FULL" = 1 ] && echo 200 || echo 24) 5 cortex-m4 "$WORK/layers/overlapped"
    ls "$WORK"/layers/overlapped/*.json
fi | each overlapped_layer
