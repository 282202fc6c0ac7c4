# The lock's figures of a C compiler: flash of the code, stack; with this compiler, another one, and none.
folder=$WORK/lock
rm -rf "$folder"
mkdir -p "$folder"

lock_compile() { # LOCK OPTIONS...
    local lock=$1
    shift
    "$ETCH" compile models/digits_mlp.json -o "$folder/out" --lock "$lock" "$@" >/dev/null 2>"$folder/message"
}

lock_of_target() { # TARGET: all entries, and the same file twice
    local lock=$folder/$1.lock name
    lock_compile "$lock" --target "$1" || { cat "$folder/message"; return 1; }
    for name in compiler compiler_flags code_bytes stack_bytes ram_bytes; do
        grep -q "^$name [^ ]" "$lock" || { echo "no $name"; return 1; }
    done
    [ ! -s "$folder/message" ] || { cat "$folder/message"; return 1; }
    lock_compile "$lock" --target "$1" || { cat "$folder/message"; return 1; }
    lock_compile "$lock.again" --target "$1" && cmp "$lock" "$lock.again"
}
check lock/generic lock_of_target generic
for target in cortex-m4 cortex-m55 rv32imc; do
    if tests/lib/firmware.sh $target available; then
        check "lock/$target" lock_of_target $target
    else
        skip "lock/$target" "no cross compiler for it"
    fi
done

# The figures of `etch bench`, which measures for itself.
lock_as_bench() {
    local lock=$folder/cortex-m4.lock name
    "$ETCH" bench models/digits_mlp.json --target cortex-m4 --json >"$folder/bench.json" || return 1
    for name in code_bytes:flash_code stack_bytes:stack_bytes ram_bytes:; do
        [ "${name#*:}" = "" ] || grep -q "\"${name#*:}\": $(sed -n "s/^${name%:*} //p" "$lock")," "$folder/bench.json" || { echo "$name"; return 1; }
    done
}
if tests/lib/firmware.sh cortex-m4 available; then
    check lock/as_bench lock_as_bench
fi

# Code that has grown is a difference.
lock_grown() {
    sed -e 's/^code_bytes .*/code_bytes 5/' -e 's/^stack_bytes .*/stack_bytes 6/' "$folder/generic.lock" >"$folder/grown.lock"
    lock_compile "$folder/grown.lock"
    [ $? -eq 1 ] || { echo "accepted"; return 1; }
    grep -q ': code_bytes 5 -> [0-9]*$' "$folder/message" && grep -q ': stack_bytes 6 -> [0-9]*$' "$folder/message" && [ "$(wc -l <"$folder/message")" -eq 3 ]
}
check lock/grown lock_grown

# Another compiler, or none: a warning, and what does not depend on it is still compared.
lock_other() { # MESSAGE [OPTIONS...]
    local message=$1
    shift
    sed -e 's/^compiler .*/compiler cc 1.0/' -e 's/^code_bytes .*/code_bytes 5/' -e '/^stack/d' "$folder/generic.lock" >"$folder/other.lock"
    lock_compile "$folder/other.lock" "$@" || { echo "refused: $(cat "$folder/message")"; return 1; }
    grep -q "warning: $message" "$folder/message" && [ "$(wc -l <"$folder/message")" -eq 1 ] || { cat "$folder/message"; return 1; }
    sed -i 's/^macs .*/macs 7/' "$folder/other.lock"
    lock_compile "$folder/other.lock" "$@" && { echo "other MACs were accepted"; return 1; }
    grep -q ': macs 7 -> ' "$folder/message" && [ "$(wc -l <"$folder/message")" -eq 3 ]
}
check lock/other_compiler lock_other 'its compiler is "cc 1.0", here is "[^"]*": code and stack are not compared$'
lock_without_compiler() { (PATH=$folder/empty lock_other 'its compiler "cc 1.0" is not here: code and stack are not compared; --cc names another$'); }
lock_path() { # sed, grep and wc, but no compiler
    mkdir -p "$folder/empty"
    local program
    for program in sed grep wc cat cmp rm; do
        ln -sf "$(command -v $program)" "$folder/empty/$program"
    done
}
lock_path
check lock/no_compiler lock_without_compiler
lock_written_without() {
    (PATH=$folder/empty lock_compile "$folder/without.lock") || { cat "$folder/message"; return 1; }
    grep -q 'warning: written without code and stack' "$folder/message" || { cat "$folder/message"; return 1; }
    grep -q '^compiler\|^code\|^stack' "$folder/without.lock" && { echo "it has figures of a compiler"; return 1; }
    lock_compile "$folder/without.lock" || { cat "$folder/message"; return 1; }
    grep -q 'warning: it was written without a C compiler: .*--lock-update adds them$' "$folder/message" || { cat "$folder/message"; return 1; }
    lock_compile "$folder/without.lock" --lock-update && cmp "$folder/without.lock" "$folder/generic.lock"
}
check lock/written_without_compiler lock_written_without
if command -v clang >/dev/null; then
    check lock/clang bash -c '"$1" compile models/digits_mlp.json -o "$2/out" --lock "$2/clang.lock" --cc clang >/dev/null && grep -q "^code_bytes" "$2/clang.lock" &&
        ! grep -q "^stack" "$2/clang.lock"' clang "$ETCH" "$folder"
fi

# RAM in the header is the sum of its parts.
lock_header() {
    lock_compile "$folder/generic.lock" && printf '%s\n' '#include "digits_mlp.h"' \
        '_Static_assert(DIGITS_MLP_RAM_BYTES == DIGITS_MLP_ARENA_BYTES + DIGITS_MLP_STATE_BYTES + DIGITS_MLP_INPUT_BYTES + DIGITS_MLP_OUTPUT_BYTES, "RAM");' >"$folder/ram.c" &&
        cc -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$folder/out" -fsyntax-only "$folder/ram.c" || return 1
    "$ETCH" compile models/digits_mlp.json -o "$folder/arena" --io arena >/dev/null && sed 's/RAM_BYTES == .*,/RAM_BYTES == DIGITS_MLP_ARENA_BYTES,/' -i "$folder/ram.c" &&
        cc -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$folder/arena" -fsyntax-only "$folder/ram.c"
}
check lock/header lock_header
