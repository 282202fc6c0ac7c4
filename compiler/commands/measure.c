/* SPDX-License-Identifier: MIT
 *
 * What a C compiler makes of the generated pair: bytes of code and constants, and the worst-case stack of its entries.
 */
#include "compiler.h"

#include <stdlib.h>
#include <string.h>

enum { VERSION_TIMEOUT_SECONDS = 60,
    LISTING_TIMEOUT_SECONDS = 120 };

/* ---------------------------------------------------------------- the compiler */

static const char *compiler_of(Arena *arena, const Harness *harness)
{
    const Board *board = harness->board;
    return harness->cc != NULL ? harness->cc : find_program(arena, &board->compilers, "compiler", board->compiler_package);
}

/* What `cc ARGUMENT` prints, without the line's end; NULL when it cannot be run. */
static const char *ask_compiler(Arena *arena, const char *cc, const char *argument, bool first_line)
{
    Words command = {0};
    ProgramRun run;
    words_split(arena, &command, cc);
    words_add(arena, &command, argument);
    if (command.count < 2 || !program_exists(arena, command.list[0]) || !run_program(&command, VERSION_TIMEOUT_SECONDS, &run))
        return NULL;
    const size_t length = first_line ? strcspn(run.output.data, "\r\n") : strlen(run.output.data);
    const char *answer = run.status == 0 ? arena_format(arena, "%.*s", (int)length, run.output.data) : NULL;
    buffer_free(&run.output);
    return answer;
}

const char *call_graph_flag(Arena *arena, const Harness *harness)
{
    const char *cc = compiler_of(arena, harness);
    const char *version = cc != NULL ? ask_compiler(arena, cc, "--version", false) : NULL;
    return version != NULL && strstr(version, "Free Software Foundation") != NULL ? "-fcallgraph-info=su" : NULL;
}

/* ---------------------------------------------------------------- flash */

/* Symbols of weights, sorted. */
typedef struct WeightNames {
    const char **names;
    int count;
} WeightNames;

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static WeightNames weight_names(const Model *model, int64_t *bytes)
{
    const Tensor *const *constants;
    const int count = emitted_constants(model, &constants);
    WeightNames weights = {arena_array(model->arena, (size_t)count + 1, sizeof *weights.names), 0};
    *bytes = 0;
    for (int i = 0; i < count; ++i) {
        if (!is_weight(constants[i]))
            continue;
        weights.names[weights.count++] = arena_format(model->arena, "%s_%s", model->prefix, constants[i]->identifier);
        *bytes += tensor_bytes(constants[i]);
    }
    qsort(weights.names, (size_t)weights.count, sizeof *weights.names, compare_names);
    return weights;
}

static bool is_weight_symbol(void *context, const char *symbol)
{
    const WeightNames *weights = context;
    return bsearch(&symbol, weights->names, (size_t)weights->count, sizeof *weights->names, compare_names) != NULL;
}

static bool measure_flash(const Model *model, const CompileOptions *options, const char *program, CodeFigures *figures)
{
    ObjectSize size;
    int64_t model_bytes;
    WeightNames weights = weight_names(model, &model_bytes);
    if (!object_size(model->arena, program, is_weight_symbol, &weights, &size))
        return false;
    if (options->weights == WEIGHTS_EXTERN)
        size.data += model_bytes;
    if (options->weights == WEIGHTS_EXTERN || options->weights == WEIGHTS_INCBIN) /* no symbols with sizes */
        size.chosen = model_bytes;
    figures->code = size.code;
    figures->weights = size.chosen;
    figures->constants = size.data - size.chosen;
    return true;
}

/* ---------------------------------------------------------------- stack */

/* For the frames of library functions, which no call graph tells, too. */
const char *list_program(Arena *arena, const Harness *harness, const char *program)
{
    const char *objdump = ask_compiler(arena, compiler_of(arena, harness), "-print-prog-name=objdump", true);
    Words command = {0};
    ProgramRun run;
    if (harness->board->linker_script == NULL || objdump == NULL || !program_exists(arena, objdump))
        return NULL;
    words_add(arena, &command, objdump);
    words_split(arena, &command, "-t -d -w --no-show-raw-insn");
    words_add(arena, &command, program);
    if (!run_program(&command, LISTING_TIMEOUT_SECONDS, &run))
        return NULL;
    const char *listing = run.status == 0 ? arena_copy(arena, run.output.data, run.output.length + 1) : NULL;
    buffer_free(&run.output);
    return listing;
}

static bool measure_stack(const Model *model, const Harness *harness, const char *program, CodeFigures *figures)
{
    Arena *arena = model->arena;
    size_t bytes;
    figures->stack_invoke = figures->stack_init = -1;
    if (harness->model_flags == NULL)
        return true;
    const char *graph = (const char *)read_file(arena, path_join(arena, harness->folder, "model.ci"), &bytes);
    if (graph == NULL)
        return false;
    const char *listing = list_program(arena, harness, program);
    const StackDepth invoke = worst_case_stack(arena, graph, listing, arena_format(arena, "%s_invoke", model->prefix));
    StackDepth init = {0, true, true};
    if (model->state_bytes > 0)
        init = worst_case_stack(arena, graph, listing, arena_format(arena, "%s_init", model->prefix));
    figures->stack_invoke = invoke.bytes;
    figures->stack_init = init.bytes;
    figures->stack_bounded = invoke.bounded && init.bounded;
    figures->stack_complete = invoke.complete && init.complete;
    return true;
}

bool measure_pair(const Model *model, const CompileOptions *options, const Harness *harness, CodeFigures *figures)
{
    const char *program = harness_link_pair(model, options, harness);
    return program != NULL && measure_flash(model, options, program, figures) && measure_stack(model, harness, program, figures);
}

/* ---------------------------------------------------------------- for the lock */

/* -march=native is another processor on every machine: figures that are kept must not depend on it. */
static Words portable_flags(Arena *arena, const Words *flags)
{
    Words kept = {0};
    for (int i = 0; i < flags->count; ++i)
        if (strcmp(flags->list[i], "-march=native") != 0)
            words_add(arena, &kept, flags->list[i]);
    return kept;
}

static const char *flags_text(Arena *arena, const Board *board, const CompileOptions *options)
{
    const char *text = board->optimisation.list[options->optimize];
    for (int i = 0; i < board->flags.count; ++i)
        text = arena_format(arena, "%s %s", text, board->flags.list[i]);
    return text;
}

static bool find_compiler(Arena *arena, Harness *harness, const CompileOptions *options, const char **version)
{
    for (int i = 0; harness->cc == NULL && i < harness->board->compilers.count; ++i)
        if (program_exists(arena, harness->board->compilers.list[i]))
            harness->cc = harness->board->compilers.list[i];
    *version = harness->cc != NULL ? ask_compiler(arena, harness->cc, "--version", true) : NULL;
    return *version != NULL || options->lock_cc == NULL || error_at(options->lock_cc, "cannot be run as a compiler");
}

bool measure_code(Model *model, Target *target, const CompileOptions *options, CodeFigures *figures)
{
    Arena *arena = model->arena;
    CompileOptions plain = *options;
    plain.selftest_inputs = plain.selftest_outputs = NULL; /* for a test only */
    plain.format = NULL;
    *figures = (CodeFigures){.stack_invoke = -1, .stack_init = -1};
    const char *name = options->lock_board != NULL ? options->lock_board : target_board(arena, options->target);
    Board *board = name != NULL ? board_load(arena, name) : NULL;
    if (board == NULL)
        return false;
    board->flags = portable_flags(arena, &board->flags);
    Harness harness = {.board = board, .cc = options->lock_cc};
    if (!find_compiler(arena, &harness, options, &figures->compiler))
        return false;
    figures->flags = flags_text(arena, board, options);
    if (figures->compiler == NULL)
        return true;
    harness.folder = temporary_folder();
    harness.model_flags = call_graph_flag(arena, &harness);
    return harness.folder != NULL && emit_pair(model, target, &plain, harness.folder) && harness_write_firmware(model, &harness) &&
           harness_compile_pair(model, &plain, &harness) && measure_pair(model, &plain, &harness, figures);
}
