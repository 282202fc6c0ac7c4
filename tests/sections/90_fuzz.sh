# The importers under libFuzzer: a short run with a fixed seed (long in test-full).
runs=20000
[ "$FULL" = 1 ] && runs=200000
if ! make --no-print-directory -j "$JOBS" BUILD="$BUILD" fuzzers >"$WORK/fuzz.log" 2>&1; then
    not_ok fuzz/build "$(grep -m 5 error "$WORK/fuzz.log" || tail -3 "$WORK/fuzz.log")"
else
    for harness in tests/fuzz/*.c; do
        name=$(basename "$harness" .c)
        rm -rf "$BUILD/fuzz/seeds/$name"
        # The limit of a second is for a machine of its own; the tests share theirs.
        check "fuzz/$name" timeout 3600 tests/fuzz.sh "$name" -runs=$runs -seed=1 -timeout=10 -verbosity=0 -max_len=8192
    done
fi
