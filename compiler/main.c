/* SPDX-License-Identifier: MIT
 *
 * The table of contents: the subcommands, and the pipeline as a list of calls.
 */
#include "compiler.h"

#include <string.h>

/* ---------------------------------------------------------------- the pipeline */

/* Stands between passes: prints the graph when it was asked for, and checks the invariants in release builds too. */
static bool after(const Model *model, const char *pass, bool ok, const char *dump)
{
    if (!ok)
        return false;
    if (dump != NULL && strcmp(dump, pass) == 0)
        graph_dump(model->main, stdout);
    return verify_model(model, pass);
}

Model *load_model(const char *path, const CompileOptions *options, const char *dump)
{
    Model *model = import_model(path, options->name);
    if (model == NULL)
        return NULL;
    model->single_rounding = options->single_rounding;
    model->optimize = options->optimize;
    if (after(model, "import", true, dump) &&
        after(model, "infer", pass_infer(model), dump) &&
        after(model, "simplify", pass_simplify(model), dump) &&
        after(model, "channels", pass_channels(model), dump))
        return model;
    model_free(model);
    return NULL;
}

/* With chains of nodes as Rows, if `rows` is not NULL: other steps are the fullest ones then, so the order is searched once more. */
static bool plan_with(Model *model, Target *target, const CompileOptions *options, const RowOptions *rows, const char *dump)
{
    return after(model, "rows", (rows == NULL || fuse_rows(model, rows)) && pass_select(model, target), dump) &&
        (rows == NULL || after(model, "order", plan_order(model, options->io_in_arena), dump)) &&
        after(model, "forms", plan_forms(model, options->io_in_arena) && pass_select(model, target), dump) &&
        after(model, "names", pass_names(model), dump) &&
        after(model, "plan", plan_memory(model, options->io_in_arena), dump);
}

static bool plan_order_of(Model *model, Target *target, const CompileOptions *options, const char *dump)
{
    return after(model, "select", pass_select(model, target), dump) &&
        after(model, "order", plan_order(model, options->io_in_arena), dump);
}

static int64_t ram_of(const Model *model)
{
    return model->arena_bytes + model->state_bytes + io_bytes(model);
}

/* What the model would take, found on a model of its own; INT64_MAX: it cannot be planned so. */
static int64_t try_rows(const char *path, const CompileOptions *options, const RowOptions *rows)
{
    const bool quiet = diagnostics_quiet;
    diagnostics_quiet = true;
    Model *model = load_model(path, options, NULL);
    Target *target = model != NULL ? target_load(model->arena, options) : NULL;
    int64_t ram = INT64_MAX;
    if (target != NULL) {
        model->target = target;
        if (plan_order_of(model, target, options, NULL) && plan_with(model, target, options, rows, NULL))
            ram = ram_of(model);
    }
    target_free(target);
    if (model != NULL)
        model_free(model);
    diagnostics_quiet = quiet;
    return ram;
}

bool plan_model(Model *model, Target *target, const CompileOptions *options, const char *dump)
{
    RowOptions rows;
    model->target = target;
    const bool planned = plan_order_of(model, target, options, dump) && plan_memory(model, options->io_in_arena) &&
        plan_with(model, target, options, choose_rows(model, options, try_rows, &rows), dump);
    model->target = NULL;
    if (planned)
        tuning_warn(options->tuning);
    return planned;
}

Model *planned_model(const char *path, const CompileOptions *options)
{
    Model *model = load_model(path, options, NULL);
    Target *target = model != NULL ? target_load(model->arena, options) : NULL;
    const bool planned = target != NULL && plan_model(model, target, options, NULL);
    target_free(target);
    if (planned)
        return model;
    if (model != NULL)
        model_free(model);
    return NULL;
}

/* What must hold before anything is written; *lock gets the text of the lock file that is to be written, or NULL. */
static int check_figures(Model *model, Target *target, const CompileOptions *options, const char **lock)
{
    CodeFigures code;
    *lock = NULL;
    if (!check_budgets(model, options, planned_model))
        return EXIT_WORK_FAILED;
    if (options->lock == NULL)
        return EXIT_OK;
    return measure_code(model, target, options, &code) ? lock_check(model, options, &code, lock) : EXIT_WORK_FAILED;
}

int compile_model(Model *model, const CompileOptions *options, const char *folder, const char *dump)
{
    Target *target = target_load(model->arena, options);
    const char *lock = NULL;
    if (target == NULL)
        return EXIT_WORK_FAILED;
    int status = EXIT_BAD_INPUT;
    if (plan_model(model, target, options, dump))
        status = check_figures(model, target, options, &lock);
    if (status == EXIT_OK && !emit_pair(model, target, options, folder))
        status = EXIT_WORK_FAILED;
    if (status == EXIT_OK && lock != NULL && !write_file(options->lock, lock, strlen(lock)))
        status = EXIT_WORK_FAILED;
    target_free(target);
    return status;
}

/* ---------------------------------------------------------------- the subcommands */

static int command_help(int argc, char **argv);

static const struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"compile", "write a model as NAME.c and NAME.h", command_compile},
    {"build", "make a program of a model for this machine", command_build},
    {"run", "run a model in the interpreter", command_run},
    {"verify", "compare the generated code with the interpreter", command_verify},
    {"bench", "measure the generated code", command_bench},
    {"tune", "measure which kernels a model's layers should have", command_tune},
    {"inspect", "show nodes, shapes, quantisation and the memory plan", command_inspect},
    {"convert", "write any readable model in the native format", command_convert},
    {"plan", "place a table of buffers in one arena", command_plan},
    {"targets", "list the targets: sets of kernels", command_targets},
    {"boards", "list the boards: places where generated code can be run", command_boards},
    {"ops", "list the operators", command_ops},
    {"help", "explain a command", command_help},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

/* Promised by the documentation, and not in this version. */
static const char *const later_commands[] = {"quantize"};

static int find_command(const char *name)
{
    int index = 0;
    while (index < COMMAND_COUNT && strcmp(commands[index].name, name) != 0)
        ++index;
    return index;
}

static int unknown_command(const char *name)
{
    for (size_t i = 0; i < sizeof later_commands / sizeof *later_commands; ++i)
        if (strcmp(later_commands[i], name) == 0)
            return bad_usage(NULL, "the command \"%s\" is not in this version", name);
    return bad_usage(NULL, "unknown command \"%s\"; `etch help` lists the commands", name);
}

static int print_overview(FILE *file, int status)
{
    fprintf(file, "usage: etch COMMAND ...\n\nEtch compiles a neural network into C: model in, one .c and one .h out.\n\n");
    for (int i = 0; i < COMMAND_COUNT; ++i)
        fprintf(file, "  %-9s %s\n", commands[i].name, commands[i].summary);
    fprintf(file, "\n`etch COMMAND --help` explains a command and its options. MODEL is a TFLite file or a native one (.json), recognised\n"
                  "by its content. Exit status: 0 ok, 1 the work failed, 2 bad usage, 3 bad or unsupported input.\n");
    return status;
}

static int command_help(int argc, char **argv)
{
    static char option[] = "--help";
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return print_overview(stdout, EXIT_OK);
    const int index = find_command(argv[1]);
    char *arguments[] = {argv[1], option, NULL};
    return index < COMMAND_COUNT ? commands[index].run(2, arguments) : unknown_command(argv[1]);
}

static int run_command(int argc, char **argv)
{
    if (argc < 2)
        return print_overview(stderr, EXIT_BAD_USAGE);
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0) {
        printf("etch %s\n", ETCH_VERSION);
        return EXIT_OK;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return print_overview(stdout, EXIT_OK);
    if (name[0] == '-')
        return bad_usage(NULL, "unknown option \"%s\"; the command comes first, `etch help` lists the commands", name);
    const int index = find_command(name);
    return index < COMMAND_COUNT ? commands[index].run(argc - 1, argv + 1) : unknown_command(name);
}

int main(int argc, char **argv)
{
    const int status = run_command(argc, argv);
    /* A full disk or a closed pipe must not look like success. */
    if (fflush(stdout) != 0 && status == EXIT_OK) {
        error_at(NULL, "standard output cannot be written");
        return EXIT_WORK_FAILED;
    }
    return status;
}
