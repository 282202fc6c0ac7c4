#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `make bench`: one `etch bench --json` object per model and target in build/bench.json, and a table of them.
# Instructions are counted in QEMU (deterministic); microseconds are this machine's.
set -u
cd "$(dirname "$0")/.."
etch=${BUILD:-build}/etch
corpus=${ETCH_CORPUS:-../shared/corpus}
out=${BUILD:-build}/bench.json
tiny=$corpus/tflite_mlperf_tiny
: >"$out"
for model in models/digits_mlp.json models/digits_cnn.json "$tiny/keyword_spotting/trained_models/kws_ref_model.tflite" \
    "$tiny/image_classification/trained_models/pretrainedResnet_quant.tflite" "$tiny/visual_wake_words/trained_models/vww_96_int8.tflite" \
    "$tiny/anomaly_detection/trained_models/ad01_int8.tflite" \
    "$corpus/tflite_vision_cls/tflite-micro/tensorflow/lite/micro/models/person_detect.tflite"; do
    [ -f "$model" ] || continue
    for target in generic cortex-m4 cortex-m55 rv32imc; do
        if object=$(timeout 600 "$etch" bench "$model" --target $target --json); then
            printf '%s\n' "$object" | tr '\n' ' ' >>"$out"
            echo >>"$out"
        else
            echo "bench: $(basename "$model") on $target failed" >&2
        fi
    done
done
lua5.4 tools/bench.lua "$out"
echo "details: $out"
