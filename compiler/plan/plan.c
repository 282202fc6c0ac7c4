/* SPDX-License-Identifier: MIT
 *
 * The memory plan: liveness, then placement, then offsets into every tensor and totals into the model.
 */
#include "plan.h"

#include <stdlib.h>

static int64_t alignment_of(const Tensor *tensor)
{
    return dtype_bits(tensor->dtype) == 64 ? 8 : 4;
}

static int collect(const Graph *graph, PlannedBuffer *buffers, int count)
{
    for (int i = 0; i < graph->tensor_count; ++i) {
        Tensor *tensor = graph->tensors[i];
        if (tensor->storage != STORAGE_ARENA || tensor->alias_of != NULL || tensor->last_use < 0 || tensor_bytes(tensor) == 0)
            continue;
        if (buffers != NULL) {
            const int64_t alignment = alignment_of(tensor);
            buffers[count] = (PlannedBuffer){
                .tensor = tensor,
                .bytes = (tensor_bytes(tensor) + alignment - 1) / alignment * alignment,
                .alignment = alignment,
                .first = tensor->first_use,
                .last = tensor->last_use,
                .id = count,
                .offset = tensor->offset,
            };
        }
        ++count;
    }
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->region_count; ++k)
            count = collect(graph->nodes[i]->regions[k], buffers, count);
    return count;
}

/* Aliases take over what their root was given. */
static void resolve_aliases(const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; ++i) {
        Tensor *tensor = graph->tensors[i];
        const Tensor *root = storage_root(tensor);
        tensor->storage = root->storage;
        tensor->offset = root->offset;
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

bool plan_memory(Model *model, bool io_in_arena)
{
    plan_liveness(model, io_in_arena);
    const int count = collect(model->main, NULL, 0);
    PlannedBuffer *buffers = arena_array(model->arena, (size_t)count + 1, sizeof *buffers);
    collect(model->main, buffers, 0);
    model->arena_bytes = place_buffers(buffers, count, DEFAULT_SEARCH_NODES, &model->arena_lower_bound);
    model->arena_optimal = model->arena_bytes == model->arena_lower_bound;
    for (int i = 0; i < count; ++i)
        ((Tensor *)(uintptr_t)buffers[i].tensor)->offset = buffers[i].offset;
    resolve_aliases(model->main);
    model->state_bytes = state_bytes(model->main);
    model->io_in_arena = io_in_arena;
    return true;
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
    const int count = collect(model->main, NULL, 0);
    *buffers = arena_array(model->arena, (size_t)count + 1, sizeof **buffers);
    collect(model->main, *buffers, 0);
    qsort(*buffers, (size_t)count, sizeof **buffers, by_address);
    return count;
}
