/* SPDX-License-Identifier: MIT
 *
 * ArgMax and ArgMin: the first place of the largest or least value along an axis, as int32 or int64.
 */
#include "../compiler.h"

static bool axis_of(const Node *node, int *axis)
{
    const int rank = node->inputs[0]->shape.rank;
    if (!node_has(node, "axis"))
        return node_error(node, "attribute \"axis\" is absent");
    return normalise_axis(node, node_ints(node, "axis", 0, 0), rank, axis);
}

bool arg_reduce_shape(Node *node)
{
    const Tensor *input = node->inputs[0];
    DType dtype = node->outputs[0]->dtype;
    const char *name = node_string(node, "dtype", NULL);
    int axis;
    if (!node_take_ints(node, 1, "axis") || !axis_of(node, &axis))
        return false;
    if (input->dtype != DTYPE_F32 && input->dtype != DTYPE_BOOL &&
        (!dtype_is_integer(input->dtype) || input->dtype == DTYPE_I4 || input->dtype == DTYPE_U64))
        return node_error(node, "an operand of type %s is not supported", dtype_name(input->dtype));
    if (input->shape.dim[axis] == 0)
        return node_error(node, "axis %d is empty; nothing can be found there", axis);
    if (name != NULL)
        dtype = dtype_from_name(name);
    if (dtype == DTYPE_NONE)
        dtype = DTYPE_I32;
    if (dtype != DTYPE_I32 && dtype != DTYPE_I64)
        return node_error(node, "the output must be int32 or int64");
    Shape shape = input->shape;
    --shape.rank;
    for (int i = axis; i < shape.rank; ++i)
        shape.dim[i] = shape.dim[i + 1];
    return set_output(node, 0, dtype, shape);
}

static AxisExtents extents_of(const Node *node)
{
    int axis = 0;
    axis_of(node, &axis);
    return axis_extents(&node->inputs[0]->shape, axis);
}

/* tensorflow/lite/kernels/internal/reference/arg_min_max.h: only a strictly better value moves the place */
static bool is_better(const Node *node, const void *data, int64_t candidate, int64_t best)
{
    const DType dtype = node->inputs[0]->dtype;
    const bool wants_most = node->op == OP_ARG_MAX;
    if (dtype == DTYPE_F32) {
        const float x = ((const float *)data)[candidate], y = ((const float *)data)[best];
        return wants_most ? x > y : x < y;
    }
    const int64_t x = element_int(dtype, data, candidate), y = element_int(dtype, data, best);
    return wants_most ? x > y : x < y;
}

bool arg_reduce_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const AxisExtents extents = extents_of(node);
    for (int64_t i = 0; i < extents.outer * extents.inner; ++i) {
        const int64_t start = i / extents.inner * extents.depth * extents.inner + i % extents.inner;
        int64_t best = 0;
        for (int64_t k = 1; k < extents.depth; ++k)
            if (is_better(node, evaluation->in[0], start + k * extents.inner, start + best * extents.inner))
                best = k;
        element_set_int(node->outputs[0]->dtype, evaluation->out[0], i, best);
    }
    return true;
}

bool arg_reduce_facts(const Node *node, Facts *facts)
{
    const AxisExtents extents = extents_of(node);
    fact_int(facts, "outer", extents.outer);
    fact_int(facts, "depth", extents.depth);
    fact_int(facts, "inner", extents.inner);
    return true;
}
