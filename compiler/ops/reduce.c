/* SPDX-License-Identifier: MIT
 *
 * Reductions over any set of axes: Mean, Sum, ReduceMax, ReduceMin, ReduceProd, ReduceAny, ReduceAll.
 */
#include "../compiler.h"

#include <inttypes.h>
#include <math.h>

/* Neighbouring axes of one kind are merged; strides in elements of the input. */
typedef struct Axes {
    int rank;
    int64_t extent[MAX_RANK], stride[MAX_RANK];
    int64_t count;
} Axes;

static bool is_quantised(const Node *node)
{
    return is_quantised_dtype(node->inputs[0]);
}

static bool moves_values(OpKind op)
{
    return op == OP_REDUCE_MAX || op == OP_REDUCE_MIN;
}

static bool check_types(const Node *node)
{
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    const bool logical = node->op == OP_REDUCE_ANY || node->op == OP_REDUCE_ALL;
    const DType dtype = input->dtype;
    if (logical ? dtype != DTYPE_BOOL : (dtype != DTYPE_F32 && (!dtype_is_integer(dtype) || dtype == DTYPE_I4)))
        return node_error(node, "an operand of type %s is not supported", dtype_name(dtype));
    if (!is_quantised(node))
        return true;
    if (node->op == OP_REDUCE_PROD)
        return node_error(node, "a product of quantised values is not supported; dequantise them first");
    if (!is_per_tensor(output) || !(tensor_scale(output) > 0) || !(tensor_scale(input) > 0))
        return node_error(node, "the output must be quantised with one positive scale, as the input is");
    if (moves_values(node->op) && !same_quantisation(input, output))
        return node_error(node, "input and output must have the same scale and zero point");
    return true;
}

/* The axes to reduce, as a set of bits: all where none is named. */
static bool reduced_axes(const Node *node, unsigned *axes)
{
    const Attribute *attribute = node_attribute(node, "axes");
    const int rank = node->inputs[0]->shape.rank;
    *axes = 0;
    for (int i = 0; attribute != NULL && i < attribute->count && rank > 0; ++i) {
        int axis;
        if (!normalise_axis(node, attribute->integers[i], rank, &axis))
            return false;
        *axes |= 1u << axis;
    }
    if (attribute == NULL || attribute->count == 0)
        *axes = (1u << rank) - 1;
    return true;
}

bool reduce_shape(Node *node)
{
    unsigned axes;
    if (!node_take_ints(node, 1, "axes") || !reduced_axes(node, &axes))
        return false;
    const Shape *input = &node->inputs[0]->shape;
    const bool keep = node_int(node, "keep_dims", 0) != 0;
    Shape shape = {0};
    for (int i = 0; i < input->rank; ++i) {
        const bool is_reduced = axes >> i & 1;
        if (is_reduced && input->dim[i] == 0)
            return node_error(node, "axis %d is empty; it cannot be reduced", i);
        if (!is_reduced)
            shape.dim[shape.rank++] = input->dim[i];
        else if (keep)
            shape.dim[shape.rank++] = 1;
    }
    return set_output(node, 0, node->inputs[0]->dtype, shape) && check_types(node);
}

static Axes axes_of(const Node *node, bool want_reduced)
{
    const Shape *shape = &node->inputs[0]->shape;
    Axes axes = {.count = 1};
    unsigned reduced = 0;
    int64_t stride = tensor_elements(node->inputs[0]);
    bool follows = false;
    reduced_axes(node, &reduced);
    for (int i = 0; i < shape->rank; ++i) {
        const int64_t extent = shape->dim[i];
        stride = extent > 0 ? stride / extent : 0;
        if (extent == 1)
            continue;
        const bool wanted = (reduced >> i & 1) == want_reduced;
        if (wanted && !follows)
            axes.extent[axes.rank++] = 1;
        follows = wanted;
        if (!wanted)
            continue;
        axes.extent[axes.rank - 1] *= extent;
        axes.stride[axes.rank - 1] = stride;
        axes.count *= extent;
    }
    return axes;
}

static int64_t element_of(const Axes *axes, int64_t index)
{
    int64_t element = 0;
    for (int i = axes->rank - 1; i >= 0; --i) {
        element += index % axes->extent[i] * axes->stride[i];
        index /= axes->extent[i];
    }
    return element;
}

/* ---- quantised sums and means */

static int floor_log2(int64_t value)
{
    int result = 0;
    for (; value > 1; value /= 2)
        ++result;
    return result;
}

/* tensorflow/lite/kernels/internal/reference/reduce.h, QuantizedMeanOrSum: 1 / count is part of the multiplier,
 * normalised by the power of two below count. */
static Rescale sum_rescale(const Node *node, int64_t count)
{
    Rescale scale = rescale_by((double)tensor_scale(node->inputs[0]) / (double)tensor_scale(node->outputs[0]));
    if (node->op != OP_MEAN)
        return scale;
    int shift = floor_log2(count);
    shift = shift > 31 + scale.shift ? 31 + scale.shift : shift;
    scale.multiplier = (int32_t)((int64_t)scale.multiplier * (1LL << shift) / count);
    scale.shift -= shift;
    return scale;
}

static int64_t quantised_result(const Node *node, int64_t sum, int64_t count)
{
    const Tensor *output = node->outputs[0];
    const int32_t shifted = (int32_t)(uint32_t)(uint64_t)(sum - tensor_zero_point(node->inputs[0]) * count);
    const int32_t value = rescaled(node, shifted, sum_rescale(node, count));
    return clamp32((int64_t)value + tensor_zero_point(output), (int32_t)dtype_min(output->dtype),
        (int32_t)dtype_max(output->dtype));
}

/* ---- evaluation */

static float reduce_float(const Node *node, const float *input, const Axes *reduced)
{
    float value = input[0];
    for (int64_t i = 1; i < reduced->count; ++i) {
        const float x = input[element_of(reduced, i)];
        if (node->op == OP_REDUCE_MAX)
            value = x > value ? x : value;
        else if (node->op == OP_REDUCE_MIN)
            value = x < value ? x : value;
        else
            value = node->op == OP_REDUCE_PROD ? value * x : value + x;
    }
    return node->op == OP_MEAN ? value / (float)reduced->count : value;
}

static bool exceeds(DType dtype, int64_t a, int64_t b)
{
    return dtype == DTYPE_U64 ? (uint64_t)a > (uint64_t)b : a > b;
}

static int64_t combine(OpKind op, DType dtype, int64_t value, int64_t x)
{
    switch (op) {
    case OP_REDUCE_MAX:
        return exceeds(dtype, x, value) ? x : value;
    case OP_REDUCE_MIN:
        return exceeds(dtype, value, x) ? x : value;
    case OP_REDUCE_PROD:
        return (int64_t)((uint64_t)value * (uint64_t)x);
    case OP_REDUCE_ANY:
        return value != 0 || x != 0;
    case OP_REDUCE_ALL:
        return value != 0 && x != 0;
    default:
        return (int64_t)((uint64_t)value + (uint64_t)x);
    }
}

static int64_t reduce_integer(const Node *node, const void *data, int64_t start, const Axes *reduced)
{
    const DType dtype = node->inputs[0]->dtype;
    int64_t value = element_int(dtype, data, start);
    for (int64_t i = 1; i < reduced->count; ++i)
        value = combine(node->op, dtype, value, element_int(dtype, data, start + element_of(reduced, i)));
    if (is_quantised(node) && !moves_values(node->op))
        return quantised_result(node, value, reduced->count);
    if (node->op != OP_MEAN)
        return value;
    return dtype == DTYPE_U64 ? (int64_t)((uint64_t)value / (uint64_t)reduced->count) : value / reduced->count;
}

bool reduce_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const DType dtype = node->inputs[0]->dtype;
    const Axes kept = axes_of(node, false), reduced = axes_of(node, true);
    for (int64_t i = 0; i < kept.count; ++i) {
        const int64_t start = element_of(&kept, i);
        if (dtype == DTYPE_F32)
            ((float *)evaluation->out[0])[i] = reduce_float(node, (const float *)evaluation->in[0] + start, &reduced);
        else
            element_set_int(dtype, evaluation->out[0], i, reduce_integer(node, evaluation->in[0], start, &reduced));
    }
    return true;
}

/* ---- facts */

static void axes_facts(Facts *facts, const Axes *axes, const char *extents, const char *index, const char *variable)
{
    fact_ints(facts, extents, axes->rank, axes->extent);
    fact_string(facts, index, index_text(facts->arena, axes->rank, axes->stride, variable));
}

static const char *output_index(Facts *facts, const Axes *kept)
{
    int64_t strides[MAX_RANK], stride = 1;
    for (int i = kept->rank - 1; i >= 0; --i) {
        strides[i] = stride;
        stride *= kept->extent[i];
    }
    return index_text(facts->arena, kept->rank, strides, "i");
}

bool reduce_facts(const Node *node, Facts *facts)
{
    const Axes kept = axes_of(node, false), reduced = axes_of(node, true);
    const bool rescales = is_quantised(node) && !moves_values(node->op);
    axes_facts(facts, &kept, "kept_extents", "kept_index", "i");
    axes_facts(facts, &reduced, "reduced_extents", "reduced_index", "k");
    fact_string(facts, "output_index", output_index(facts, &kept));
    fact_int(facts, "count", reduced.count);
    fact_int(facts, "rescales", rescales);
    fact_int(facts, "single_rounding", node->model->single_rounding);
    if (!rescales)
        return true;
    fact_rescale(facts, "output", sum_rescale(node, reduced.count));
    /* The sum, zero point taken off, as the reference has it: modulo 2^32 where it is that large. */
    const int64_t largest = 65536 * reduced.count,
                  offset = -(int64_t)tensor_zero_point(node->inputs[0]) * reduced.count;
    fact_int(facts, "wraps", largest > INT32_MAX);
    fact_int(facts, "sum_offset", (int32_t)(uint32_t)(uint64_t)offset);
    return true;
}
