#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `make demo`: a trained model becomes C, the C a static program, and the program reads digits that we drew ourselves.
set -eu
cd "$(dirname "$0")/.."
etch=${BUILD:-build}/etch
out=${BUILD:-build}/demo
mkdir -p "$out"

picture() { # 28 x 28 int8 values as text, two rows a line
    od -An -v -tu1 -w28 "$1" | awk '
        { for (i = 1; i <= NF; ++i) upper[i] = lower[i] = 0 }
        { for (i = 1; i <= 28; ++i) { value = ($i + 128) % 256; if (NR % 2) above[i] = value; else below[i] = value } }
        NR % 2 == 0 {
            line = "    "
            for (i = 3; i <= 26; ++i) {
                a = above[i] > 110; b = below[i] > 110
                line = line (a && b ? "#" : a ? "\"" : b ? "o" : " ")
            }
            if (line ~ /[^ ]/) print line
        }'
}

echo "1. etch compile models/digits_cnn.json: C from a trained int8 model (see models/digits_cnn.md)"
"$etch" compile models/digits_cnn.json -o "$out"
echo
echo "2. etch build: the same with a driver, as a static program"
"$etch" build models/digits_cnn.json -o "$out/digits_cnn"
echo
echo "3. $out/digits_cnn reads digits"
right=0 total=0
for sample in models/samples/digit_*.bin; do
    label=${sample##*label_}
    label=${label%.bin}
    "$out/digits_cnn" "$sample" -o "$out/probabilities.bin"
    answer=$(od -An -v -td1 -w1 "$out/probabilities.bin" | awk '$1 > best || NR == 1 { best = $1; digit = NR - 1 } END { printf "%d %.1f", digit, (best + 128) / 2.56 }')
    total=$((total + 1))
    [ "${answer% *}" = "$label" ] && right=$((right + 1))
    case $total in 3 | 6 | 9) picture "$sample" ;; esac
    echo "   ${sample##*/}  drawn as $label, read as ${answer% *} (${answer#* } %)"
done
echo
echo "$right of $total samples read as they were drawn."
echo
macro() { sed -n "s/^#define DIGITS_CNN_$1 \([0-9]*\).*/\1/p" "$out/digits_cnn.h"; }
code=$(${CC:-cc} -std=c99 -Os -c -o "$out/size.o" "$out/digits_cnn.c" && size -A "$out/size.o" | awk '$1 ~ /^\.text/ { sum += $2 } END { print sum }')
if command -v arm-none-eabi-gcc >/dev/null; then
    code_m4=$(arm-none-eabi-gcc -std=c99 -Os -mcpu=cortex-m4 -mthumb -c -o "$out/size.o" "$out/digits_cnn.c" &&
        size -A "$out/size.o" 2>/dev/null | awk '$1 ~ /^\.text/ { sum += $2 } END { print sum }')
fi
rm -f "$out/size.o"
echo "Flash   weights $(macro WEIGHTS_BYTES) bytes, other constants $(macro CONSTANTS_BYTES), code $code (this machine, -Os)${code_m4:+, $code_m4 (Cortex-M4, -Os)}"
echo "RAM     arena $(macro ARENA_BYTES) bytes, state $(macro STATE_BYTES), input and output $(($(macro INPUT_BYTES || echo 0) + $(macro OUTPUT_BYTES || echo 0)))"
echo "Files   $out/digits_cnn.c and .h: the pair for your firmware; $out/digits_cnn: the program"
