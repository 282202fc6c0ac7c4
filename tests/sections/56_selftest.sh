# --selftest: the generated file checks itself, and notices a changed weight.
selftest() { # NAME MODEL EXPECTED [SED]
    local folder=$WORK/selftest/$1
    mkdir -p "$folder"
    "$ETCH" compile "$2" --selftest --name model -o "$folder" >/dev/null || return 1
    [ $# -lt 4 ] || sed -i "$4" "$folder/model.c"
    cat >"$folder/main.c" <<'END'
#include "model.h"
#include <stdio.h>
#if MODEL_ARENA_BYTES > 0
static model_arena arena;
#define ARENA &arena
#else
#define ARENA
#endif
int main(void)
{
    printf("%d\n", model_selftest(ARENA));
    return 0;
}
END
    # shellcheck disable=SC2086 # a list of flags
    cc $STRICT -DMODEL_SELFTEST -o "$folder/main" "$folder/main.c" "$folder/model.c" -lm && [ "$("$folder/main")" = "$3" ]
}

mkdir -p "$WORK/selftest"
check selftest/digits_mlp selftest digits_mlp models/digits_mlp.json 0
check selftest/float selftest float tests/golden/float.json 0
# Without the last layer's biases, the probabilities are others.
check selftest/changed selftest changed models/digits_mlp.json -2 '/fc3_folded_bias\[10\].* = {/,/};/{/^    /s/[0-9][0-9]*/0/g}'
