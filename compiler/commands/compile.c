/* SPDX-License-Identifier: MIT
 *
 * etch compile: a model becomes NAME.c and NAME.h.
 */
#include "compiler.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

static const Command command = {
    .name = "compile",
    .operands = "MODEL... [-o DIR] [options]",
    .details = "Writes NAME.c and NAME.h: weights as const arrays, RAM planned at compile time, one function to call.\n"
               "NAME is the model's name as a C identifier. With --weights=extern or incbin, NAME.bin holds the weights.\n"
               "Several models are compiled one after the other, each for itself (`etch plan --models` has them share RAM).\n"
               "Same model, options and version: same bytes. Sizes take k and M.",
    .least = 1,
    .most = INT_MAX,
};

typedef struct Compile {
    CompileOptions options;
    const char *folder, *dump;
    bool selftest;
    Arena *arena;
    const char **names; /* of the models so far */
    int count;
} Compile;

static void print_summary(const Model *model, const char *folder)
{
    const char *base = path_join(model->arena, folder, model->prefix);
    printf("%s.c, %s.h: arena %" PRId64 ", state %" PRId64 ", inputs and outputs %" PRId64 " bytes\n", base, base, model->arena_bytes,
        model->state_bytes, io_bytes(model));
    printf("arena: %s\n", plan_verdict(model));
    if (model->extra_macs > 0)
        printf("patches: %" PRId64 " more MACs, for what lies under two strips\n", model->extra_macs);
}

/* A recorded input, the same on every machine, and what the interpreter makes of it. */
static bool record_selftest(Model *model, CompileOptions *options)
{
    Vectors vectors = {0};
    if (!vectors_random(model, 1, &vectors) || !vectors_interpret(model, &vectors))
        return false;
    options->selftest_inputs = vectors.inputs[0];
    options->selftest_outputs = vectors.expected[0];
    return true;
}

/* Several models: none may overwrite another's files. */
static bool name_is_free(Compile *compile, const Model *model)
{
    const char *name = identifier_from(compile->arena, model->name);
    for (int i = 0; i < compile->count; ++i)
        if (strcmp(compile->names[i], name) == 0)
            return error_at(model->path, "is called \"%s\", as is a model before it; compile it by itself, with --name", name);
    compile->names[compile->count++] = name;
    return true;
}

static int compile_file(Compile *compile, const char *path)
{
    CompileOptions options = compile->options;
    Model *model = load_model(path, &options, compile->dump);
    int status = EXIT_BAD_INPUT;
    if (model != NULL && name_is_free(compile, model) && (!compile->selftest || record_selftest(model, &options)))
        status = make_folders(compile->folder) ? compile_model(model, &options, compile->folder, compile->dump) : EXIT_WORK_FAILED;
    if (status == EXIT_OK)
        print_summary(model, compile->folder);
    model_free(model);
    return status;
}

/* All of them, whatever becomes of the others: the status is that of the first that fails. */
static int compile_files(Compile *compile, const TextList *paths)
{
    int status = EXIT_OK;
    compile->arena = arena_new(0);
    compile->names = arena_array(compile->arena, (size_t)paths->count, sizeof *compile->names);
    for (int i = 0; i < paths->count; ++i) {
        const int its_status = compile_file(compile, paths->texts[i]);
        status = status == EXIT_OK ? its_status : status;
    }
    arena_free(compile->arena);
    return status;
}

static int check_usage(Compile *compile, const TextList *paths)
{
    const CompileOptions *options = &compile->options;
    const int status = check_compile_options(&command, &compile->options, compile->dump);
    if (status != OPTIONS_PARSED)
        return status;
    if (options->update_lock && options->lock == NULL)
        return bad_usage(command.name, "--lock-update needs --lock FILE: the file to write anew");
    if (options->lock == NULL && (options->lock_board != NULL || options->lock_cc != NULL))
        return bad_usage(command.name, "--board and --cc need --lock FILE: compile itself runs no C compiler");
    if (paths->count > 1 && (options->name != NULL || options->lock != NULL || options->tuning != NULL))
        return bad_usage(command.name, "--name, --lock and --tuning are about one model; %d are given", paths->count);
    return OPTIONS_PARSED;
}

int command_compile(int argc, char **argv)
{
    Compile compile = {.options = COMPILE_OPTIONS_DEFAULT, .folder = "."};
    CompileOptions *const its = &compile.options;
    const Option options[] = {
        {"output", 'o', OPTION_TEXT, "DIR", "folder for the files, made if need be (default: here)", &compile.folder},
        COMPILE_OPTION_ROWS(*its),
        {"lock", 0, OPTION_TEXT, "FILE", "fail when RAM, flash, stack or MACs differ from FILE; written where it is missing", &its->lock},
        {"board", 0, OPTION_TEXT, "BOARD", "for --lock: whose compiler and flags count code and stack (default: the target's)", &its->lock_board},
        {"cc", 0, OPTION_TEXT, "CC", "for --lock: compiler (default: the board's)", &its->lock_cc},
        {"lock-update", 0, OPTION_FLAG, NULL, "accept what differs: write the file of --lock anew", &its->update_lock},
        {"selftest", 0, OPTION_FLAG, NULL, "add NAME_selftest: a recorded input and its outputs, under #ifdef NAME_SELFTEST", &compile.selftest},
        DUMP_OPTION_ROW(compile.dump),
        {0},
    };
    TextList paths;
    int status = parse_options(&command, options, argc, argv, &paths);
    if (status == OPTIONS_PARSED)
        status = check_usage(&compile, &paths);
    return status == OPTIONS_PARSED ? compile_files(&compile, &paths) : status;
}
