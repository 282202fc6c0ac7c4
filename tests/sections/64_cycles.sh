# Estimated cycles of Cortex-M4 and M7: there, the same twice, no more than two instructions in one; no figure where there is no plugin.
cycles() { # BOARD
    local first second
    first=$("$ETCH" bench models/digits_mlp.json --target cortex-m4 --board "$1" --json | sed -n 's/.*"instructions": \([0-9]*\), "cycles_estimate": \([0-9]*\),.*/\1 \2/p')
    second=$("$ETCH" bench models/digits_mlp.json --target cortex-m4 --board "$1" | sed -n 's/^  cycles  *about \([0-9]*\),.*/\1/p')
    [ -n "$first" ] && [ "${first#* }" = "$second" ] && [ "$second" -ge $((${first% *} / 2)) ] || { echo "$first; $second"; return 1; }
}
without() {
    "$ETCH" bench models/digits_mlp.json --target cortex-m55 --json | grep -q cycles_estimate && { echo "a figure for another processor"; return 1; }
    return 0
}
if ! tests/lib/firmware.sh cortex-m4 available; then
    skip cycles "no cross compiler or QEMU for Cortex-M4"
elif ! command -v cc >/dev/null; then
    skip cycles "no compiler for the plugin"
else
    check cycles/cortex-m4 cycles mps2-an386
    check cycles/cortex-m7 cycles mps2-an500
    tests/lib/firmware.sh cortex-m55 available && check cycles/cortex-m55 without
fi
