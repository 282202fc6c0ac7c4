# Whole models in QEMU, bit by bit: AArch64, Cortex-M0+, Cortex-M4, Cortex-M33, Cortex-M55, RV32IMC. In test-full all of the corpus that fits the boards.
qemu_model() { # "TARGET MODEL VECTORS"
    local name output
    set -- $1
    name=$1/$(basename "$2" | sed 's/\.[a-z]*$//')
    # shellcheck disable=SC2086 # optional option
    if output=$(timeout 400 "$ETCH" verify "$2" --target "$1" ${3:+--vectors "$3"} 2>&1); then
        ok "qemu/$name"
    elif [ "$FULL" = 1 ] && printf '%s' "$output" | grep -q 'will not fit in region'; then
        skip "qemu/$name" "too large for the board"
    else
        not_ok "qemu/$name" "$output"
    fi
}

models() {
    echo "models/digits_mlp.json"
    echo "models/digits_cnn.json"
    if [ -d "$CORPUS/golden/tflite" ]; then
        tiny=tflite_mlperf_tiny
        for path in $tiny/keyword_spotting/trained_models/kws_ref_model $tiny/image_classification/trained_models/pretrainedResnet_quant \
            $tiny/visual_wake_words/trained_models/vww_96_int8 $tiny/anomaly_detection/trained_models/ad01_int8 \
            tflite_vision_cls/tflite-micro/tensorflow/lite/micro/models/person_detect \
            $(cd "$CORPUS/golden/tflite" && find -L . -path '*micro_speech*' -name io.json -printf '%h\n' | sed 's|^\./||' | grep micro_speech_quantized); do
            echo "$CORPUS/$path.tflite $CORPUS/golden/tflite/$path"
        done
        [ "$FULL" = 0 ] || (cd "$CORPUS/golden/tflite" && find -L . -name io.json -printf '%P\n') | grep -v add_quantized_int8 | sort | while read -r path; do
            path=${path%/io.json}
            model=$CORPUS/$path
            [ -f "$model" ] || model=$model.tflite
            [ "$(stat -L -c %s "$model")" -gt 2000000 ] || echo "$model $CORPUS/golden/tflite/$path"
        done
    fi
}

[ -d "$CORPUS/golden/tflite" ] || skip qemu/corpus "no folder $CORPUS (set ETCH_CORPUS)"
for target in aarch64 cortex-m0plus cortex-m33 cortex-m4 cortex-m55 rv32imc; do
    if tests/lib/firmware.sh $target available; then
        # A Cortex-M33 has the kernels of a Cortex-M4: our own models, otherwise in test-full
        models | if [ $FULL$target = 0cortex-m33 ]; then grep '^models/'; else cat; fi | sed "s|^|$target |"
    else
        echo "skip qemu/$target: no cross compiler or QEMU for it" >&2
    fi
done | each qemu_model
