# generated/ is what the models of models/ compile to: what a reviewer sees is what a user gets.
generated_test() {
    local file name
    name=$(basename "$1" .json)
    if ! output=$("$ETCH" compile "$1" -o "$WORK/generated" 2>&1); then
        not_ok "generated/$name" "etch compile: $output"
        return
    fi
    for file in "$name.c" "$name.h"; do
        [ "$BLESS" = 1 ] && touch "generated/$file"
        check "generated/$file" same "generated/$file" "$WORK/generated/$file"
    done
}

rm -rf "$WORK/generated"
mkdir -p "$WORK/generated"
export -f same
ls models/*.json | each generated_test
