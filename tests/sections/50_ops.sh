# Operator cases: interpreter, generated code on the host under sanitizers, and in QEMU: all of them on a Cortex-M4, on the other
# targets those for which they have kernels of their own; in test-full all of them everywhere. A family is compiled as one file;
# that a pair stands alone is tried with one of those that include and call the same, in test-full with all.
ops_family() {
    local family work
    family=$(basename "$1" .json)
    work=$WORK/ops/$family
    mkdir -p "$work"
    # shellcheck disable=SC2086 # a list of targets
    lua5.4 tests/ops_runner.lua "$1" "$work" host $QEMU_TARGETS 2>"$work/stderr" || not_ok "ops/$family" "the runner stopped: $(cat "$work/stderr")"
}

QEMU_TARGETS=
for target in aarch64 cortex-m0plus cortex-m4 cortex-m55 rv32imc; do
    if tests/lib/firmware.sh "$target" available; then
        case $FULL$target in
        1* | 0cortex-m4) QEMU_TARGETS="$QEMU_TARGETS $target" ;;
        *) QEMU_TARGETS="$QEMU_TARGETS $target:own" ;;
        esac
    else
        skip "ops/$target" "no cross compiler or QEMU for it"
    fi
done
export QEMU_TARGETS
ls -S tests/ops/*.json | each ops_family
