#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/bench_xnnpack.sh MODEL...: the pair for x86-64 beside Debian's XNNPACK (libxnnpack-dev), one line per model.
# TARGET, OPTIMIZE, CC and CFLAGS say how the pair is made.
# shellcheck disable=SC2086,SC2012 # lists of flags and files
set -eu
etch=${BUILD:-build}/etch
objects=$(find "${BUILD:-build}/compiler" "${BUILD:-build}/embedded.o" -name '*.o' ! -path "*/main.o" ! -path "*/commands/*")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for model; do
    rm -rf "$work/pair"
    "$etch" verify "$model" --target "${TARGET:-x86-64}" --optimize "${OPTIMIZE:-speed}" --sources "$work/pair" >/dev/null
    "${CC:-cc}" -std=c99 -O3 ${CFLAGS:--march=native} -I"$work/pair" -I"$work/pair/firmware" -Iexamples/firmware -c "$work"/pair/*_caller.c -o "$work/caller.o"
    pair=$(ls "$work"/pair/*_caller.c | sed 's/_caller\.c$/.c/')
    "${CC:-cc}" -std=c99 -O3 ${CFLAGS:--march=native} -I"$work/pair" -c "$pair" -o "$work/pair.o"
    "${CC:-cc}" -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -Icompiler -Iexamples/firmware -o "$work/bench" tools/bench_xnnpack.c "$work/pair.o" "$work/caller.o" $objects \
        -lXNNPACK -lpthreadpool -Wl,-Bstatic -llua5.4 -Wl,-Bdynamic -lcjson -lm -ldl
    "$work/bench" "$model"
done
