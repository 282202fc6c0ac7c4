# Every way of writing the pair computes the same: forms of weights, owners of buffers, what to favour, rounding.
options_case() { # "MODEL OPTIONS..."
    local model=${1%% *} options
    options=${1#* }
    # shellcheck disable=SC2086 # options
    check "options/$(basename "$model" .json) $options" timeout 120 "$ETCH" verify "$model" $options --cflags -O1
}

for model in models/digits_cnn.json tests/golden/small.json tests/golden/float.json; do
    for weights in array words string incbin extern; do
        echo "$model --weights $weights"
        echo "$model --weights $weights --io arena"
    done
    for optimize in speed size ram; do
        echo "$model --optimize $optimize"
    done
    echo "$model --rounding single"
    echo "$model --target cortex-m4 --board host"
done | each options_case
