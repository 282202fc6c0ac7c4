/* SPDX-License-Identifier: MIT
 *
 * etch compile: a model becomes NAME.c and NAME.h.
 */
#include "compiler.h"

#include <inttypes.h>

static const Command command = {
    .name = "compile",
    .operands = "MODEL [-o DIR] [options]",
    .details = "Writes NAME.c and NAME.h: weights as const arrays, RAM planned at compile time, one function to call.\n"
               "NAME is the model's name as a C identifier. With --weights=extern or incbin, NAME.bin holds the weights.\n"
               "Same model, options and version: same bytes. Sizes take k and M.",
    .least = 1,
    .most = 1,
};

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
static bool record_selftest(Model *model, CompileOptions *compile)
{
    Vectors vectors = {0};
    if (!vectors_random(model, 1, &vectors) || !vectors_interpret(model, &vectors))
        return false;
    compile->selftest_inputs = vectors.inputs[0];
    compile->selftest_outputs = vectors.expected[0];
    return true;
}

int command_compile(int argc, char **argv)
{
    CompileOptions compile = COMPILE_OPTIONS_DEFAULT;
    const char *folder = ".", *dump = NULL;
    bool selftest = false;
    const Option options[] = {
        {"output", 'o', OPTION_TEXT, "DIR", "folder for the files, made if need be (default: here)", &folder},
        COMPILE_OPTION_ROWS(compile),
        {"lock", 0, OPTION_TEXT, "FILE", "fail when RAM, flash, stack or MACs differ from FILE; written where it is missing", &compile.lock},
        {"board", 0, OPTION_TEXT, "BOARD", "for --lock: whose compiler and flags count code and stack (default: the target's)", &compile.lock_board},
        {"cc", 0, OPTION_TEXT, "CC", "for --lock: compiler (default: the board's)", &compile.lock_cc},
        {"lock-update", 0, OPTION_FLAG, NULL, "accept what differs: write the file of --lock anew", &compile.update_lock},
        {"selftest", 0, OPTION_FLAG, NULL, "add NAME_selftest: a recorded input and its outputs, under #ifdef NAME_SELFTEST", &selftest},
        DUMP_OPTION_ROW(dump),
        {0},
    };
    TextList operands;
    int status = parse_options(&command, options, argc, argv, &operands);
    if (status == OPTIONS_PARSED)
        status = check_compile_options(&command, &compile, dump);
    if (status == OPTIONS_PARSED && compile.update_lock && compile.lock == NULL)
        status = bad_usage(command.name, "--lock-update needs --lock FILE: the file to write anew");
    if (status == OPTIONS_PARSED && compile.lock == NULL && (compile.lock_board != NULL || compile.lock_cc != NULL))
        status = bad_usage(command.name, "--board and --cc need --lock FILE: compile itself runs no C compiler");
    if (status != OPTIONS_PARSED)
        return status;
    Model *model = load_model(operands.texts[0], &compile, dump);
    if (model == NULL)
        return EXIT_BAD_INPUT;
    if (selftest && !record_selftest(model, &compile)) {
        model_free(model);
        return EXIT_BAD_INPUT;
    }
    status = make_folders(folder) ? compile_model(model, &compile, folder, dump) : EXIT_WORK_FAILED;
    if (status == EXIT_OK)
        print_summary(model, folder);
    model_free(model);
    return status;
}
