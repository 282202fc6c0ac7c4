/* SPDX-License-Identifier: MIT
 *
 * The invariants that hold between passes. A breach is a defect of the compiler or of an importer, found where it arises.
 */
#include "../compiler.h"

static bool broken(const Model *model, const char *after, const char *what, const char *name)
{
    return error_at(model->path, "after %s: %s: \"%s\"; this is a defect of etch, please report it", after, what, name);
}

static bool verify_tensor(const Model *model, const char *after, const Tensor *tensor)
{
    if (!shape_is_valid(&tensor->shape))
        return broken(model, after, "shape out of range", tensor->name);
    if (tensor->kind == TENSOR_CONSTANT && tensor->data == NULL && tensor_bytes(tensor) > 0)
        return broken(model, after, "constant without data", tensor->name);
    if (tensor->kind == TENSOR_CONSTANT && tensor->shape_known && (int64_t)tensor->data_bytes < tensor_bytes(tensor))
        return broken(model, after, "constant with too few bytes", tensor->name);
    if (tensor->quantisation.count > 0 && (tensor->quantisation.scale == NULL || tensor->quantisation.zero_point == NULL))
        return broken(model, after, "incomplete quantisation", tensor->name);
    return true;
}

/* requires nothing; tensor->mark: 0 not yet produced, 1 available */
static bool verify_graph(const Model *model, const char *after, const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; ++i) {
        Tensor *tensor = graph->tensors[i];
        tensor->mark = tensor->kind != TENSOR_TEMPORARY;
        if (!verify_tensor(model, after, tensor))
            return false;
    }
    for (int i = 0; i < graph->input_count; ++i)
        if (graph->inputs[i]->kind != TENSOR_INPUT)
            return broken(model, after, "graph input of another kind", graph->inputs[i]->name);
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        for (int k = 0; k < node->input_count; ++k)
            if (node->inputs[k] != NULL && !node->inputs[k]->mark)
                return broken(model, after, "tensor read before it is made", node->inputs[k]->name);
        for (int k = 0; k < node->output_count; ++k) {
            if (node->outputs[k] == NULL)
                continue;
            if (node->outputs[k]->mark)
                return broken(model, after, "tensor with two producers", node->outputs[k]->name);
            node->outputs[k]->mark = 1;
        }
        for (int k = 0; k < node->region_count; ++k)
            if (!verify_graph(model, after, node->regions[k]))
                return false;
    }
    for (int i = 0; i < graph->output_count; ++i)
        if (!graph->outputs[i]->mark)
            return broken(model, after, "graph output without a producer", graph->outputs[i]->name);
    return true;
}

bool verify_model(const Model *model, const char *after)
{
    return verify_graph(model, after, model->main);
}
