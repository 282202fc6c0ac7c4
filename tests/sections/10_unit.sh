# Unit tests: each tests/unit/NAME.c is a program, linked with the compiler except its main.c and commands.
unit_test() {
    local name program=$WORK/unit/${1##*/}
    name=$(basename "$1" .c)
    program=${program%.c}
    # shellcheck disable=SC2086 # flags
    if ! cc -std=c11 -D_POSIX_C_SOURCE=200809L -O1 -Wall -Wextra $SANITIZE -Icompiler -Iruntime \
        -o "$program" "$1" "$WORK/unit/compiler.a" -Wl,-Bstatic -llua5.4 -Wl,-Bdynamic -lcjson -lm >"$program.log" 2>&1; then
        not_ok "unit/$name" "does not compile: $(cat "$program.log")"
        return
    fi
    # Less memory that waits for late uses: most of the time went into fresh pages.
    ASAN_OPTIONS=quarantine_size_mb=16 check "unit/$name" timeout 120 "$program"
}

mkdir -p "$WORK/unit"
rm -f "$WORK/unit/compiler.a"
ar rcs "$WORK/unit/compiler.a" $(find "$BUILD/compiler" "$BUILD/embedded.o" -name '*.o' ! -path '*/main.o')
ls tests/unit/*.c 2>/dev/null | each unit_test
