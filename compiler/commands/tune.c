/* SPDX-License-Identifier: MIT
 *
 * etch tune: measures the kernels that fit each layer and writes the choice as a file for --tuning. In every round each layer
 * takes the next of its kernels, all layers at once; the cost per node (NAME_PROFILE) tells what it was worth.
 */
#include "compiler.h"

#include <inttypes.h>
#include <string.h>

static const Command command = {
    .name = "tune",
    .operands = "MODEL [--target T] [-o FILE] [options]",
    .details = "Measures every kernel of the target that fits, for each layer of the model: executed instructions in QEMU (boards that\n"
               "count them: deterministic), time on this machine. Writes the cheapest ones as a text file to be committed;\n"
               "`etch compile --tuning FILE` obeys it. Every round's outputs are compared with the interpreter's.",
    .least = 1,
    .most = 1,
};

enum { MAX_KERNELS = 16, MAX_ROUNDS = 24, TIMED_VECTORS = 3 };

/* Times differ by so much from run to run: less is no reason to leave the target's order. */
enum { TIME_NOISE_PERCENT = 3 };

typedef struct Trial {
    const char *kernel;
    bool tried;
    int64_t cost;       /* of all nodes of the layer; -1: not measured */
    int64_t round_cost; /* scratch of a round */
    int round_nodes;
} Trial;

/* Nodes with one signature */
typedef struct Layer {
    const char *signature, *first_node;
    int nodes, round_nodes;
    int64_t ordered_cost; /* by the target's order */
    Trial trials[MAX_KERNELS];
    int trial_count, chosen; /* -1: the target's order decides */
} Layer;

typedef struct Tune {
    CompileOptions compile;
    Harness harness;
    const char *board, *folder, *vectors_folder, *output;
    int64_t runs, timeout;
    bool is_time;
    const char *model_path;
    Arena *arena;
    Vectors vectors;
    Layer *layers;
    int layer_count, layer_capacity;
    int round;
    int64_t total;  /* of the last round */
    int64_t cycles; /* estimated, of the last round that was asked for them; 0: not known */
} Tune;

/* ---------------------------------------------------------------- layers */

static Layer *find_layer(Tune *tune, const char *signature)
{
    for (int i = 0; i < tune->layer_count; ++i)
        if (strcmp(tune->layers[i].signature, signature) == 0)
            return &tune->layers[i];
    return NULL;
}

static Trial *find_trial(Layer *layer, const char *kernel)
{
    for (int i = 0; i < layer->trial_count; ++i)
        if (strcmp(layer->trials[i].kernel, kernel) == 0)
            return &layer->trials[i];
    return NULL;
}

static bool is_listed(const Words *names, const char *kernel)
{
    for (int i = 0; i < names->count; ++i)
        if (strcmp(names->list[i], kernel) == 0)
            return true;
    return false;
}

static bool list_kernels(Target *target, const Node *node, Words *names)
{
    Node copy = *node;
    Facts facts = {.arena = node->model->arena, .numbers_only = true};
    copy.facts = &facts;
    const char *list = node_operator(node)->facts(&copy, &facts) ? target_list_variants(target, &copy) : NULL;
    words_split(node->model->arena, names, list);
    return list != NULL;
}

static void start_layer(Tune *tune, const Node *node, const char *signature, const Words *names)
{
    ARENA_PUSH(tune->arena, tune->layers, tune->layer_count, tune->layer_capacity);
    Layer *layer = &tune->layers[tune->layer_count++];
    *layer = (Layer){.signature = arena_string(tune->arena, signature), .first_node = arena_string(tune->arena, node->name), .chosen = -1};
    for (int i = 0; i < names->count && i < MAX_KERNELS; ++i)
        layer->trials[layer->trial_count++] = (Trial){.kernel = arena_string(tune->arena, names->list[i]), .cost = -1};
}

/* Weights decide with shapes: a kernel must fit all of the layer's nodes. */
static void keep_common(Layer *layer, const Words *names)
{
    int kept = 0;
    for (int i = 0; i < layer->trial_count; ++i)
        if (is_listed(names, layer->trials[i].kernel))
            layer->trials[kept++] = layer->trials[i];
    layer->trial_count = kept;
}

static bool add_node(Tune *tune, Target *target, const Node *node)
{
    Words names = {0};
    const char *signature = layer_signature(node->model->arena, node);
    Layer *layer = find_layer(tune, signature);
    if (!list_kernels(target, node, &names))
        return false;
    if (layer == NULL)
        start_layer(tune, node, signature, &names);
    else
        keep_common(layer, &names);
    return true;
}

/* Of the model as it is planned in the target's order. */
static bool find_layers(Tune *tune, const Model *model, Node **nodes, int count)
{
    Target *target = target_load(model->arena, &tune->compile);
    bool ok = target != NULL;
    for (int i = 0; i < count && ok; ++i)
        ok = add_node(tune, target, nodes[i]);
    target_free(target);
    return ok;
}

/* ---------------------------------------------------------------- measuring */

/* On this machine the least of several runs counts. */
static bool run_rounds(const Tune *tune, const Model *model, HarnessReport *least)
{
    const int64_t runs = tune->is_time ? tune->runs : 1;
    for (int64_t k = 0; k < runs; ++k) {
        HarnessReport report = {.node_count = least->node_count};
        if (!harness_run(model, &tune->harness, &report))
            return false;
        if (report.node_costs == NULL)
            return error_at(tune->harness.board->name, "the test program printed no cost of nodes");
        for (int i = 0; i < report.node_count; ++i)
            if (k == 0 || report.node_costs[i] < least->node_costs[i])
                least->node_costs[i] = report.node_costs[i];
    }
    return true;
}

static void note_cost(Tune *tune, const Node *node, int64_t cost)
{
    Layer *layer = find_layer(tune, layer_signature(node->model->arena, node));
    Trial *trial = layer != NULL ? find_trial(layer, node->variant_name) : NULL;
    tune->total += cost;
    if (layer == NULL)
        return;
    ++layer->round_nodes;
    layer->ordered_cost += tune->round == 0 ? cost : 0;
    if (trial == NULL)
        return;
    ++trial->round_nodes;
    trial->round_cost += cost;
}

/* A kernel's figure counts where all of the layer's nodes had it. */
static void close_round(Tune *tune)
{
    for (int i = 0; i < tune->layer_count; ++i) {
        Layer *layer = &tune->layers[i];
        layer->nodes = tune->round == 0 ? layer->round_nodes : layer->nodes;
        for (int k = 0; k < layer->trial_count; ++k) {
            Trial *trial = &layer->trials[k];
            if (trial->round_nodes == layer->nodes && (trial->cost < 0 || trial->round_cost < trial->cost))
                trial->cost = trial->round_cost;
            trial->tried |= trial->round_nodes > 0;
            trial->round_cost = trial->round_nodes = 0;
        }
        layer->round_nodes = 0;
    }
}

/* Fewer instructions may take more cycles: of the plain program, for the summary. */
static void measure_cycles(Tune *tune, const Model *model)
{
    Harness plain = tune->harness;
    plain.profile = false;
    tune->cycles = 0;
    if (plain.board->plugin == NULL || !harness_build(model, &tune->compile, &plain))
        return;
    const char *listing = list_program(model->arena, &plain, path_join(model->arena, plain.folder, "program"));
    const char *executed = listing != NULL ? harness_executed(model, &plain, listing) : NULL;
    if (executed != NULL)
        tune->cycles = estimate_cycles(model->arena, plain.board->pipeline, listing, executed).cycles / tune->vectors.count;
}

static bool measure_planned(Tune *tune, const Model *model)
{
    Node **nodes;
    HarnessReport report = {.node_count = profiled_nodes(model, &nodes)};
    report.node_costs = arena_array(model->arena, (size_t)report.node_count + 1, sizeof *report.node_costs);
    if (tune->round == 0 && !find_layers(tune, model, nodes, report.node_count))
        return false;
    if (!harness_build(model, &tune->compile, &tune->harness) || !run_rounds(tune, model, &report))
        return false;
    tune->total = 0;
    for (int i = 0; i < report.node_count; ++i)
        note_cost(tune, nodes[i], report.node_costs[i]);
    close_round(tune);
    return true;
}

/* With tune->compile.tuning */
static int measure_round(Tune *tune, bool with_cycles)
{
    Model *model = load_model(tune->model_path, &tune->compile, NULL);
    if (model == NULL)
        return EXIT_BAD_INPUT;
    tune->harness.folder = arena_format(tune->arena, "%s/%d", tune->folder, tune->round);
    int status = harness_write(model, &tune->compile, &tune->vectors, 1e-5, &tune->harness);
    if (status == EXIT_OK && !measure_planned(tune, model))
        status = EXIT_WORK_FAILED;
    if (status == EXIT_OK && with_cycles)
        measure_cycles(tune, model);
    model_free(model);
    ++tune->round;
    return status;
}

/* For every layer the next kernel that has not had its turn; NULL when all have. */
static Tuning *next_choices(Tune *tune)
{
    Tuning *tuning = tuning_new(tune->arena);
    bool any = false;
    for (int i = 0; i < tune->layer_count; ++i) {
        Layer *layer = &tune->layers[i];
        int next = 0;
        while (next < layer->trial_count && layer->trials[next].tried)
            ++next;
        if (next == layer->trial_count)
            continue;
        layer->trials[next].tried = any = true;
        tuning_add(tuning, layer->signature, layer->trials[next].kernel, 0);
    }
    return any ? tuning : NULL;
}

/* ---------------------------------------------------------------- choosing */

static bool is_gain(const Tune *tune, int64_t cost, int64_t than)
{
    return tune->is_time ? cost * 100 < than * (100 - TIME_NOISE_PERCENT) : cost < than;
}

/* The target's own choice is kept where nothing is better; it may differ among the layer's nodes. */
static void choose_kernels(Tune *tune)
{
    for (int i = 0; i < tune->layer_count; ++i) {
        Layer *layer = &tune->layers[i];
        int64_t best = layer->ordered_cost;
        for (int k = 0; k < layer->trial_count; ++k)
            if (layer->trials[k].cost == best && layer->chosen < 0)
                layer->chosen = k;
        for (int k = 0; k < layer->trial_count; ++k) {
            if (layer->trials[k].cost < 0 || !is_gain(tune, layer->trials[k].cost, best))
                continue;
            best = layer->trials[k].cost;
            layer->chosen = k;
        }
    }
}

static bool has_choice(const Layer *layer)
{
    return layer->trial_count > 1 && layer->chosen >= 0;
}

/* ---------------------------------------------------------------- the file */

static void print_trials(Buffer *out, const Tune *tune, const Layer *layer)
{
    buffer_printf(out, "\n# %s", layer->first_node);
    if (layer->nodes > 1)
        buffer_printf(out, " and %d more", layer->nodes - 1);
    for (int k = 0; k < layer->trial_count; ++k) {
        const Trial *trial = &layer->trials[k];
        buffer_printf(out, "%s %s ", k > 0 ? "," : ":", trial->kernel);
        if (trial->cost < 0)
            buffer_printf(out, "not measured");
        else if (tune->is_time)
            buffer_printf(out, "%.1f", (double)trial->cost / 1000);
        else
            buffer_printf(out, "%" PRId64, trial->cost);
    }
    buffer_printf(out, "\n");
}

static Buffer file_text(const Tune *tune, const char *prefix)
{
    Buffer out = {0};
    tuning_print_head(&out, &tune->compile);
    buffer_printf(&out, "\n# %s on %s, %s per inference\n", prefix, tune->harness.board->name,
        tune->is_time ? "microseconds" : "instructions");
    for (int i = 0; i < tune->layer_count; ++i) {
        const Layer *layer = &tune->layers[i];
        if (!has_choice(layer))
            continue;
        print_trials(&out, tune, layer);
        tuning_print_entry(&out, layer->signature, layer->trials[layer->chosen].kernel);
    }
    return out;
}

/* Obeyed as --tuning will obey it: what is written works. */
static int check_choices(Tune *tune)
{
    Tuning *tuning = tuning_new(tune->arena);
    tuning->path = tune->output;
    for (int i = 0; i < tune->layer_count; ++i)
        if (has_choice(&tune->layers[i]))
            tuning_add(tuning, tune->layers[i].signature, tune->layers[i].trials[tune->layers[i].chosen].kernel, 0);
    tune->compile.tuning = tuning;
    return measure_round(tune, true);
}

/* ---------------------------------------------------------------- the command */

static void print_change(const char *what, int digits, double ordered, double tuned)
{
    printf("%s: %.*f in the target's order, %.*f as tuned", what, digits, ordered, digits, tuned);
    if (ordered > 0)
        printf(" (%+.1f %%)", 100 * (tuned - ordered) / ordered);
    printf("\n");
}

static void print_total(const Tune *tune, int64_t ordered, int64_t ordered_cycles)
{
    const double unit = tune->is_time ? 1000 : 1;
    print_change(tune->is_time ? "microseconds" : "instructions", tune->is_time, (double)ordered / unit, (double)tune->total / unit);
    if (ordered_cycles > 0 && tune->cycles > 0)
        print_change("cycles, estimated", 0, (double)ordered_cycles, (double)tune->cycles);
    printf("%s: written after %d rounds\n", tune->output, tune->round);
}

static int tune_layers(Tune *tune, const char *prefix)
{
    int status = measure_round(tune, true);
    const int64_t ordered = tune->total, ordered_cycles = tune->cycles;
    while (status == EXIT_OK && tune->round < MAX_ROUNDS) {
        tune->compile.tuning = next_choices(tune);
        if (tune->compile.tuning == NULL)
            break;
        status = measure_round(tune, false);
    }
    choose_kernels(tune);
    Buffer text = file_text(tune, prefix);
    if (status == EXIT_OK)
        status = check_choices(tune);
    if (status == EXIT_OK && !write_file(tune->output, text.data, text.length))
        status = EXIT_WORK_FAILED;
    if (status == EXIT_OK) {
        fwrite(text.data, 1, text.length, stdout);
        printf("\n");
        print_total(tune, ordered, ordered_cycles);
    }
    buffer_free(&text);
    return status;
}

/* The interpreter's outputs serve all rounds. */
static int tune_model(Tune *tune, Model *model)
{
    tune->arena = model->arena;
    tune->is_time = tune->harness.board->unit != NULL && strcmp(tune->harness.board->unit, "nanoseconds") == 0;
    const bool made = tune->vectors_folder != NULL ? vectors_load(model, tune->vectors_folder, &tune->vectors)
                                                   : vectors_random(model, tune->is_time ? TIMED_VECTORS : 1, &tune->vectors);
    if (!made || !vectors_interpret(model, &tune->vectors) || !pass_names(model))
        return EXIT_BAD_INPUT;
    if (tune->output == NULL)
        tune->output = arena_format(tune->arena, "%s.tune", model->prefix);
    tune->folder = temporary_folder();
    tune->harness.profile = true;
    return tune->folder != NULL ? tune_layers(tune, model->prefix) : EXIT_WORK_FAILED;
}

static int check_options(const Tune *tune)
{
    if (tune->compile.tuning_path != NULL)
        return bad_usage(command.name, "--tuning is the file that this command makes; -o names it");
    if (tune->compile.optimize == OPTIMIZE_SIZE)
        return bad_usage(command.name, "--optimize=size takes the smallest kernels, whatever they cost; there is nothing to measure");
    return tune->runs > 0 ? OPTIONS_PARSED : bad_usage(command.name, "--runs must be at least 1");
}

int command_tune(int argc, char **argv)
{
    Tune tune = {.compile = COMPILE_OPTIONS_DEFAULT, .runs = 15, .timeout = 600};
    const Option options[] = {
        {"output", 'o', OPTION_TEXT, "FILE", "the tuning file (default: NAME.tune)", &tune.output},
        COMPILE_OPTION_ROWS(tune.compile),
        {"board", 0, OPTION_TEXT, "BOARD", "where to measure; `etch boards` lists them (default: the target's)", &tune.board},
        {"vectors", 0, OPTION_TEXT, "DIR", "inputs to measure with, as for `etch verify` (default: random ones)", &tune.vectors_folder},
        {"runs", 'n', OPTION_NUMBER, "N", "on this machine: number of runs, of which the shortest counts (default: 15)", &tune.runs},
        {"cc", 0, OPTION_TEXT, "CC", "compiler (default: the board's)", &tune.harness.cc},
        {"cflags", 0, OPTION_TEXT, "FLAGS", "further compiler flags", &tune.harness.cflags},
        {"timeout", 0, OPTION_NUMBER, "SECONDS", "for running the program (default: 600)", &tune.timeout},
        {0},
    };
    TextList operands;
    int status = parse_options(&command, options, argc, argv, &operands);
    if (status == OPTIONS_PARSED)
        status = check_options(&tune);
    if (status == OPTIONS_PARSED)
        status = check_compile_options(&command, &tune.compile, NULL);
    if (status != OPTIONS_PARSED)
        return status;
    Model *model = load_model(operands.texts[0], &tune.compile, NULL);
    if (model == NULL)
        return EXIT_BAD_INPUT;
    tune.model_path = operands.texts[0];
    if (tune.board == NULL)
        tune.board = target_board(model->arena, tune.compile.target);
    tune.harness.board = tune.board != NULL ? board_load(model->arena, tune.board) : NULL;
    tune.harness.timeout_seconds = (int)(tune.timeout < 1000000 ? tune.timeout : 1000000);
    status = tune.harness.board != NULL ? tune_model(&tune, model) : EXIT_BAD_USAGE;
    model_free(model);
    return status;
}
