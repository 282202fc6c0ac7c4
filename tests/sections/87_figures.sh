# What can be promised exactly: instructions, flash and RAM on Cortex-M4 against TFLM (tests/bench_peers.tsv), memory while compiling.
# Inputs and outputs lie in the arena, as they do in TFLM's.
figures() { # MODEL
    local name folder level
    name=$(basename "$1" .tflite | tr 'A-Z' 'a-z')
    folder=$WORK/figures/$name
    mkdir -p "$folder"
    for level in balanced size; do
        if ! timeout 300 "$ETCH" bench "$1" --target cortex-m4 --optimize $level --io arena --json >"$folder/$level.json" 2>"$folder/log"; then
            not_ok "figures/$name" "etch bench: $(cat "$folder/log")"
            return
        fi
    done
    check "figures/$name" lua5.4 tests/lib/figures.lua tests/bench_peers.tsv "$name" "$folder/balanced.json" "$folder/size.json"
}

tiny=$CORPUS/tflite_mlperf_tiny
examples=tflite-micro/tensorflow/lite/micro
large=$CORPUS/tflite_mobilenet/coral/mobilenet_v2_1.0_224_quant.tflite
if [ ! -d "$tiny" ]; then
    skip figures "no folder $tiny"
elif ! tests/lib/firmware.sh cortex-m4 available; then
    skip figures "no cross compiler or QEMU for Cortex-M4"
else
    ls "$tiny"/*/trained_models/{kws_ref_model,pretrainedResnet_quant,vww_96_int8,ad01_int8,str_ww_ref_model}.tflite \
        "$CORPUS/tflite_vision_cls/$examples/models/person_detect.tflite" \
        "$CORPUS/tflite_audio/$examples/examples/micro_speech/models/micro_speech_quantized.tflite" 2>/dev/null | each figures
    # 64 MB and ten times the model's size
    check figures/memory_of_a_compile bash -c 'ulimit -v $((65536 + $(stat -L -c %s "$1") / 1024 * 10)) && "$ETCH" compile "$1" -o "$2"' memory "$large" "$WORK/figures"
fi
