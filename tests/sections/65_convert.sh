# Any readable model as native JSON + bin gives the same graph: the same native files again, and the same outputs.
convert_model() {
    local name output folder dump
    name=$(printf '%s' "${1#"$CORPUS"/}" | tr -c 'A-Za-z0-9_' _)
    folder=$WORK/convert/$name
    mkdir -p "$folder"
    if ! output=$(timeout 60 "$ETCH" convert "$1" -o "$folder/$name.json" 2>&1 && mkdir -p "$folder/again" &&
        timeout 60 "$ETCH" convert "$folder/$name.json" -o "$folder/again/$name.json" 2>&1); then
        not_ok "convert/$name" "$output"
        return
    fi
    if ! output=$(cmp "$folder/$name.json" "$folder/again/$name.json" 2>&1 && { [ ! -e "$folder/$name.bin" ] || cmp "$folder/$name.bin" "$folder/again/$name.bin" 2>&1; }); then
        not_ok "convert/$name" "read back and written again, it differs: $output"
        return
    fi
    for dump in 1 2; do
        [ $dump = 1 ] && set -- "$1" || set -- "$folder/$name.json"
        timeout 60 "$ETCH" compile "$1" --name same -o "$folder/$dump" >"$folder/log" 2>&1 || { not_ok "convert/$name" "etch compile: $(cat "$folder/log")"; return; }
        sed -i '/^ \* .*\(CRC\|digest\|Digest\|Model\|model\)/d; /DIGEST/d' "$folder/$dump"/same.[ch]
    done
    if ! output=$(diff "$folder/1/same.c" "$folder/2/same.c" 2>&1 | head -5) || [ -n "$output" ]; then
        not_ok "convert/$name" "the generated code differs: $output"
        return
    fi
    rm -rf "$folder"
    ok "convert/$name"
}

{
    ls models/*.json
    if [ -d "$CORPUS" ]; then
        find -L "$CORPUS/tflite_mlperf_tiny" "$CORPUS/tflite_wakeword" "$CORPUS/tflite_recurrent" "$CORPUS/tflite_audio" -name '*.tflite' -size -2M | sort
        find -L "$CORPUS/golden/tflite/tflite_ops/LiteRT" -name io.json -printf '%h\n' | sed "s|/golden/tflite||" | while read -r path; do
            [ -f "$path" ] || path=$path.tflite
            echo "$path"
        done | grep -v add_quantized_int8 | sort | head -60 # it is refused, see 60_corpus.sh
    fi
} | each convert_model
