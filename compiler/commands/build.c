/* SPDX-License-Identifier: MIT
 *
 * etch build: the pair, a driver main, and the C compiler make one static program for this machine.
 */
#include "compiler.h"

#include <inttypes.h>
#include <unistd.h>

enum { COMPILER_SECONDS = 3600 };

static const Command command = {
    .name = "build",
    .operands = "MODEL [-o FILE] [options]",
    .details = "Compiles the model into C, and the C into a static program for this machine: FILE IN0 [IN1 ...] -o OUT0 [...]\n"
               "runs the model on raw or .npy tensors, FILE --bench N times it, FILE --info describes it.\n"
               "The generated C is not kept; its weights default to string, which compiles fastest.",
    .least = 1,
    .most = 1,
};

static Words compiler_command(Arena *arena, const Model *model, const char *folder, const char *output, const char *cc, const char *cflags)
{
    Words words = {0};
    words_split(arena, &words, cc);
    words_split(arena, &words, cflags);
    words_add(arena, &words, "-I");
    words_add(arena, &words, folder);
    words_add(arena, &words, "-o");
    words_add(arena, &words, output);
    words_add(arena, &words, arena_format(arena, "%s/%s.c", folder, model->prefix));
    words_add(arena, &words, arena_format(arena, "%s/%s_driver.c", folder, model->prefix));
    words_add(arena, &words, "-lm");
    return words;
}

/* Static first; where there is no static C library the program is linked as usual, and that is said. */
bool build_program(const Model *model, const char *folder, const char *output, const char *cc, const char *cflags)
{
    Arena *arena = model->arena;
    const char *flags = cflags != NULL ? cflags : "-O3 -march=native";
    const Words dynamic = compiler_command(arena, model, folder, output, cc, flags);
    Words linked = dynamic;
    ProgramRun run;
    if (dynamic.count == 0 || !program_exists(arena, dynamic.list[0]))
        return error_at(cc, "the C compiler is not installed; on Debian: apt-get install gcc libc6-dev, or choose one with --cc");
    linked.list = NULL;
    linked.count = linked.capacity = 0;
    words_add_all(arena, &linked, &dynamic);
    words_add(arena, &linked, "-static");
    if (!run_program(&linked, COMPILER_SECONDS, &run))
        return false;
    const bool built = run.status == 0 && !run.timed_out;
    buffer_free(&run.output);
    if (built)
        return true;
    if (!run_tool(arena, &dynamic, COMPILER_SECONDS, "compiling the generated C"))
        return false;
    warning_at(output, "linked dynamically: this compiler has no static C library (on Debian: libc6-dev)");
    return true;
}

/* --weights=extern: the driver looks for the image beside the program. */
static bool copy_weights(const Model *model, const char *folder, const char *output)
{
    size_t bytes;
    const char *path = arena_format(model->arena, "%s/%s.bin", folder, model->prefix);
    const uint8_t *data = read_file(model->arena, path, &bytes);
    return data != NULL && write_file(arena_format(model->arena, "%s.bin", output), data, bytes);
}

static int build(Model *model, const CompileOptions *compile, const char *output, const char *cc, const char *cflags)
{
    const char *folder = temporary_folder();
    if (folder == NULL)
        return EXIT_WORK_FAILED;
    const int status = compile_model(model, compile, folder, NULL);
    if (status != EXIT_OK)
        return status;
    if (output == NULL)
        output = model->prefix;
    const bool on_terminal = isatty(STDERR_FILENO);
    if (on_terminal)
        fprintf(stderr, "etch build: compiling %s.c ...\r", model->prefix);
    const bool built = build_program(model, folder, output, cc, cflags);
    if (on_terminal)
        fprintf(stderr, "\033[K"); /* clears the line */
    if (!built)
        return EXIT_WORK_FAILED;
    if (compile->weights == WEIGHTS_EXTERN && !copy_weights(model, folder, output))
        return EXIT_WORK_FAILED;
    printf("%s: arena %" PRId64 ", state %" PRId64 ", inputs and outputs %" PRId64 " bytes\n", output, model->arena_bytes, model->state_bytes,
        io_bytes(model));
    return EXIT_OK;
}

int command_build(int argc, char **argv)
{
    CompileOptions compile = COMPILE_OPTIONS_DEFAULT;
    compile.weights = WEIGHTS_STRING;
    const char *output = NULL, *cc = "cc", *cflags = NULL;
    const Option options[] = {
        {"output", 'o', OPTION_TEXT, "FILE", "the program (default: NAME)", &output},
        {"cc", 0, OPTION_TEXT, "COMMAND", "the C compiler (default: cc)", &cc},
        {"cflags", 0, OPTION_TEXT, "FLAGS", "its flags (default: -O3 -march=native)", &cflags},
        COMPILE_OPTION_ROWS(compile),
        {0},
    };
    TextList operands;
    int status = parse_options(&command, options, argc, argv, &operands);
    if (status == OPTIONS_PARSED)
        status = check_compile_options(&command, &compile, NULL);
    if (status != OPTIONS_PARSED)
        return status;
    compile.companion = "driver";
    Model *model = load_model(operands.texts[0], &compile, NULL);
    if (model == NULL)
        return EXIT_BAD_INPUT;
    status = build(model, &compile, output, cc, cflags);
    model_free(model);
    return status;
}
