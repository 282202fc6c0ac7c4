# One self-contained executable: installed alone, in an empty folder, without the source tree.
prefix=$WORK/install
rm -rf "$prefix"
check install/make make --no-print-directory install BUILD="$BUILD" PREFIX="$prefix"
[ "$(find "$prefix" -type f | wc -l)" -eq 1 ] && ok install/one_file || not_ok install/one_file "$(find "$prefix" -type f)"
mkdir -p "$prefix/empty"
cp models/digits_cnn.json models/digits_cnn.bin models/samples/digit_03_label_3.bin "$prefix/empty/"
check install/build sh -c 'cd "$1/empty" && ../bin/etch build digits_cnn.json -o digits && ./digits digit_03_label_3.bin -o out.bin && test "$(wc -c <out.bin)" -eq 10' install "$prefix"
check install/version sh -c '"$1/bin/etch" --version | grep -q "^etch [0-9]"' install "$prefix"
