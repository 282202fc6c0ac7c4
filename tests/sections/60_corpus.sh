# Real models with reference outputs (made with TensorFlow Lite for Microcontrollers): interpreter and generated code on the
# host, integers bit by bit, floats within 1e-5 of the output's range. The generated files are compiled under the strict flags.
exception() { # PATH: why its reference output cannot be had; empty for all others
    case $1 in
    *LiteRT/tflite/testdata/add_quantized_int8.bin)
        echo "the first Add writes a float32 tensor from int8 operands; the reference reads its int8 input as floats, past its end" ;;
    esac
}

corpus_model() { # GOLDEN_FOLDER
    local golden=$1 path=${1#"$CORPUS"/golden/} options= model output work reason
    case $path in tflite_sequence/*) options=--sequence ;; esac
    path=${path#*/}
    model=$CORPUS/$path
    [ -f "$model" ] || model=$CORPUS/$path.tflite
    work=$WORK/corpus/$(printf '%s' "$options$path" | tr -c 'A-Za-z0-9' _)
    reason=$(exception "$path")
    if [ -n "$reason" ]; then
        timeout 20 "$ETCH" compile "$model" -o "$work" >/dev/null 2>&1
        [ $? -eq 3 ] && skip "corpus/$path" "refused: $reason" || not_ok "corpus/$path" "not refused, though $reason"
        return
    fi
    # shellcheck disable=SC2086 # options
    if output=$(verify_here "$work" "cc -O1 $STRICT -Wno-overlength-strings" "$model" --vectors "$golden" $options --weights string 2>&1); then
        ok "corpus/$options$path"
    else
        not_ok "corpus/$options$path" "$output"
    fi
}

if [ ! -d "$CORPUS/golden/tflite" ]; then
    skip corpus "no folder $CORPUS (set ETCH_CORPUS)"
else
    export -f exception
    test_program
    find -L "$CORPUS/golden/tflite" "$CORPUS/golden/tflite_sequence" -name io.json -printf '%h\n' | sort | each corpus_model
    # The check checks: a wrong expectation must be noticed.
    rm -rf "$WORK/tampered" && mkdir -p "$WORK/tampered"
    keyword=tflite_mlperf_tiny/keyword_spotting/trained_models/kws_ref_model
    cp "$CORPUS/golden/tflite/$keyword"/*_0.bin "$WORK/tampered/"
    chmod +w "$WORK/tampered"/*
    printf '\125' | dd of="$WORK/tampered/output_0.bin" bs=1 seek=3 conv=notrunc status=none
    "$ETCH" verify "$CORPUS/$keyword.tflite" --vectors "$WORK/tampered" --cflags -O1 >"$WORK/tampered/log" 2>&1
    [ $? -eq 1 ] && ok corpus/tampered || not_ok corpus/tampered "a changed expectation was not noticed: $(cat "$WORK/tampered/log")"
fi
