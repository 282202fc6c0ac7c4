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
               "that one of the vectors takes; an estimate of cycles for Cortex-M4 and M7), for each node too; bytes of flash (code, constants,\n"
               "weights) from the linked code, of RAM from the plan, of stack from the call graph and the painted stack.",
    .least = 1,
    .most = 1,
};

enum { CYCLES_TOLERANCE = 1000 }; /* what the two ways of counting may differ by: a thousandth, and calls */

typedef struct Bench {
    CompileOptions compile;
    Harness harness;
    const char *board, *vectors;
    int64_t runs, timeout;
    bool json, slowest_first;
} Bench;

typedef struct Figures {
    bool is_time; /* nanoseconds; instructions otherwise */
    int64_t least, median, most;
    int64_t cycles; /* estimated; 0: not known */
    int64_t macs, stack_seen, stack_caller; /* painted; of that, the frame of the function that calls the model */
    CodeFigures code;
    Node **nodes; /* those for which code was emitted */
    int64_t *node_costs;
    int node_count;
} Figures;

/* ---------------------------------------------------------------- cycles */

/* After measure_costs. Several vectors: their mix of instructions, times the most that one of them takes. */
static void measure_cycles(const Bench *bench, const Model *model, const HarnessReport *report, Figures *figures)
{
    Arena *arena = model->arena;
    int64_t total = 0;
    if (bench->harness.board->plugin == NULL)
        return;
    const char *listing = list_program(arena, &bench->harness, path_join(arena, bench->harness.folder, "program"));
    const char *executed = listing != NULL ? harness_executed(model, &bench->harness, listing) : NULL;
    for (int i = 0; i < report->cost_count; ++i)
        total += report->costs[i];
    if (executed == NULL || total == 0)
        return;
    const CycleEstimate estimate = estimate_cycles(arena, bench->harness.board->pipeline, listing, executed);
    const int64_t difference = estimate.instructions > total ? estimate.instructions - total : total - estimate.instructions;
    if (difference <= total / CYCLES_TOLERANCE + report->cost_count * CYCLES_TOLERANCE) /* otherwise the two counts are not of the same code */
        figures->cycles = (int64_t)((double)estimate.cycles / (double)estimate.instructions * (double)figures->most);
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
    figures->stack_seen = report.stack_bytes;
    measure_cycles(bench, model, &report, figures);
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

/* ---------------------------------------------------------------- stack */

static bool stack_is_proven(const Figures *figures)
{
    return figures->code.stack_bounded && figures->code.stack_complete;
}

/* The larger of what the call graph tells and what was seen. */
static int64_t stack_needed(const Figures *figures)
{
    const int64_t seen = figures->stack_seen - figures->stack_caller, told = figures->code.stack_invoke;
    return stack_is_proven(figures) || told > seen ? told : seen;
}

/* The painted stack begins above the function that calls the model. */
static bool measure_caller(const Bench *bench, const Model *model, Figures *figures)
{
    Arena *arena = model->arena;
    size_t bytes;
    if (bench->harness.model_flags == NULL || figures->stack_seen == 0)
        return true;
    const char *graph = (const char *)read_file(arena, path_join(arena, bench->harness.folder, arena_format(arena, "program-%s_caller.ci", model->prefix)), &bytes);
    if (graph != NULL)
        figures->stack_caller = worst_case_stack(arena, graph, NULL, "model_run").bytes;
    return graph != NULL;
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
    printf("{\"model\": ");
    print_json_text(model->prefix);
    printf(", \"target\": \"%s\", \"board\": \"%s\", \"optimize\": \"%s\", ", bench->compile.target, bench->harness.board->name,
        optimize_name(bench->compile.optimize));
    if (figures->is_time)
        printf("\"microseconds\": {\"min\": %.3f, \"median\": %.3f}", (double)figures->least / 1000, (double)figures->median / 1000);
    else
        printf("\"instructions\": %" PRId64, figures->most);
    if (figures->cycles > 0)
        printf(", \"cycles_estimate\": %" PRId64, figures->cycles);
    printf(", \"macs\": %" PRId64 ", \"flash_code\": %" PRId64 ", \"flash_const\": %" PRId64 ", \"flash_weights\": %" PRId64, figures->macs,
        figures->code.code, figures->code.constants, figures->code.weights);
    printf(", \"arena_bytes\": %" PRId64 ", \"state_bytes\": %" PRId64 ", \"io_bytes\": %" PRId64 ", ", model->arena_bytes,
        model->state_bytes, io_bytes(model));
    printf("\"stack_bytes\": %" PRId64 ", \"stack_init_bytes\": %" PRId64 ", \"stack_proven\": %s, \"stack_seen\": %" PRId64
           ", \"stack_caller\": %" PRId64 ", ",
        stack_needed(figures), figures->code.stack_init, stack_is_proven(figures) ? "true" : "false", figures->stack_seen, figures->stack_caller);
    print_json_nodes(figures);
    printf("}\n");
}

static void print_node(const Figures *figures, int index)
{
    const Node *node = figures->nodes[index];
    const int64_t macs = node_macs(node), cost = figures->node_costs != NULL ? figures->node_costs[index] : 0;
    printf("%-32.32s %-20s %12" PRId64, node->name, node_operator(node)->name, macs);
    if (figures->is_time)
        printf(" %14.1f", (double)cost / 1000);
    else
        printf(" %14" PRId64 " %8.2f", cost, macs > 0 ? (double)cost / (double)macs : 0.0);
}

/* Indices of nodes by falling cost; equal ones in the order of execution. */
static int *slowest_first(Arena *arena, const Figures *figures)
{
    int *order = arena_array(arena, (size_t)figures->node_count + 1, sizeof *order);
    for (int i = 0; i < figures->node_count; ++i) {
        int place = i;
        for (; place > 0 && figures->node_costs[order[place - 1]] < figures->node_costs[i]; --place)
            order[place] = order[place - 1];
        order[place] = i;
    }
    return order;
}

static void print_nodes(const Bench *bench, const Model *model, const Figures *figures)
{
    const char *unit = figures->is_time ? "microseconds" : "instructions";
    const bool shares = bench->slowest_first && figures->node_costs != NULL;
    const int *order = shares ? slowest_first(model->arena, figures) : NULL;
    int64_t total = 0;
    for (int i = 0; i < figures->node_count && shares; ++i)
        total += figures->node_costs[i];
    printf("\n%-32s %-20s %12s %14s%s%s\n", "node", "operator", "MACs", unit, figures->is_time ? "" : "  per MAC", shares ? "  share  kernel" : "");
    for (int i = 0; i < figures->node_count; ++i) {
        const int index = shares ? order[i] : i;
        print_node(figures, index);
        if (shares)
            printf(" %4.1f %%  %s", total > 0 ? 100.0 * (double)figures->node_costs[index] / (double)total : 0.0, figures->nodes[index]->variant_name);
        printf("\n");
    }
}

static void print_stack(const Model *model, const Figures *figures)
{
    const char *quality = stack_is_proven(figures)         ? "at most"
                          : figures->code.stack_invoke < 0 ? "seen; there is no call graph without gcc"
                          : figures->code.stack_bounded    ? "at most, without the system's library"
                                                           : "at least: a frame's size is not known";
    const int64_t needed = stack_needed(figures);
    if (figures->code.stack_invoke < 0 && figures->stack_seen == 0) {
        printf("  stack         not known: there is no call graph without gcc\n");
        return;
    }
    printf("  stack         invoke %" PRId64 " %s", needed, quality);
    if (model->state_bytes > 0 && figures->code.stack_init >= 0)
        printf(", init %" PRId64, figures->code.stack_init);
    if (figures->stack_seen > 0)
        printf("; seen %" PRId64 ", %" PRId64 " of them the caller's", figures->stack_seen, figures->stack_caller);
    printf("\n");
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
    if (figures->cycles > 0)
        printf("  cycles        about %" PRId64 ", %.2f per instruction (%s, no wait states)\n", figures->cycles,
            (double)figures->cycles / (double)figures->most, bench->harness.board->pipeline);
    printf("  flash         code %" PRId64 ", constants %" PRId64 ", weights %" PRId64 "\n", figures->code.code, figures->code.constants,
        figures->code.weights);
    printf("  RAM           arena %" PRId64 ", state %" PRId64 ", inputs and outputs %" PRId64 "\n", model->arena_bytes, model->state_bytes,
        io_bytes(model));
    print_stack(model, figures);
    print_nodes(bench, model, figures);
}

/* ---------------------------------------------------------------- the command */

static bool make_vectors(const Bench *bench, Model *model, Vectors *vectors)
{
    *vectors = (Vectors){0};
    const bool made = bench->vectors != NULL ? vectors_load(model, bench->vectors, vectors) : vectors_random(model, 1, vectors);
    return made && vectors_interpret(model, vectors);
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
    harness->model_flags = call_graph_flag(model->arena, harness);
    const int status = harness_write(model, &bench->compile, &vectors, 1e-5, harness);
    if (status != EXIT_OK)
        return status;
    figures.node_count = profiled_nodes(model, &figures.nodes);
    for (int i = 0; i < figures.node_count; ++i)
        figures.macs += node_macs(figures.nodes[i]);
    if (!measure_costs(bench, model, &figures) || !measure_pair(model, &bench->compile, harness, &figures.code) ||
        !measure_caller(bench, model, &figures) ||
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
        {"profile", 0, OPTION_FLAG, NULL, "the slowest nodes first, with their kernels and shares", &bench.slowest_first},
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
