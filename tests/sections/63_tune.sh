# Kernels chosen by measurement: etch tune, --tuning, what files are refused.
folder=$WORK/tune
rm -rf "$folder"
mkdir -p "$folder"
model=$folder/tuned.json
lua5.4 tests/lib/tune_model.lua >"$model" || not_ok tune/model "not written"

# The file with every layer's kernel number K of those that its comment lists (the last one where there are fewer).
alternative() { # FILE K
    awk -v k="$2" '
        /^# .*: / { line = $0; sub(/^# [^:]*: /, "", line); n = split(line, list, ", ") }
        /^kernel / { split(list[k < n ? k : n], words, " "); $2 = words[1] ":" }
        { print }' "$1"
}

tune_target() { # TARGET LEVEL
    local file=$folder/$1-$2.tune name=$folder/$1-$2 k
    "$ETCH" tune $model --target "$1" --optimize "$2" --runs 2 -o "$file" >"$name.out" || return 1
    grep -q '^kernel [^ ]*: Conv2D(int8 \[1, .* -> int8 \[1, .* padding=' "$file" || { echo "no convolution"; cat "$file"; return 1; }
    "$ETCH" compile $model --target "$1" --optimize "$2" --tuning "$file" -o "$name-1" >/dev/null 2>"$name.err" || { cat "$name.err"; return 1; }
    "$ETCH" compile $model --target "$1" --optimize "$2" --tuning "$file" -o "$name-2" >/dev/null 2>&1 || return 1
    [ ! -s "$name.err" ] || { cat "$name.err"; return 1; }
    cmp "$name-1/tuned.c" "$name-2/tuned.c" && tr -d "\n*" <"$name-1/tuned.c" | grep -q ", *tuned)" || { echo "no tuned kernel"; return 1; }
    # The alternatives are exact; the first one `etch tune` has compared itself.
    for k in 2 3; do
        alternative "$file" $k >"$name-$k.tune"
        "$ETCH" verify $model --target "$1" --optimize "$2" --tuning "$name-$k.tune" >"$name.verify" 2>&1 || { cat "$name.verify"; return 1; }
    done
}
check tune/generic tune_target generic balanced
check tune/generic_speed tune_target generic speed
tune_x86_64() { grep -q avx2 /proc/cpuinfo && tune_target x86-64 balanced; }
if [ "$(uname -m)" = x86_64 ] && grep -q avx2 /proc/cpuinfo; then
    check tune/x86-64 tune_x86_64
fi
for target in cortex-m4 cortex-m55; do
    if tests/lib/firmware.sh $target available; then
        check "tune/$target" tune_target $target balanced
    else
        skip "tune/$target" "no cross compiler or QEMU for it"
    fi
done

# Counted instructions are the same every time: so is the file.
same_file() {
    "$ETCH" tune $model --target cortex-m4 -o "$folder/again.tune" >/dev/null && cmp "$folder/cortex-m4-balanced.tune" "$folder/again.tune"
}
if tests/lib/firmware.sh cortex-m4 available; then
    check tune/same_file same_file
fi

# Lists of weights are among a layer's kernels where they may pay, and are right where they are asked for.
sparse_listed() {
    lua5.4 -e 'package.path = "tests/lib/?.lua;" .. package.path
        local json = require("json")
        for _, case in ipairs(json.read(io.open("tests/ops/sparse.json"):read("a")).cases) do
            if case.name == "half" then case.model.etch, case.model.name = 1, "half" print(json.write(case.model)) end
        end' >"$folder/half.json" || return 1
    "$ETCH" tune "$folder/half.json" --target cortex-m4 -o "$folder/half.tune" >/dev/null || return 1
    grep '^# .*linear_dsp' "$folder/half.tune" | grep -q 'linear_sparse' || { cat "$folder/half.tune"; return 1; }
    sed 's/^kernel [^:]*:/kernel linear_sparse:/' "$folder/half.tune" >"$folder/sparse.tune"
    "$ETCH" verify "$folder/half.json" --target cortex-m4 --tuning "$folder/sparse.tune" >/dev/null || return 1
    "$ETCH" compile "$folder/half.json" --target cortex-m4 --tuning "$folder/sparse.tune" -o "$folder/half" >/dev/null || return 1
    tr -d '\n*' <"$folder/half/half.c" | grep -q 'Kernel *linear_sparse *(sums_bytes_of_vectors, *tuned)'
}
if tests/lib/firmware.sh cortex-m4 available; then
    check tune/sparse sparse_listed
fi

# A kernel that the order would not take is taken, and the code says so.
forced() {
    sed 's/^kernel [^:]*: Conv2D/kernel convolution: Conv2D/' "$folder/generic-balanced.tune" >"$folder/forced.tune"
    "$ETCH" compile $model --tuning "$folder/forced.tune" -o "$folder/forced" >/dev/null || return 1
    tr -d '\n*' <"$folder/forced/tuned.c" | grep -q 'Kernel *convolution *(always, *tuned). Used *by *point_1' || { grep -A1 Kernel "$folder/forced/tuned.c"; return 1; }
}
check tune/forced forced

# FILE STATUS MESSAGE OPTIONS...: what compile makes of a tuning file
refused() {
    local file=$1 status=$2 message=$3
    shift 3
    "$ETCH" compile $model --tuning "$file" -o "$folder/refused" "$@" >/dev/null 2>"$folder/message"
    [ $? -eq "$status" ] && grep -q "$message" "$folder/message" || { cat "$folder/message"; return 1; }
}
head='# etch tuning: kernels chosen by measurement; made by `etch tune`, read with --tuning'
layer=$(sed -n 's/^kernel [^:]*: \(Conv2D.*\)/\1/p' "$folder/generic-balanced.tune" | head -1)
tuning() { # NAME LINES...: writes a file
    local name=$folder/$1
    shift
    printf '%s\n' "$head" "$@" >"$name"
}
tuning unknown.tune "kernel fastest: $layer"
check tune/unknown_kernel refused "$folder/unknown.tune" 3 'unknown.tune:2: node ".*" (Conv2D) cannot have the kernel "fastest": generic has .*convolution.* for Conv2D; delete the line, or run `etch tune` again$'
tuning condition.tune "kernel convolution_direct: $layer"
check tune/condition refused "$folder/condition.tune" 3 'condition.tune:2: .*"convolution_direct": its condition is_direct does not hold; '
tuning level.tune "kernel depthwise_compact: $(echo "$layer" | sed 's/^Conv2D/DepthwiseConv2D/')"
check tune/absent_layer refused "$folder/level.tune" 0 'level.tune:2: warning: the model has no such layer: DepthwiseConv2D('
tuning target.tune "target cortex-m4" "kernel linear: $layer"
check tune/other_target refused "$folder/target.tune" 3 'target.tune:2: made with --target=cortex-m4, used with --target=generic; '
tuning optimize.tune "optimize speed"
check tune/other_level refused "$folder/optimize.tune" 3 'optimize.tune:2: made with --optimize=speed, used with --optimize=balanced; '
tuning twice.tune "kernel linear: $layer" "# again" "kernel convolution: $layer"
check tune/twice refused "$folder/twice.tune" 3 'twice.tune:4: the layer of line 2 again; delete one of the two$'
tuning broken.tune "kernel linear"
check tune/broken refused "$folder/broken.tune" 3 'broken.tune:2: not "kernel NAME: LAYER"; '
tuning word.tune "kernels"
check tune/unknown_word refused "$folder/word.tune" 3 'word.tune:2: neither "target", "optimize" nor "kernel"; '
check tune/no_tuning_file refused models/digits_mlp.md 3 'digits_mlp.md: not a tuning file: '
check tune/missing_file refused "$folder/none.tune" 3 'none.tune: '

usage() { # MESSAGE OPTIONS...
    local message=$1
    shift
    "$ETCH" tune $model "$@" -o "$folder/usage.tune" >/dev/null 2>"$folder/message"
    [ $? -eq 2 ] && grep -q -e "$message" "$folder/message" && [ ! -e "$folder/usage.tune" ] || { cat "$folder/message"; return 1; }
}
check tune/of_size usage '--optimize=size' --optimize size
check tune/of_tuning usage '--tuning' --tuning "$folder/generic-balanced.tune"
check tune/no_runs usage '--runs' --runs 0

# The slowest node comes first.
profile() {
    "$ETCH" bench $model --runs 2 --profile >"$folder/profile" || return 1
    awk '/^node / { seen = 1; next } seen && $5 !~ /^[0-9.]+$/ { print "no share: " $0; exit 1 }
        seen { if (rows++ && $4 > before) { print "out of order: " $0; exit 1 }; before = $4; sum += $5 } END { exit !(rows > 3 && sum > 99 && sum < 101) }' "$folder/profile" ||
        { cat "$folder/profile"; return 1; }
}
check tune/profile profile
