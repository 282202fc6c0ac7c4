/* SPDX-License-Identifier: MIT
 *
 * CumSum: running sums along an axis.
 */
#include "../compiler.h"

static bool is_quantised(const Node *node)
{
    return node->inputs[0]->dtype == DTYPE_I8 && is_per_tensor(node->inputs[0]);
}

static bool axis_of(const Node *node, int *axis)
{
    if (!node_has(node, "axis"))
        return node_error(node, "attribute \"axis\" is absent");
    return normalise_axis(node, node_ints(node, "axis", 0, 0), node->inputs[0]->shape.rank, axis);
}

bool cumulative_shape(Node *node)
{
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    int axis;
    if (!node_take_ints(node, 1, "axis") || !axis_of(node, &axis))
        return false;
    if (input->dtype != DTYPE_F32 && input->dtype != DTYPE_I32 && input->dtype != DTYPE_I64 && !is_quantised(node))
        return node_error(node, "an operand of type %s is not supported; float32, int32, int64 and quantised int8 are",
            dtype_name(input->dtype));
    if (!set_output(node, 0, input->dtype, input->shape))
        return false;
    if (is_quantised(node) && (!is_per_tensor(output) || !(tensor_scale(output) > 0) || !(tensor_scale(input) > 0)))
        return node_error(node, "the output must be quantised with one positive scale, as the input is");
    return true;
}

static AxisExtents extents_of(const Node *node)
{
    int axis = 0;
    axis_of(node, &axis);
    return axis_extents(&node->inputs[0]->shape, axis);
}

/* tensorflow/lite/micro/kernels/cumsum.cc and internal/reference/cumsum.h: values at twice their scale with 20 bits of
 * headroom, which is value * 2^19. The reference's sum starts at minus the zero point, not at 0; so does this one. */
static Rescale output_rescale(const Node *node)
{
    const double twice = 2 * (double)tensor_scale(node->inputs[0]);
    return rescale_by(twice / ((double)(1 << 20) * (double)tensor_scale(node->outputs[0])));
}

static int32_t headroom(int32_t value)
{
    return value * (1 << 19);
}

static int64_t quantised_result(const Node *node, uint32_t sum)
{
    const int32_t value = rescaled(node, (int32_t)sum, output_rescale(node));
    return clamp32((int64_t)value + tensor_zero_point(node->outputs[0]), INT8_MIN, INT8_MAX);
}

/* One element: adds it to the sum, before or after the result is taken. */
static void step_integer(const Evaluation *evaluation, int64_t index, bool exclusive, uint64_t *sum)
{
    const Node *node = evaluation->node;
    const DType dtype = node->inputs[0]->dtype;
    const int64_t stored = element_int(dtype, evaluation->in[0], index);
    const int64_t value = is_quantised(node) ? headroom((int32_t)stored - tensor_zero_point(node->inputs[0])) : stored;
    const uint64_t before = *sum, after = before + (uint64_t)value, result = exclusive ? before : after;
    element_set_int(dtype, evaluation->out[0], index,
        is_quantised(node) ? quantised_result(node, (uint32_t)result) : (int64_t)result);
    *sum = after;
}

static void step_float(const Evaluation *evaluation, int64_t index, bool exclusive, float *sum)
{
    const float before = *sum, after = before + ((const float *)evaluation->in[0])[index];
    ((float *)evaluation->out[0])[index] = exclusive ? before : after;
    *sum = after;
}

bool cumulative_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const AxisExtents extents = extents_of(node);
    const bool exclusive = node_int(node, "exclusive", 0) != 0, reverse = node_int(node, "reverse", 0) != 0;
    for (int64_t i = 0; i < extents.outer * extents.inner; ++i) {
        const int64_t start = i / extents.inner * extents.depth * extents.inner + i % extents.inner;
        uint64_t sum = is_quantised(node) ? (uint64_t)(int64_t)headroom(-tensor_zero_point(node->inputs[0])) : 0;
        float real_sum = 0;
        for (int64_t k = 0; k < extents.depth; ++k) {
            const int64_t index = start + (reverse ? extents.depth - 1 - k : k) * extents.inner;
            if (node->inputs[0]->dtype == DTYPE_F32)
                step_float(evaluation, index, exclusive, &real_sum);
            else
                step_integer(evaluation, index, exclusive, &sum);
        }
    }
    return true;
}

bool cumulative_facts(const Node *node, Facts *facts)
{
    const AxisExtents extents = extents_of(node);
    fact_int(facts, "outer", extents.outer);
    fact_int(facts, "depth", extents.depth);
    fact_int(facts, "inner", extents.inner);
    fact_int(facts, "exclusive", node_int(node, "exclusive", 0) != 0);
    fact_int(facts, "reverse", node_int(node, "reverse", 0) != 0);
    fact_int(facts, "quantised", is_quantised(node));
    fact_int(facts, "single_rounding", node->model->single_rounding);
    if (is_quantised(node))
        fact_rescale(facts, "output", output_rescale(node));
    return true;
}
