#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `make bench`: one `etch bench --json` object per model, target and level in build/bench.json; a table beside what others
# take (tests/bench_peers.tsv) on standard output and in docs/benchmarks.md. Instructions are counted in QEMU and the same
# everywhere; microseconds are this machine's.
# On x86-64 the pair is timed beside XNNPACK, too, where libxnnpack-dev and libpthreadpool-dev are installed (tools/bench_xnnpack.sh).
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
        "$corpus/tflite_audio/$examples/examples/dtln/dtln_noise_suppression.tflite"
        "$tiny/keyword_spotting/trained_models/kws_ref_model_float32.tflite"
        "$tiny/image_classification/trained_models/pretrainedResnet.tflite"
        "$tiny/visual_wake_words/trained_models/vww_96_float.tflite"
        "$tiny/anomaly_detection/trained_models/ad01_fp32.tflite")
    [ -d "$corpus" ] || echo "bench: no corpus at $corpus: only our own models" >&2
fi

measure() { # measure SETTING MODEL OPTION...: bench.lua finds the object by its setting
    local object setting=$1
    shift
    if object=$(timeout 900 "$etch" bench "$@" --json); then
        printf '{"setting": "%s", %s\n' "$setting" "${object#\{}"
    else
        echo "bench: $(basename "$1"), $setting: failed" >&2
    fi
}

# counted MODEL FILE: executed instructions, which other programs that run do not change
counted() {
    {
        for target in cortex-m4 cortex-m55; do
            measure $target/balanced "$1" --target $target
        done
        for target in cortex-m0plus cortex-m4 cortex-m55 rv32imc; do
            measure $target/speed "$1" --target $target --optimize speed --io=arena
        done
        measure cortex-m7/speed "$1" --target cortex-m4 --board mps2-an500 --optimize speed --io=arena
        measure cortex-m4/size "$1" --target cortex-m4 --optimize size
        measure cortex-m4/overlap "$1" --target cortex-m4 --optimize ram --io=arena --rows=off
        measure cortex-m4/ram "$1" --target cortex-m4 --optimize ram --io=arena
    } >"$2"
}
export -f measure counted
export etch

# beside_xnnpack SETTING FLAGS MODEL: what tools/bench_xnnpack.sh prints as an object; operators that XNNPACK lacks are said on stderr
beside_xnnpack() {
    CFLAGS=$2 tools/bench_xnnpack.sh "$3" | awk -v setting="$1" '$2 == "etch" && $5 == "XNNPACK" {
        printf "{\"setting\": \"%s\", \"model\": \"%s\", \"etch\": %s, \"xnnpack\": %s}\n", setting, $1, $3, $6
    }' >>"$out"
}

xnnpack=
if [ "$(uname -m)" = x86_64 ]; then
    if echo '#include <xnnpack.h>' | "${CC:-cc}" -E -o /dev/null - 2>/dev/null; then
        xnnpack=1
    else
        echo "bench: libxnnpack-dev or libpthreadpool-dev is not installed: no times of XNNPACK" >&2
    fi
fi

is_real() { # single precision: on the host alone
    case $1 in *float* | *fp32* | *pretrainedResnet.tflite) return 0 ;; *) return 1 ;; esac
}

for index in "${!models[@]}"; do
    model=${models[$index]}
    [ -f "$model" ] || continue
    is_real "$model" || printf '%s\0%s\0' "$model" "$out.$index"
done | xargs -0 -r -P "${JOBS:-2}" -n 2 bash -c 'counted "$@"' counted

for index in "${!models[@]}"; do
    model=${models[$index]}
    [ -f "$model" ] || continue
    if ! is_real "$model"; then
        cat "$out.$index" >>"$out"
        rm -f "$out.$index"
        measure host "$model" --target "$([ "$(uname -m)" = x86_64 ] && [ -d templates/x86-64 ] && echo x86-64 || echo generic)" --optimize speed >>"$out"
    fi
    if [ -n "$xnnpack" ]; then
        beside_xnnpack xnnpack/native -march=native "$model"
        beside_xnnpack xnnpack/avx2 -march=haswell "$model"
    fi
done
if [ $# -eq 0 ] && [ -d "$corpus" ]; then
    lua5.4 tools/bench.lua "$out" tests/bench_peers.tsv docs/benchmarks.md
    lua5.4 tools/readme_figures.lua
else
    lua5.4 tools/bench.lua "$out" tests/bench_peers.tsv
fi
echo "details, per node too: $out"
