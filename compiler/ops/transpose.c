/* SPDX-License-Identifier: MIT
 *
 * Transpose: output axis i is input axis permutation[i]; without a permutation the axes are reversed.
 */
#include "../compiler.h"

static int source_axis(const Node *node, int axis)
{
    const int rank = node->inputs[0]->shape.rank;
    const int64_t source = node_ints(node, "permutation", axis, rank - 1 - axis);
    return (int)(source < 0 ? source + rank : source);
}

bool transpose_shape(Node *node)
{
    const Shape *from = &node->inputs[0]->shape;
    if (!node_take_ints(node, 1, "permutation"))
        return false;
    const Attribute *permutation = node_attribute(node, "permutation");
    if (permutation != NULL && (permutation->type != ATTRIBUTE_INTS || permutation->count != from->rank))
        return node_error(node, "the permutation has %d axes, the input %d", permutation->count, from->rank);
    Shape shape = {.rank = from->rank};
    bool used[MAX_RANK] = {false};
    for (int i = 0; i < from->rank; ++i) {
        int axis;
        if (!normalise_axis(node, node_ints(node, "permutation", i, from->rank - 1 - i), from->rank, &axis))
            return false;
        if (used[axis])
            return node_error(node, "the permutation names axis %d twice", axis);
        used[axis] = true;
        shape.dim[i] = from->dim[axis];
    }
    return set_moved_output(node, 0, shape);
}

bool transpose_evaluate(const Evaluation *evaluation)
{
    const Tensor *input = evaluation->node->inputs[0], *output = evaluation->node->outputs[0];
    int32_t to[MAX_RANK] = {0}, from[MAX_RANK] = {0};
    if (tensor_elements(output) == 0)
        return true;
    do {
        for (int i = 0; i < output->shape.rank; ++i)
            from[source_axis(evaluation->node, i)] = to[i];
        copy_element(input->dtype, evaluation->in[0], element_index(&input->shape, from), evaluation->out[0],
            element_index(&output->shape, to));
    } while (next_coordinates(&output->shape, to));
    return true;
}

bool transpose_facts(const Node *node, Facts *facts)
{
    const Shape *from = &node->inputs[0]->shape;
    int64_t strides[MAX_RANK];
    int64_t stride = 1;
    for (int i = from->rank - 1; i >= 0; stride *= from->dim[i--])
        strides[i] = stride;
    Walk walk = {0};
    for (int i = 0; i < from->rank; ++i)
        walk_add(&walk, from->dim[source_axis(node, i)], strides[source_axis(node, i)]);
    walk_facts(&walk, facts);
    return is_movable(node, node->inputs[0]);
}
