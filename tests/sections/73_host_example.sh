# examples/host: the committed pair in a program of its own.
mkdir -p "$WORK/host"
# shellcheck disable=SC2086 # flags
check host/compiles cc $STRICT -O2 -Igenerated examples/host/digits.c generated/digits_cnn.c -o "$WORK/host/digits"
for sample in models/samples/digit_*.bin; do
    label=${sample##*label_}
    check "host/$(basename "$sample" .bin)" sh -c '"$1" "$2" | grep -q ": $3 ("' host "$WORK/host/digits" "$sample" "${label%.bin}"
done
