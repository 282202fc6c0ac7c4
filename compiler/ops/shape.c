/* SPDX-License-Identifier: MIT
 *
 * Shape: the extents of its operand. Shapes are static, so it is always folded, whatever the operand is.
 */
#include "../compiler.h"

#include <string.h>

bool shape_shape(Node *node)
{
    const Tensor *output = node->outputs[0];
    DType dtype = output->dtype != DTYPE_NONE ? output->dtype : DTYPE_I32;
    if (node_has(node, "dtype"))
        dtype = dtype_from_name(node_string(node, "dtype", ""));
    if (dtype != DTYPE_I32 && dtype != DTYPE_I64)
        return node_error(node, "the output's type must be int32 or int64");
    return set_output(node, 0, dtype, shape_of(1, node->inputs[0]->shape.rank));
}

bool shape_evaluate(const Evaluation *evaluation)
{
    const Shape *shape = &evaluation->node->inputs[0]->shape;
    for (int i = 0; i < shape->rank; ++i)
        element_set_int(evaluation->node->outputs[0]->dtype, evaluation->out[0], i, shape->dim[i]);
    return true;
}

bool shape_facts(const Node *node, Facts *facts)
{
    const Shape *shape = &node->inputs[0]->shape;
    int64_t extents[MAX_RANK];
    for (int i = 0; i < shape->rank; ++i)
        extents[i] = shape->dim[i];
    fact_ints(facts, "extents", shape->rank, extents);
    return true;
}
