# Whole models under AddressSanitizer and UndefinedBehaviorSanitizer, compiled by clang under the strict flags
# (-Wno-overlength-strings: the test vectors that are linked in).
sanitized_model() { # GOLDEN_FOLDER
    local path=${1#"$CORPUS"/golden/} options= work
    case $path in tflite_sequence/*) options=--sequence ;; esac
    path=${path#*/}
    work=$WORK/sanitized/$(printf '%s' "$options$path" | tr -c 'A-Za-z0-9' _)
    # shellcheck disable=SC2086 # options
    check "sanitized/$options$path" verify_here "$work" "clang -O1 $SANITIZE $STRICT -Wno-overlength-strings" "$CORPUS/$path.tflite" --vectors "$1" \
        $options --weights string
}

if [ ! -d "$CORPUS/golden/tflite" ]; then
    skip sanitized "no folder $CORPUS (set ETCH_CORPUS)"
else
    test_program
    for folder in "$CORPUS"/golden/tflite/{tflite_mlperf_tiny,tflite_wakeword,tflite_recurrent} \
        "$CORPUS"/golden/tflite_sequence/{tflite_audio,tflite_recurrent,tflite_wakeword}; do
        find -L "$folder" -name io.json -printf '%h\n'
    done | sort | each sanitized_model
fi
