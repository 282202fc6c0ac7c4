# Same input, same bytes: twice, from another folder, and from an etch built by another compiler.
determinism() { # MODEL
    local name
    name=$(printf '%s' "${1#"$CORPUS"/}" | tr -c 'A-Za-z0-9_' _)
    check "determinism/$name" bash -c '
        set -e
        model=$(realpath "$1")
        rm -rf "$2" && mkdir -p "$2/elsewhere"
        "$ETCH" compile "$model" -o "$2/first" --name same
        (cd "$2/elsewhere" && "$ETCH" compile "$model" --name same -o .)
        diff -r "$2/first" "$2/elsewhere" >/dev/null
        "$3" compile "$model" -o "$2/clang" --name same
        diff -r "$2/first" "$2/clang" >/dev/null
        rm -rf "$2"' determinism "$1" "$WORK/determinism/$name" "$CLANG_ETCH"
}

if make --no-print-directory -j "$JOBS" BUILD="$BUILD/clang" CC=clang OPTIMISATION=-O1 "CFLAGS=-Werror" >"$WORK/clang.log" 2>&1; then
    ok determinism/clang_build
    export CLANG_ETCH=$PWD/$BUILD/clang/etch
    {
        ls models/*.json
        [ ! -d "$CORPUS/tflite_mlperf_tiny" ] || find -L "$CORPUS/tflite_mlperf_tiny" "$CORPUS/tflite_wakeword" -name '*.tflite' -size -2M
    } | each determinism
else
    not_ok determinism/clang_build "$(grep -m 5 -E 'error|warning' "$WORK/clang.log")"
fi
