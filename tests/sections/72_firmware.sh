# The example firmware by its own Makefile, boards, and what `etch bench` reports.
firmware_board() { # BOARD
    check "firmware/make/$1" make -s -C examples/firmware ETCH="$ETCH" MODEL="$PWD/models/digits_cnn.json" BOARD="$1" OUT="$WORK/firmware/$1" run
}

firmware_bench() { # TARGET: all fields, and the same figures twice
    local first=$WORK/firmware/$1.json second=$WORK/firmware/$1.again.json field
    if ! timeout 300 "$ETCH" bench models/digits_cnn.json --target "$1" --json >"$first" 2>"$first.log"; then
        not_ok "firmware/bench/$1" "$(cat "$first.log")"
        return
    fi
    for field in model target macs flash_code flash_const flash_weights arena_bytes state_bytes io_bytes stack_bytes nodes; do
        grep -q "\"$field\":" "$first" || { not_ok "firmware/bench/$1" "no field \"$field\""; return; }
    done
    case $1 in
    generic) check "firmware/bench/$1" grep -q '"microseconds": {"min": [0-9.]*, "median": [0-9.]*}' "$first" ;;
    *)
        "$ETCH" bench models/digits_cnn.json --target "$1" --json >"$second" 2>&1
        check "firmware/bench/$1" cmp "$first" "$second"
        ;;
    esac
}

# A wrong output must be found and named.
firmware_difference() {
    local folder=$WORK/firmware/difference
    rm -rf "$folder"
    mkdir -p "$folder"
    head -c 784 /dev/zero >"$folder/input_0.bin"
    "$ETCH" run models/digits_cnn.json --input "$folder/input_0.bin" --output "$folder/output_0.bin" >/dev/null || return 1
    "$ETCH" verify models/digits_cnn.json --vectors "$folder" || return 1
    printf '\125' | dd of="$folder/output_0.bin" bs=1 count=1 conv=notrunc 2>/dev/null
    "$ETCH" verify models/digits_cnn.json --vectors "$folder" 2>"$folder/log" && return 1
    grep -q 'vector 0, output ".*", element 0: the interpreter has' "$folder/log"
}

mkdir -p "$WORK/firmware"
check firmware/boards test "$("$ETCH" boards | wc -l)" -ge 4
check firmware/difference firmware_difference
firmware_bench generic
for pair in cortex-m4:mps2-an386 cortex-m55:mps3-an547 rv32imc:riscv-virt; do
    if tests/lib/firmware.sh "${pair%:*}" available; then
        firmware_board "${pair#*:}"
        firmware_bench "${pair%:*}"
    else
        skip "firmware/${pair%:*}" "no cross compiler or QEMU for it"
    fi
done
