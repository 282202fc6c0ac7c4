#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `make bench`: one `etch bench --json` object per model, target and level in build/bench.json; a table beside what others
# take (tests/bench_peers.tsv) on standard output and in docs/benchmarks.md. Instructions are counted in QEMU and the same
# everywhere; microseconds are this machine's.
#     tools/bench.sh [MODEL...]    only these, and docs/benchmarks.md stays as it is
set -u
cd "$(dirname "$0")/.." || exit 1
etch=${BUILD:-build}/etch
corpus=${ETCH_CORPUS:-../shared/corpus}
out=${BUILD:-build}/bench.json
tiny=$corpus/tflite_mlperf_tiny
examples=tflite-micro/tensorflow/lite/micro
: >"$out"

models=("$@")
if [ $# -eq 0 ]; then
    models=(models/*.json
        "$tiny/keyword_spotting/trained_models/kws_ref_model.tflite"
        "$tiny/image_classification/trained_models/pretrainedResnet_quant.tflite"
        "$tiny/visual_wake_words/trained_models/vww_96_int8.tflite"
        "$tiny/anomaly_detection/trained_models/ad01_int8.tflite"
        "$tiny/streaming_wakeword/trained_models/str_ww_ref_model.tflite"
        "$corpus/tflite_vision_cls/$examples/models/person_detect.tflite"
        "$corpus/tflite_audio/$examples/examples/micro_speech/models/micro_speech_quantized.tflite"
        "$corpus/tflite_recurrent/$examples/examples/mnist_lstm/trained_lstm_int8.tflite"
        "$corpus/tflite_audio/$examples/examples/dtln/dtln_noise_suppression.tflite")
    [ -d "$corpus" ] || echo "bench: no corpus at $corpus: only our own models" >&2
fi

measure() { # measure SETTING MODEL OPTION...: bench.lua finds the object by its setting
    local object setting=$1
    shift
    if object=$(timeout 900 "$etch" bench "$@" --json); then
        printf '{"setting": "%s", %s\n' "$setting" "${object#\{}" >>"$out"
    else
        echo "bench: $(basename "$1"), $setting: failed" >&2
    fi
}

for model in "${models[@]}"; do
    [ -f "$model" ] || continue
    for target in cortex-m4 cortex-m55 rv32imc; do
        measure $target/balanced "$model" --target $target
    done
    measure cortex-m4/speed "$model" --target cortex-m4 --optimize speed --io=arena
    measure cortex-m55/speed "$model" --target cortex-m55 --optimize speed --io=arena
    measure cortex-m4/size "$model" --target cortex-m4 --optimize size
    measure cortex-m4/overlap "$model" --target cortex-m4 --optimize ram --io=arena --rows=off
    measure cortex-m4/ram "$model" --target cortex-m4 --optimize ram --io=arena
    measure host "$model" --target "$([ "$(uname -m)" = x86_64 ] && [ -d templates/x86-64 ] && echo x86-64 || echo generic)" --optimize speed
done
if [ $# -eq 0 ] && [ -d "$corpus" ]; then
    lua5.4 tools/bench.lua "$out" tests/bench_peers.tsv docs/benchmarks.md
    lua5.4 tools/readme_figures.lua
else
    lua5.4 tools/bench.lua "$out" tests/bench_peers.tsv
fi
echo "details, per node too: $out"
