# Whole models under AddressSanitizer and UndefinedBehaviorSanitizer, compiled by clang under the strict flags
# (-Wno-overlength-strings: the test vectors that are linked in).
sanitized_model() { # GOLDEN_FOLDER
    local path=${1#"$CORPUS"/golden/} options=
    case $path in tflite_sequence/*) options=--sequence ;; esac
    path=${path#*/}
    # shellcheck disable=SC2086 # options
    check "sanitized/$options$path" timeout 300 "$ETCH" verify "$CORPUS/$path.tflite" --vectors "$1" $options --weights string --cc clang --sanitize \
        --cflags "-O1 $STRICT -Wno-overlength-strings"
}

if [ ! -d "$CORPUS/golden/tflite" ]; then
    skip sanitized "no folder $CORPUS (set ETCH_CORPUS)"
else
    for folder in "$CORPUS"/golden/tflite/{tflite_mlperf_tiny,tflite_wakeword,tflite_recurrent} \
        "$CORPUS"/golden/tflite_sequence/{tflite_audio,tflite_recurrent,tflite_wakeword}; do
        find -L "$folder" -name io.json -printf '%h\n'
    done | sort | each sanitized_model
fi
