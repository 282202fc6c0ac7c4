#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `make bench`: the figures of README's table, one `etch bench --json` object per model and target, in build/bench.json.
# Instructions are counted in QEMU (deterministic); microseconds are this machine's.
set -u
cd "$(dirname "$0")/.."
etch=${BUILD:-build}/etch
corpus=${ETCH_CORPUS:-../shared/corpus}
out=${BUILD:-build}/bench.json
tiny=$corpus/tflite_mlperf_tiny
: >"$out"
printf '%-24s %-11s %14s %10s %10s %10s %10s %10s\n' model target instructions "min us" code const weights RAM
for model in models/digits_mlp.json models/digits_cnn.json "$tiny/keyword_spotting/trained_models/kws_ref_model.tflite" \
    "$tiny/image_classification/trained_models/pretrainedResnet_quant.tflite" "$tiny/visual_wake_words/trained_models/vww_96_int8.tflite" \
    "$tiny/anomaly_detection/trained_models/ad01_int8.tflite" \
    "$corpus/tflite_vision_cls/tflite-micro/tensorflow/lite/micro/models/person_detect.tflite"; do
    [ -f "$model" ] || continue
    for target in generic cortex-m4 cortex-m55 rv32imc; do
        if ! object=$(timeout 600 "$etch" bench "$model" --target $target --json); then
            echo "$(basename "$model") $target: failed" >&2
            continue
        fi
        printf '%s\n' "$object" | tr '\n' ' ' >>"$out"
        echo >>"$out"
        tail -n 1 "$out" | awk -v model="$(basename "$model" | sed 's/\.[a-z]*$//')" -v target=$target '
            function field(name) { return match($0, "\"" name "\": *[0-9.]+") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3) + 0 : "-" }
            function least() { return match($0, /"microseconds": *[{][^}]*"min": *[0-9.]+/) ? gensub(/.*: */, "", 1, substr($0, RSTART, RLENGTH)) : "-" }
            { ram = field("arena_bytes") + field("state_bytes") + field("io_bytes")
              printf "%-24s %-11s %14s %10s %10s %10s %10s %10s\n", model, target, field("instructions"), least(), field("flash_code"), field("flash_const"), field("flash_weights"), ram }'
    done
done
echo "details: $out"
