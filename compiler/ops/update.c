/* SPDX-License-Identifier: MIT
 *
 * DynamicUpdateSlice: the input with a box of it replaced by another tensor. Where the box begins is usually known at run time
 * only; it is moved so that it lies inside (tensorflow/lite/micro/kernels/dynamic_update_slice.cc).
 */
#include "../compiler.h"

#include <inttypes.h>

bool update_shape(Node *node)
{
    const Tensor *input = node->inputs[0], *update = node->inputs[1], *begin = node->inputs[2];
    const int rank = input->shape.rank;
    char a[112], b[112];
    bool fits = update->shape.rank == rank;
    for (int i = 0; fits && i < rank; ++i)
        fits = update->shape.dim[i] <= input->shape.dim[i];
    if (update->dtype != input->dtype)
        return node_error(node, "the update is %s, the input %s", dtype_name(update->dtype), dtype_name(input->dtype));
    if (!fits)
        return node_error(node, "an update of shape %s does not fit into %s", shape_text(&update->shape, a), shape_text(&input->shape, b));
    if ((begin->dtype != DTYPE_I32 && begin->dtype != DTYPE_I64) || tensor_elements(begin) != rank)
        return node_error(node, "begin is %s with %" PRId64 " values; int32 or int64 with %d are expected", dtype_name(begin->dtype),
            tensor_elements(begin), rank);
    return is_movable(node, input) && set_moved_output(node, 0, input->shape);
}

bool update_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const Tensor *input = node->inputs[0], *update = node->inputs[1], *begin = node->inputs[2];
    int32_t from[MAX_RANK] = {0}, to[MAX_RANK] = {0};
    int64_t start[MAX_RANK] = {0};
    for (int64_t i = 0; i < tensor_elements(input); ++i)
        copy_element(input->dtype, evaluation->in[0], i, evaluation->out[0], i);
    for (int i = 0; i < input->shape.rank; ++i) {
        const int64_t most = input->shape.dim[i] - update->shape.dim[i], wanted = element_int(begin->dtype, evaluation->in[2], i);
        start[i] = wanted < 0 ? 0 : wanted > most ? most
                                                  : wanted;
    }
    for (bool more = tensor_elements(update) > 0; more; more = next_coordinates(&update->shape, from)) {
        for (int i = 0; i < input->shape.rank; ++i)
            to[i] = (int32_t)(start[i] + from[i]);
        copy_element(input->dtype, evaluation->in[1], element_index(&update->shape, from), evaluation->out[0],
            element_index(&input->shape, to));
    }
    return true;
}

/* Loops that read the update in order ("extents", "strides" in the output, "run"); per axis that moves its position in begin
 * ("moving"), its largest value ("limits") and elements per step ("steps"). */
bool update_facts(const Node *node, Facts *facts)
{
    const Shape *whole = &node->inputs[0]->shape, *part = &node->inputs[1]->shape;
    int64_t strides[MAX_RANK], positions[MAX_RANK], limits[MAX_RANK], steps[MAX_RANK];
    int64_t stride = 1;
    int count = 0;
    for (int i = whole->rank - 1; i >= 0; stride *= whole->dim[i--])
        strides[i] = stride;
    Walk walk = {0};
    for (int i = 0; i < whole->rank; ++i) {
        walk_add(&walk, part->dim[i], strides[i]);
        if (part->dim[i] == whole->dim[i])
            continue;
        positions[count] = i;
        limits[count] = whole->dim[i] - part->dim[i];
        steps[count++] = strides[i];
    }
    walk_facts(&walk, facts);
    fact_ints(facts, "moving", count, positions);
    fact_ints(facts, "limits", count, limits);
    fact_ints(facts, "steps", count, steps);
    fact_int(facts, "is_empty", shape_elements(part) == 0);
    return true;
}
