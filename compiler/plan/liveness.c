/* SPDX-License-Identifier: MIT
 *
 * Liveness: the program is laid out in one line of steps, regions of control flow inside their node's span, and every tensor
 * gets its life in steps. Then tensors that can share bytes are joined: views, in-place operators, loop variables,
 * values and the states that they are assigned to.
 *
 * requires selected kernels; sets node->step, last_step, tensor->first_use, last_use, alias_of, storage.
 */
#include "plan.h"

#include <stddef.h>

Tensor *storage_root(Tensor *tensor)
{
    while (tensor->alias_of != NULL)
        tensor = tensor->alias_of;
    return tensor;
}

/* ---------------------------------------------------------------- steps and lives */

static void live_at(Tensor *tensor, int step)
{
    if (tensor == NULL)
        return;
    if (tensor->first_use > step)
        tensor->first_use = step;
    if (tensor->last_use < step)
        tensor->last_use = step;
}

static void reset(const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; ++i) {
        Tensor *tensor = graph->tensors[i];
        tensor->first_use = INT32_MAX;
        tensor->last_use = -1;
        tensor->alias_of = NULL;
        tensor->storage = STORAGE_NONE;
        tensor->offset = 0;
    }
}

/* What Rows reads, and the rows between its nodes, are needed until its last row is made. */
static void live_in_rows(Node *node)
{
    const Graph *region = node->regions[0];
    for (int i = 0; i < node->input_count; ++i)
        live_at(node->inputs[i], node->last_step);
    for (int i = 0; i < region->tensor_count; ++i)
        if (region->tensors[i]->last_use >= 0) {
            live_at(region->tensors[i], node->step);
            live_at(region->tensors[i], node->last_step);
        }
}

static void walk(Graph *graph, int *step)
{
    reset(graph);
    for (int i = 0; i < graph->node_count; ++i) {
        Node *node = graph->nodes[i];
        node->step = (*step)++;
        for (int k = 0; k < node->region_count; ++k)
            walk(node->regions[k], step);
        node->last_step = node->region_count > 0 ? (*step)++ : node->step;
        for (int k = 0; k < node->input_count; ++k)
            live_at(node->inputs[k], node->step);
        for (int k = 0; k < node->output_count; ++k)
            live_at(node->outputs[k], node->step);
        for (int k = 0; node->region_count > 0 && k < node->output_count; ++k)
            live_at(node->outputs[k], node->last_step);
        if (node->op == OP_ROWS)
            live_in_rows(node);
        for (int k = 0; node->facts != NULL && k < node->facts->count; ++k)
            live_at(node->facts->facts[k].tensor, node->step);
    }
    for (int i = 0; i < graph->output_count; ++i)
        live_at(graph->outputs[i], *step);
}

/* ---------------------------------------------------------------- storage classes */

static void assign_storage(const Graph *graph, bool io_in_arena, bool is_main)
{
    for (int i = 0; i < graph->tensor_count; ++i) {
        Tensor *tensor = graph->tensors[i];
        tensor->storage = tensor->is_row ? STORAGE_ROW : tensor->kind == TENSOR_CONSTANT ? STORAGE_CONSTANT : tensor->kind == TENSOR_STATE                          ? STORAGE_STATE
                                                                           : tensor->kind == TENSOR_INPUT && !io_in_arena && is_main ? STORAGE_INPUT
                                                                                                                                     : STORAGE_ARENA;
    }
    for (int i = 0; is_main && !io_in_arena && i < graph->output_count; ++i)
        graph->outputs[i]->storage = STORAGE_OUTPUT;
    for (int i = 0; is_main && io_in_arena && i < graph->input_count; ++i)
        live_at(graph->inputs[i], 0);
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->region_count; ++k)
            assign_storage(graph->nodes[i]->regions[k], io_in_arena, false);
}

/* ---------------------------------------------------------------- sharing bytes */

/* `tensor`'s group joins `target`'s: same address, and alive while either is. */
static void join(Tensor *tensor, Tensor *target)
{
    Tensor *root = storage_root(tensor), *onto = storage_root(target);
    if (root == onto)
        return;
    root->alias_of = onto;
    live_at(onto, root->first_use);
    live_at(onto, root->last_use);
}

static void join_regions(Node *node)
{
    for (int k = 0; k < node->region_count; ++k) {
        const Graph *region = node->regions[k];
        for (int i = 0; i < region->input_count; ++i) {
            Tensor *source = node->op == OP_WHILE ? node->outputs[i] : node->inputs[i + 1];
            live_at(storage_root(source), node->op == OP_WHILE ? node->last_step : node->step);
            join(region->inputs[i], source);
        }
    }
}

/* A view needs no code where both ends can have one address. */
static void join_view(const Node *node)
{
    Tensor *in = storage_root(node->inputs[0]), *out = storage_root(node->outputs[0]);
    if (out->storage == STORAGE_ARENA)
        join(out, in);
    else if (out->storage == STORAGE_OUTPUT && in->storage == STORAGE_ARENA)
        join(in, out);
}

static void join_views(const Graph *graph)
{
    for (int i = 0; i < graph->node_count; ++i) {
        Node *node = graph->nodes[i];
        if (node->region_count > 0 && node->op != OP_ROWS)
            join_regions(node);
        for (int k = 0; k < node->region_count; ++k)
            join_views(node->regions[k]);
        if ((node_operator(node)->traits & TRAIT_VIEW) && tensor_bytes(node->inputs[0]) == tensor_bytes(node->outputs[0]))
            join_view(node);
    }
}

static bool can_overwrite(const Node *node, const Tensor *input, const Tensor *output)
{
    if (tensor_elements(input) != tensor_elements(output) || dtype_bits(input->dtype) != dtype_bits(output->dtype))
        return false;
    const Tensor *in = storage_root((Tensor *)(uintptr_t)input), *out = storage_root((Tensor *)(uintptr_t)output);
    if (in == out || in->storage != STORAGE_ARENA || in->last_use != node->step)
        return false;
    return out->storage == STORAGE_ARENA || out->storage == STORAGE_OUTPUT;
}

static void join_in_place(const Graph *graph)
{
    for (int i = 0; i < graph->node_count; ++i) {
        Node *node = graph->nodes[i];
        for (int k = 0; k < node->region_count; ++k)
            join_in_place(node->regions[k]);
        if (!(node_operator(node)->traits & TRAIT_IN_PLACE))
            continue;
        for (int k = 0; k < node->input_count; ++k) {
            Tensor *input = node->inputs[k], *output = node->outputs[0];
            if (input == NULL || !can_overwrite(node, input, output))
                continue;
            if (storage_root(output)->storage == STORAGE_OUTPUT)
                join(input, output);
            else
                join(output, input);
            break;
        }
    }
}

/* ---------------------------------------------------------------- values made in their state */

static bool touches(const Node *node, const Tensor *root)
{
    for (int i = 0; i < node->input_count; ++i)
        if (node->inputs[i] != NULL && storage_root(node->inputs[i]) == root)
            return true;
    for (int i = 0; i < node->output_count; ++i)
        if (node->outputs[i] != NULL && storage_root(node->outputs[i]) == root)
            return true;
    return false;
}

/* Nobody but `assign` reads or writes the state while the value is alive. */
static bool is_alone(const Graph *graph, const Node *assign, const Tensor *state, const Tensor *value)
{
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        if (node == assign || node->last_step < value->first_use || node->step > value->last_use)
            continue;
        if (node->region_count > 0 || touches(node, state))
            return false;
    }
    return true;
}

/* AssignState needs no copy where its value can be made in the state's own bytes. */
static void join_assignments(const Graph *graph)
{
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        if (node->op != OP_ASSIGN_STATE)
            continue;
        Tensor *state = node->inputs[0], *value = storage_root(node->inputs[1]);
        if (value->storage == STORAGE_ARENA && value->kind == TENSOR_TEMPORARY && tensor_bytes(value) == tensor_bytes(state) &&
            is_alone(graph, node, state, value))
            join(value, state);
    }
}

void plan_liveness(Model *model, bool io_in_arena)
{
    int step = 0;
    walk(model->main, &step);
    model->step_count = step + 1;
    assign_storage(model->main, io_in_arena, true);
    join_views(model->main);
    join_in_place(model->main);
    join_assignments(model->main);
}
