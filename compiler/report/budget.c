/* SPDX-License-Identifier: MIT
 *
 * --max-ram and --max-flash: what exceeds a budget is an error with a table of the largest contributors, and with what could
 * be tried: options that are not in use yet are tried here, and named with what they give.
 */
#include "compiler.h"

#include <inttypes.h>
#include <stdlib.h>

enum { SHOWN_CONTRIBUTORS = 8,
    SHOWN_PARTS = 4,
    NAME_CHARACTERS = 48 };

typedef struct Contributor {
    const char *text;
    int64_t bytes;
} Contributor;

typedef struct Contributors {
    Arena *arena;
    Contributor *list;
    int count, capacity;
} Contributors;

typedef struct Report {
    const Model *model;
    const CompileOptions *options;
    Model *(*plan)(const char *path, const CompileOptions *options);
    Buffer text;
    int64_t needed, budget;
} Report;

static int64_t ram_bytes(const Model *model)
{
    return model->arena_bytes + model->state_bytes + io_bytes(model);
}

/* ---------------------------------------------------------------- tables */

static void contribute(Contributors *all, const char *text, int64_t bytes)
{
    if (bytes == 0)
        return;
    ARENA_PUSH(all->arena, all->list, all->count, all->capacity);
    all->list[all->count++] = (Contributor){text, bytes};
}

/* Largest first, else as they came. */
static void sort_contributors(Contributors *all)
{
    for (int i = 1; i < all->count; ++i)
        for (int k = i; k > 0 && all->list[k].bytes > all->list[k - 1].bytes; --k) {
            const Contributor swapped = all->list[k];
            all->list[k] = all->list[k - 1];
            all->list[k - 1] = swapped;
        }
}

static void print_row(Report *report, int64_t bytes, const char *text)
{
    const int64_t percent = report->needed > 0 ? (200 * bytes + report->needed) / (2 * report->needed) : 0;
    buffer_printf(&report->text, "\n  %12" PRId64 " %3" PRId64 " %%  %s", bytes, percent, text);
}

static void print_contributors(Report *report, const char *title, Contributors *all)
{
    int64_t others = 0;
    if (all->count == 0)
        return;
    sort_contributors(all);
    buffer_printf(&report->text, "\n  %s:", title);
    for (int i = 0; i < all->count; ++i)
        if (i < SHOWN_CONTRIBUTORS)
            print_row(report, all->list[i].bytes, all->list[i].text);
        else
            others += all->list[i].bytes;
    if (others > 0)
        print_row(report, others, arena_format(all->arena, "%d more", all->count - SHOWN_CONTRIBUTORS));
}

/* ---------------------------------------------------------------- whose bytes they are */

/* Names of converted models can be as long as a paragraph. */
static const char *name_text(Arena *arena, const char *name)
{
    int length = 0;
    while (length <= NAME_CHARACTERS && name[length] != '\0')
        ++length;
    if (length <= NAME_CHARACTERS)
        return arena_format(arena, "\"%s\"", name);
    for (length = NAME_CHARACTERS; length > 0 && ((unsigned char)name[length] & 0xc0) == 0x80;) /* not inside a UTF-8 sequence */
        --length;
    return arena_format(arena, "\"%.*s...\"", length, name);
}

static const char *node_text(Arena *arena, const Node *node)
{
    return arena_format(arena, "%s (%s)", name_text(arena, node->name), node_operator(node)->name);
}

static bool hands_in(const Graph *graph, const Tensor *tensor)
{
    for (int i = 0; i < graph->input_count; ++i)
        if (graph->inputs[i] == tensor)
            return true;
    return false;
}

/* The node that computes the tensor, or whose kernel works in it (*scratch); NULL: none. */
static const Node *owner_of(const Graph *graph, const Tensor *tensor, bool *scratch)
{
    const Node *owner = NULL;
    for (int i = 0; i < graph->node_count && owner == NULL; ++i) {
        const Node *node = graph->nodes[i];
        for (int k = 0; node->facts != NULL && k < node->facts->count; ++k)
            if (node->facts->facts[k].kind == FACT_SCRATCH && node->facts->facts[k].tensor == tensor) {
                *scratch = true;
                return node;
            }
        for (int k = 0; k < node->output_count; ++k)
            if (node->outputs[k] == tensor)
                return node;
        for (int k = 0; k < node->region_count && owner == NULL; ++k)
            owner = hands_in(node->regions[k], tensor) ? node : owner_of(node->regions[k], tensor, scratch);
    }
    return owner;
}

static const char *buffer_text(const Model *model, const Tensor *tensor)
{
    char shape[128];
    bool scratch = false;
    const Node *owner = owner_of(model->main, tensor, &scratch);
    const char *name = name_text(model->arena, tensor->name);
    const char *type = arena_format(model->arena, "%s %s", dtype_name(tensor->dtype), shape_text(&tensor->shape, shape));
    const char *role = hands_in(model->main, tensor) ? "input, " : tensor->kind == TENSOR_STATE ? "state, "
                                                               : tensor->is_output              ? "output, "
                                                                                                : "";
    if (scratch)
        return arena_format(model->arena, "%s: scratch of %s", name, node_text(model->arena, owner));
    if (owner != NULL)
        return arena_format(model->arena, "%s: %s%s, of %s", name, role, type, node_text(model->arena, owner));
    return arena_format(model->arena, "%s: %s%s", name, role, type);
}

/* ---------------------------------------------------------------- RAM: the fullest step */

static bool lives_at(const PlannedBuffer *buffer, int step)
{
    return buffer->first <= step && step <= buffer->last;
}

/* Bytes that some living buffer has. The buffers are ordered by offset. */
static int64_t bytes_in_use(const PlannedBuffer *buffers, int count, int step)
{
    int64_t bytes = 0, top = 0;
    for (int i = 0; i < count; ++i) {
        const int64_t end = buffers[i].offset + buffers[i].bytes;
        if (!lives_at(&buffers[i], step) || end <= top)
            continue;
        bytes += end - (buffers[i].offset > top ? buffers[i].offset : top);
        top = end;
    }
    return bytes;
}

/* A buffer's first step, if nothing begins there that needs more. */
static int fullest_step(const PlannedBuffer *buffers, int count)
{
    int64_t most = -1;
    int best = 0;
    for (int i = 0; i < count; ++i) {
        const int64_t bytes = bytes_in_use(buffers, count, buffers[i].first);
        if (bytes > most || (bytes == most && buffers[i].first < best)) {
            most = bytes;
            best = buffers[i].first;
        }
    }
    return best;
}

static const Node *node_at(const Graph *graph, int step)
{
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i], *inner = NULL;
        if (step < node->step || step > node->last_step)
            continue;
        for (int k = 0; k < node->region_count && inner == NULL; ++k)
            inner = node_at(node->regions[k], step);
        return inner != NULL ? inner : node;
    }
    return NULL;
}

static void print_peak(Report *report)
{
    const Model *model = report->model;
    PlannedBuffer *buffers;
    Contributors alive = {.arena = model->arena};
    const int count = plan_buffers(model, &buffers), step = fullest_step(buffers, count);
    int64_t sum = 0;
    for (int i = 0; i < count; ++i)
        if (lives_at(&buffers[i], step)) {
            contribute(&alive, buffer_text(model, buffers[i].tensor), buffers[i].bytes);
            sum += buffers[i].bytes;
        }
    const Node *node = node_at(model->main, step);
    const char *place = node != NULL ? arena_format(model->arena, " in %s", node_text(model->arena, node)) : "";
    print_contributors(report, arena_format(model->arena, "arena, fullest at step %d of %d%s", step, model->step_count, place), &alive);
    const int64_t in_use = bytes_in_use(buffers, count, step);
    if (sum > in_use)
        print_row(report, in_use - sum, "input and output overlap");
    if (model->arena_bytes > in_use)
        print_row(report, model->arena_bytes - in_use, "in use at other steps only");
}

/* States, and the caller's buffers. */
static void print_permanent(Report *report)
{
    const Model *model = report->model;
    const Graph *graph = model->main;
    Contributors all = {.arena = model->arena};
    for (int i = 0; i < graph->tensor_count; ++i)
        if (graph->tensors[i]->kind == TENSOR_STATE)
            contribute(&all, buffer_text(model, graph->tensors[i]), (tensor_bytes(graph->tensors[i]) + 3) / 4 * 4);
    for (int i = 0; i < graph->input_count && !model->io_in_arena; ++i)
        contribute(&all, buffer_text(model, graph->inputs[i]), tensor_bytes(graph->inputs[i]));
    for (int i = 0; i < graph->output_count && !model->io_in_arena; ++i)
        contribute(&all, buffer_text(model, graph->outputs[i]), tensor_bytes(graph->outputs[i]));
    print_contributors(report, "besides the arena", &all);
}

/* ---------------------------------------------------------------- flash: constants by node */

static bool reads_constant(const Node *node, const Tensor *constant)
{
    for (int k = 0; k < node->input_count; ++k)
        if (node->inputs[k] == constant)
            return true;
    for (int k = 0; node->facts != NULL && k < node->facts->count; ++k)
        if (node->facts->facts[k].tensor == constant)
            return true;
    return false;
}

static void collect_parts(const Graph *graph, const Tensor *const *constants, int count, bool *taken, Contributors *nodes)
{
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        int64_t bytes = 0;
        Contributors parts = {.arena = nodes->arena};
        for (int k = 0; k < node->region_count; ++k)
            collect_parts(node->regions[k], constants, count, taken, nodes);
        for (int k = 0; k < count; ++k)
            if (!taken[k] && reads_constant(node, constants[k])) {
                taken[k] = true;
                bytes += tensor_bytes(constants[k]);
                contribute(&parts, name_text(nodes->arena, constants[k]->name), tensor_bytes(constants[k]));
            }
        const char *text = node_text(nodes->arena, node);
        sort_contributors(&parts);
        for (int k = 0; k < parts.count && k < SHOWN_PARTS; ++k)
            text = arena_format(nodes->arena, "%s%s%s %" PRId64, text, k > 0 ? ", " : ": ", parts.list[k].text, parts.list[k].bytes);
        contribute(nodes, parts.count > SHOWN_PARTS ? arena_format(nodes->arena, "%s, ...", text) : text, bytes);
    }
}

static void print_constants(Report *report)
{
    const Model *model = report->model;
    const Tensor *const *constants;
    const int count = emitted_constants(model, &constants);
    Contributors nodes = {.arena = model->arena};
    bool *taken = arena_array(model->arena, (size_t)count + 1, sizeof *taken);
    collect_parts(model->main, constants, count, taken, &nodes);
    for (int k = 0; k < count; ++k) /* outputs that are constant, initial states */
        if (!taken[k])
            contribute(&nodes, name_text(model->arena, constants[k]->name), tensor_bytes(constants[k]));
    print_contributors(report, "by node, with its largest constants", &nodes);
}

/* ---------------------------------------------------------------- what could be tried */

/* Options that may save RAM: each says whether it is still to be had, and takes it. */
static bool favour_ram(CompileOptions *options)
{
    const bool changes = options->optimize != OPTIMIZE_RAM;
    options->optimize = OPTIMIZE_RAM;
    return changes;
}

static bool own_buffers(CompileOptions *options)
{
    const bool changes = !options->io_in_arena;
    options->io_in_arena = true;
    return changes;
}

static bool allow_rows(CompileOptions *options)
{
    const bool changes = options->rows_off;
    options->rows_off = false;
    return changes;
}

static bool allow_patches(CompileOptions *options)
{
    const bool changes = options->patches == PATCHES_OFF;
    options->patches = PATCHES_AUTO;
    return changes;
}

static bool favour_size(CompileOptions *options)
{
    const bool changes = options->optimize != OPTIMIZE_SIZE;
    options->optimize = OPTIMIZE_SIZE;
    return changes;
}

typedef struct Remedy {
    const char *option;
    bool (*take)(CompileOptions *options);
} Remedy;

static const Remedy ram_remedies[] = {
    {"--optimize=ram", favour_ram},
    {"--io=arena", own_buffers},
    {"--rows=auto", allow_rows},
    {"--patches=auto", allow_patches},
};
enum { RAM_REMEDIES = sizeof ram_remedies / sizeof *ram_remedies };

static int64_t flash_bytes(const Model *model)
{
    return emitted_bytes(model, true) + emitted_bytes(model, false);
}

/* The figure of the model under the remedies of the set (bit i: remedy i). */
static int64_t attempt(const Report *report, const Remedy *remedies, int count, unsigned set, int64_t (*figure)(const Model *model))
{
    CompileOptions options = *report->options;
    const bool quiet = diagnostics_quiet;
    for (int i = 0; i < count; ++i)
        if (set >> i & 1)
            remedies[i].take(&options);
    diagnostics_quiet = true;
    Model *model = report->plan(report->model->path, &options);
    diagnostics_quiet = quiet;
    if (model == NULL)
        return INT64_MAX;
    const int64_t bytes = figure(model);
    model_free(model);
    return bytes;
}

static void print_attempt(Report *report, const Remedy *remedies, int count, unsigned set, int64_t bytes)
{
    buffer_printf(&report->text, "\n   ");
    for (int i = 0; i < count; ++i)
        if (set >> i & 1)
            buffer_printf(&report->text, " %s", remedies[i].option);
    buffer_printf(&report->text, ": %" PRId64 " bytes%s", bytes, bytes <= report->budget ? ", fits" : "");
}

/* Each option alone where it helps; then together those that all are needed for the least, if that is less. */
static void try_options(Report *report, const Remedy *remedies, int count, int64_t (*figure)(const Model *model))
{
    int64_t best = report->needed;
    unsigned all = 0;
    for (int i = 0; i < count; ++i) {
        CompileOptions options = *report->options;
        if (!remedies[i].take(&options))
            continue;
        const int64_t bytes = attempt(report, remedies, count, 1u << i, figure);
        all |= 1u << i;
        if (bytes < report->needed)
            print_attempt(report, remedies, count, 1u << i, bytes);
        best = bytes < best ? bytes : best;
    }
    const int64_t least = (all & (all - 1)) != 0 ? attempt(report, remedies, count, all, figure) : best;
    if (least >= best)
        return;
    for (int i = 0; i < count; ++i)
        if (all >> i & 1 && attempt(report, remedies, count, all & ~(1u << i), figure) <= least)
            all &= ~(1u << i);
    print_attempt(report, remedies, count, all, least);
}

static int64_t float_bytes(const Tensor *const *tensors, int count)
{
    int64_t bytes = 0;
    for (int i = 0; i < count; ++i)
        bytes += dtype_is_float(tensors[i]->dtype) ? tensor_bytes(tensors[i]) : 0;
    return bytes;
}

static int64_t float_ram(const Model *model)
{
    PlannedBuffer *buffers;
    const Graph *graph = model->main;
    const int count = plan_buffers(model, &buffers), step = fullest_step(buffers, count);
    int64_t bytes = 0;
    for (int i = 0; i < count; ++i)
        if (lives_at(&buffers[i], step))
            bytes += float_bytes(&buffers[i].tensor, 1);
    for (int i = 0; i < graph->tensor_count; ++i)
        if (graph->tensors[i]->kind == TENSOR_STATE)
            bytes += float_bytes((const Tensor *const *)&graph->tensors[i], 1);
    if (!model->io_in_arena)
        bytes += float_bytes((const Tensor *const *)graph->inputs, graph->input_count) +
                 float_bytes((const Tensor *const *)graph->outputs, graph->output_count);
    return bytes;
}

static void print_float_remedy(Report *report, int64_t bytes)
{
    if (bytes > 0)
        buffer_printf(&report->text, "\n    quantising the model: %" PRId64 " of these bytes are floating point; 8-bit integers take a quarter", bytes);
}

static void print_ram_remedies(Report *report)
{
    const Model *model = report->model;
    buffer_printf(&report->text, "\n  what could be tried:");
    try_options(report, ram_remedies, RAM_REMEDIES, ram_bytes);
    print_float_remedy(report, float_ram(model));
    if (model->arena_bytes > 0)
        buffer_printf(&report->text,
            "\n    sharing the arena, %" PRId64 " bytes, with models that do not run at the same time: etch plan --models", model->arena_bytes);
    else if (report->text.data[report->text.length - 1] == ':')
        buffer_printf(&report->text, "\n    a model with smaller inputs and outputs");
}

static void print_flash_remedies(Report *report)
{
    static const Remedy size = {"--optimize=size", favour_size};
    const Model *model = report->model;
    const Tensor *const *constants;
    const int count = emitted_constants(model, &constants);
    buffer_printf(&report->text, "\n  what could be tried:");
    try_options(report, &size, 1, flash_bytes);
    print_float_remedy(report, float_bytes(constants, count));
    buffer_printf(&report->text, "\n    --weights=extern: they go to %s.bin, for other memory", model->prefix);
}

/* ---------------------------------------------------------------- the budgets */

static Report start_report(const Model *model, const CompileOptions *options, const char *what, int64_t needed, int64_t budget)
{
    Report report = {.model = model, .options = options, .needed = needed, .budget = budget};
    buffer_printf(&report.text, "%s: %" PRId64 " bytes, %" PRId64 " over the budget of %" PRId64, what, needed, needed - budget, budget);
    return report;
}

static bool end_report(Report *report)
{
    error_at(report->model->path, "%s", report->text.data);
    buffer_free(&report->text);
    return false;
}

int64_t io_bytes(const Model *model)
{
    const Graph *graph = model->main;
    int64_t bytes = 0;
    for (int i = 0; i < graph->input_count && !model->io_in_arena; ++i)
        bytes += tensor_bytes(graph->inputs[i]);
    for (int i = 0; i < graph->output_count && !model->io_in_arena; ++i)
        bytes += tensor_bytes(graph->outputs[i]);
    return bytes;
}

bool check_budgets(const Model *model, const CompileOptions *options, Model *(*plan)(const char *path, const CompileOptions *options))
{
    const int64_t ram = ram_bytes(model), flash = options->weights == WEIGHTS_EXTERN ? 0 : flash_bytes(model);
    bool ok = true;
    if (options->max_ram > 0 && ram > options->max_ram) {
        Report report = start_report(model, options, "RAM", ram, options->max_ram);
        report.plan = plan;
        print_peak(&report);
        print_permanent(&report);
        print_ram_remedies(&report);
        ok = end_report(&report);
    }
    if (options->max_flash > 0 && flash > options->max_flash) {
        Report report = start_report(model, options, "constants and weights", flash, options->max_flash);
        report.plan = plan;
        print_constants(&report);
        print_flash_remedies(&report);
        ok = end_report(&report);
    }
    return ok;
}
