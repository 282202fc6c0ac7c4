#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Bare-metal programs of the operator cases, on the start-up code and linker scripts of examples/firmware:
#     firmware.sh TARGET available | compile ARGUMENTS... | link PROGRAM ARGUMENTS... | run PROGRAM
set -eu
target=$1 action=$2
shift 2
firmware=$(dirname "$0")/../../examples/firmware

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
    sources="$firmware/cortex-m/startup.c" folder=$firmware/cortex-m
    libraries="--specs=nosys.specs -lm"
    ;;
aarch64)
    compiler=aarch64-linux-gnu-gcc qemu=qemu-aarch64
    ;;
*)
    compiler=riscv64-unknown-elf-gcc qemu=qemu-system-riscv32
    sources="$firmware/riscv/start.S $firmware/riscv/trap.c" folder=$firmware/riscv
    libraries="-lm"
    ;;
esac
flags="$flags -std=c99 -Os -ffunction-sections -fdata-sections"

case $action in
available) command -v $compiler >/dev/null && command -v $qemu >/dev/null ;;
compile) exec $compiler $flags -c "$@" ;;
link)
    program=$1
    shift
    [ "$target" != aarch64 ] ||
        exec $compiler $flags -std=gnu11 -Wl,--gc-sections -o "$program" "$@" "$firmware/host.c" "$firmware/console.c" -lm
    # The linker scripts put what is in *vectors.o and *model.o into the large memory.
    exec $compiler $flags -std=gnu11 -nostartfiles -Wl,--gc-sections -Wl,--no-warn-rwx-segments -L"$folder" -T "$script" -o "$program" \
        "$@" $sources "$firmware/semihosting.c" "$firmware/console.c" $libraries
    ;;
run)
    [ "$target" != aarch64 ] || exec $qemu -cpu max "$1"
    exec $qemu -M $machine -semihosting-config enable=on -nographic -kernel "$1"
    ;;
esac
