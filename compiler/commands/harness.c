/* SPDX-License-Identifier: MIT
 *
 * The test program: the generated pair, the code that calls it, test vectors and the sources of examples/firmware/ are put
 * into one folder, compiled for a board and run there; what the program prints is read back.
 */
#include "compiler.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The pair and its caller lie in the harness's folder, the rest in a folder of its own: no name of a model can clash. */
static const char firmware_prefix[] = "examples/firmware/", firmware_folder[] = "firmware";

enum { MAX_SOURCES = 64 };
enum { BUILD_TIMEOUT_SECONDS = 600 };

/* ---------------------------------------------------------------- writing */

static const char *in_folder(const Model *model, const Harness *harness, const char *name)
{
    return path_join(model->arena, harness->folder, name);
}

static const char *in_firmware(const Model *model, const Harness *harness, const char *name)
{
    return path_join(model->arena, in_folder(model, harness, firmware_folder), name);
}

bool harness_write_firmware(const Model *model, const Harness *harness)
{
    const char *paths[MAX_SOURCES];
    const int count = embedded_list(firmware_prefix, paths, MAX_SOURCES);
    for (int i = 0; i < count; ++i) {
        size_t bytes;
        const char *text = embedded_file(paths[i], &bytes);
        const char *path = in_firmware(model, harness, paths[i] + strlen(firmware_prefix));
        if (!make_folders(path_directory(model->arena, path)) || !write_file(path, text, bytes))
            return false;
    }
    return count > 0 || error_at(firmware_prefix, "the firmware sources are not part of this executable");
}

int harness_write(Model *model, const CompileOptions *options, const Vectors *vectors, double tolerance, const Harness *harness)
{
    CompileOptions with_caller = *options;
    with_caller.companion = "caller";
    if (!make_folders(harness->folder))
        return EXIT_WORK_FAILED;
    const int status = compile_model(model, &with_caller, harness->folder, NULL);
    if (status != EXIT_OK)
        return status;
    return harness_write_firmware(model, harness) && vectors_write(vectors, tolerance, in_firmware(model, harness, "vectors.c")) ? EXIT_OK : EXIT_WORK_FAILED;
}

/* ---------------------------------------------------------------- nodes */

static void collect_nodes(const Graph *graph, Node ***nodes, int *count, int *capacity)
{
    for (int i = 0; i < graph->node_count; ++i) {
        Node *node = graph->nodes[i];
        for (int k = 0; k < node->region_count; ++k)
            collect_nodes(node->regions[k], nodes, count, capacity);
        if (node->region_count > 0 || node_is_free(node))
            continue;
        ARENA_PUSH(graph->model->arena, *nodes, *count, *capacity);
        (*nodes)[(*count)++] = node;
    }
}

int profiled_nodes(const Model *model, Node ***nodes)
{
    int count = 0, capacity = 0;
    *nodes = NULL;
    collect_nodes(model->main, nodes, &count, &capacity);
    return count;
}

/* ---------------------------------------------------------------- building */

/* Compiler, processor, optimisation, the user's flags, where headers and NAME.bin are. */
static bool start_command(const Model *model, const CompileOptions *options, const Harness *harness, Words *command)
{
    Arena *arena = model->arena;
    const Board *board = harness->board;
    const char *cc = harness->cc;
    if (cc == NULL)
        cc = find_program(arena, &board->compilers, "compiler", board->compiler_package);
    if (cc == NULL)
        return false;
    *command = (Words){0};
    words_split(arena, command, cc);
    words_add_all(arena, command, &board->flags);
    words_add(arena, command, board->optimisation.list[options->optimize]);
    words_split(arena, command, harness->cflags);
    if (harness->sanitize)
        words_split(arena, command, "-g1 -O1 -fsanitize=address,undefined -fno-sanitize-recover=all");
    words_add(arena, command, arena_format(arena, "-I%s", harness->folder));
    words_add(arena, command, arena_format(arena, "-I%s", in_folder(model, harness, firmware_folder)));
    if (options->weights == WEIGHTS_INCBIN || options->weights == WEIGHTS_EXTERN) /* where the assembler finds NAME.bin */
        words_add(arena, command, arena_format(arena, "-Wa,-I,%s", harness->folder));
    words_split(arena, command, "-ffunction-sections -fdata-sections");
    return true;
}

static bool compile_object(const Model *model, const Words *start, const Harness *harness, const char *source, const char *object, const Words *flags)
{
    Words command = {0};
    words_add_all(model->arena, &command, start);
    words_add(model->arena, &command, "-std=c99");
    words_add_all(model->arena, &command, flags);
    words_add(model->arena, &command, "-c");
    words_add(model->arena, &command, source);
    words_add(model->arena, &command, "-o");
    words_add(model->arena, &command, in_folder(model, harness, object));
    return run_tool(model->arena, &command, BUILD_TIMEOUT_SECONDS, "compiling");
}

/* With profile: the pair's hook calls profile_mark. */
static Words model_flags(const Model *model, const Harness *harness)
{
    Arena *arena = model->arena;
    Words flags = {0};
    char *macro = arena_string(arena, model->prefix);
    for (char *c = macro; *c != '\0'; ++c)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
    words_split(arena, &flags, harness->model_flags);
    if (harness->profile) {
        words_add(arena, &flags, "-include");
        words_add(arena, &flags, in_firmware(model, harness, "profile.h"));
        words_add(arena, &flags, arena_format(arena, "-D%s_PROFILE(node)=profile_mark(node)", macro));
    }
    return flags;
}

static void add_linker_script(const Model *model, const Harness *harness, Words *command)
{
    Arena *arena = model->arena;
    const char *script = in_firmware(model, harness, harness->board->linker_script);
    words_split(arena, command, "-nostartfiles -Wl,--no-warn-rwx-segments");
    words_add(arena, command, arena_format(arena, "-L%s", path_directory(arena, script)));
    words_add(arena, command, arena_format(arena, "-T%s", script));
}

/* The program's own sources, or their objects. */
static bool add_firmware(const Model *model, const Words *compile, const Harness *harness, Words *command)
{
    Arena *arena = model->arena;
    Words sources = {0};
    words_add(arena, &sources, "main.c");
    if (harness->profile)
        words_add(arena, &sources, "profile.c");
    words_add_all(arena, &sources, &harness->board->sources);
    for (int i = 0; i < sources.count; ++i) {
        const char *object = kept_object(arena, compile, in_firmware(model, harness, sources.list[i]));
        if (object == NULL)
            return false;
        words_add(arena, command, object);
    }
    return true;
}

static bool link_program(const Model *model, const Words *start, const Harness *harness)
{
    Arena *arena = model->arena;
    const Board *board = harness->board;
    Words compile = {0}, command = {0};
    words_add_all(arena, &compile, start);
    words_split(arena, &compile, "-std=gnu11");
    words_add(arena, &compile, arena_format(arena, "-DREPEAT=%d", harness->repeat));
    if (harness->profile)
        words_split(arena, &compile, "-DMODEL_PROFILE");
    words_add_all(arena, &command, &compile);
    words_split(arena, &command, "-Wl,--gc-sections");
    words_split(arena, &command, harness->model_flags);
    if (board->linker_script != NULL)
        add_linker_script(model, harness, &command);
    words_add(arena, &command, in_folder(model, harness, "model.o"));
    words_add(arena, &command, in_folder(model, harness, "vectors.o"));
    words_add(arena, &command, in_folder(model, harness, arena_format(arena, "%s_caller.c", model->prefix)));
    if (!add_firmware(model, &compile, harness, &command))
        return false;
    words_add_all(arena, &command, &board->libraries);
    words_add(arena, &command, "-o");
    words_add(arena, &command, in_folder(model, harness, "program"));
    return run_tool(arena, &command, BUILD_TIMEOUT_SECONDS, "linking");
}

bool harness_compile_pair(const Model *model, const CompileOptions *options, const Harness *harness)
{
    Words start;
    const Words flags = model_flags(model, harness);
    const char *source = in_folder(model, harness, arena_format(model->arena, "%s.c", model->prefix));
    return start_command(model, options, harness, &start) && compile_object(model, &start, harness, source, "model.o", &flags);
}

bool harness_build(const Model *model, const CompileOptions *options, const Harness *harness)
{
    Words start;
    const Words none = {0};
    return harness_compile_pair(model, options, harness) && start_command(model, options, harness, &start) &&
           compile_object(model, &start, harness, in_firmware(model, harness, "vectors.c"), "vectors.o", &none) &&
           link_program(model, &start, harness);
}

/* On a board the pair is linked with what it calls, so that the library's part is counted; here the object alone must do,
 * since the system's libraries are shared. */
const char *harness_link_pair(const Model *model, const CompileOptions *options, const Harness *harness)
{
    Arena *arena = model->arena;
    const Board *board = harness->board;
    Words command;
    const char *program = in_folder(model, harness, "pair");
    if (board->linker_script == NULL)
        return in_folder(model, harness, "model.o");
    if (!start_command(model, options, harness, &command))
        return NULL;
    add_linker_script(model, harness, &command);
    words_split(arena, &command, "-Wl,--gc-sections");
    words_add(arena, &command, arena_format(arena, "-Wl,-e,%s_invoke", model->prefix));
    words_add(arena, &command, arena_format(arena, "-Wl,-u,%s_%s", model->prefix, model->state_bytes > 0 ? "init" : "invoke"));
    words_add(arena, &command, in_folder(model, harness, "model.o"));
    words_add_all(arena, &command, &board->libraries);
    words_add(arena, &command, "-o");
    words_add(arena, &command, program);
    return run_tool(arena, &command, BUILD_TIMEOUT_SECONDS, "linking") ? program : NULL;
}

/* ---------------------------------------------------------------- running */

static void add_cost(const Model *model, HarnessReport *report, int64_t cost)
{
    ARENA_PUSH(model->arena, report->costs, report->cost_count, report->cost_capacity);
    report->costs[report->cost_count++] = cost;
}

static void add_node_cost(const Model *model, HarnessReport *report, int node, int64_t cost)
{
    if (report->node_costs == NULL)
        report->node_costs = arena_array(model->arena, (size_t)report->node_count + 1, sizeof *report->node_costs);
    if (node >= 0 && node < report->node_count)
        report->node_costs[node] = cost;
}

/* One line of the test program's output: see its main.c. */
static void read_line(const Model *model, const Harness *harness, const char *line, HarnessReport *report)
{
    int index, matching, count;
    int64_t cost;
    if (sscanf(line, "vector %d: ok, %" SCNd64, &index, &cost) == 2 || sscanf(line, "again: %" SCNd64, &cost) == 1)
        add_cost(model, report, cost);
    else if (sscanf(line, "node %d: %" SCNd64, &index, &cost) == 2)
        add_node_cost(model, report, index, cost);
    else if (sscanf(line, "stack: %" SCNd64, &cost) == 1)
        report->stack_bytes = cost;
    else if (sscanf(line, "%d of %d vectors match", &matching, &count) == 2) {
        report->matching = matching;
        report->vectors = count;
    } else if (strncmp(line, "vector ", 7) == 0)
        error_at(model->path, "generated code on board %s: %s", harness->board->name, line);
}

static void read_output(const Model *model, const Harness *harness, char *text, HarnessReport *report)
{
    while (*text != '\0') {
        char *end = text + strcspn(text, "\n");
        const bool last = *end == '\0';
        *end = '\0';
        if (end > text && end[-1] == '\r')
            end[-1] = '\0';
        read_line(model, harness, text, report);
        text = last ? end : end + 1;
    }
}

static bool judge(const Harness *harness, const ProgramRun *run, const HarnessReport *report, const char *text)
{
    if (run->timed_out)
        return error_at(harness->board->name, "the program did not end within %d s; --timeout allows more", harness->timeout_seconds);
    if (report->vectors == 0 || (run->status != 0 && report->matching == report->vectors)) {
        fputs(text, stderr);
        return error_at(harness->board->name, "the program ended with status %d before it was done", run->status);
    }
    return report->matching == report->vectors;
}

bool harness_run(const Model *model, const Harness *harness, HarnessReport *report)
{
    Arena *arena = model->arena;
    const Board *board = harness->board;
    Words command = {0};
    ProgramRun run;
    const int node_count = report->node_count;
    *report = (HarnessReport){.node_count = node_count};
    if (board->emulator.count > 0) {
        const Words emulator = {board->emulator.list, 1, 1};
        if (find_program(arena, &emulator, "emulator", board->emulator_package) == NULL)
            return false;
    }
    words_add_all(arena, &command, &board->emulator);
    words_add(arena, &command, in_folder(model, harness, "program"));
    if (!run_program(&command, harness->timeout_seconds, &run))
        return false;
    const char *text = arena_copy(arena, run.output.data, run.output.length + 1);
    read_output(model, harness, run.output.data, report);
    const bool ok = judge(harness, &run, report, text);
    buffer_free(&run.output);
    return ok;
}

/* ---------------------------------------------------------------- what was executed */

enum { PLUGIN_BUILD_SECONDS = 60 };

/* The plugin is a library for this machine's emulator. */
static bool build_plugin(const Model *model, const Harness *harness, const char *library)
{
    Words command = {0};
    ProgramRun run;
    words_split(model->arena, &command, "cc -O2 -shared -fPIC -fvisibility=hidden -o");
    words_add(model->arena, &command, library);
    words_add(model->arena, &command, in_firmware(model, harness, harness->board->plugin));
    if (!program_exists(model->arena, "cc") || !run_program(&command, PLUGIN_BUILD_SECONDS, &run))
        return false;
    buffer_free(&run.output);
    return !run.timed_out && run.status == 0;
}

/* Before the last word, which makes the emulator take the program. */
static void plugin_command(const Model *model, const Harness *harness, const char *plugin, Words *command)
{
    const Words *emulator = &harness->board->emulator;
    for (int i = 0; i + 1 < emulator->count; ++i)
        words_add(model->arena, command, emulator->list[i]);
    words_add(model->arena, command, "-plugin");
    words_add(model->arena, command, plugin);
    words_add(model->arena, command, emulator->list[emulator->count - 1]);
    words_add(model->arena, command, in_folder(model, harness, "program"));
}

const char *harness_executed(const Model *model, const Harness *harness, const char *listing)
{
    Arena *arena = model->arena;
    const char *library = in_folder(model, harness, "executed.so"), *file = in_folder(model, harness, "executed.txt");
    Words command = {0};
    ProgramRun run;
    size_t bytes;
    const uint64_t open = listed_symbol(listing, "model_run"), close = listed_symbol(listing, "count_read");
    if (harness->board->plugin == NULL || harness->board->emulator.count == 0 || open == 0 || close == 0 || !build_plugin(model, harness, library))
        return NULL;
    plugin_command(model, harness, arena_format(arena, "%s,open=0x%" PRIx64 ",close=0x%" PRIx64 ",out=%s", library, open, close, file), &command);
    if (!run_program(&command, harness->timeout_seconds, &run))
        return NULL;
    buffer_free(&run.output);
    return !run.timed_out && run.status == 0 ? (const char *)read_file(arena, file, &bytes) : NULL;
}
