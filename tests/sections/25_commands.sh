# The command line as people use it: help, tensors in files, the built program, overlaid templates.
folder=$WORK/commands
rm -rf "$folder"
mkdir -p "$folder"

for command in compile build run verify bench inspect convert plan targets boards ops; do
    check "commands/$command/help" sh -c '"$1" "$2" --help >"$3" && grep -q "^usage: etch $2" "$3" && "$1" help "$2" | cmp - "$3"' \
        help "$ETCH" "$command" "$folder/help"
done
check commands/overview sh -c '"$1" help | grep -q compile && "$1" --help | grep -q compile && "$1" --version | grep -q "^etch [0-9]"' overview "$ETCH"
check commands/targets sh -c '"$1" targets | grep -q "^generic"' targets "$ETCH"
check commands/ops sh -c '"$1" ops | grep -q "^Conv2D (input weights bias?) -> output; stride:ints"' ops "$ETCH"

# Two calls of a model with two inputs and two outputs, 6 and 3 int8 values each.
model=tests/golden/elementwise.json
printf '\001\002\003\004\005\006\007\010\011\012\013\014' >"$folder/a.bin"
printf '\001\200\177\004\005\006' >"$folder/b.bin"
check commands/dump sh -c '"$1" run tests/golden/elementwise.json -i "$2/a.bin" -i "$2/b.bin" --dump simplify | grep -q "add = Add"' dump "$ETCH" "$folder"
run() { "$ETCH" run "$model" "$@"; }
tensor_files() {
    run --input "$folder/a.bin" --input="$folder/b.bin" --output "$folder/sum.bin" -o "$folder/tanh.npy" || return 1
    test "$(wc -c <"$folder/sum.bin")" -eq 12 || { echo "not two calls"; return 1; }
    # The header of the .npy file begins with its magic string and says what follows; the data end it.
    head -c 128 "$folder/tanh.npy" | grep -aq "{'descr': '|i1', 'fortran_order': False, 'shape': (2, 2, 3), }" || { echo "header"; return 1; }
    run -i "$folder/a.bin" -i "$folder/b.bin" -o "$folder/sum.npy" -o "$folder/tanh.bin" || return 1
    tail -c 12 "$folder/sum.npy" | cmp - "$folder/sum.bin" && tail -c 12 "$folder/tanh.npy" | cmp - "$folder/tanh.bin" || return 1
    # A .npy file as an input: two [2, 3] stacked.
    run -i "$folder/sum.npy" -i "$folder/b.bin" -o "$folder/again.bin" -o "$folder/ignored" &&
        run -i "$folder/sum.bin" -i "$folder/b.bin" -o "$folder/raw.bin" -o "$folder/ignored" && cmp "$folder/again.bin" "$folder/raw.bin"
}
check commands/tensor_files tensor_files
check commands/run_summary sh -c '"$1" run "$2" -i "$3/a.bin" -i "$3/b.bin" | grep -q "call 1"' summary "$ETCH" "$model" "$folder"

# The built program: the same bytes, raw and .npy, and its other modes.
program=$folder/elementwise
check commands/build "$ETCH" build "$model" -o "$program" --cflags -O1
driver() {
    "$program" "$folder/a.bin" "$folder/b.bin" -o "$folder/driver.bin" --output="$folder/driver.npy" || return 1
    cmp "$folder/driver.bin" "$folder/sum.bin" && cmp "$folder/driver.npy" "$folder/tanh.npy" || return 1
    "$program" "$folder/sum.npy" "$folder/b.bin" -o "$folder/driver.bin" -o "$folder/ignored" && cmp "$folder/driver.bin" "$folder/raw.bin" || return 1
    "$program" --info | grep -q 'input    a: int8 \[2, 3\], 6 bytes, scale 0.5, zero point 1' || { echo "--info"; return 1; }
    "$program" --bench 3 | grep -q '^3 calls: min .* us, median .* us$' || { echo "--bench"; return 1; }
    "$program" --help | grep -q '^usage: elementwise'
}
check commands/driver driver
driver_errors() {
    local expected=$1 message=$2 output status
    shift 2
    output=$("$program" "$@" 2>&1 >/dev/null)
    status=$?
    [ $status -eq "$expected" ] && [ "$output" = "elementwise: $message" ] && return 0
    echo "status $status: $output"
    return 1
}
head -c 7 "$folder/a.bin" >"$folder/seven.bin"
check commands/driver/missing_input driver_errors 2 "1 input files given, the model has 2 inputs; --help explains" "$folder/a.bin"
check commands/driver/size driver_errors 3 "$folder/seven.bin: 7 bytes; \"a\" has 6, or N times as many for N calls" "$folder/seven.bin" "$folder/b.bin"
check commands/driver/unknown_option driver_errors 2 "--fast: unknown option; --help lists them" --fast
check commands/driver/no_file driver_errors 3 "$folder/none.bin: No such file or directory" "$folder/none.bin" "$folder/b.bin"

# Several models in one call are what they are one by one; none overwrites another.
several() {
    local one=models/digits_mlp.json another=tests/golden/float.json status
    "$ETCH" compile $one -o "$folder/alone" && "$ETCH" compile $another -o "$folder/alone" && "$ETCH" compile $one $another -o "$folder/several" &&
        diff -r "$folder/alone" "$folder/several" || return 1
    "$ETCH" compile $another "$folder/none.json" $another $one -o "$folder/again" 2>"$folder/log"
    status=$?
    [ $status -eq 3 ] && diff -r "$folder/alone" "$folder/again" && grep -q 'none.json: ' "$folder/log" &&
        grep -q '/float.json: is called "float", as is a model before it' "$folder/log" || { echo "status $status:"; cat "$folder/log"; return 1; }
}
check commands/several several

# --weights=extern needs its image; --io=arena and the rest do not show from outside.
for form in array words string incbin extern; do
    for io in caller arena; do
        check "commands/build/$form-$io" sh -c '
            "$1" build models/digits_mlp.json -o "$2/mlp" --name mlp --weights "$3" --io "$4" --cflags "-O1 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror" >"$2/log" 2>&1 ||
                { cat "$2/log"; exit 1; }
            cat models/samples/digit_0[0-4]_*.bin >"$2/samples.bin" && "$2/mlp" "$2/samples.bin" -o "$2/mlp.out" || exit 1
            [ -f "$2/mlp.expected" ] || "$1" run models/digits_mlp.json -i "$2/samples.bin" -o "$2/mlp.expected" || exit 1
            cmp "$2/mlp.out" "$2/mlp.expected"' build "$ETCH" "$folder" "$form" "$io"
    done
done

# A folder laid over the templates: what it holds is used, the rest is the executable's.
mkdir -p "$folder/overlay/generic"
{ echo '/* from the overlay */'; cat templates/generic/unary.c.tmpl; } >"$folder/overlay/generic/unary.c.tmpl"
check commands/templates sh -c '"$1" compile tests/golden/elementwise.json -o "$2" --templates "$2/overlay" && grep -q "from the overlay" "$2/elementwise.c"' \
    templates "$ETCH" "$folder"
