# Generated files under the strict flags of gcc and clang, cppcheck and clang-format; our own C likewise.
strict() { # FILE
    local name compiler header=$WORK/hygiene/header_$(basename "$1")
    name=$(basename "$1")
    for compiler in gcc clang; do
        # shellcheck disable=SC2086 # flags
        check "strict/$compiler/$name" $compiler $STRICT -O2 -c -o "$WORK/hygiene/strict_${compiler}_$name.o" "$1"
    done
    # The header alone, twice; and in C++, where a compiler for it is there.
    printf '#include "%s"\n#include "%s"\n' "${1%.c}.h" "${1%.c}.h" | tee "$header" >"${header}pp"
    # shellcheck disable=SC2086
    check "strict/header/$name" gcc $STRICT -I. -c -o "$WORK/hygiene/header_$name.o" "$header"
    if command -v g++ >/dev/null; then
        check "strict/c++/$name" g++ -Wall -Wextra -Wpedantic -Werror -I. -c -o "$WORK/hygiene/header_$name.o" "${header}pp"
    fi
}

self_contained() { # FILE: no variables, nothing called but memcpy, memset and <math.h>; the hooks take effect
    local name object=$WORK/hygiene/${1##*/}.o prefix symbols
    name=$(basename "$1")
    prefix=$(basename "$1" .c | tr 'a-z' 'A-Z')
    if ! output=$(gcc -std=c99 -Os -D"${prefix}_PROFILE(i)=profile_hook(i)" -D"${prefix}_WEIGHTS_ATTRIBUTE=__attribute__((section(\".rodata.weights\")))" \
        -include "$WORK/hygiene/profile.h" -c -o "$object" "$1" 2>&1); then
        not_ok "self_contained/$name" "$output"
        return
    fi
    symbols=$(nm "$object" | grep -v ' [tTrR] ' | grep -v -x ' *U \(memcpy\|memset\|profile_hook\|_GLOBAL_OFFSET_TABLE_\|expf\|logf\|tanhf\|sqrtf\)')
    if [ -n "$symbols" ]; then
        not_ok "self_contained/$name" "$symbols"
    elif ! nm "$object" | grep -q ' U profile_hook' || ! readelf -SW "$object" | grep -q ' \.rodata\.weights '; then
        not_ok "self_contained/$name" "a hook has no effect"
    else
        ok "self_contained/$name"
    fi
}

analyse() { # FILE, without the elements of its weights
    local copy=$WORK/hygiene/analyse
    mkdir -p "$copy"
    cp "${1%.c}.h" "$copy"
    lua5.4 tests/lib/code_part.lua "$1" >"$copy/${1##*/}"
    check "cppcheck/$(basename "$1")" cppcheck --quiet --error-exitcode=1 --std=c99 --enable=warning,portability "$copy/${1##*/}"
}

format_fixed_point() { # the code part: weights come last and are long
    local name
    name=$(basename "$1")
    check "format/$name" bash -c 'lua5.4 tests/lib/code_part.lua "$1" >"$2" &&
        clang-format <"$2" --assume-filename="$2" | diff -u "$2" - | head -20 && test "${PIPESTATUS[1]}" -eq 0' format "$1" "$WORK/hygiene/$name"
}

sanitized() { # MODEL: the built program under ASan and UBSan on the samples
    local name program output
    name=$(basename "$1" .json)
    program=$WORK/hygiene/$name.sanitized
    if ! output=$("$ETCH" build "$1" -o "$program" --cflags "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all" 2>&1 &&
        "$program" "$WORK/hygiene/samples.bin" -o "$program.out" 2>&1 && "$ETCH" run "$1" --input "$WORK/hygiene/samples.bin" --output "$program.expected" 2>&1 &&
        cmp "$program.out" "$program.expected" 2>&1); then
        not_ok "sanitized/$name" "$output"
    else
        ok "sanitized/$name"
    fi
}

mkdir -p "$WORK/hygiene"
cat models/samples/digit_*.bin >"$WORK/hygiene/samples.bin"
cp .clang-format "$WORK/hygiene/"
echo 'void profile_hook(int index);' >"$WORK/hygiene/profile.h"
ls generated/*.c tests/golden/*.c | each strict
ls generated/*.c tests/golden/*.c | each analyse
ls generated/*.c tests/golden/*.c | grep -v elementwise | each self_contained # elementwise has no weights
ls generated/*.[ch] tests/golden/*.[ch] 2>/dev/null | each format_fixed_point
ls models/*.json | each sanitized
# One place where cppcheck is wrong: it does not know that a loop runs at least once.
check cppcheck/compiler cppcheck --quiet --error-exitcode=1 --std=c11 --enable=portability -j "$JOBS" --suppress=missingIncludeSystem \
    --suppress=unknownMacro --suppress=invalidFunctionArg:compiler/ops/softmax.c \
    -Icompiler compiler tools
