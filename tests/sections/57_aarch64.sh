# The kernels of AArch64 at every level, against the interpreter: products of matrices, dot products, NEON in QEMU; plain C on the host.
# In single precision NEON and plain C are all the levels there are: on the others, the same code, in test-full.
aarch64_flags() { # LEVEL
    case $1 in
    neon) echo -march=armv8-a ;;
    dots) echo -march=armv8.2-a+dotprod ;;
    matrices) echo -march=armv8.6-a+dotprod+i8mm ;;
    esac
}

aarch64_verify() { # CHECK LEVEL OPTIMIZE MODEL FLAG
    if [ "$2" = plain ]; then
        check "$1" verify_here "$WORK/$1" "cc -std=c99 -O0 $SANITIZE" "$4" --target aarch64 --optimize "$3"
    else
        check "$1" "$ETCH" verify "$4" --target aarch64 --optimize "$3" --cflags "$(aarch64_flags "$2") $5"
    fi
}

export -f aarch64_flags aarch64_verify

aarch64_layers() { # "LEVEL DTYPE SEED OPTIMIZE"
    set -- $1
    aarch64_verify "aarch64/$1/$2/$3" "$1" "$4" "$WORK/aarch64/layers_$2_$3.json" -O1
    [ "$2$3" != int81 ] || aarch64_verify "aarch64/$1/digits_cnn" "$1" "$4" models/digits_cnn.json -O3
}

aarch64_strict() { # "LEVEL NAME": without warnings
    set -- $1
    local file=$WORK/aarch64/$2.c
    # shellcheck disable=SC2046,SC2086 # flags
    check "aarch64/strict/gcc/$1/$2" aarch64-linux-gnu-gcc $STRICT $(aarch64_flags "$1") -O1 -c -o "$WORK/aarch64/$1_$2.o" "$file"
    # shellcheck disable=SC2046,SC2086
    check "aarch64/strict/clang/$1/$2" clang --target=aarch64-linux-gnu $STRICT $(aarch64_flags "$1") -fsyntax-only "$file"
}

aarch64_plain_strict() { # NAME
    # shellcheck disable=SC2086 # flags
    check "aarch64/strict/gcc/plain/$1" gcc $STRICT -O1 -c -o "$WORK/aarch64/plain_$1.o" "$WORK/aarch64/$1.c"
    # shellcheck disable=SC2086
    check "aarch64/strict/clang/plain/$1" clang $STRICT -fsyntax-only "$WORK/aarch64/$1.c"
}

mkdir -p "$WORK/aarch64"
if [ "$FULL" = 1 ]; then seeds=$(seq 1 20); else seeds="1 2"; fi
levels=plain
if tests/lib/firmware.sh aarch64 available; then levels="plain neon dots matrices"; else skip aarch64 "no cross compiler or QEMU for it"; fi
test_program
for seed in $seeds; do
    lua5.4 tests/random_x86.lua "$seed" 20 >"$WORK/aarch64/layers_int8_$seed.json"
    lua5.4 tests/random_x86.lua "$seed" 10 float32 >"$WORK/aarch64/layers_float32_$seed.json"
    for level in $levels; do
        if [ $((seed % 2)) = 0 ]; then optimize=speed; else optimize=balanced; fi
        echo "$level int8 $seed $optimize"
        case $FULL$level in 0dots | 0matrices) ;; *) echo "$level float32 $seed $optimize" ;; esac
    done
done | each aarch64_layers

for dtype in int8 float32; do
    check "aarch64/compile/$dtype" "$ETCH" compile "$WORK/aarch64/layers_${dtype}_1.json" --target aarch64 --name "$dtype" -o "$WORK/aarch64"
done
printf '%s\n' int8 float32 | each aarch64_plain_strict
for level in ${levels#plain}; do printf '%s\n' "$level int8" "$level float32"; done | each aarch64_strict
