# RAM of real models: arena + state + inputs and outputs as a share of what TFLM takes, proven optimal for the chosen kernels.
# share NAME MODEL TFLM-BYTES LIMIT-IN-PERCENT OPTION...
share() {
    local name=$1 model=$2 bytes=$3 limit=$4
    shift 4
    check "ram/$name" sh -c '
        model=$1 bytes=$2 limit=$3; shift 3
        "$0" inspect "$model" --json "$@" | lua5.4 -e "
            package.path = [[tests/lib/?.lua;]] .. package.path
            local plan = require([[json]]).read(io.read([[a]]))
            local ram = plan.arena_bytes + plan.state_bytes + plan.io_bytes
            local limit = $bytes * $limit / 100
            print(ram .. [[ bytes, at most ]] .. limit .. (plan.optimal and [[]] or [[; not proven optimal]]))
            os.exit(ram <= limit and plan.optimal)"' "$ETCH" "$model" "$bytes" "$limit" "$@"
}

tiny=$CORPUS/tflite_mlperf_tiny
examples=tflite-micro/tensorflow/lite/micro
kws=$tiny/keyword_spotting/trained_models/kws_ref_model.tflite
ic=$tiny/image_classification/trained_models/pretrainedResnet_quant.tflite
vww=$tiny/visual_wake_words/trained_models/vww_96_int8.tflite
ad01=$tiny/anomaly_detection/trained_models/ad01_int8.tflite
person=$CORPUS/tflite_vision_cls/$examples/models/person_detect.tflite
micro_speech=$CORPUS/tflite_audio/$examples/examples/micro_speech/models/micro_speech_quantized.tflite
mobilenet=$CORPUS/tflite_mobilenet/coral/mobilenet_v2_1.0_224_quant.tflite

if [ ! -f "$kws" ]; then
    skip ram "the corpus is absent"
else
    for target in generic cortex-m4; do
        share "speed/kws/$target" "$kws" 22772 75 --optimize speed --io arena --target $target
        share "speed/ic/$target" "$ic" 54340 91 --optimize speed --io arena --target $target
        share "speed/vww/$target" "$vww" 100660 56 --optimize speed --io arena --target $target
        share "speed/person/$target" "$person" 82292 68 --optimize speed --io arena --target $target
        share "overlap/kws/$target" "$kws" 22772 38 --optimize ram --io arena --rows off --target $target
        share "overlap/ic/$target" "$ic" 54340 62 --optimize ram --io arena --rows off --target $target
        share "overlap/vww/$target" "$vww" 100660 37 --optimize ram --io arena --rows off --target $target
        share "overlap/person/$target" "$person" 82292 45 --optimize ram --io arena --rows off --target $target
        share "overlap/micro_speech/$target" "$micro_speech" 6788 62 --optimize ram --io arena --rows off --target $target
        share "overlap/ad01/$target" "$ad01" 2260 35 --optimize ram --io arena --rows off --target $target
        share "overlap/mobilenet/$target" "$mobilenet" 2606896 47 --optimize ram --io arena --rows off --target $target
        share "rows/ic/$target" "$ic" 54340 46 --optimize ram --io arena --target $target
        share "rows/vww/$target" "$vww" 100660 29 --optimize ram --io arena --target $target
        share "rows/person/$target" "$person" 82292 26 --optimize ram --io arena --target $target
        share "rows/mobilenet/$target" "$mobilenet" 2606896 10 --optimize ram --io arena --target $target
    done
fi
