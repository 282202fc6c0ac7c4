# The stack that the call graph tells is at least what a painted stack shows in QEMU, and not far above.
stack_case() { # "TARGET MODEL"
    local name json=$WORK/stack/${1%% *}-$(basename "${1#* }").json
    name=${1%% *}/$(basename "${1#* }" | sed 's/\.[a-z]*$//')
    if ! timeout 300 "$ETCH" bench "${1#* }" --target "${1%% *}" --json >"$json" 2>"$json.log"; then
        not_ok "stack/$name" "$(cat "$json.log")"
        return
    fi
    # A quarter more, or 64 bytes: what soft floating point keeps for a path that this input does not take.
    check "stack/$name" lua5.4 -e '
        local text = io.read("a")
        local function figure(key) return tonumber(text:match("\"" .. key .. "\": (%d+)")) end
        local told, seen, caller = figure("stack_bytes"), figure("stack_seen"), figure("stack_caller")
        assert(text:find("\"stack_proven\": true", 1, true), "not proven")
        assert(seen > 0 and told + caller >= seen, ("told %d + %d, seen %d"):format(told, caller, seen))
        assert(told <= math.max(seen * 1.25, seen + 64), ("told %d, seen %d"):format(told, seen))' <"$json"
}

mkdir -p "$WORK/stack"
stack_models() {
    echo "models/digits_cnn.json"
    echo "models/digits_mlp.json"
    echo "tests/golden/float.json"
    echo "tests/golden/small.json"
    [ ! -d "$CORPUS/tflite_mlperf_tiny" ] || echo "$CORPUS/tflite_mlperf_tiny/keyword_spotting/trained_models/kws_ref_model.tflite"
    [ ! -d "$CORPUS/tflite_audio" ] || echo "$CORPUS/tflite_audio/tflite-micro/tensorflow/lite/micro/examples/micro_speech/models/micro_speech_quantized.tflite"
}
for target in cortex-m0plus cortex-m4 cortex-m55 rv32imc; do
    if tests/lib/firmware.sh $target available; then
        stack_models | sed "s|^|$target |"
    else
        echo "skip stack/$target: no cross compiler or QEMU for it" >&2
    fi
done | each stack_case
