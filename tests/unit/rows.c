/* SPDX-License-Identifier: MIT
 *
 * Nodes executed row by row: random chains of small images, with the outputs of the interpreter before and after the change,
 * and rows, MACs, buffers and distances against the schedule followed here, row by row and byte by byte.
 */
#include "compiler.h"
#include "plan/rows.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* ---------------------------------------------------------------- random chains */

/* A model is made several times, of the same numbers. */
static uint64_t draws;

static int32_t between(int32_t low, int32_t high)
{
    draws = draws * 6364136223846793005u + 1442695040888963407u;
    return low + (int32_t)((draws >> 33) % (uint64_t)(high - low + 1));
}

static bool chance(int32_t one_in)
{
    return between(1, one_in) == 1;
}

static Tensor *image(Graph *graph, DType dtype, Shape shape)
{
    Tensor *tensor = graph_add_tensor(graph, "t", dtype);
    tensor->shape = shape;
    tensor->shape_known = shape.rank > 0;
    if (dtype_is_integer(dtype))
        tensor_quantise(graph, tensor, 0.1f, dtype == DTYPE_I16 ? 0 : dtype == DTYPE_U8 ? between(100, 140)
                                                                                        : between(-128, 20));
    return tensor;
}

static Tensor *graph_input(Graph *graph, DType dtype, Shape shape)
{
    Tensor *tensor = image(graph, dtype, shape);
    tensor->kind = TENSOR_INPUT;
    graph->inputs[graph->input_count++] = tensor;
    return tensor;
}

static Tensor *constant(Graph *graph, DType dtype, Shape shape, float scale)
{
    const int64_t count = shape_elements(&shape);
    uint8_t *data = arena_array(graph->model->arena, (size_t)count + 1, 8);
    for (int64_t i = 0; i < count; ++i)
        if (dtype_is_float(dtype))
            element_set_float(dtype, data, i, between(-8, 8) / 8.0);
        else
            element_set_int(dtype, data, i, between(-40, 40) + (dtype == DTYPE_U8 ? 128 : 0));
    Tensor *tensor = graph_add_constant(graph, "c", dtype, shape, data);
    if (scale > 0 && dtype_is_integer(dtype))
        tensor_quantise(graph, tensor, scale, dtype == DTYPE_U8 ? 128 : 0);
    return tensor;
}

static Node *add_node(Graph *graph, OpKind op, int inputs, Tensor *input)
{
    Node *node = graph_add_node(graph, op, NULL, inputs, 1);
    node->inputs[0] = input;
    node->outputs[0] = image(graph, input->dtype, (Shape){0});
    return node;
}

/* The filter's extents; false: it does not fit. */
static bool add_window(Node *node, bool pools, int64_t filter[2])
{
    static const char *const paddings[] = {"same", "valid", "explicit"};
    const Shape *shape = &node->inputs[0]->shape;
    const char *padding = paddings[between(0, pools ? 1 : 2)];
    filter[0] = between(1, 4);
    filter[1] = between(1, 4);
    const int64_t stride[2] = {between(1, 3), between(1, 3)};
    const int64_t dilation[2] = {!pools && chance(5) ? 2 : 1, !pools && chance(5) ? 2 : 1};
    const int64_t pads[4] = {between(0, 2), between(0, 2), between(0, 2), between(0, 2)};
    const bool is_explicit = strcmp(padding, "explicit") == 0;
    for (int axis = 0; axis < 2; ++axis) {
        const int64_t reach = (filter[axis] - 1) * dilation[axis] + 1;
        if (strcmp(padding, "same") != 0 && reach > shape->dim[1 + axis] + (is_explicit ? pads[axis] + pads[axis + 2] : 0))
            return false;
    }
    node_set_string(node, "padding", padding);
    node_set_ints(node, "stride", 2, stride);
    if (is_explicit)
        node_set_ints(node, "pads", 4, pads);
    if (pools)
        node_set_ints(node, "filter", 2, filter);
    else
        node_set_ints(node, "dilation", 2, dilation);
    return true;
}

static bool add_weighted(Graph *graph, Tensor *input, bool depthwise)
{
    const DType weights = dtype_is_float(input->dtype) ? DTYPE_F32 : input->dtype == DTYPE_U8 ? DTYPE_U8
                                                                                              : DTYPE_I8;
    const DType bias = dtype_is_float(input->dtype) ? DTYPE_F32 : input->dtype == DTYPE_I16 ? DTYPE_I64
                                                                                            : DTYPE_I32;
    Node *node = add_node(graph, depthwise ? OP_DEPTHWISE_CONV_2D : OP_CONV_2D, 3, input);
    const int32_t channels = input->shape.dim[3], outputs = depthwise ? channels * (chance(4) ? 2 : 1) : between(1, 9);
    int64_t filter[2];
    if (!add_window(node, false, filter))
        return false;
    node->inputs[1] = constant(graph, weights, depthwise ? shape_of(4, 1, (int)filter[0], (int)filter[1], outputs) : shape_of(4, outputs, (int)filter[0], (int)filter[1], channels), 0.02f);
    node->inputs[2] = constant(graph, bias, shape_of(1, outputs), 0.002f);
    node_set_string(node, "activation", chance(2) ? "relu" : "none");
    return true;
}

static void keep_quantisation(Node *node)
{
    node->outputs[0]->quantisation = node->inputs[0]->quantisation;
}

static bool add_pool(Graph *graph, Tensor *input, bool average)
{
    Node *node = add_node(graph, average ? OP_AVERAGE_POOL_2D : OP_MAX_POOL_2D, 1, input);
    int64_t filter[2];
    keep_quantisation(node);
    return add_window(node, true, filter);
}

/* With a constant, with the chain's input, or with another image. */
static bool add_binary(Graph *graph, Tensor *input)
{
    Node *node = add_node(graph, chance(3) ? OP_MUL : OP_ADD, 2, input);
    Tensor *other = graph->inputs[0];
    const bool first = chance(4);
    if (chance(3) || first)
        other = constant(graph, input->dtype, chance(2) ? shape_of(1, input->shape.dim[3]) : shape_of(4, 1, 1, 1, 1), 0.05f);
    else if (other == input || !shape_equal(&other->shape, &input->shape) || other->dtype != input->dtype)
        other = graph_input(graph, input->dtype, input->shape);
    node->inputs[first ? 0 : 1] = other;
    node->inputs[first ? 1 : 0] = input;
    return true;
}

static bool add_element_wise(Graph *graph, Tensor *input)
{
    if (!chance(3))
        return add_binary(graph, input);
    if (input->dtype == DTYPE_I8 && chance(3)) {
        Node *node = add_node(graph, OP_DEQUANTIZE, 1, input);
        node->outputs[0]->dtype = DTYPE_F32;
        node->outputs[0]->quantisation = (Quantisation){0};
    } else if (input->dtype == DTYPE_F32 && chance(3)) {
        Node *node = add_node(graph, OP_QUANTIZE, 1, input);
        node->outputs[0]->dtype = DTYPE_I8;
        tensor_quantise(graph, node->outputs[0], 0.1f, between(-20, 20));
    } else
        keep_quantisation(add_node(graph, OP_RELU, 1, input));
    return true;
}

static bool add_random_node(Graph *graph, Tensor *input)
{
    switch (between(0, 6)) {
    case 0:
    case 1:
        return add_weighted(graph, input, false);
    case 2:
    case 3:
        return add_weighted(graph, input, true);
    case 4:
        return add_pool(graph, input, chance(2));
    default:
        return add_element_wise(graph, input);
    }
}

/* The same model for the same seed; NULL where a filter does not fit. */
static Model *make_model(uint64_t seed)
{
    static const DType dtypes[] = {DTYPE_I8, DTYPE_I8, DTYPE_U8, DTYPE_I16, DTYPE_F32};
    draws = seed * 0x9e3779b97f4a7c15u;
    Model *model = model_new("rows.json", 0);
    Graph *graph = graph_new(model, "main");
    model->main = graph;
    model->format = "etch";
    model->name = "rows";
    model->optimize = OPTIMIZE_RAM;
    graph->inputs = arena_array(model->arena, 16, sizeof *graph->inputs);
    Tensor *last = graph_input(graph, dtypes[between(0, 4)], shape_of(4, 1, between(1, 12), between(1, 12), between(1, 9)));
    bool ok = true;
    for (int count = between(2, 6); ok && count > 0; --count) {
        ok = add_random_node(graph, last) && infer_graph(graph);
        last = graph->nodes[graph->node_count - 1]->outputs[0];
        ok = ok && tensor_elements(last) < 5000;
    }
    last->is_output = true;
    graph->outputs = arena_copy(model->arena, &last, sizeof last);
    graph->output_count = 1;
    if (ok && pass_infer(model))
        return model;
    model_free(model);
    return NULL;
}

/* ---------------------------------------------------------------- the interpreter's outputs */

static uint8_t *outputs_of(Model *model, uint64_t seed)
{
    const Graph *graph = model->main;
    const void **inputs = arena_array(model->arena, 16, sizeof *inputs);
    uint8_t *result = malloc((size_t)tensor_bytes(graph->outputs[0]) + 1);
    void *outputs[] = {result};
    draws = seed;
    for (int k = 0; k < graph->input_count; ++k) {
        const Tensor *tensor = graph->inputs[k];
        uint8_t *data = arena_alloc(model->arena, (size_t)tensor_bytes(tensor) + 1);
        for (int64_t i = 0; i < tensor_elements(tensor); ++i)
            if (dtype_is_float(tensor->dtype))
                element_set_float(tensor->dtype, data, i, between(-1000, 1000) / 100.0);
            else
                element_set_int(tensor->dtype, data, i, between((int32_t)dtype_min(tensor->dtype), (int32_t)dtype_max(tensor->dtype)));
        inputs[k] = data;
    }
    Interpreter *interpreter = interpreter_new(model);
    CHECK(interpreter_run(interpreter, inputs, outputs));
    interpreter_free(interpreter);
    return result;
}

/* ---------------------------------------------------------------- the schedule */

/* One strip in the order of execution. Distances: of input `whole`, what is written by the time that something is still unread. */
enum { MOST_EVENTS = 60000 };

typedef struct Event {
    bool stores;
    int64_t at; /* the first byte that is read, or the end of what is stored */
} Event;

typedef struct Schedule {
    const Chain *chain;
    int whole;
    int32_t made[MAX_CHAIN], loaded[MAX_CHAIN]; /* the last row that was made; the last one in the window */
    int64_t executed[MAX_CHAIN];
    Event *events;
    int count;
} Schedule;

static void note(Schedule *schedule, bool stores, int64_t at)
{
    if (schedule->count < MOST_EVENTS)
        schedule->events[schedule->count++] = (Event){.stores = stores, .at = at};
}

static int64_t element_bytes(const Tensor *tensor)
{
    return (int64_t)dtype_bits(tensor->dtype) / 8;
}

static int64_t bytes_of_row(const Tensor *tensor)
{
    return (int64_t)tensor->shape.dim[2] * tensor->shape.dim[3] * element_bytes(tensor);
}

static void read_whole(Schedule *schedule, int whole, int32_t row)
{
    if (whole == schedule->whole)
        note(schedule, false, row * bytes_of_row(schedule->chain->whole[whole]));
}

static void make_row(Schedule *schedule, int stage, int32_t y);

static void bring_row(Schedule *schedule, int stage, int32_t row)
{
    const RowStage *s = &schedule->chain->stages[stage];
    const bool is_there = s->window && row <= schedule->loaded[stage];
    if (row < 0 || row >= s->source_height || is_there)
        return;
    if (s->source < 0)
        read_whole(schedule, s->whole, row);
    else if (row > schedule->made[s->source]) {
        CHECK_EQUAL(schedule->made[s->source] + 1, row); /* in order, none left out */
        make_row(schedule, s->source, row);
    }
    schedule->loaded[stage] = row;
}

/* The last row is stored; read element by element where a whole tensor's row is an operand. */
static void store_row(Schedule *schedule, int32_t y)
{
    const Chain *chain = schedule->chain;
    const RowStage *s = &chain->stages[chain->count - 1];
    const Tensor *output = chain->nodes[chain->count - 1]->outputs[0];
    const int64_t start = y * bytes_of_row(output), size = element_bytes(output);
    const bool reads = s->side >= 0 && s->side == schedule->whole;
    for (int64_t at = 0; at < bytes_of_row(output); at += size) {
        if (reads)
            note(schedule, false, y * bytes_of_row(chain->whole[s->side]) + at);
        if (reads || at + size == bytes_of_row(output))
            note(schedule, true, start + at + size);
    }
}

static void make_row(Schedule *schedule, int stage, int32_t y)
{
    const Chain *chain = schedule->chain;
    const RowStage *s = &chain->stages[stage];
    for (int32_t i = 0; i < s->rows; ++i)
        bring_row(schedule, stage, y * s->stride - s->pad_top + i);
    schedule->made[stage] = y;
    ++schedule->executed[stage];
    if (stage + 1 == chain->count)
        store_row(schedule, y);
    else if (s->side >= 0)
        read_whole(schedule, s->side, y);
}

static void follow(Schedule *schedule, const Chain *chain, int whole)
{
    Event *events = schedule->events;
    *schedule = (Schedule){.chain = chain, .whole = whole, .events = events};
    for (int k = 0; k < chain->count; ++k)
        schedule->made[k] = schedule->loaded[k] = -1;
    for (int32_t y = 0; y < chain->stages[chain->count - 1].height; ++y)
        make_row(schedule, chain->count - 1, y);
    CHECK(schedule->count < MOST_EVENTS);
}

/* The least at which nothing is stored over what is still read; -size where they lie apart anyway. */
static int64_t followed_distance(const Schedule *schedule)
{
    int64_t distance = -tensor_bytes(schedule->chain->whole[schedule->whole]), unread = INT64_MAX;
    for (int i = schedule->count - 1; i >= 0; --i) {
        const Event *event = &schedule->events[i];
        if (!event->stores)
            unread = event->at < unread ? event->at : unread;
        else if (unread < INT64_MAX && event->at - unread > distance)
            distance = event->at - unread;
    }
    return distance;
}

/* ---------------------------------------------------------------- checks */

typedef struct Counts {
    int chains, strips, sides, negative, positive, ends;
} Counts;

/* A filter with gaps between its rows counts as if it had none; an operand of one element as one of a row. */
static bool is_exact(const Chain *chain, int whole)
{
    const RowStage *first = &chain->stages[0];
    return (first->window || first->rows == 1 || node_ints(chain->nodes[0], "dilation", 0, 1) == 1) &&
           (chain->stages[chain->count - 1].side != whole || tensor_elements(chain->whole[whole]) > 1);
}

static void check_distances(const Chain *chain, Schedule *schedule, Counts *counts)
{
    for (int k = 0; k < chain->whole_count; ++k) {
        const int64_t distance = chain_distance(chain, k);
        if (chain->strips > 1) {
            CHECK(distance == INT64_MAX);
            continue;
        }
        follow(schedule, chain, k);
        const int64_t least = followed_distance(schedule);
        CHECK(distance >= least);
        if (is_exact(chain, k))
            CHECK_EQUAL(distance, least);
        ++*(distance < 0 ? &counts->negative : &counts->positive);
    }
}

static int64_t macs_per_pixel(const Node *node)
{
    if (node->op != OP_CONV_2D && node->op != OP_DEPTHWISE_CONV_2D)
        return 0;
    const int32_t *dim = node->inputs[1]->shape.dim;
    return (int64_t)dim[0] * dim[1] * dim[2] * dim[3]; /* the depthwise filter has one of each */
}

static void check_rows(const Chain *chain, Schedule *schedule)
{
    const RowPlan plan = {.stages = (RowStage *)(uintptr_t)chain->stages, .count = chain->count, .strips = chain->strips};
    int64_t made[MAX_CHAIN];
    follow(schedule, chain, -1);
    for (int k = 0; k < chain->count; ++k) {
        made[k] = schedule->executed[k];
        CHECK_EQUAL(rows_made(&plan, k), made[k]);
    }
}

/* After the change: what the region's nodes are said to cost, and what lies in buffers. */
static void check_node(const Node *node, const Chain *chain, const Schedule *schedule)
{
    const Graph *region = node->regions[0];
    int64_t macs = 0, bytes = 0, counted = 0;
    CHECK_EQUAL(region->node_count, chain->count);
    for (int k = 0; k < region->node_count; ++k) {
        const Node *inner = region->nodes[k];
        CHECK_EQUAL(inner->repeats, schedule->executed[k] * chain->strips);
        macs += node_macs(inner);
        counted += macs_per_pixel(inner) * inner->outputs[0]->shape.dim[2] * schedule->executed[k] * chain->strips;
    }
    CHECK_EQUAL(macs, counted);
    CHECK_EQUAL(chain->macs, counted);
    for (int i = 0; i < region->tensor_count; ++i)
        if (region->tensors[i]->kind != TENSOR_CONSTANT && !region->tensors[i]->is_row)
            bytes += (tensor_bytes(region->tensors[i]) + 7) / 8 * 8;
    CHECK_EQUAL(chain->buffer_bytes, bytes);
    for (int k = 0; k < node->input_count; ++k)
        CHECK_EQUAL(rows_distance(node, k), chain_distance(chain, k));
}

/* The whole pipeline can go on from there. */
static void check_plan(Model *model)
{
    CompileOptions options = COMPILE_OPTIONS_DEFAULT;
    options.optimize = OPTIMIZE_RAM;
    Target *target = target_load(model->arena, &options);
    CHECK(target != NULL && pass_select(model, target) && plan_forms(model, true) && pass_select(model, target) && plan_memory(model, true) &&
          verify_model(model, "plan"));
    if (target != NULL)
        target_free(target);
}

static int extend_all(Chain *chain, const Graph *graph)
{
    int first = 0, next;
    while (first < graph->node_count && !chain_extend(chain, graph->nodes[first]))
        ++first;
    for (next = first + 1; next < graph->node_count && chain_extend(chain, graph->nodes[next]); ++next)
        continue;
    return first;
}

static void check_chain(uint64_t seed, int32_t strips, bool plan, Schedule *schedule, Counts *counts)
{
    Model *model = make_model(seed);
    Graph *graph = model->main;
    Chain chain = {0};
    const int first = extend_all(&chain, graph), failures = unit_failures;
    if (chain.count > 1 && chain_settle(&chain, strips)) {
        Model *again = make_model(seed);
        uint8_t *before = outputs_of(again, seed), *after;
        check_distances(&chain, schedule, counts);
        check_rows(&chain, schedule);
        chain_fuse(graph, &chain);
        CHECK(verify_model(model, "rows"));
        check_node(graph->nodes[first], &chain, schedule);
        after = outputs_of(model, seed);
        CHECK_EQUAL(memcmp(before, after, (size_t)tensor_bytes(graph->outputs[0])), 0);
        if (unit_failures > failures)
            printf("seed %d, %d strips\n", (int)seed, (int)strips);
        if (plan)
            check_plan(model);
        ++*(strips > 1 ? &counts->strips : &counts->chains);
        counts->sides += chain.stages[chain.count - 1].side >= 0;
        counts->ends += chain.stages[chain.count - 1].height == 1;
        free(before);
        free(after);
        model_free(again);
    }
    model_free(model);
}

int main(int argc, char **argv)
{
    Schedule schedule = {.events = malloc(MOST_EVENTS * sizeof(Event))};
    Counts counts = {0};
    diagnostics_quiet = true;
    for (int seed = 1; seed <= (argc > 1 ? atoi(argv[1]) : 1500); ++seed) {
        Model *model = make_model((uint64_t)seed);
        if (model == NULL)
            continue;
        model_free(model);
        for (int32_t strips = 1; strips <= 4; ++strips)
            check_chain((uint64_t)seed, strips, seed % 16 == 0, &schedule, &counts);
    }
    printf("%d chains, %d in strips, %d with another operand at the end, %d of one row; distances: %d negative\n", counts.chains, counts.strips,
        counts.sides, counts.ends, counts.negative);
    if (argc == 1)
        CHECK(counts.chains > 300 && counts.strips > 300 && counts.sides > 50 && counts.ends > 50 && counts.negative > 50 && counts.positive > 50);
    free(schedule.events);
    return unit_result();
}
