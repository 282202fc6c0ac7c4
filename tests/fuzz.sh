#!/bin/sh
# SPDX-License-Identifier: MIT
#
# An importer under libFuzzer, until interrupted: tests/fuzz.sh [HARNESS [OPTION...]]. What it finds lies in build/fuzz/found/.
set -eu
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
harness=${1:-fuzz_tflite}
[ $# -eq 0 ] || shift
corpus=${ETCH_CORPUS:-../shared/corpus}
seeds=$BUILD/fuzz/seeds/$harness
mkdir -p "$seeds" "$BUILD/fuzz/found"
if [ "$harness" = fuzz_native ]; then
    cp models/*.json tests/golden/*.json tests/errors/*.json "$seeds/"
elif [ -d "$corpus" ]; then
    find -L "$corpus/tflite_ops" "$corpus/tflite_recurrent" "$corpus/tflite_wakeword" -type f -size -64k \
        \( -name '*.tflite' -o -name '*.bin' \) -exec cp -t "$seeds" {} + 2>/dev/null || true
fi
exec "$BUILD/fuzz/$harness" -timeout=1 -rss_limit_mb=1024 -max_len=65536 -artifact_prefix="$BUILD/fuzz/found/" "$@" "$seeds"
