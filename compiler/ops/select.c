/* SPDX-License-Identifier: MIT
 *
 * Select: the condition decides, element by element, between two operands of one type. Values are moved, not computed.
 */
#include "../compiler.h"

#include <string.h>

/* Version 1 (tensorflow/lite/kernels/select.cc): a condition of rank 0 or 1 selects whole rows of the first axis. */
static Shape condition_shape(const Node *node)
{
    Shape shape = node->inputs[0]->shape;
    const int rank = node->inputs[1]->shape.rank;
    if (node_int(node, "version", 2) != 1 || shape.rank > 1 || rank <= 1)
        return shape;
    const int32_t rows = shape.rank == 1 ? shape.dim[0] : 1;
    shape.rank = rank;
    for (int i = 0; i < rank; ++i)
        shape.dim[i] = i == 0 ? rows : 1;
    return shape;
}

bool select_shape(Node *node)
{
    const Tensor *condition = node->inputs[0], *a = node->inputs[1], *b = node->inputs[2];
    const Shape rows = condition_shape(node);
    Shape values, shape;
    if (condition->dtype != DTYPE_BOOL)
        return node_error(node, "the condition is %s; it must be bool", dtype_name(condition->dtype));
    if (a->dtype != b->dtype || a->dtype == DTYPE_I4)
        return node_error(node, "operands are %s and %s; they must have the same type, of whole bytes",
            dtype_name(a->dtype), dtype_name(b->dtype));
    if (!broadcast_shapes(node, &a->shape, &b->shape, &values) || !broadcast_shapes(node, &rows, &values, &shape))
        return false;
    return set_output(node, 0, a->dtype, shape);
}

static BroadcastWalk walk_of(const Node *node)
{
    BroadcastWalk walk;
    const Shape rows = condition_shape(node);
    const Shape *shapes[] = {&rows, &node->inputs[1]->shape, &node->inputs[2]->shape};
    broadcast_walk(&walk, &node->outputs[0]->shape, shapes, 3);
    return walk;
}

bool select_evaluate(const Evaluation *evaluation)
{
    const Tensor *output = evaluation->node->outputs[0];
    const BroadcastWalk walk = walk_of(evaluation->node);
    const size_t bytes = dtype_bits(output->dtype) / 8;
    const uint8_t *condition = evaluation->in[0];
    for (int64_t i = 0; i < tensor_elements(output); ++i) {
        const int chosen = condition[broadcast_element(&walk, 0, i)] != 0 ? 1 : 2;
        const uint8_t *source =
            (const uint8_t *)evaluation->in[chosen] + (size_t)broadcast_element(&walk, chosen, i) * bytes;
        memcpy((uint8_t *)evaluation->out[0] + (size_t)i * bytes, source, bytes);
    }
    return true;
}

bool select_facts(const Node *node, Facts *facts)
{
    static const char *const names[] = {"condition_index", "a_index", "b_index"};
    const BroadcastWalk walk = walk_of(node);
    broadcast_facts(&walk, facts, names);
    return true;
}
