# Bad input and the exact diagnostic. tests/errors/NAME.json is compiled, or the command line in NAME.args is run, with
# tests/errors as the working folder; NAME.err holds `exit N` and then standard error.
error_test() {
    local name=${1%.*} got=$WORK/errors/${1%.*}.err
    local command="compile $1 -o $WORK/errors/out"
    [ "${1##*.}" = args ] && command=$(cat "$1")
    # shellcheck disable=SC2086 # a command line
    timeout 20 "$ETCH" $command 2>"$got.text" >"$got.out"
    { echo "exit $?"; cat "$got.text"; } >"$got"
    [ "$BLESS" = 1 ] && touch "$name.err"
    check "errors/$name" same "$name.err" "$got"
}

mkdir -p "$WORK/errors/out"
export -f same
cd tests/errors && ls ./*.json ./*.args 2>/dev/null | sed 's|^\./||' | each error_test
