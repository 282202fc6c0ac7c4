/* SPDX-License-Identifier: MIT
 *
 * Gather: slices of the input along an axis, chosen by indices; the first batch_dims axes of both go together. GatherNd: the
 * indices' last axis holds whole coordinates.
 *
 * Constant indices are checked here. Indices that are known at run time only: the interpreter reports one that is out of
 * range; generated code clamps it into the range, so that it never reads outside of the input.
 */
#include "../compiler.h"

#include <inttypes.h>

typedef struct Layout {
    int64_t batches, outer, extent, inner, count; /* input [batches, outer, extent, inner], indices [batches, count] */
} Layout;

static bool check_indices(const Node *node)
{
    const Tensor *indices = node->inputs[1];
    if (indices->dtype == DTYPE_I32 || indices->dtype == DTYPE_I64)
        return true;
    return node_error(node, "indices have type %s; int32 and int64 are supported", dtype_name(indices->dtype));
}

/* ---------------------------------------------------------------- Gather */

static bool gather_axes(const Node *node, int *axis, int *batch_dims)
{
    const Shape *from = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
    const int64_t batch = node_int(node, "batch_dims", 0);
    const int64_t count = batch < 0 ? batch + indices->rank : batch;
    if (!normalise_axis(node, node_int(node, "axis", 0), from->rank, axis))
        return false;
    if (count < 0 || count > *axis || count > indices->rank)
        return node_error(
            node, "batch_dims %" PRId64 " fits neither axis %d nor indices of rank %d", batch, *axis, indices->rank);
    for (int i = 0; i < count; ++i)
        if (from->dim[i] != indices->dim[i])
            return node_error(node, "batch axis %d has extent %d in the input, %d in the indices", i, (int)from->dim[i],
                (int)indices->dim[i]);
    *batch_dims = (int)count;
    return true;
}

static int64_t product(const Shape *shape, int first, int end)
{
    int64_t result = 1;
    for (int i = first; i < end; ++i)
        result *= shape->dim[i];
    return result;
}

static bool gather_layout(const Node *node, Layout *layout)
{
    const Shape *from = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
    int axis, batch_dims;
    if (!gather_axes(node, &axis, &batch_dims))
        return false;
    *layout = (Layout){
        .batches = product(from, 0, batch_dims),
        .outer = product(from, batch_dims, axis),
        .extent = from->dim[axis],
        .inner = product(from, axis + 1, from->rank),
        .count = product(indices, batch_dims, indices->rank),
    };
    return true;
}

static bool gather_output(const Node *node, Shape *shape)
{
    const Shape *from = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
    int axis, batch_dims;
    if (!gather_axes(node, &axis, &batch_dims))
        return false;
    if (from->rank - 1 + indices->rank - batch_dims > MAX_RANK)
        return node_error(node, "the output would have rank %d; at most %d are supported",
            from->rank - 1 + indices->rank - batch_dims, MAX_RANK);
    *shape = shape_from(axis, from->dim);
    for (int i = batch_dims; i < indices->rank; ++i)
        shape->dim[shape->rank++] = indices->dim[i];
    for (int i = axis + 1; i < from->rank; ++i)
        shape->dim[shape->rank++] = from->dim[i];
    return true;
}

/* ---------------------------------------------------------------- GatherNd */

/* Coordinates per index: the extent of the indices' last axis. */
static int depth_of(const Node *node)
{
    const Shape *indices = &node->inputs[1]->shape;
    return indices->dim[indices->rank - 1];
}

static bool gather_nd_output(const Node *node, Shape *shape)
{
    const Shape *from = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
    if (indices->rank < 1 || depth_of(node) > from->rank)
        return node_error(node, "indices have rank %d and %d coordinates; the input has %d axes", indices->rank,
            indices->rank > 0 ? depth_of(node) : 0, from->rank);
    const int rank = indices->rank - 1 + from->rank - depth_of(node);
    if (rank > MAX_RANK)
        return node_error(node, "the output would have rank %d; at most %d are supported", rank, MAX_RANK);
    *shape = shape_from(indices->rank - 1, indices->dim);
    for (int i = depth_of(node); i < from->rank; ++i)
        shape->dim[shape->rank++] = from->dim[i];
    return true;
}

/* ---------------------------------------------------------------- both */

static int32_t index_extent(const Node *node, int64_t position)
{
    const Shape *from = &node->inputs[0]->shape;
    if (node->op == OP_GATHER_ND)
        return from->dim[position % depth_of(node)];
    int axis = 0;
    return normalise_axis(node, node_int(node, "axis", 0), from->rank, &axis) ? from->dim[axis] : 0;
}

static bool check_range(const Node *node, const void *data)
{
    const Tensor *indices = node->inputs[1];
    for (int64_t i = 0; i < tensor_elements(indices); ++i) {
        const int64_t index = element_int(indices->dtype, data, i);
        if (index < 0 || index >= index_extent(node, i))
            return node_error(node, "index %" PRId64 " (number %" PRId64 ") is out of range; the axis has extent %d",
                index, i, (int)index_extent(node, i));
    }
    return true;
}

/* Clamping needs one element at least. */
static bool check_extents(const Node *node)
{
    const Tensor *output = node->outputs[0];
    if (tensor_elements(output) > 0 && tensor_elements(node->inputs[0]) == 0)
        return node_error(node, "there is nothing to gather: the input has no elements");
    return !tensor_is_constant(node->inputs[1]) || check_range(node, node->inputs[1]->data);
}

bool gather_shape(Node *node)
{
    Shape shape;
    if (!check_indices(node) || !(node->op == OP_GATHER ? gather_output(node, &shape) : gather_nd_output(node, &shape)))
        return false;
    return set_moved_output(node, 0, shape) && check_extents(node);
}

static void gather_nd(const Evaluation *evaluation)
{
    const Tensor *input = evaluation->node->inputs[0], *indices = evaluation->node->inputs[1];
    const int depth = depth_of(evaluation->node);
    const int64_t run = product(&input->shape, depth, input->shape.rank),
                  count = product(&indices->shape, 0, indices->shape.rank - 1);
    for (int64_t i = 0; i < count; ++i) {
        int64_t row = 0;
        for (int k = 0; k < depth; ++k)
            row = row * input->shape.dim[k] + element_int(indices->dtype, evaluation->in[1], i * depth + k);
        for (int64_t k = 0; k < run; ++k)
            copy_element(input->dtype, evaluation->in[0], row * run + k, evaluation->out[0], i * run + k);
    }
}

static void gather(const Evaluation *evaluation, const Layout *layout)
{
    const Tensor *input = evaluation->node->inputs[0], *indices = evaluation->node->inputs[1];
    int64_t written = 0;
    for (int64_t b = 0; b < layout->batches; ++b)
        for (int64_t o = 0; o < layout->outer; ++o)
            for (int64_t i = 0; i < layout->count; ++i) {
                const int64_t index = element_int(indices->dtype, evaluation->in[1], b * layout->count + i);
                const int64_t row = (b * layout->outer + o) * layout->extent + index;
                for (int64_t k = 0; k < layout->inner; ++k)
                    copy_element(
                        input->dtype, evaluation->in[0], row * layout->inner + k, evaluation->out[0], written++);
            }
}

bool gather_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    Layout layout;
    if (!check_range(node, evaluation->in[1]))
        return false;
    if (node->op == OP_GATHER_ND)
        gather_nd(evaluation);
    else if (!gather_layout(node, &layout))
        return false;
    else
        gather(evaluation, &layout);
    return true;
}

static void gather_nd_facts(const Node *node, Facts *facts)
{
    const Shape *from = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
    const int depth = depth_of(node);
    int64_t extents[MAX_RANK], strides[MAX_RANK];
    for (int k = 0; k < depth; ++k) {
        extents[k] = from->dim[k];
        strides[k] = product(from, k + 1, from->rank);
    }
    fact_ints(facts, "extents", depth, extents);
    fact_ints(facts, "strides", depth, strides);
    fact_int(facts, "count", product(indices, 0, indices->rank - 1));
    fact_int(facts, "run", product(from, depth, from->rank));
}

bool gather_facts(const Node *node, Facts *facts)
{
    Layout layout;
    if (!is_movable(node, node->inputs[0]))
        return false;
    fact_int(facts, "is_checked", tensor_is_constant(node->inputs[1])); /* indices in range for sure */
    if (node->op == OP_GATHER_ND) {
        gather_nd_facts(node, facts);
        return true;
    }
    if (!gather_layout(node, &layout))
        return false;
    fact_int(facts, "batches", layout.batches);
    fact_int(facts, "outer", layout.outer);
    fact_int(facts, "extent", layout.extent);
    fact_int(facts, "count", layout.count);
    fact_int(facts, "run", layout.inner);
    return true;
}
