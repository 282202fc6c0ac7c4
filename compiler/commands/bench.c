/* SPDX-License-Identifier: MIT
 *
 * etch bench: what an inference of the generated code costs (time here, executed instructions in QEMU), per node too, and
 * what the code takes in flash, RAM and stack.
 */
#include "compiler.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const Command command = {
    .name = "bench",
    .operands = "MODEL [--target T] [--json] [options]",
    .details = "Compiles the model with a test program, checks its outputs against the interpreter's and measures: microseconds on\n"
               "this machine (generic: minimum and median), executed instructions in QEMU (other targets; deterministic: the most\n"
               "that one of the vectors takes), for each node too; bytes of flash (code, constants, weights) from the linked code,\n"
               "of RAM from the plan, of stack from the call graph and the painted stack.",
    .least = 1,
    .most = 1,
};

typedef struct Bench {
    CompileOptions compile;
    Harness harness;
    const char *board, *vectors;
    int64_t runs, timeout;
    bool json;
} Bench;

typedef struct Figures {
    bool is_time; /* nanoseconds; instructions otherwise */
    int64_t least, median, most;
    int64_t macs, flash_code, flash_constants, flash_weights, stack_bytes;
    bool stack_bounded;
    const Node **nodes; /* those for which code was emitted */
    int64_t *node_costs;
    int node_count, node_capacity;
} Figures;

/* ---------------------------------------------------------------- nodes */

/* In the order in which the emitted code numbers them for NAME_PROFILE. */
static void collect_nodes(Arena *arena, const Graph *graph, Figures *figures)
{
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        for (int k = 0; k < node->region_count; ++k)
            collect_nodes(arena, node->regions[k], figures);
        if (node->region_count > 0 || node_is_free(node))
            continue;
        ARENA_PUSH(arena, figures->nodes, figures->node_count, figures->node_capacity);
        figures->nodes[figures->node_count++] = node;
        figures->macs += node_macs(node);
    }
}

/* ---------------------------------------------------------------- costs */

static int compare_costs(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static bool measure_costs(const Bench *bench, const Model *model, Figures *figures)
{
    HarnessReport report = {0};
    if (!harness_build(model, &bench->compile, &bench->harness) || !harness_run(model, &bench->harness, &report))
        return false;
    if (report.cost_count == 0)
        return error_at(bench->harness.board->name, "the test program printed no cost");
    qsort(report.costs, (size_t)report.cost_count, sizeof *report.costs, compare_costs);
    figures->least = report.costs[0];
    figures->median = report.costs[report.cost_count / 2];
    figures->most = report.costs[report.cost_count - 1];
    figures->stack_bytes = report.stack_bytes;
    return true;
}

static bool measure_nodes(const Bench *bench, const Model *model, Figures *figures)
{
    Harness harness = bench->harness;
    HarnessReport report = {.node_count = figures->node_count};
    harness.profile = true;
    harness.repeat = 0;
    harness.model_flags = NULL;
    if (!harness_build(model, &bench->compile, &harness) || !harness_run(model, &harness, &report))
        return false;
    figures->node_costs = report.node_costs;
    return true;
}

/* ---------------------------------------------------------------- flash and stack */

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

static bool measure_flash(const Bench *bench, const Model *model, Figures *figures)
{
    ObjectSize size;
    int64_t model_bytes;
    WeightNames weights = weight_names(model, &model_bytes);
    const char *pair = harness_link_pair(model, &bench->compile, &bench->harness);
    if (pair == NULL || !object_size(model->arena, pair, is_weight_symbol, &weights, &size))
        return false;
    const WeightsForm form = bench->compile.weights;
    if (form == WEIGHTS_EXTERN)
        size.data += model_bytes;
    if (form == WEIGHTS_EXTERN || form == WEIGHTS_INCBIN) /* no symbols with sizes */
        size.chosen = model_bytes;
    figures->flash_code = size.code;
    figures->flash_weights = size.chosen;
    figures->flash_constants = size.data - size.chosen;
    return true;
}

/* The larger of what the call graph proves and what was seen: the graph does not know library functions. */
static bool measure_stack(const Bench *bench, const Model *model, Figures *figures)
{
    const char *path = path_join(model->arena, bench->harness.folder, "model.ci");
    const char *entry = arena_format(model->arena, "%s_invoke", model->prefix);
    figures->stack_bounded = false;
    if (bench->harness.model_flags == NULL)
        return true;
    const int64_t proven = worst_case_stack(model->arena, path, entry, &figures->stack_bounded);
    if (proven > figures->stack_bytes)
        figures->stack_bytes = proven;
    return proven >= 0;
}

/* ---------------------------------------------------------------- printing */

static void print_json_text(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; ++c) {
        if (*c == '"' || *c == '\\')
            printf("\\%c", *c);
        else if (*c < ' ')
            printf("\\u%04x", *c);
        else
            putchar(*c);
    }
    putchar('"');
}

static void print_json_nodes(const Figures *figures)
{
    printf("\"nodes\": [");
    for (int i = 0; i < figures->node_count; ++i) {
        const Node *node = figures->nodes[i];
        printf("%s{\"name\": ", i > 0 ? ", " : "");
        print_json_text(node->name);
        printf(", \"op\": \"%s\", \"macs\": %" PRId64, node_operator(node)->name, node_macs(node));
        if (figures->node_costs != NULL && figures->is_time)
            printf(", \"microseconds\": %.3f", (double)figures->node_costs[i] / 1000);
        else if (figures->node_costs != NULL)
            printf(", \"instructions\": %" PRId64, figures->node_costs[i]);
        printf("}");
    }
    printf("]");
}

static void print_json(const Bench *bench, const Model *model, const Figures *figures)
{
    static const char *const levels[] = {"speed", "balanced", "size", "ram"};
    printf("{\"model\": ");
    print_json_text(model->prefix);
    printf(", \"target\": \"%s\", \"board\": \"%s\", \"optimize\": \"%s\", ", bench->compile.target, bench->harness.board->name,
        levels[bench->compile.optimize]);
    if (figures->is_time)
        printf("\"microseconds\": {\"min\": %.3f, \"median\": %.3f}", (double)figures->least / 1000, (double)figures->median / 1000);
    else
        printf("\"instructions\": %" PRId64, figures->most);
    printf(", \"macs\": %" PRId64 ", \"flash_code\": %" PRId64 ", \"flash_const\": %" PRId64 ", \"flash_weights\": %" PRId64, figures->macs,
        figures->flash_code, figures->flash_constants, figures->flash_weights);
    printf(", \"arena_bytes\": %" PRId64 ", \"state_bytes\": %" PRId64 ", \"io_bytes\": %" PRId64 ", \"stack_bytes\": %" PRId64 ", ",
        model->arena_bytes, model->state_bytes, io_bytes(model), figures->stack_bytes);
    print_json_nodes(figures);
    printf("}\n");
}

static void print_nodes(const Figures *figures)
{
    const char *unit = figures->is_time ? "microseconds" : "instructions";
    printf("\n%-32s %-20s %12s %14s%s\n", "node", "operator", "MACs", unit, figures->is_time ? "" : "  per MAC");
    for (int i = 0; i < figures->node_count; ++i) {
        const Node *node = figures->nodes[i];
        const int64_t macs = node_macs(node), cost = figures->node_costs != NULL ? figures->node_costs[i] : 0;
        printf("%-32.32s %-20s %12" PRId64, node->name, node_operator(node)->name, macs);
        if (figures->is_time)
            printf(" %14.1f", (double)cost / 1000);
        else
            printf(" %14" PRId64 " %8.2f", cost, macs > 0 ? (double)cost / (double)macs : 0.0);
        printf("\n");
    }
}

static void print_text(const Bench *bench, const Model *model, const Figures *figures)
{
    printf("%s on %s (target %s)\n", model->prefix, bench->harness.board->name, bench->compile.target);
    if (figures->is_time)
        printf("  time          %.1f us at least, %.1f us median\n", (double)figures->least / 1000, (double)figures->median / 1000);
    else
        printf("  instructions  %" PRId64, figures->most);
    if (!figures->is_time && figures->macs > 0)
        printf(", %.2f per MAC (%" PRId64 " MACs)", (double)figures->most / (double)figures->macs, figures->macs);
    if (!figures->is_time)
        printf("\n");
    printf("  flash         code %" PRId64 ", constants %" PRId64 ", weights %" PRId64 "\n", figures->flash_code, figures->flash_constants,
        figures->flash_weights);
    printf("  RAM           arena %" PRId64 ", state %" PRId64 ", inputs and outputs %" PRId64 "\n", model->arena_bytes, model->state_bytes,
        io_bytes(model));
    printf("  stack         %" PRId64 "%s\n", figures->stack_bytes, figures->stack_bounded ? "" : " (as seen, not proven)");
    print_nodes(figures);
}

/* ---------------------------------------------------------------- the command */

static bool make_vectors(const Bench *bench, Model *model, Vectors *vectors)
{
    *vectors = (Vectors){0};
    const bool made = bench->vectors != NULL ? vectors_load(model, bench->vectors, vectors) : vectors_random(model, 1, vectors);
    return made && vectors_interpret(model, vectors);
}

/* gcc knows the flag, clang does not. */
static const char *call_graph_flag(const Model *model, const Harness *harness)
{
    Words version = {0};
    ProgramRun run;
    const char *cc = harness->cc != NULL ? harness->cc : find_program(model->arena, &harness->board->compilers, "compiler", harness->board->compiler_package);
    if (cc == NULL)
        return NULL;
    words_split(model->arena, &version, cc);
    words_add(model->arena, &version, "--version");
    if (!run_program(&version, 60, &run))
        return NULL;
    const bool is_gcc = strstr(run.output.data, "Free Software Foundation") != NULL;
    buffer_free(&run.output);
    return is_gcc ? "-fcallgraph-info=su" : NULL;
}

static int measure(Bench *bench, Model *model)
{
    Vectors vectors;
    Figures figures = {0};
    Harness *harness = &bench->harness;
    if (!make_vectors(bench, model, &vectors))
        return EXIT_BAD_INPUT;
    harness->folder = temporary_folder();
    if (harness->folder == NULL)
        return EXIT_WORK_FAILED;
    figures.is_time = harness->board->unit != NULL && strcmp(harness->board->unit, "nanoseconds") == 0;
    harness->repeat = figures.is_time ? (int)bench->runs : 0;
    harness->model_flags = call_graph_flag(model, harness);
    const int status = harness_write(model, &bench->compile, &vectors, 1e-5, harness);
    if (status != EXIT_OK)
        return status;
    collect_nodes(model->arena, model->main, &figures);
    if (!measure_costs(bench, model, &figures) || !measure_stack(bench, model, &figures) || !measure_flash(bench, model, &figures) ||
        !measure_nodes(bench, model, &figures))
        return EXIT_WORK_FAILED;
    if (bench->json)
        print_json(bench, model, &figures);
    else
        print_text(bench, model, &figures);
    return EXIT_OK;
}

int command_bench(int argc, char **argv)
{
    Bench bench = {.compile = COMPILE_OPTIONS_DEFAULT, .runs = 100, .timeout = 600};
    const Option options[] = {
        COMPILE_OPTION_ROWS(bench.compile),
        {"board", 0, OPTION_TEXT, "BOARD", "where to run it; `etch boards` lists them (default: the target's)", &bench.board},
        {"vectors", 0, OPTION_TEXT, "DIR", "inputs to measure with, as for `etch verify` (default: a random one)", &bench.vectors},
        {"runs", 'n', OPTION_NUMBER, "N", "on this machine: number of inferences (default: 100)", &bench.runs},
        {"json", 0, OPTION_FLAG, NULL, "print one JSON object", &bench.json},
        {"cc", 0, OPTION_TEXT, "CC", "compiler (default: the board's)", &bench.harness.cc},
        {"cflags", 0, OPTION_TEXT, "FLAGS", "further compiler flags", &bench.harness.cflags},
        {"timeout", 0, OPTION_NUMBER, "SECONDS", "for running the program (default: 600)", &bench.timeout},
        {0},
    };
    TextList operands;
    int status = parse_options(&command, options, argc, argv, &operands);
    if (status == OPTIONS_PARSED)
        status = check_compile_options(&command, &bench.compile, NULL);
    if (status != OPTIONS_PARSED)
        return status;
    Model *model = load_model(operands.texts[0], &bench.compile, NULL);
    if (model == NULL)
        return EXIT_BAD_INPUT;
    if (bench.board == NULL)
        bench.board = target_board(model->arena, bench.compile.target);
    bench.harness.board = bench.board != NULL ? board_load(model->arena, bench.board) : NULL;
    bench.harness.timeout_seconds = (int)(bench.timeout < 1000000 ? bench.timeout : 1000000);
    bench.runs = bench.runs < 1000000 ? bench.runs : 1000000;
    status = bench.harness.board != NULL ? measure(&bench, model) : EXIT_BAD_USAGE;
    model_free(model);
    return status;
}
