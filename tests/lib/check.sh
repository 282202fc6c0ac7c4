# SPDX-License-Identifier: MIT
#
# What the sections share. Sourced by tests/run.sh before each of them.

ok() { echo "ok $1"; }
skip() { echo "skip $1: $2"; }
# not_ok NAME REASON...: the reason may be several lines; it becomes one.
not_ok() {
    local name=$1
    shift
    printf 'not ok %s: %s\n' "$name" "$(printf '%s' "$*" | tr -s '\n' '|' | cut -c 1-500)"
}

# check NAME COMMAND...: ok when the command succeeds; its output is the reason otherwise.
check() {
    local name=$1 output status
    shift
    output=$("$@" 2>&1)
    status=$?
    if [ $status -eq 0 ]; then
        ok "$name"
    else
        not_ok "$name" "${output:-ended with status $status}"
    fi
}

# each FUNCTION: calls it once per line of standard input, JOBS at a time. The function sees the line as $1.
each() {
    export -f "$1" ok not_ok skip check
    xargs -d '\n' -r -n 1 -P "$JOBS" bash -c "$1 \"\$1\"" each
}

# same EXPECTED GOT: compares, or with --bless replaces.
same() {
    if [ "$BLESS" = 1 ]; then
        cmp -s "$1" "$2" || { cp "$2" "$1" && echo "blessed $1"; }
        return 0
    fi
    diff -u "$1" "$2" | head -20
    cmp -s "$1" "$2"
}

# Flags under which generated files must be silent.
STRICT="-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
SANITIZE="-g1 -fsanitize=address,undefined -fno-sanitize-recover=all" # -g takes half as long again
export STRICT SANITIZE

# verify_here FOLDER COMPILER MODEL OPTION...: what `etch verify` does on this machine, except that the part of the test program
# that is the same for all models is compiled once, by a section's call of test_program before; it takes longer than most models.
verify_here() {
    local folder=$1 compiler=$2
    shift 2
    # shellcheck disable=SC2086 # a compiler with its flags
    timeout 300 "$ETCH" verify "$@" --name model --sources "$folder" &&
        $compiler -I"$folder/firmware" -o "$folder/program" "$folder/model.c" "$folder/model_caller.c" "$folder/firmware/vectors.c" \
            "$WORK"/test_program/*.o -lm && timeout 300 "$folder/program" && rm -rf "$folder"
}
test_program() {
    local sources=$PWD/examples/firmware output
    export -f verify_here
    mkdir -p "$WORK/test_program"
    output=$(cd "$WORK/test_program" && cc -O1 -c "$sources"/{main,host,console,count_host}.c 2>&1) || not_ok test_program "$output"
}
