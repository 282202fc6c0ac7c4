# The importers under libFuzzer: a short run with a fixed seed (long in test-full).
fuzz() { # HARNESS
    local runs=20000
    [ "$FULL" = 0 ] || runs=200000
    rm -rf "$BUILD/fuzz/seeds/$1"
    # The limit of a second is for a machine of its own; the tests share theirs.
    check "fuzz/$1" timeout 3600 tests/fuzz.sh "$1" -runs=$runs -seed=1 -timeout=10 -verbosity=0 -max_len=8192
}

if ! make --no-print-directory -j "$JOBS" BUILD="$BUILD" fuzzers >"$WORK/fuzz.log" 2>&1; then
    not_ok fuzz/build "$(grep -m 5 error "$WORK/fuzz.log" || tail -3 "$WORK/fuzz.log")"
else
    basename -s .c tests/fuzz/*.c | each fuzz
fi
