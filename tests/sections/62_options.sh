# Every way of writing the pair computes the same: forms of weights, owners of buffers, what to favour, rounding.
options_case() { # "MODEL OPTIONS..."
    local model=${1%% *} options folder
    options=${1#* }
    folder=$WORK/options/$(printf '%s' "$1" | tr -c 'a-z0-9' _)
    # shellcheck disable=SC2086 # options
    check "options/$(basename "$model" .json) $options" verify_here "$folder" "cc -std=c99 -O1 -Wa,-I,$folder" "$model" $options
}

test_program
for model in models/digits_cnn.json tests/golden/small.json tests/golden/float.json; do
    for weights in array words string incbin extern; do
        echo "$model --weights $weights"
        echo "$model --weights $weights --io arena"
    done
    for optimize in speed size ram; do
        echo "$model --optimize $optimize"
    done
    echo "$model --rounding single"
    echo "$model --target cortex-m4"
done | each options_case
