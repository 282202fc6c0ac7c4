# What the least RAM costs: executed instructions on Cortex-M4 with --optimize=ram, at most 1.3 times those with --optimize=speed.
ram_cost() { # "MODEL OPTION..."
    local model=${1%% *} options=${1#* } name folder
    name=$(basename "$model" | sed 's/\.[a-z]*$//')-$(echo "$options" | tr -cd 'a-z')
    folder=$WORK/ram_cost/$name
    mkdir -p "$folder"
    # shellcheck disable=SC2086 # a list of options
    if ! timeout 300 "$ETCH" bench "$model" --target cortex-m4 --optimize speed --json >"$folder/speed.json" 2>"$folder/log" ||
        ! timeout 300 "$ETCH" bench "$model" --target cortex-m4 --optimize ram $options --json >"$folder/ram.json" 2>"$folder/log"; then
        not_ok "ram_cost/$name" "etch bench: $(cat "$folder/log")"
        return
    fi
    check "ram_cost/$name" lua5.4 tests/lib/ram_cost.lua "$folder/speed.json" "$folder/ram.json"
}

ram_cost_models() {
    local tiny=$CORPUS/tflite_mlperf_tiny examples=tflite-micro/tensorflow/lite/micro
    echo models/digits_cnn.json
    ls "$tiny"/*/trained_models/{kws_ref_model,pretrainedResnet_quant}.tflite \
        "$CORPUS/tflite_audio/$examples/examples/micro_speech/models/micro_speech_quantized.tflite" 2>/dev/null
    [ "$FULL" = 0 ] ||
        ls models/digits_mlp.json "$tiny"/*/trained_models/{vww_96_int8,ad01_int8,str_ww_ref_model}.tflite \
            "$CORPUS/tflite_vision_cls/$examples/models/person_detect.tflite" \
            "$CORPUS/tflite_recurrent/$examples/examples/mnist_lstm/trained_lstm_int8.tflite" \
            "$CORPUS/tflite_audio/$examples/examples/dtln/dtln_noise_suppression.tflite" 2>/dev/null
}
if tests/lib/firmware.sh cortex-m4 available; then
    ram_cost_models | sed 'p' | awk '{ print $0, (NR % 2 ? "--io arena" : "--io arena --rows off") }' | each ram_cost
else
    skip ram_cost "no cross compiler or QEMU for Cortex-M4"
fi
