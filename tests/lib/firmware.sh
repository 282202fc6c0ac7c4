#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Bare-metal programs of the operator cases, on the start-up code and linker scripts of examples/firmware:
#     firmware.sh TARGET available | compile ARGUMENTS... | link PROGRAM ARGUMENTS... | run PROGRAM
set -eu
target=$1 action=$2
shift 2
firmware=$(cd "$(dirname "$0")/../../examples/firmware" && pwd)

case $target in
cortex-m4) script=mps2.ld flags="-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16" machine="mps2-an386" ;;
cortex-m0plus) script=mps2.ld flags="-mcpu=cortex-m0plus -mthumb" machine="mps2-an385" ;;
cortex-m33) script=mps2-an505.ld flags="-mcpu=cortex-m33 -mthumb -mfloat-abi=hard" machine="mps2-an505" ;;
cortex-m55) script=mps3-an547.ld flags="-mcpu=cortex-m55 -mthumb -mfloat-abi=hard" machine="mps3-an547" ;;
aarch64) script= flags="-march=armv8.2-a+dotprod -static" machine= ;; # Linux programs in QEMU's user mode
rv32imc) script=virt.ld flags="-march=rv32imc -mabi=ilp32 --specs=picolibc.specs" machine="virt -bios none" ;;
*) echo "firmware.sh: no such target: $target" >&2; exit 2 ;;
esac
case $target in
cortex-*)
    compiler=arm-none-eabi-gcc qemu=qemu-system-arm
    sources="$firmware/cortex-m/startup.c $firmware/semihosting.c" folder=$firmware/cortex-m
    libraries="--specs=nosys.specs -lm"
    ;;
aarch64)
    compiler=aarch64-linux-gnu-gcc qemu=qemu-aarch64
    sources="$firmware/host.c" libraries=-lm
    ;;
*)
    compiler=riscv64-unknown-elf-gcc qemu=qemu-system-riscv32
    sources="$firmware/riscv/start.S $firmware/riscv/trap.c $firmware/riscv/copy.c $firmware/semihosting.c" folder=$firmware/riscv
    libraries="-lm"
    ;;
esac
flags="$flags -std=c99 -Os -ffunction-sections -fdata-sections"

# The objects of the start-up code, the same in all programs: made by `available`, which the sections ask before they link
# several programs at a time.
start_up=${WORK:-$PWD/build/tests}/start_up/$target
make_start_up() {
    [ -d "$start_up" ] && [ -z "$(find "$firmware" "$0" -newer "$start_up")" ] && return
    made=$start_up.$$ # other sections may be making them, too
    mkdir -p "$made"
    # shellcheck disable=SC2086 # lists
    (cd "$made" && $compiler $flags -std=gnu11 -c $sources "$firmware/console.c")
    rm -rf "$start_up"
    mv -T "$made" "$start_up" 2>/dev/null || rm -rf "$made"
}

case $action in
available) command -v $compiler >/dev/null && command -v $qemu >/dev/null && make_start_up ;;
compile) exec $compiler $flags -c "$@" ;;
link)
    program=$1
    shift
    make_start_up
    [ -z "$script" ] || set -- "$@" -nostartfiles -Wl,--no-warn-rwx-segments -L"$folder" -T "$script"
    # The linker scripts put what is in *vectors.o and *model.o into the large memory.
    exec $compiler $flags -Wl,--gc-sections -o "$program" "$@" "$start_up"/*.o $libraries
    ;;
run)
    [ "$target" != aarch64 ] || exec $qemu -cpu max "$1"
    exec $qemu -M $machine -semihosting-config enable=on -nographic -kernel "$1"
    ;;
esac
