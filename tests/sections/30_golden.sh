# The exact C of small models: tests/golden/NAME.json (and options in NAME.args) -> NAME.c, NAME.h.
golden_test() {
    local file name
    name=$(basename "$1" .json)
    # shellcheck disable=SC2046 # options
    if ! output=$("$ETCH" compile "$1" -o "$WORK/golden" $(cat "${1%.json}.args" 2>/dev/null) 2>&1); then
        not_ok "golden/$name" "etch compile: $output"
        return
    fi
    for file in "$name.c" "$name.h"; do
        [ "$BLESS" = 1 ] && touch "tests/golden/$file"
        check "golden/$file" same "tests/golden/$file" "$WORK/golden/$file"
    done
}

rm -rf "$WORK/golden"
mkdir -p "$WORK/golden"
export -f same
ls tests/golden/*.json 2>/dev/null | each golden_test
