# Built binaries on labelled data: our digits on the samples, MLPerf Tiny models on the corpus's part of the official sets.
accuracy() { # NAME MODEL INPUTS LABELS TYPE LEAST
    local output program=$WORK/accuracy/$1
    if ! output=$("$ETCH" build "$2" -o "$program" 2>&1 && timeout 300 "$program" "$3" -o "$program.out" 2>&1); then
        not_ok "accuracy/$1" "$output"
        return
    fi
    check "accuracy/$1" lua5.4 tests/lib/accuracy.lua "$4" "$program.out" "$5" "$6"
    lua5.4 tests/lib/accuracy.lua "$4" "$program.out" "$5" 0
}

mkdir -p "$WORK/accuracy"
cat models/samples/digit_*.bin >"$WORK/accuracy/samples.bin"
ls models/samples/digit_*.bin | sed 's/.*label_\([0-9]\).*/x,10,\1/' >"$WORK/accuracy/samples.csv"
for model in digits_mlp digits_cnn; do
    accuracy ${model}_samples models/$model.json "$WORK/accuracy/samples.bin" "$WORK/accuracy/samples.csv" int8 1.0
done

mnist=$CORPUS/data_mnist/derived/t10k-first5000
if [ -f "$mnist-images-idx3-ubyte.gz" ]; then
    # idx headers: 16 and 8 bytes; stored value = pixel - 128
    gzip -dc "$mnist-images-idx3-ubyte.gz" | tail -c +17 | lua5.4 tests/lib/flip_sign.lua >"$WORK/accuracy/mnist.bin"
    gzip -dc "$mnist-labels-idx1-ubyte.gz" | tail -c +9 | od -An -v -tu1 -w1 | sed 's/ */x,10,/' >"$WORK/accuracy/mnist.csv"
    accuracy digits_mlp_mnist models/digits_mlp.json "$WORK/accuracy/mnist.bin" "$WORK/accuracy/mnist.csv" int8 0.985
    accuracy digits_cnn_mnist models/digits_cnn.json "$WORK/accuracy/mnist.bin" "$WORK/accuracy/mnist.csv" int8 0.992
else
    skip accuracy/mnist "no MNIST in $CORPUS"
fi

sets=$CORPUS/data_mlperf_tiny_eval/energyrunner/datasets
if [ -d "$sets" ]; then
    tiny=$CORPUS/tflite_mlperf_tiny
    # The labels list the whole official sets; what is here of them counts.
    gather() { # SET NAME
        while IFS=, read -r file rest; do
            [ -f "$sets/$1/$file" ] && cat "$sets/$1/$file" >&3 && echo "$file,$rest" >&4
        done <"$sets/$1/y_labels.csv" 3>"$WORK/accuracy/$2.bin" 4>"$WORK/accuracy/$2.csv"
    }
    gather kws01 kws
    accuracy keyword_spotting "$tiny/keyword_spotting/trained_models/kws_ref_model.tflite" "$WORK/accuracy/kws.bin" "$WORK/accuracy/kws.csv" int8 0.890
    gather ic01 ic
    lua5.4 tests/lib/flip_sign.lua <"$WORK/accuracy/ic.bin" >"$WORK/accuracy/ic_int8.bin"
    accuracy image_classification "$tiny/image_classification/trained_models/pretrainedResnet_quant.tflite" "$WORK/accuracy/ic_int8.bin" "$WORK/accuracy/ic.csv" int8 0.85
    lua5.4 tests/lib/to_float.lua <"$WORK/accuracy/ic.bin" >"$WORK/accuracy/ic_float.bin"
    accuracy image_classification_float "$tiny/image_classification/trained_models/pretrainedResnet.tflite" "$WORK/accuracy/ic_float.bin" "$WORK/accuracy/ic.csv" float32 0.876
else
    skip accuracy/mlperf_tiny "no folder $sets"
fi
