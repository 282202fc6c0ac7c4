/* SPDX-License-Identifier: MIT
 *
 * The memory plan: first the form of every kernel whose output may run over its input, then, with the facts that go with
 * the forms, offsets into every tensor and totals into the model.
 */
#include "plan.h"

#include "rows.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- buffers */

/* All offsets are multiples of 4, of 8 where there are elements of 64 bits: sizes and distances are rounded up to that. */
static int64_t unit_of(const Graph *graph)
{
    int64_t unit = 4;
    for (int i = 0; i < graph->tensor_count; ++i)
        if (graph->tensors[i]->storage == STORAGE_ARENA && dtype_bits(graph->tensors[i]->dtype) == 64)
            unit = 8;
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->region_count; ++k)
            if (unit_of(graph->nodes[i]->regions[k]) == 8)
                unit = 8;
    return unit;
}

static int64_t round_up(int64_t bytes, int64_t unit)
{
    return bytes >= 0 ? (bytes + unit - 1) / unit * unit : -(-bytes / unit * unit);
}

static int collect(const Graph *graph, int64_t unit, PlannedBuffer *buffers, int count)
{
    for (int i = 0; i < graph->tensor_count; ++i) {
        Tensor *tensor = graph->tensors[i];
        if (tensor->storage != STORAGE_ARENA || tensor->alias_of != NULL || tensor->last_use < 0 || tensor_bytes(tensor) == 0)
            continue;
        if (buffers != NULL)
            buffers[count] = (PlannedBuffer){
                .tensor = tensor,
                .bytes = round_up(tensor_bytes(tensor), unit),
                .alignment = unit,
                .first = tensor->first_use,
                .last = tensor->last_use,
                .id = count,
                .offset = tensor->offset,
            };
        ++count;
    }
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->region_count; ++k)
            count = collect(graph->nodes[i]->regions[k], unit, buffers, count);
    return count;
}

/* Aliases take over what their root was given. */
static void resolve_aliases(const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; ++i) {
        Tensor *tensor = graph->tensors[i];
        const Tensor *root = storage_root(tensor);
        tensor->storage = root->storage;
        tensor->offset = root->offset + storage_offset(tensor);
    }
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->region_count; ++k)
            resolve_aliases(graph->nodes[i]->regions[k]);
}

static int64_t state_bytes(const Graph *graph)
{
    int64_t bytes = 0;
    for (int i = 0; i < graph->tensor_count; ++i)
        if (graph->tensors[i]->kind == TENSOR_STATE)
            bytes += (tensor_bytes(graph->tensors[i]) + 3) / 4 * 4;
    return bytes;
}

/* ---------------------------------------------------------------- pairs that may overlap */

typedef struct Problem {
    Model *model;
    Arena *arena;
    int64_t unit;
    PlannedBuffer *buffers;
    int buffer_count;
    OverlapPair *pairs;
    Node **nodes;           /* of each pair */
    KernelForm (*forms)[MAX_FORMS + 1]; /* of each pair */
    int pair_count;
} Problem;

/* The buffer that holds all of `tensor` and nothing else; -1 when there is none. */
static int whole_buffer(const Tensor *tensor)
{
    const Tensor *root = storage_root((Tensor *)(uintptr_t)tensor);
    return root->storage == STORAGE_ARENA && tensor_bytes(root) == tensor_bytes(tensor) ? root->mark - 1 : -1;
}

static bool can_meet(const Problem *problem, const Node *node, const Tensor *input, int *in, int *out)
{
    if (input == NULL || node->output_count != 1)
        return false;
    *in = whole_buffer(input);
    *out = whole_buffer(node->outputs[0]);
    return *in >= 0 && *out >= 0 && *in != *out && problem->buffers[*in].last == node->step && problem->buffers[*out].first == node->step;
}

static void add_pair(Problem *problem, Node *node, int in, int out, const OverlapForm *forms, int count)
{
    problem->nodes[problem->pair_count] = node;
    problem->pairs[problem->pair_count++] = (OverlapPair){.input = in, .output = out, .step = node->step,
        .forms = arena_copy(problem->arena, forms, (size_t)count * sizeof *forms), .form_count = count};
}

/* What a form costs in speed, in instructions by rule of thumb: windows that are clipped, outputs that are held back. */
static int64_t form_cost(const Node *node, const KernelForm *form)
{
    const int64_t outputs = tensor_elements(node->outputs[0]);
    return (form->direct ? node_macs(node) / 2 + outputs : 0) + (form->staging != STAGING_NONE ? 4 * outputs : 0) +
        (form->staging == STAGING_CHANNELS ? 8 * outputs : 0) + (form->once ? 1 : 0);
}

static OverlapForm overlap_form(const Problem *problem, const Node *node, const KernelForm *form)
{
    const FormFigures figures = form_figures(node, form);
    const bool slower = !figures.same_kernel && node->model->optimize != OPTIMIZE_RAM;
    return (OverlapForm){.backwards = form->backwards,
        .distance = slower ? OVERLAP_NEVER : round_up(figures.distance, problem->unit),
        .scratch = round_up(figures.scratch, problem->unit),
        .cost = form_cost(node, form) + (figures.same_kernel ? 0 : node_macs(node))};
}

/* Only with `optimize ram` may a form cost speed. */
bool form_is_allowed(const Node *node, const KernelForm *form)
{
    return node->model->optimize == OPTIMIZE_RAM || (!form->direct && !form->lean && form->staging == STAGING_NONE);
}

/* Nothing ends in the step that could be overlapped: the choice is about scratch alone. */
static void add_scratch_choice(Problem *problem, Node *node, OverlapForm *choices, int count)
{
    const int out = node->output_count == 1 ? whole_buffer(node->outputs[0]) : -1, buffer = out >= 0 ? out : 0;
    if (problem->buffer_count == 0 || choices[0].scratch == 0)
        return;
    for (int k = 0; k < count; ++k)
        choices[k].distance = OVERLAP_NEVER;
    add_pair(problem, node, buffer, buffer, choices, count);
}

/* A few bytes are not worth a kernel of another form, which other nodes cannot share; with `optimize ram` they are. */
static void leave_trifles(const Problem *problem, int in, int out, OverlapForm *choices, int count)
{
    const int64_t input = problem->buffers[in].bytes, output = problem->buffers[out].bytes;
    for (int k = 0; k < count; ++k) { /* they can have no more bytes in common than the lower one has above the distance */
        const int64_t distance = choices[k].distance > 0 ? choices[k].distance : 0;
        const int64_t lower = choices[k].backwards ? input : output;
        if (choices[k].distance != OVERLAP_NEVER && lower - distance < (input + output) / 32)
            choices[k].distance = OVERLAP_NEVER;
    }
}

static void add_choices(Problem *problem, Node *node)
{
    KernelForm *forms = problem->forms[problem->pair_count], candidates[MAX_FORMS];
    OverlapForm choices[MAX_FORMS + 1];
    int in, out, count = 1;
    const int found = overlap_forms(node, candidates);
    if (found == 0)
        return;
    forms[0] = (KernelForm){0};
    choices[0] = (OverlapForm){.distance = OVERLAP_NEVER, .scratch = round_up(form_scratch(node, &forms[0]), problem->unit)};
    for (int k = 0; k < found; ++k) {
        if (!form_is_allowed(node, &candidates[k]))
            continue;
        forms[count] = candidates[k];
        choices[count] = overlap_form(problem, node, &candidates[k]);
        count += choices[count].distance != OVERLAP_NEVER; /* less scratch does not make up for a slower kernel */
    }
    if (can_meet(problem, node, node->inputs[0], &in, &out)) {
        if (node->model->optimize != OPTIMIZE_RAM)
            leave_trifles(problem, in, out, choices, count);
        add_pair(problem, node, in, out, choices, count);
    } else
        add_scratch_choice(problem, node, choices, count);
}

/* What has been chosen: as it is from now on. What works in place has become one buffer, or lies apart. */
static void add_settled(Problem *problem, Node *node)
{
    int in, out;
    if (node->form.once && node->form.staging != STAGING_CHANNELS && can_meet(problem, node, node->inputs[0], &in, &out)) {
        OverlapForm form = overlap_form(problem, node, &node->form);
        form.scratch = 0; /* it is a buffer */
        add_pair(problem, node, in, out, &form, 1);
    }
}

static void add_rows(Problem *problem, Node *node)
{
    int in, out;
    for (int k = 0; k < node->input_count; ++k)
        if (can_meet(problem, node, node->inputs[k], &in, &out)) {
            const int64_t distance = rows_distance(node, k);
            const OverlapForm form = {.distance = distance == INT64_MAX ? OVERLAP_NEVER : round_up(distance, problem->unit)};
            add_pair(problem, node, in, out, &form, 1);
        }
}

/* Kernels in the region of Rows overlap nothing, but may be had without scratch. */
static void add_region_choices(Problem *problem, const Node *rows)
{
    for (int k = 0; k < rows->rows->count; ++k) {
        Node *node = rows->regions[0]->nodes[k];
        const KernelForm plain = {0}, lean = {.lean = true};
        const FormFigures without = form_figures(node, &lean);
        OverlapForm choices[2] = {{.scratch = round_up(form_scratch(node, &plain), problem->unit)},
            {.scratch = round_up(without.scratch, problem->unit), .cost = 1 + node_macs(node)}};
        if (choices[1].scratch >= choices[0].scratch || !form_is_allowed(node, &lean))
            continue;
        problem->forms[problem->pair_count][0] = plain;
        problem->forms[problem->pair_count][1] = lean;
        add_scratch_choice(problem, node, choices, 2);
    }
}

static int nodes_in_rows(const Graph *graph)
{
    int count = 0;
    for (int i = 0; i < graph->node_count; ++i)
        count += graph->nodes[i]->op == OP_ROWS ? graph->nodes[i]->rows->count : 0;
    return count;
}

static void drop_buffer(Problem *problem, const Tensor *scratch)
{
    const int position = scratch->mark - 1;
    if (position >= 0)
        problem->buffers[position].bytes = 0;
}

/* While forms are open, scratch belongs to them. */
static void drop_scratch(Problem *problem)
{
    for (int p = 0; p < problem->pair_count; ++p) {
        const Facts *facts = problem->nodes[p]->facts;
        for (int k = 0; facts != NULL && k < facts->count; ++k)
            if (facts->facts[k].kind == FACT_SCRATCH)
                drop_buffer(problem, facts->facts[k].tensor);
    }
}

static void make_problem(Problem *problem, Model *model, bool settled)
{
    Graph *graph = model->main;
    const size_t nodes = (size_t)(graph->node_count + nodes_in_rows(graph)) * 4 + 1;
    *problem = (Problem){.model = model, .arena = model->arena, .unit = unit_of(graph)};
    problem->buffer_count = collect(graph, problem->unit, NULL, 0);
    problem->buffers = arena_array(model->arena, (size_t)problem->buffer_count + 1, sizeof *problem->buffers);
    problem->pairs = arena_array(model->arena, nodes, sizeof *problem->pairs);
    problem->nodes = arena_array(model->arena, nodes, sizeof *problem->nodes);
    problem->forms = arena_array(model->arena, nodes, sizeof *problem->forms);
    collect(graph, problem->unit, problem->buffers, 0);
    graph_clear_marks(graph);
    for (int i = 0; i < problem->buffer_count; ++i)
        ((Tensor *)(uintptr_t)problem->buffers[i].tensor)->mark = i + 1;
    for (int i = 0; i < graph->node_count; ++i) {
        Node *node = graph->nodes[i];
        if (node->op == OP_ROWS)
            add_rows(problem, node);
        if (node->op == OP_ROWS && !settled)
            add_region_choices(problem, node);
        if (node->op == OP_ROWS)
            continue;
        if (settled)
            add_settled(problem, node);
        else
            add_choices(problem, node);
    }
}

/* ---------------------------------------------------------------- the two steps */

/* With `optimize ram`, what of the arena is given for faster kernels at most, in bytes. */
enum { RAM_FOR_SPEED = 256 };

/* Buffers that were dropped have no bytes: they are left out. */
static int64_t place(Problem *problem, int64_t nodes, int64_t slack, int64_t *bound)
{
    int kept = 0;
    int *position = arena_array(problem->arena, (size_t)problem->buffer_count + 1, sizeof *position);
    for (int i = 0; i < problem->buffer_count; ++i) {
        position[i] = kept;
        if (problem->buffers[i].bytes > 0)
            problem->buffers[kept++] = problem->buffers[i];
    }
    for (int p = 0; p < problem->pair_count; ++p) {
        problem->pairs[p].input = position[problem->pairs[p].input];
        problem->pairs[p].output = position[problem->pairs[p].output];
    }
    problem->buffer_count = kept;
    return place_overlapping(problem->buffers, kept, problem->pairs, problem->pair_count, nodes, slack, bound);
}

static int64_t try_forms(Problem *problem, Model *model, bool io_in_arena, int64_t nodes, int64_t *bound)
{
    plan_liveness(model, io_in_arena);
    make_problem(problem, model, false);
    drop_scratch(problem);
    return place(problem, nodes, model->optimize == OPTIMIZE_RAM ? RAM_FOR_SPEED : 0, bound);
}

static int64_t best_forms(Problem *problem, Model *model, bool io_in_arena)
{
    Problem apart;
    int64_t bound;
    model->slices_apart = false;
    const int64_t peak = try_forms(problem, model, io_in_arena, DEFAULT_SEARCH_NODES, &bound);
    if (!has_slices(model->main))
        return peak;
    model->slices_apart = true; /* slices may keep apart what could overlap */
    const int64_t peak_apart = try_forms(&apart, model, io_in_arena, DEFAULT_SEARCH_NODES, &bound);
    if (peak_apart < peak) {
        *problem = apart;
        return peak_apart;
    }
    model->slices_apart = false;
    return peak;
}

int64_t forms_bound(Model *model, bool io_in_arena)
{
    int64_t least = INT64_MAX;
    for (int apart = 0; apart <= 1; ++apart) {
        Problem problem;
        int64_t bound;
        model->slices_apart = apart == 1;
        try_forms(&problem, model, io_in_arena, 0, &bound);
        least = bound < least ? bound : least;
        if (!has_slices(model->main))
            break;
    }
    model->slices_apart = false;
    return least;
}

bool plan_forms(Model *model, bool io_in_arena)
{
    Problem problem;
    best_forms(&problem, model, io_in_arena);
    for (int p = 0; p < problem.pair_count; ++p) {
        Node *node = problem.nodes[p];
        const KernelForm *form = &problem.forms[p][problem.pairs[p].chosen];
        if (node->op == OP_ROWS || memcmp(form, &node->form, sizeof *form) == 0)
            continue;
        node->form = *form;
        node->facts = NULL; /* to be selected again */
    }
    return true;
}

bool plan_memory(Model *model, bool io_in_arena)
{
    Problem problem;
    plan_liveness(model, io_in_arena);
    make_problem(&problem, model, true);
    model->arena_bytes = place(&problem, DEFAULT_SEARCH_NODES, 0, &model->arena_lower_bound);
    model->arena_optimal = model->arena_bytes == model->arena_lower_bound;
    for (int i = 0; i < problem.buffer_count; ++i)
        ((Tensor *)(uintptr_t)problem.buffers[i].tensor)->offset = problem.buffers[i].offset;
    resolve_aliases(model->main);
    model->state_bytes = state_bytes(model->main);
    model->io_in_arena = io_in_arena;
    return true;
}

const char *plan_verdict(const Model *model)
{
    const int64_t gap = model->arena_bytes - model->arena_lower_bound;
    if (gap == 0)
        return arena_format(model->arena, "peak %lld bytes, lower bound %lld, gap 0: proven optimal for these kernels", (long long)model->arena_bytes,
            (long long)model->arena_lower_bound);
    return arena_format(model->arena, "peak %lld bytes, lower bound %lld, gap %lld: not proven optimal", (long long)model->arena_bytes,
        (long long)model->arena_lower_bound, (long long)gap);
}

static int by_address(const void *left, const void *right)
{
    const PlannedBuffer *a = left, *b = right;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return a->first != b->first ? (a->first < b->first ? -1 : 1) : a->id - b->id;
}

int plan_buffers(const Model *model, PlannedBuffer **buffers)
{
    const int64_t unit = unit_of(model->main);
    const int count = collect(model->main, unit, NULL, 0);
    *buffers = arena_array(model->arena, (size_t)count + 1, sizeof **buffers);
    collect(model->main, unit, *buffers, 0);
    qsort(*buffers, (size_t)count, sizeof **buffers, by_address);
    return count;
}
