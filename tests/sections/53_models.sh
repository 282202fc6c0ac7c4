# Several models in one arena: the header of `etch plan --models` in a program that runs them, the asserts, what is refused.
folder=$WORK/models
rm -rf "$folder"
mkdir -p "$folder"

# A model with a state: y is what was said, one call later, with its neighbours exchanged.
cat >"$folder/echo.json" <<'EOF'
{"etch": 1, "name": "echo", "inputs": [{"name": "x", "dtype": "int8", "shape": [2, 2]}], "outputs": ["y"],
 "states": {"s": {"dtype": "int8", "shape": [2, 2]}},
 "nodes": [{"op": "ReadState", "inputs": ["s"], "outputs": ["old"]}, {"op": "Transpose", "inputs": ["old"], "outputs": ["turned"]},
           {"op": "AssignState", "inputs": ["s", "x"], "outputs": []}, {"op": "Pad", "inputs": ["turned"], "outputs": ["wide"], "attributes": {"paddings": [0, 0, 1, 1]}},
           {"op": "Transpose", "inputs": ["wide"], "outputs": ["y"]}], "tensors": {}}
EOF

# Two exclusive models and one beside them, in turn on one arena; arena and states are filled with rubbish before.
cat >"$folder/main.c" <<'EOF'
#include "shared.h"

#include <stdio.h>
#include <string.h>

static shared_arenas arenas;
static shared_states states;
static int8_t image[DIGITS_CNN_INPUT_ELEMENTS];

int main(int count, char **names)
{
    static int8_t cnn[DIGITS_CNN_OUTPUT_ELEMENTS], mlp[DIGITS_MLP_OUTPUT_ELEMENTS], said[ECHO_OUTPUT_ELEMENTS];
    FILE *digits = fopen("digits.out", "wb"), *simple = fopen("mlp.out", "wb"), *echoes = fopen("echo.out", "wb");
    memset(&arenas, 0x55, sizeof arenas);
    memset(&states, 0x55, sizeof states);
    if (echo_init(SHARED_ECHO_STATE(&states)) != 0 || digits == NULL || simple == NULL || echoes == NULL) {
        return 1;
    }
    for (int i = 1; i < count; ++i) {
        FILE *file = fopen(names[i], "rb");
        const int8_t word[4] = {(int8_t)i, 2, (int8_t)(3 * i), 4};
        if (file == NULL || fread(image, 1, sizeof image, file) != sizeof image || fclose(file) != 0) {
            return 1;
        }
        if (digits_cnn_invoke(SHARED_DIGITS_CNN_ARENA(&arenas), image, cnn) != 0 ||
            echo_invoke(SHARED_ECHO_STATE(&states), SHARED_ECHO_ARENA(&arenas), word, said) != 0 ||
            digits_mlp_invoke(SHARED_DIGITS_MLP_ARENA(&arenas), image, mlp) != 0) {
            return 1;
        }
        fwrite(cnn, 1, sizeof cnn, digits);
        fwrite(mlp, 1, sizeof mlp, simple);
        fwrite(said, 1, sizeof said, echoes);
    }
    return fclose(digits) != 0 || fclose(simple) != 0 || fclose(echoes) != 0;
}
EOF

plan() { "$ETCH" plan --models "$@"; }
models="models/digits_cnn.json models/digits_mlp.json"

models_run() { # OPTIONS...
    local model
    # shellcheck disable=SC2086 # a list
    plan $models + "$folder/echo.json" -o "$folder/shared.h" "$@" >"$folder/table" || return 1
    for model in $models "$folder/echo.json"; do
        "$ETCH" compile "$model" -o "$folder" "$@" >/dev/null || return 1
    done
    # shellcheck disable=SC2086 # flags
    cc $STRICT -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -I"$folder" -o "$folder/program" "$folder/main.c" "$folder"/digits_cnn.c \
        "$folder"/digits_mlp.c "$folder"/echo.c -lm || return 1
    local root=$PWD
    (cd "$folder" && ./program "$root"/models/samples/digit_0[0-4]_*.bin) || { echo "the program failed"; return 1; }
    cat models/samples/digit_0[0-4]_*.bin >"$folder/samples.bin"
    printf '\001\002\003\004\002\002\006\004\003\002\011\004\004\002\014\004\005\002\017\004' >"$folder/words.bin"
    "$ETCH" run models/digits_cnn.json -i "$folder/samples.bin" -o "$folder/digits.expected" || return 1
    "$ETCH" run models/digits_mlp.json -i "$folder/samples.bin" -o "$folder/mlp.expected" || return 1
    "$ETCH" run "$folder/echo.json" -i "$folder/words.bin" -o "$folder/echo.expected" || return 1
    for model in digits mlp echo; do
        cmp "$folder/$model.out" "$folder/$model.expected" || return 1
    done
}
check models/run models_run
check models/run_optimize_ram models_run --optimize ram

# A figure of a header: models_value HEADER MACRO.
models_value() { sed -n "s/^#define $2 \\([0-9]*\\)\$/\\1/p" "$folder/$1"; }
models_figures() {
    local cnn mlp echo
    models_run || return 1
    cnn=$(models_value digits_cnn.h DIGITS_CNN_ARENA_BYTES) mlp=$(models_value digits_mlp.h DIGITS_MLP_ARENA_BYTES)
    echo=$(models_value echo.h ECHO_ARENA_BYTES)
    local largest=$(((cnn > mlp ? cnn : mlp) + 7 & ~7)) beside=$((echo + 7 & ~7))
    [ "$(models_value shared.h SHARED_BYTES)" = $((largest + beside)) ] || { echo "SHARED_BYTES"; return 1; }
    [ "$(models_value shared.h SHARED_ECHO_ARENA_OFFSET)" = $largest ] || { echo "offset of the group"; return 1; }
    [ "$(models_value shared.h SHARED_DIGITS_MLP_ARENA_OFFSET)" = 0 ] || { echo "offset of a shared model"; return 1; }
    [ "$(models_value shared.h SHARED_STATES_BYTES)" = 4 ] || { echo "SHARED_STATES_BYTES"; return 1; }
    [ "$(models_value shared.h SHARED_RAM_BYTES)" = $((largest + beside + 4 + 2 * 794 + 4 + 8)) ] || { echo "SHARED_RAM_BYTES"; return 1; }
    plan $models --together | grep -q "^arena $(((cnn + 7 & ~7) + (mlp + 7 & ~7))) bytes " || { echo "--together"; return 1; }
    plan models/digits_cnn.json + models/digits_mlp.json >"$folder/apart" && plan $models --together | cmp - "$folder/apart"
}
check models/figures models_figures

# Another plan than the one that was compiled: an error at compile time.
models_differ() {
    models_run || return 1
    sed -i 's/^\(#define DIGITS_CNN_ARENA_BYTES\) .*/\1 8/' "$folder/digits_cnn.h"
    cc -std=c99 -I"$folder" -fsyntax-only "$folder/main.c" 2>"$folder/log" && { echo "accepted"; return 1; }
    grep -q 'digits_cnn.h is not what was planned with' "$folder/log"
}
check models/differ models_differ

# The same model twice, under two names; arenas that begin at one address.
models_twice() {
    plan left=models/digits_mlp.json right=models/digits_mlp.json -o "$folder/both.h" >/dev/null || return 1
    grep -q '^#define BOTH_LEFT_ARENA_OFFSET 0$' "$folder/both.h" && grep -q '^#define BOTH_RIGHT_ARENA_OFFSET 0$' "$folder/both.h" || return 1
    "$ETCH" compile models/digits_mlp.json --name left -o "$folder" >/dev/null && "$ETCH" compile models/digits_mlp.json --name right -o "$folder" >/dev/null &&
        printf '#include "both.h"\nboth_arenas arenas;\n' >"$folder/both.c" &&
        cc -std=c99 -Wall -Wextra -Wpedantic -Werror -I"$folder" -fsyntax-only "$folder/both.c"
}
check models/twice models_twice
check models/format bash -c 'cp .clang-format "$1" && clang-format "$1/shared.h" | diff -u "$1/shared.h" -' format "$folder"
if command -v g++ >/dev/null; then
    check models/c++ g++ -Wall -Wextra -Wpedantic -Werror -I"$folder" -fsyntax-only -x c++ "$folder/both.h"
fi
models_same() {
    plan $models -o "$folder/first.h" >/dev/null && cp "$folder/first.h" "$folder/before" && plan $models -o "$folder/first.h" >/dev/null && cmp "$folder/first.h" "$folder/before"
}
check models/deterministic models_same

models_refused() { # STATUS MESSAGE ARGUMENTS...
    local expected=$1 message=$2 status
    shift 2
    plan "$@" >/dev/null 2>"$folder/log"
    status=$?
    [ $status -eq "$expected" ] && grep -qF -e "$message" "$folder/log" && return 0
    echo "status $status: $(cat "$folder/log")"
    return 1
}
check models/refused/name models_refused 3 'is called "digits_mlp", as is' models/digits_mlp.json models/digits_mlp.json
check models/refused/header models_refused 1 'its header would be lost' models/digits_mlp.json -o "$folder/digits_mlp.h"
check models/refused/budget models_refused 1 'over the budget of 1024' $models --max-ram 1k
check models/refused/separator models_refused 2 'stands between groups' models/digits_mlp.json +
check models/refused/together models_refused 2 'what --together stands for' models/digits_cnn.json + models/digits_mlp.json --together
check models/refused/capacity models_refused 2 'about a table of buffers' $models --capacity 5
check models/refused/one_name models_refused 2 'NAME=MODEL does' $models --name x
check models/refused/absent models_refused 3 'none.json' none.json
