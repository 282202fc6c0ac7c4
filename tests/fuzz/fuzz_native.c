/* SPDX-License-Identifier: MIT
 *
 * The reader of the native format, fed with damaged JSON: a graph that holds the invariants, or a diagnostic. What was read
 * is written and read again.
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

static void must_hold(bool fact, const char *what)
{
    if (fact)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void read_back(const char *path)
{
    Model *again = model_new(path, 0);
    size_t bytes = 0;
    const uint8_t *data = read_file(again->arena, path, &bytes);
    must_hold(data != NULL && import_native(again, data, bytes), "what was written cannot be read");
    model_free(again);
}

static void process(Model *model, const uint8_t *data, size_t bytes)
{
    char path[64];
    if (!is_native(data, bytes) || !import_native(model, data, bytes))
        return;
    must_hold(verify_model(model, "import"), "the graph is broken after import");
    snprintf(path, sizeof path, "/tmp/etch_fuzz_native_%ld.json", (long)model->file_bytes % 4);
    if (export_native(model, path))
        read_back(path);
    if (pass_infer(model))
        must_hold(verify_model(model, "infer"), "the graph is broken after infer");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    Model *volatile model = NULL;
    diagnostics_quiet = getenv("FUZZ_VERBOSE") == NULL;
    fatal_hook = on_fatal;
    if (setjmp(escape) == 0) {
        model = model_new("fuzz.json", ARENA_LIMIT);
        process(model, data, bytes);
    }
    model_free(model);
    return 0;
}
