/* SPDX-License-Identifier: MIT
 *
 * Liveness: the program is laid out in one line of steps, regions of control flow inside their node's span, and every tensor
 * gets its own life in steps and the kind of its storage. sharing.c goes on from there.
 *
 * requires selected kernels; sets node->step, last_step, model->step_count, tensor->first_use, last_use, producer, storage; mark
 * where a region takes or gives the tensor.
 */
#include "plan.h"

#include <stddef.h>

Tensor *storage_root(Tensor *tensor)
{
    while (tensor->alias_of != NULL)
        tensor = tensor->alias_of;
    return tensor;
}

int64_t storage_offset(const Tensor *tensor)
{
    int64_t offset = 0;
    for (; tensor->alias_of != NULL; tensor = tensor->alias_of)
        offset += tensor->alias_offset;
    return offset;
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
        tensor->alias_of = tensor->next_alias = NULL;
        tensor->alias_offset = 0;
        tensor->producer = NULL;
        tensor->mark = 0;
        tensor->storage = STORAGE_NONE;
        tensor->offset = 0;
    }
}

/* A node of Rows stands for many of its rows, mixed with those of the others: all is one step. */
static void walk_rows(Node *node)
{
    const Graph *region = node->regions[0];
    reset(region);
    for (int i = 0; i < region->node_count; ++i) {
        Node *inner = region->nodes[i];
        inner->step = inner->last_step = node->step;
        for (int k = 0; k < inner->input_count; ++k)
            live_at(inner->inputs[k], node->step);
        for (int k = 0; k < inner->output_count; ++k)
            live_at(inner->outputs[k], node->step);
        for (int k = 0; inner->facts != NULL && k < inner->facts->count; ++k)
            live_at(inner->facts->facts[k].tensor, node->step);
    }
}

/* What a region takes is there from the node's first step on. */
static void mark_ends(const Node *node, const Graph *region)
{
    for (int i = 0; i < region->input_count; ++i) {
        live_at(region->inputs[i], node->step);
        region->inputs[i]->mark = 1;
    }
    for (int i = 0; i < region->output_count; ++i)
        region->outputs[i]->mark = 1;
}

static void walk(Graph *graph, int *step)
{
    reset(graph);
    for (int i = 0; i < graph->node_count; ++i) {
        Node *node = graph->nodes[i];
        node->step = (*step)++;
        const bool by_rows = node->op == OP_ROWS;
        if (by_rows)
            walk_rows(node);
        for (int k = 0; k < node->region_count && !by_rows; ++k) {
            walk(node->regions[k], step);
            mark_ends(node, node->regions[k]);
        }
        node->last_step = node->region_count > 0 && !by_rows ? (*step)++ : node->step;
        for (int k = 0; k < node->input_count; ++k)
            live_at(node->inputs[k], node->step);
        for (int k = 0; k < node->output_count; ++k) {
            live_at(node->outputs[k], node->step);
            if (node->outputs[k] != NULL)
                node->outputs[k]->producer = node;
        }
        for (int k = 0; node->region_count > 0 && k < node->output_count; ++k)
            live_at(node->outputs[k], node->last_step);
        for (int k = 0; node->facts != NULL && k < node->facts->count; ++k)
            live_at(node->facts->facts[k].tensor, node->step);
    }
    for (int i = 0; i < graph->output_count; ++i)
        live_at(graph->outputs[i], *step);
}

/* ---------------------------------------------------------------- storage classes */

static StorageKind storage_of(const Tensor *tensor, bool is_callers)
{
    if (tensor->is_row)
        return STORAGE_ROW;
    if (tensor->kind == TENSOR_CONSTANT)
        return STORAGE_CONSTANT;
    if (tensor->kind == TENSOR_STATE)
        return STORAGE_STATE;
    return tensor->kind == TENSOR_INPUT && is_callers ? STORAGE_INPUT : STORAGE_ARENA;
}

static void assign_storage(const Graph *graph, bool io_in_arena, bool is_main)
{
    for (int i = 0; i < graph->tensor_count; ++i)
        graph->tensors[i]->storage = storage_of(graph->tensors[i], !io_in_arena && is_main);
    for (int i = 0; is_main && !io_in_arena && i < graph->output_count; ++i)
        graph->outputs[i]->storage = STORAGE_OUTPUT;
    for (int i = 0; is_main && io_in_arena && i < graph->input_count; ++i)
        live_at(graph->inputs[i], 0);
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->region_count; ++k)
            assign_storage(graph->nodes[i]->regions[k], io_in_arena, false);
}

void plan_lives(Model *model, bool io_in_arena)
{
    int step = 0;
    walk(model->main, &step);
    model->step_count = step + 1;
    assign_storage(model->main, io_in_arena, true);
}
