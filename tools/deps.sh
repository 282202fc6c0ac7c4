#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs what is missing, by package name, and says so: `deps.sh build`, `deps.sh build test`.
# Not root and no sudo: prints the one command to run.
set -eu

has_command() { command -v "$1" >/dev/null 2>&1; }
has_file() { [ -e "$1" ]; }
has_glob() { for match in $1; do [ -e "$match" ] && return 0; done; return 1; }

missing=
need() { # need PACKAGE CHECK...
    package=$1
    shift
    "$@" || missing="$missing $package"
}

need_for_build() {
    need gcc has_command cc
    need libc6-dev has_file /usr/include/stdio.h
    need make has_command make
    need pkg-config has_command pkg-config
    need liblua5.4-dev has_file /usr/include/lua5.4/lua.h
    need libcjson-dev has_file /usr/include/cjson/cJSON.h
}

need_for_test() {
    need clang has_command clang
    need clang-format has_command clang-format
    need libclang-rt-14-dev has_glob '/usr/lib/llvm-14/lib/clang/14*/lib/linux/libclang_rt.fuzzer-*.a'
    need cppcheck has_command cppcheck
    need lua5.4 has_command lua5.4
    need musl-tools has_command musl-gcc
    need gcc-arm-none-eabi has_command arm-none-eabi-gcc
    need libnewlib-arm-none-eabi has_glob '/usr/lib/arm-none-eabi/include/stdio.h /usr/include/newlib/stdio.h'
    need gcc-riscv64-unknown-elf has_command riscv64-unknown-elf-gcc
    need picolibc-riscv64-unknown-elf has_glob '/usr/lib/picolibc/riscv64-unknown-elf'
    need gcc-aarch64-linux-gnu has_command aarch64-linux-gnu-gcc
    need libc6-dev-arm64-cross has_file /usr/aarch64-linux-gnu/include/stdio.h
    need qemu-user has_command qemu-aarch64
    need qemu-system-arm has_command qemu-system-arm
    need qemu-system-misc has_command qemu-system-riscv32
}

for set in "$@"; do
    need_for_"$set"
done
[ -n "$missing" ] || exit 0

command="apt-get install -y --no-install-recommends$missing"
if ! has_command apt-get; then
    echo "deps: missing:$missing (Debian's package names); install them and try again" >&2
    exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif has_command sudo && sudo -n true 2>/dev/null; then
    as_root=sudo
else
    echo "deps: missing packages; please run: sudo $command" >&2
    exit 1
fi
echo "deps: installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # $command is a list of words
if ! { $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
    $as_root env DEBIAN_FRONTEND=noninteractive $command; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "deps: could not install; please run: sudo $command" >&2
    exit 1
fi
