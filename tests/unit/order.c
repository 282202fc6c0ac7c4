/* SPDX-License-Identifier: MIT
 *
 * The order of execution: random small graphs against all orders that compute the same, with the cost of each order counted
 * here from the tensors' lives; stability; states; the budget; large graphs.
 */
#include "compiler.h"
#include "plan/plan.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_NODES = 9,
    MOST_TENSORS = 64 };

/* ---------------------------------------------------------------- making graphs */

static Tensor *tensor_of(Graph *graph, TensorKind kind, int32_t bytes)
{
    Tensor *tensor = graph_add_tensor(graph, "t", DTYPE_I8);
    tensor->kind = kind;
    tensor->shape = shape_of(1, bytes);
    tensor->shape_known = true;
    return tensor;
}

/* A node with one output of `bytes`, 0: none. Select stands for any operator that needs its operands apart. */
static Node *add_node(Graph *graph, OpKind op, int32_t bytes, int inputs, Tensor *const *list)
{
    Node *node = graph_add_node(graph, op, NULL, inputs, bytes > 0);
    memcpy(node->inputs, list, (size_t)inputs * sizeof *list);
    if (bytes > 0)
        node->outputs[0] = tensor_of(graph, TENSOR_TEMPORARY, bytes);
    return node;
}

static Tensor *apply(Graph *graph, OpKind op, int32_t bytes, Tensor *input)
{
    return add_node(graph, op, bytes, 1, &input)->outputs[0];
}

static Tensor *join_two(Graph *graph, OpKind op, int32_t bytes, Tensor *a, Tensor *b)
{
    Tensor *const inputs[] = {a, b};
    return add_node(graph, op, bytes, 2, inputs)->outputs[0];
}

static void set_interface(Graph *graph, Tensor *input, Tensor *output)
{
    graph->inputs = arena_array(graph->model->arena, 1, sizeof *graph->inputs);
    graph->outputs = arena_array(graph->model->arena, 1, sizeof *graph->outputs);
    graph->inputs[0] = input;
    graph->outputs[0] = output;
    graph->input_count = graph->output_count = 1;
    output->is_output = true;
}

/* ---------------------------------------------------------------- what an order costs and computes */

static bool is_view(const Node *node)
{
    return (node_operator(node)->traits & TRAIT_VIEW) != 0;
}

static const Tensor *viewed(const Graph *graph, const Tensor *tensor)
{
    for (int i = graph->node_count - 1; i >= 0; --i)
        if (is_view(graph->nodes[i]) && graph->nodes[i]->outputs[0] == tensor)
            return viewed(graph, graph->nodes[i]->inputs[0]);
    return tensor;
}

static bool reads(const Graph *graph, const Node *node, const Tensor *root)
{
    for (int k = 0; k < node->input_count; ++k)
        if (viewed(graph, node->inputs[k]) == root)
            return true;
    return false;
}

static int64_t rounded(const Tensor *tensor)
{
    return (tensor_bytes(tensor) + 3) / 4 * 4;
}

/* Whether the bytes of `root` are alive at node `step`: made there or before, read there or behind. With inputs and outputs in
 * the arena. */
static bool is_alive(const Graph *graph, Node *const *order, const Tensor *root, int step)
{
    bool made = root->kind == TENSOR_INPUT, needed = false;
    for (int i = 0; i <= step; ++i)
        made |= order[i]->output_count > 0 && order[i]->outputs[0] == root;
    needed = order[step]->output_count > 0 && order[step]->outputs[0] == root;
    for (int i = step; i < graph->node_count; ++i)
        needed |= reads(graph, order[i], root);
    for (int i = 0; i < graph->output_count; ++i)
        needed |= viewed(graph, graph->outputs[i]) == root;
    return made && needed;
}

static bool overwrites(const Graph *graph, Node *const *order, int step, const Tensor *input)
{
    const Node *node = order[step];
    const Tensor *root = viewed(graph, input);
    if (!(node_operator(node)->traits & TRAIT_IN_PLACE) || (root->kind != TENSOR_TEMPORARY && root->kind != TENSOR_INPUT))
        return false;
    if (tensor_bytes(input) != tensor_bytes(node->outputs[0]))
        return false;
    return step + 1 == graph->node_count ? viewed(graph, graph->outputs[0]) != root : !is_alive(graph, order, root, step + 1);
}

static int64_t peak_of(const Graph *graph, Node *const *order)
{
    int64_t peak = 0;
    for (int step = 0; step < graph->node_count; ++step) {
        int64_t live = 0;
        bool saved = false;
        for (int i = 0; i < graph->tensor_count; ++i) {
            const Tensor *tensor = graph->tensors[i];
            if (tensor->kind == TENSOR_STATE || viewed(graph, tensor) != tensor)
                continue;
            live += is_alive(graph, order, tensor, step) ? rounded(tensor) : 0;
        }
        for (int k = 0; k < order[step]->input_count && !saved; ++k) {
            saved = overwrites(graph, order, step, order[step]->inputs[k]);
            live -= saved ? rounded(order[step]->outputs[0]) : 0;
        }
        peak = live > peak ? live : peak;
    }
    return peak;
}

/* Runs the order with numbers for tensors: each output is a hash of the node and of its operands. False where an operand is not
 * made yet. A view of a state has the state's value of the moment. */
static bool run(const Graph *graph, Node *const *order, uint64_t *values)
{
    uint64_t effects = 0;
    for (int i = 0; i < graph->tensor_count; ++i)
        values[i] = graph->tensors[i]->kind == TENSOR_TEMPORARY ? 0 : (uint64_t)i + 1;
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = order[i];
        uint64_t hash = (uint64_t)(node->mark + 1) * 0x9e3779b97f4a7c15u;
        for (int k = 0; k < node->input_count; ++k) {
            const uint64_t value = values[viewed(graph, node->inputs[k])->index];
            if (values[node->inputs[k]->index] == 0)
                return false;
            hash = (hash ^ value) * 0xbf58476d1ce4e5b9u;
            hash ^= hash >> 29;
        }
        if (node->output_count > 0)
            values[node->outputs[0]->index] = hash | 1;
        if (node->op == OP_ASSIGN_STATE) {
            values[node->inputs[0]->index] = hash | 1; /* no two assignments write the same */
            effects = (effects ^ hash) * 0x94d049bb133111ebu;
        }
    }
    values[graph->tensor_count] = effects;
    return true;
}

static bool computes_same(const Graph *graph, Node *const *order, const uint64_t *expected)
{
    uint64_t values[MOST_TENSORS + 1];
    return run(graph, order, values) && memcmp(values, expected, ((size_t)graph->tensor_count + 1) * sizeof *values) == 0;
}

/* The least peak of all orders that begin with the first `fixed` nodes of `order`. */
static int64_t least_peak(const Graph *graph, Node **order, int fixed, const uint64_t *expected)
{
    if (fixed == graph->node_count)
        return computes_same(graph, order, expected) ? peak_of(graph, order) : INT64_MAX;
    int64_t least = INT64_MAX;
    for (int i = fixed; i < graph->node_count; ++i) {
        Node *node = order[i];
        bool ready = true;
        for (int j = fixed; j < graph->node_count; ++j)
            for (int k = 0; k < node->input_count; ++k)
                ready &= order[j]->output_count == 0 || order[j]->outputs[0] != node->inputs[k];
        if (!ready)
            continue;
        order[i] = order[fixed];
        order[fixed] = node;
        const int64_t peak = least_peak(graph, order, fixed + 1, expected);
        least = peak < least ? peak : least;
        order[fixed] = order[i];
        order[i] = node;
    }
    return least;
}

/* ---------------------------------------------------------------- random graphs */

static Tensor *any_tensor(const Graph *graph)
{
    Tensor *tensor;
    do
        tensor = graph->tensors[unit_random() % (uint64_t)graph->tensor_count];
    while (unit_random() % 4 != 0 && tensor->index + 5 < graph->tensor_count);
    return tensor;
}

static void add_random_node(Graph *graph)
{
    static const int32_t sizes[] = {4, 8, 8, 16, 16, 30, 100};
    const int32_t bytes = sizes[unit_random() % 7];
    Tensor *const list[] = {any_tensor(graph), any_tensor(graph), any_tensor(graph)};
    switch (unit_random() % 8) {
    case 0:
        apply(graph, OP_RESHAPE, (int32_t)tensor_bytes(list[0]), list[0]);
        break;
    case 1:
        apply(graph, OP_RELU, (int32_t)tensor_bytes(list[0]), list[0]);
        break;
    case 2:
        join_two(graph, OP_ADD, (int32_t)tensor_bytes(list[0]), list[0], list[1]);
        break;
    default:
        add_node(graph, OP_SELECT, bytes, 1 + (int)(unit_random() % 3), list);
    }
}

static void add_assignment(Graph *graph, Tensor *state)
{
    Tensor *value = any_tensor(graph);
    if (viewed(graph, value)->kind == TENSOR_STATE)
        value = apply(graph, OP_SELECT, (int32_t)tensor_bytes(state), value);
    Tensor *const list[] = {state, value};
    add_node(graph, OP_ASSIGN_STATE, 0, 2, list);
}

static Model *random_model(int nodes, int states)
{
    Model *model = model_new("random", 0);
    Graph *graph = model->main;
    Tensor *input = tensor_of(graph, TENSOR_INPUT, 16);
    Tensor *state[2] = {NULL};
    for (int i = 0; i < states; ++i)
        state[i] = tensor_of(graph, TENSOR_STATE, 8);
    while (graph->node_count < nodes) {
        if (states > 0 && unit_random() % 5 == 0)
            add_assignment(graph, state[unit_random() % (uint64_t)states]);
        else
            add_random_node(graph);
    }
    set_interface(graph, input, apply(graph, OP_SELECT, 8, graph->tensors[graph->tensor_count - 1]));
    for (int i = 0; i < graph->node_count; ++i)
        graph->nodes[i]->mark = i;
    return model;
}

static int64_t reordered, without_need;

static void check_random(int nodes, int states, int64_t budget)
{
    Model *model = random_model(nodes, states);
    Graph *graph = model->main;
    Node *own[MOST_NODES + 2], *order[MOST_NODES + 2];
    uint64_t expected[MOST_TENSORS + 1];
    memcpy(own, graph->nodes, (size_t)graph->node_count * sizeof *own);
    memcpy(order, own, sizeof own);
    CHECK(run(graph, own, expected));
    const int64_t least = least_peak(graph, order, 0, expected);
    order_nodes(model, true, budget);
    CHECK(computes_same(graph, graph->nodes, expected));
    Node *taken[MOST_NODES + 2];
    memcpy(taken, graph->nodes, (size_t)graph->node_count * sizeof *taken);
    memcpy(graph->nodes, own, (size_t)graph->node_count * sizeof *own);
    order_nodes(model, false, budget);
    CHECK(computes_same(graph, graph->nodes, expected));
    CHECK(model->order_bound <= model->order_peak && model->order_peak <= model->order_own_peak);
    memcpy(graph->nodes, own, (size_t)graph->node_count * sizeof *own);
    order_nodes(model, true, budget);
    CHECK(memcmp(taken, graph->nodes, (size_t)graph->node_count * sizeof *taken) == 0);
    const int64_t peak = peak_of(graph, graph->nodes), own_peak = peak_of(graph, own);
    CHECK_EQUAL(model->order_own_peak, own_peak);
    CHECK(model->order_bound <= least);
    const bool changed = memcmp(own, graph->nodes, (size_t)graph->node_count * sizeof *own) != 0;
    CHECK(changed ? peak < own_peak : peak == own_peak);
    CHECK_EQUAL(model->order_peak, peak);
    if (budget > 0 && (states == 0 || model->order_bound > 0)) /* values made in their state are not foreseen */
        CHECK_EQUAL(model->order_bound, least);
    if (budget > 0 && states == 0)
        CHECK_EQUAL(peak, least);
    reordered += changed;
    without_need += least == own_peak;
    model_free(model);
}

/* ---------------------------------------------------------------- graphs of known shape */

/* `width` branches of `length` nodes each: small, large, ..., small; the model lists them side by side. The own order has all
 * large tensors alive at once, one branch after the other has one. */
static Model *wide_model(int width, int length, OpKind op)
{
    Model *model = model_new("wide", 0);
    Graph *graph = model->main;
    Tensor *input = tensor_of(graph, TENSOR_INPUT, 64);
    Tensor **ends = arena_array(model->arena, (size_t)width, sizeof *ends);
    for (int i = 0; i < length; ++i)
        for (int k = 0; k < width; ++k)
            ends[k] = apply(graph, op, i + 1 < length ? 4096 : 16, i > 0 ? ends[k] : input);
    set_interface(graph, input, add_node(graph, OP_SELECT, 16, width, ends)->outputs[0]);
    for (int i = 0; i < graph->node_count; ++i)
        graph->nodes[i]->mark = i;
    return model;
}

static void check_wide(int width, int length, int64_t budget, bool is_optimal)
{
    Model *model = wide_model(width, length, OP_SELECT);
    order_nodes(model, true, budget);
    CHECK_EQUAL(model->order_own_peak, (width + 1) * 4096);
    CHECK(model->order_peak < model->order_own_peak);
    CHECK(model->order_bound <= model->order_peak);
    if (is_optimal)
        CHECK_EQUAL(model->order_bound, model->order_peak);
    /* the branches stay in the model's order */
    int last = -1;
    for (int i = 0; i < model->main->node_count; ++i)
        if (model->main->nodes[i]->inputs[0]->kind == TENSOR_INPUT) {
            CHECK(model->main->nodes[i]->mark > last);
            last = model->main->nodes[i]->mark;
        }
    model_free(model);
}

/* Everything has one size: there is nothing to gain, and nothing may move. */
static void check_unchanged(int width, int length, int64_t budget)
{
    Model *model = wide_model(width, length, OP_RELU);
    for (int i = 0; i < model->main->tensor_count; ++i)
        if (model->main->tensors[i]->kind == TENSOR_TEMPORARY)
            model->main->tensors[i]->shape = shape_of(1, 16);
    order_nodes(model, true, budget);
    CHECK_EQUAL(model->order_peak, model->order_own_peak);
    for (int i = 0; i < model->main->node_count; ++i)
        CHECK_EQUAL(model->main->nodes[i]->mark, i);
    model_free(model);
}

/* A long chain; every tenth node also reads what stands three nodes before. */
static void check_chain(int length)
{
    Model *model = model_new("chain", 0);
    Graph *graph = model->main;
    Tensor *input = tensor_of(graph, TENSOR_INPUT, 64), *last = input;
    for (int i = 0; i < length; ++i) {
        Tensor *const before = i % 10 == 9 ? graph->nodes[i - 3]->outputs[0] : last;
        last = join_two(graph, OP_SELECT, 64 + i % 7 * 4, last, before);
    }
    set_interface(graph, input, last);
    order_nodes(model, true, DEFAULT_ORDER_BUDGET);
    CHECK_EQUAL(model->order_peak, model->order_own_peak);
    CHECK_EQUAL(model->order_bound, model->order_peak);
    model_free(model);
}

/* Cells of four branches each, one after the other: parts of their own, each to be put in order. */
static void check_cells(int cells)
{
    Model *model = model_new("cells", 0);
    Graph *graph = model->main;
    Tensor *input = tensor_of(graph, TENSOR_INPUT, 64), *last = input;
    for (int i = 0; i < cells; ++i) {
        Tensor *ends[4];
        for (int depth = 0; depth < 3; ++depth)
            for (int k = 0; k < 4; ++k)
                ends[k] = apply(graph, OP_SELECT, depth < 2 ? 1000 + 4 * i + 8 * k : 16, depth > 0 ? ends[k] : last);
        last = add_node(graph, OP_SELECT, 64, 4, ends)->outputs[0];
    }
    set_interface(graph, input, last);
    order_nodes(model, true, DEFAULT_ORDER_BUDGET);
    CHECK(model->order_peak < model->order_own_peak / 2 + 200);
    CHECK_EQUAL(model->order_bound, model->order_peak);
    model_free(model);
}

int main(void)
{
    for (int i = 0; i < 400; ++i)
        check_random((int)(unit_random() % (MOST_NODES - 1)) + 1, 0, DEFAULT_ORDER_BUDGET);
    for (int i = 0; i < 400; ++i)
        check_random((int)(unit_random() % (MOST_NODES - 1)) + 1, 1 + i % 2, DEFAULT_ORDER_BUDGET);
    CHECK(reordered > 100 && without_need > 100);
    for (int i = 0; i < 100; ++i)
        check_random((int)(unit_random() % (MOST_NODES - 1)) + 1, i % 3, 0);
    check_wide(2, 4, DEFAULT_ORDER_BUDGET, true);
    check_wide(6, 4, DEFAULT_ORDER_BUDGET, true);
    check_wide(12, 3, DEFAULT_ORDER_BUDGET, true);
    check_wide(40, 6, DEFAULT_ORDER_BUDGET, false);
    check_wide(40, 6, 100000, false);
    check_wide(1000, 3, DEFAULT_ORDER_BUDGET, false);
    check_unchanged(8, 5, DEFAULT_ORDER_BUDGET);
    check_unchanged(100, 30, DEFAULT_ORDER_BUDGET);
    check_unchanged(100, 30, 0);
    check_chain(10000);
    check_cells(1000);
    return unit_result();
}
