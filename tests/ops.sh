#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Operator cases of one family: tests/ops.sh FAMILY [TARGET...] (default: host); without a family, all of them.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
export ETCH="${ETCH:-$BUILD/etch}" WORK=$PWD/$BUILD/tests
family=${1:-}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- host
status=0
for file in tests/ops/${family:-*}.json; do
    work=$BUILD/tests/ops/$(basename "$file" .json)
    mkdir -p "$work"
    lua5.4 tests/ops_runner.lua "$file" "$work" "$@" | tee "$work.log"
    grep -q '^not ok' "$work.log" && status=1
done
exit $status
