# The importers under libFuzzer: a short run with a fixed seed (long in test-full).
runs=20000
[ "$FULL" = 1 ] && runs=1000000
if ! ls tests/fuzz/*.c >/dev/null 2>&1; then
    skip fuzz "no harness"
elif ! make --no-print-directory -j "$JOBS" fuzzers >"$WORK/fuzz.log" 2>&1; then
    not_ok fuzz/build "$(grep -m 5 error "$WORK/fuzz.log" || tail -3 "$WORK/fuzz.log")"
else
    for harness in tests/fuzz/*.c; do
        name=$(basename "$harness" .c)
        seeds=$WORK/fuzz/$name
        mkdir -p "$seeds/found"
        [ "$name" != fuzz_native ] || cp tests/errors/*.json tests/golden/*.json "$seeds"
        for case in tests/tflite/*.lua; do
            [ "$case" = tests/tflite/tflite.lua ] || lua5.4 tests/tflite/tflite.lua "$case" "$seeds/$(basename "$case" .lua)"
        done
        [ ! -d "$CORPUS/tflite_ops" ] || find -L "$CORPUS/tflite_ops" -type f -size -3k \( -name '*.tflite' -o -name '*.bin' \) -exec cp -t "$seeds" {} + 2>/dev/null
        check "fuzz/$name" timeout 900 "build/fuzz/$name" -runs=$runs -seed=1 -timeout=5 -rss_limit_mb=1024 -max_len=8192 -verbosity=0 \
            -artifact_prefix="$seeds/found/" "$seeds"
    done
fi
