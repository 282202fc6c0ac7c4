/* SPDX-License-Identifier: MIT
 *
 * The TFLite importer and all that follows, fed with damaged files: each must end in a compiled program or in a
 * diagnostic, never in a crash, and an imported graph must hold the invariants that the passes count on. With FUZZ_EMIT=DIR
 * the program is written as well, which is slow; FUZZ_VERBOSE=1 shows the diagnostics.
 */
#include "compiler.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_LIMIT = 256 << 20 };

static jmp_buf escape;
static Target *target; /* loaded once: it is the same for all inputs */
static Arena *target_arena;

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

static void emit(Model *model)
{
    static const CompileOptions options = {.target = "generic", .optimize = OPTIMIZE_BALANCED, .weights = WEIGHTS_STRING};
    if (target == NULL)
        target = target_load(target_arena = arena_new(0), &options);
    must_hold(target != NULL, "loading the templates");
    if (!pass_select(model, target))
        return;
    must_hold(verify_model(model, "select"), "select");
    if (!pass_names(model) || !plan_memory(model, false) || getenv("FUZZ_EMIT") == NULL)
        return;
    must_hold(emit_pair(model, target, &options, getenv("FUZZ_EMIT")), "emitting");
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
    emit(model);
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
    } else {
        target_free(target); /* it may have been left in the middle of something */
        arena_free(target_arena);
        target = NULL;
        target_arena = NULL;
    }
    model_free(model);
    return 0;
}
