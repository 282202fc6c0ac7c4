# The TFLite importer on files written by tests/tflite/tflite.lua: what tests/tflite/NAME.lua describes becomes the native
# model NAME.json, or is refused as NAME.err says (`exit N`, then standard error). Models that cannot be compiled have both:
# their inspection works.
tflite_case() {
    local name=$1 folder=$WORK/tflite command status
    lua5.4 tests/tflite/tflite.lua "tests/tflite/$name.lua" "$folder/$name.tflite" || { not_ok "tflite/$name" "the case is wrong"; return; }
    for command in convert compile; do
        (
            cd "$folder" || exit 1
            [ $command = convert ] && set -- "$name.json" || set -- out
            timeout 20 "$ETCH" $command "$name.tflite" -o "$1" >"$name.$command.out" 2>"$name.$command.text"
        )
        status=$?
        { echo "exit $status"; cat "$folder/$name.$command.text"; } >"$folder/$name.$command"
    done
    if [ -f "tests/tflite/$name.err" ]; then
        check "tflite/$name/error" same "tests/tflite/$name.err" "$folder/$name.compile"
    else
        check "tflite/$name/compile" grep -qx 'exit 0' "$folder/$name.compile"
    fi
    case $name in
    bad_*) ;;
    unsupported) check "tflite/$name/inspect" "$ETCH" inspect "$folder/$name.tflite" ;;
    *) check "tflite/$name" same "tests/tflite/$name.json" "$folder/$name.json" ;;
    esac
}

mkdir -p "$WORK/tflite"
export -f same
if [ "$BLESS" = 1 ]; then
    for file in tests/tflite/bad_*.lua tests/tflite/unsupported.lua; do touch "${file%.lua}.err"; done
fi
ls tests/tflite/*.lua | sed 's|.*/||; s|\.lua$||' | grep -vx tflite | each tflite_case
