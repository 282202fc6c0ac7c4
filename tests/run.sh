#!/bin/bash
# SPDX-License-Identifier: MIT
#
# All tests: tests/run.sh [--full] [--bless] [SECTION...]. A section is a script under tests/sections/ that prints
# `ok NAME`, `not ok NAME: reason` or `skip NAME: reason` lines; whatever else it prints is shown as it is. The last line is
# `N passed, N failed, N skipped`; the exit status is 0 only without failures.
#
#   --full    what takes longer, too: all models on all targets, long fuzzing
#   --bless   rewrite the expected output (tests/golden, errors, tflite; generated/) and do nothing else
#
# Environment: BUILD (build), JOBS (2), ETCH_CORPUS (../shared/corpus: real models with reference outputs; absent: skipped).
set -u
cd "$(dirname "$0")/.." || exit 1

export BUILD=${BUILD:-build} JOBS=${JOBS:-2} FULL=0 BLESS=0
export ETCH=${ETCH:-$PWD/$BUILD/etch} CORPUS=${ETCH_CORPUS:-$PWD/../shared/corpus} WORK=$PWD/$BUILD/tests
section_name() { basename "$1" .sh | sed 's/^[0-9]*_//'; }
sections=()
for argument in "$@"; do
    case $argument in
    --full) FULL=1 ;;
    --bless) BLESS=1 sections=(errors golden tflite generated) ;;
    -*) sed -n '3,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) sections+=("$argument") ;;
    esac
done
if [ ${#sections[@]} -eq 0 ]; then
    for file in tests/sections/*.sh; do sections+=("$(section_name "$file")"); done
fi
[ -x "$ETCH" ] || { echo "tests: $ETCH is missing; run make first" >&2; exit 1; }

mkdir -p "$WORK"
# The firmware's objects, which most calls of verify, bench and tune would make again; of this compiler and these sources.
rm -rf "$WORK/objects"
export ETCH_OBJECTS=$WORK/objects

# Runs a section; what it prints stays together.
run_section() {
    local script=$1 log cost p f s TIMEFORMAT='%0R s, %0U + %0S s of processors'
    log=$WORK/$(section_name "$script").log
    cost=$({ time bash -c '. tests/lib/check.sh; . "$1"' tests "$script" >"$log" 2>&1 </dev/null; } 2>&1)
    p=$(grep -c '^ok ' "$log") f=$(grep -c '^not ok ' "$log") s=$(grep -c '^skip ' "$log")
    if [ $((p + f + s)) -eq 0 ]; then
        echo "not ok $(section_name "$script"): the section printed no result" >>"$log"
        f=1
    fi
    echo "$(grep -v '^ok ' "$log"; printf '%-12s %5d passed, %d failed, %d skipped  (%s)' "$(section_name "$script")" "$p" "$f" "$s" "$cost")"
}
export -f run_section section_name

# Sections that do one thing after the other, JOBS of them at a time; then those that keep all processors busy by themselves.
serial=() parallel=()
for section in "${sections[@]}"; do
    script=$(echo tests/sections/[0-9][0-9]_"$section".sh)
    [ -f "$script" ] || { echo "tests: no section \"$section\"" >&2; exit 2; }
    if grep -q '| each ' "$script"; then parallel+=("$script"); else serial+=("$script"); fi
done
[ ${#serial[@]} -eq 0 ] || printf '%s\n' "${serial[@]}" | JOBS=1 xargs -n 1 -P "$JOBS" bash -c 'run_section "$1"' tests
for script in ${parallel[@]+"${parallel[@]}"}; do run_section "$script"; done

passed=0 failed=0 skipped=0
failures=()
for section in "${sections[@]}"; do
    log=$WORK/$section.log
    passed=$((passed + $(grep -c '^ok ' "$log"))) skipped=$((skipped + $(grep -c '^skip ' "$log")))
    f=$(grep -c '^not ok ' "$log")
    failed=$((failed + f))
    [ "$f" -eq 0 ] || failures+=("$section")
done
[ $failed -eq 0 ] || echo "failures in: ${failures[*]} (logs: $WORK/SECTION.log)"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
