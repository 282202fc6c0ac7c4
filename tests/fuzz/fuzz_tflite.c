/* SPDX-License-Identifier: MIT
 *
 * The TFLite importer and the passes behind it, fed with damaged files: each must end in a compiled program or in a
 * diagnostic, never in a crash, and an imported graph must hold the invariants that the passes count on.
 */
#include "compiler.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_LIMIT = 256 << 20 };

static jmp_buf escape;

static void on_fatal(int status)
{
    longjmp(escape, status != 0 ? status : 1);
}

/* An importer that hands on a broken graph has failed, even if nothing crashes. */
static void must_hold(bool invariants, const char *after)
{
    if (invariants)
        return;
    fprintf(stderr, "the graph is broken after %s\n", after);
    abort();
}

static void compile(Model *model, const uint8_t *data, size_t bytes)
{
    const uint8_t *copy = arena_copy(model->arena, data, bytes); /* aligned, as a file that was read */
    if (!is_tflite(copy, bytes) || !import_tflite(model, copy, bytes))
        return;
    must_hold(verify_model(model, "import"), "import");
    if (!pass_infer(model))
        return;
    must_hold(verify_model(model, "infer"), "infer");
    if (!pass_simplify(model))
        return;
    must_hold(verify_model(model, "simplify"), "simplify");
    pass_names(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    Model *volatile model = NULL;
    diagnostics_quiet = getenv("FUZZ_VERBOSE") == NULL;
    fatal_hook = on_fatal;
    if (setjmp(escape) == 0) {
        model = model_new("fuzz.tflite", ARENA_LIMIT);
        compile(model, data, bytes);
    }
    model_free(model);
    return 0;
}
