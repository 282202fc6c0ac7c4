/* SPDX-License-Identifier: MIT
 *
 * L2Normalization along the last axis: x / |x|.
 */
#include "../compiler.h"

#include <math.h>

bool normalize_shape(Node *node)
{
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    if (input->shape.rank < 1)
        return node_error(node, "the operand is a scalar; it needs an axis");
    const bool is_quantised = is_quantised_dtype(input) && is_8_bit(input->dtype);
    if (input->dtype != DTYPE_F32 && !is_quantised)
        return node_error(node, "an operand of type %s is not supported; float32 and quantised int8, uint8 are",
            dtype_name(input->dtype));
    if (!set_output(node, 0, input->dtype, input->shape))
        return false;
    const int32_t zero = input->dtype == DTYPE_U8 ? 128 : 0;
    if (is_quantised && (tensor_scale(output) != 1.0f / 128 || tensor_zero_point(output) != zero))
        return node_error(node, "the output's scale must be 1/128 and its zero point %d", zero);
    return true;
}

static int32_t depth_of(const Node *node)
{
    const Shape *shape = &node->inputs[0]->shape;
    return shape->dim[shape->rank - 1];
}

static int64_t rows_of(const Node *node)
{
    return depth_of(node) == 0 ? 0 : tensor_elements(node->inputs[0]) / depth_of(node);
}

/* tensorflow/lite/kernels/internal/reference/l2normalization.h */
static void normalise_float(const float *input, float *output, int32_t depth)
{
    float sum = 0;
    for (int32_t c = 0; c < depth; ++c)
        sum += input[c] * input[c];
    const float norm = sqrtf(sum), divisor = norm < 1e-6f ? 1e-6f : norm;
    for (int32_t c = 0; c < depth; ++c)
        output[c] = input[c] / divisor;
}

/* l2normalization.h, integer_ops/l2normalization.h: 1 / |x| as multiplier and shift, the output in steps of 1/128. The
 * unsigned form brings the 7 bits into the value, the signed one into the shift. */
static void normalise_8_bit(const Evaluation *evaluation, int64_t start, int32_t depth)
{
    const Tensor *input = evaluation->node->inputs[0], *output = evaluation->node->outputs[0];
    const int32_t zero = tensor_zero_point(input), low = (int32_t)dtype_min(output->dtype),
                  high = (int32_t)dtype_max(output->dtype);
    const bool is_unsigned = input->dtype == DTYPE_U8;
    uint32_t sum = 0;
    for (int32_t c = 0; c < depth; ++c) {
        const int32_t value = (int32_t)element_int(input->dtype, evaluation->in[0], start + c) - zero;
        sum += (uint32_t)(value * value);
    }
    Rescale scale;
    inverse_sqrt_multiplier((int32_t)sum, &scale.multiplier, &scale.shift);
    scale.shift += is_unsigned ? 0 : 7;
    for (int32_t c = 0; c < depth; ++c) {
        const int32_t value = (int32_t)element_int(input->dtype, evaluation->in[0], start + c) - zero;
        const int32_t result = rescaled(evaluation->node, is_unsigned ? 128 * value : value, scale);
        element_set_int(output->dtype, evaluation->out[0], start + c,
            clamp32((int64_t)result + tensor_zero_point(output), low, high));
    }
}

bool normalize_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const int32_t depth = depth_of(node);
    for (int64_t row = 0; row < rows_of(node); ++row) {
        if (node->inputs[0]->dtype == DTYPE_F32)
            normalise_float(
                (const float *)evaluation->in[0] + row * depth, (float *)evaluation->out[0] + row * depth, depth);
        else
            normalise_8_bit(evaluation, row * depth, depth);
    }
    return true;
}

bool normalize_facts(const Node *node, Facts *facts)
{
    fact_int(facts, "rows", rows_of(node));
    fact_int(facts, "depth", depth_of(node));
    fact_int(facts, "single_rounding", node->model->single_rounding);
    return true;
}
