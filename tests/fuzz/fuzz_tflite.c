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

static bool emit(Model *model)
{
    static const CompileOptions options = {.target = "generic", .optimize = OPTIMIZE_BALANCED, .weights = WEIGHTS_STRING};
    if (target == NULL)
        target = target_load(target_arena = arena_new(0), &options);
    must_hold(target != NULL, "loading the templates");
    if (!pass_select(model, target))
        return false;
    must_hold(verify_model(model, "select"), "select");
    if (!pass_names(model) || !plan_memory(model, false))
        return false;
    if (getenv("FUZZ_EMIT") != NULL)
        must_hold(emit_pair(model, target, &options, getenv("FUZZ_EMIT")), "emitting");
    return true;
}

static bool compile(Model *model, const uint8_t *data, size_t bytes)
{
    const uint8_t *copy = arena_copy(model->arena, data, bytes); /* aligned, as a file that was read */
    if (!import_tflite(model, copy, bytes))
        return false;
    must_hold(verify_model(model, "import"), "import");
    if (!pass_infer(model))
        return false;
    must_hold(verify_model(model, "infer"), "infer");
    if (!pass_simplify(model))
        return false;
    must_hold(verify_model(model, "simplify"), "simplify");
    return emit(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    Model *volatile model = NULL;
    diagnostics_quiet = getenv("FUZZ_VERBOSE") == NULL;
    diagnostics_count = 0;
    fatal_hook = on_fatal;
    if (setjmp(escape) == 0) {
        model = model_new("fuzz.tflite", ARENA_LIMIT);
        if (is_tflite(data, bytes) && !compile(model, data, bytes))
            must_hold(diagnostics_count > 0, "a refusal without a diagnostic");
    } else {
        target_free(target); /* it may have been left in the middle of something */
        arena_free(target_arena);
        target = NULL;
        target_arena = NULL;
    }
    model_free(model);
    return 0;
}

/* Without libFuzzer: `fuzz_tflite COUNT FILE...` feeds each file COUNT times, a little damaged, the same way every time. */
#ifdef PLAIN_MAIN

static uint32_t random_state = 1;

static uint32_t random_number(uint32_t below)
{
    random_state ^= random_state << 13; /* Marsaglia's xorshift */
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return below > 0 ? random_state % below : 0;
}

/* Tables stand at the front and at the end of most files, with weights in between. */
static size_t random_position(size_t bytes)
{
    const uint32_t near = random_number(bytes < 20000 ? (uint32_t)bytes : 20000);
    const uint32_t choice = random_number(3);
    return choice == 0 ? near : choice == 1 ? bytes - 1 - near
                                            : random_number((uint32_t)bytes);
}

static size_t damage(uint8_t *data, size_t bytes)
{
    static const uint32_t values[] = {0, 1, 2, 3, 4, 8, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    for (uint32_t left = 1 + random_number(4); left > 0; --left) {
        const size_t position = random_position(bytes);
        const uint32_t value = values[random_number(sizeof values / sizeof *values)];
        switch (random_number(4)) {
        case 0:
            data[position] ^= (uint8_t)(1u << random_number(8));
            break;
        case 1:
            data[position] = (uint8_t)random_number(256);
            break;
        case 2:
            if (position + sizeof value <= bytes)
                memcpy(data + position, &value, sizeof value);
            break;
        default:
            data[position] = (uint8_t)(data[position] + random_number(9) - 4);
        }
    }
    return random_number(50) == 0 ? 1 + random_number((uint32_t)bytes) : bytes;
}

int main(int argc, char **argv)
{
    long executed = 0;
    for (int i = 2; i < argc; ++i) {
        Arena *arena = arena_new(0);
        size_t bytes;
        const uint8_t *original = read_file(arena, argv[i], &bytes);
        uint8_t *data = arena_alloc(arena, bytes + 1);
        for (long k = 0; original != NULL && bytes > 0 && k < atol(argv[1]); ++k, ++executed) {
            memcpy(data, original, bytes);
            LLVMFuzzerTestOneInput(data, damage(data, bytes));
        }
        arena_free(arena);
    }
    printf("%ld inputs\n", executed);
    return 0;
}

#endif
