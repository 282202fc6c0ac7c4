# The kernels of x86-64 at every level that this processor has, against the interpreter: plain C, SSE4.1, AVX2, AVX-VNNI, AVX-512 VNNI,
# and AMX, whose instructions are emulated (tests/lib/amx_emulation.h); that they compile with the compilers' own ones, too.
# In single precision plain C, FMA and AVX-512 are all the levels there are: on the others, the same code, in test-full.
x86_layers() { # "LEVEL DTYPE SEED OPTIMIZE"
    set -- $1
    local model=$WORK/x86/layers_$2_$3.json flags
    case $1 in
    plain) flags="-O1 -march=x86-64" ;;
    sse4) flags="-O1 -march=x86-64-v2" ;;
    avx2) flags="-O1 -march=x86-64 -mavx2" ;;
    fma) flags="-O1 -march=x86-64-v3" ;;
    vnni256) flags="-O1 -march=x86-64-v3 -mavxvnni" ;;
    vnni512) flags="-O1 -march=x86-64-v4 -mavx512vnni" ;;
    amx) flags="-O1 -march=x86-64-v4 -mavx512vnni -D__AMX_TILE__ -D__AMX_INT8__ -DETCH_AMX -include $PWD/tests/lib/amx_emulation.h" ;;
    sanitized) flags="-O0 -march=native $SANITIZE" ;;
    esac
    check "x86/$1/$2/$3" verify_here "$WORK/x86/$1_$2_$3" "cc -std=c99 $flags" "$model" --target x86-64 --optimize "$4"
    [ "$2$3" = int81 ] || return 0
    for model in models/digits_cnn models/digits_mlp "$WORK/x86/points_chain"; do
        check "x86/$1/${model##*/}" verify_here "$WORK/x86/$1_${model##*/}" "cc -std=c99 $flags" "$model.json" --target x86-64 --optimize "$4"
    done
}

x86_levels() {
    local flags
    flags=" $(sed -n 's/^flags[^:]*://p' /proc/cpuinfo 2>/dev/null | head -n 1) "
    echo plain
    echo sanitized
    case $flags in *" sse4_2 "*) echo sse4 ;; esac
    case $flags in *" avx2 "*) echo avx2 ;; esac
    case $flags in *" avx2 "*" fma "* | *" fma "*" avx2 "*) echo fma ;; esac
    case $flags in *" avx_vnni "*) echo vnni256 ;; esac
    case $flags in *" avx512_vnni "*) printf '%s\n' vnni512 amx ;; esac
}

# The compilers' own tile instructions under the strict flags, and a program that asks for tiles: where there are none, it says so.
x86_tiles() { # COMPILER
    local pair=$WORK/x86/tiles_$1 flags="-O2 -march=x86-64-v4 -mavx512vnni -mamx-tile -mamx-int8 -DETCH_AMX" program output
    program=$pair/digits
    mkdir -p "$pair"
    # shellcheck disable=SC2086 # flags
    output=$("$ETCH" compile models/digits_cnn.json --target x86-64 --optimize speed -o "$pair" 2>&1 &&
        $1 $STRICT $flags -c -o "$pair/digits.o" "$pair/digits_cnn.c" 2>&1 &&
        "$ETCH" build models/digits_cnn.json --target x86-64 --optimize speed --cc "$1" --cflags "$flags" -o "$program" 2>&1)
    if [ ! -x "$program" ] || ! objdump -d "$pair/digits.o" | grep -q tdpbusd; then
        not_ok "x86/tiles/$1" "${output:-no tdpbusd in the object}"
        return
    fi
    ok "x86/tiles/$1"
    case " $(sed -n 's/^flags[^:]*://p' /proc/cpuinfo | head -n 1) " in
    *" amx_int8 "*) check "x86/tiles_run/$1" "$program" models/samples/digit_02_label_2.bin ;;
    *)
        output=$("$program" models/samples/digit_02_label_2.bin 2>&1)
        if [ $? -ne 1 ] || ! echo "$output" | grep -q "build it without ETCH_AMX"; then
            not_ok "x86/tiles_refused/$1" "${output:-no message}"
        else
            ok "x86/tiles_refused/$1"
        fi
        ;;
    esac
}

if [ "$(uname -m)" = x86_64 ]; then
    mkdir -p "$WORK/x86"
    test_program
    lua5.4 tests/points_chain.lua >"$WORK/x86/points_chain.json"
    if [ "$FULL" = 1 ]; then seeds=$(seq 1 20); else seeds="1 2"; fi
    for seed in $seeds; do
        lua5.4 tests/random_x86.lua "$seed" 30 >"$WORK/x86/layers_int8_$seed.json"
        lua5.4 tests/random_x86.lua "$seed" 15 float32 >"$WORK/x86/layers_float32_$seed.json"
        for level in $(x86_levels); do
            if [ $((seed % 2)) = 1 ]; then optimize=speed; else optimize=balanced; fi
            echo "$level int8 $seed $optimize"
            case $FULL$level in 0sse4 | 0avx2 | 0vnni256 | 0amx) ;; *) echo "$level float32 $seed $optimize" ;; esac
        done
    done | each x86_layers
    printf '%s\n' gcc clang | each x86_tiles
else
    skip x86 "this machine is no x86-64"
fi
