/* SPDX-License-Identifier: MIT
 *
 * Quantize (float or any quantised integer type to a quantised integer type) and Dequantize (to float32).
 */
#include "../compiler.h"

#include <math.h>

static bool is_quantised_target(DType dtype)
{
    return dtype == DTYPE_I8 || dtype == DTYPE_U8 || dtype == DTYPE_I16 || dtype == DTYPE_I32;
}

static bool quantize_checks(Node *node)
{
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    if (!is_quantised_target(output->dtype) || !is_per_tensor(output) || !(tensor_scale(output) > 0))
        return node_error(node, "the output must be int8, uint8, int16 or int32, quantised with one positive scale");
    if (input->dtype == DTYPE_F32)
        return true;
    if (!is_quantised_target(input->dtype) || !is_per_tensor(input) || !(tensor_scale(input) > 0))
        return node_error(
            node, "the input must be float32, or int8, uint8, int16, int32 quantised with one positive scale");
    return true;
}

static bool dequantize_checks(Node *node)
{
    const Tensor *input = node->inputs[0];
    const Quantisation *quantisation = &input->quantisation;
    if (input->dtype == DTYPE_F16 || input->dtype == DTYPE_F32)
        return true;
    if (!dtype_is_integer(input->dtype) || quantisation->count == 0)
        return node_error(node, "the input must be float16 or quantised integers");
    if (quantisation->count > 1 && (quantisation->axis < 0 || quantisation->axis >= input->shape.rank ||
                                       quantisation->count != input->shape.dim[quantisation->axis]))
        return node_error(node, "the input has %d scales, which is not the extent of its axis %d", quantisation->count,
            quantisation->axis);
    return true;
}

bool quantize_shape(Node *node)
{
    Tensor *output = node->outputs[0];
    if (node->op == OP_DEQUANTIZE)
        return dequantize_checks(node) && set_output(node, 0, DTYPE_F32, node->inputs[0]->shape);
    return quantize_checks(node) && set_output(node, 0, output->dtype, node->inputs[0]->shape);
}

/* ---- to integers */

static int64_t clamped(const Tensor *output, int64_t value)
{
    return clamp32(value, (int32_t)dtype_min(output->dtype), (int32_t)dtype_max(output->dtype));
}

/* tensorflow/lite/kernels/internal/reference/quantize.h, AffineQuantize: the quotient in single precision; NaN gives
 * the least value */
static int64_t quantised_float(const Tensor *output, float value)
{
    const double units = (double)roundf(value / tensor_scale(output));
    const int32_t zero = tensor_zero_point(output);
    if (!(units > (double)dtype_min(output->dtype) - zero))
        return dtype_min(output->dtype);
    return units >= (double)dtype_max(output->dtype) - zero ? dtype_max(output->dtype) : (int64_t)units + zero;
}

static Rescale effective_scale(const Node *node)
{
    return rescale_by((double)tensor_scale(node->inputs[0]) / (double)tensor_scale(node->outputs[0]));
}

/* tensorflow/lite/kernels/internal/reference/requantize.h */
static int64_t requantised(const Node *node, Rescale scale, int32_t stored)
{
    const Tensor *output = node->outputs[0];
    const int32_t value = (int32_t)((uint32_t)stored - (uint32_t)tensor_zero_point(node->inputs[0]));
    return clamped(output, (int64_t)rescaled(node, value, scale) + tensor_zero_point(output));
}

/* ---- to float */

static int64_t channel_of(const Tensor *input, int64_t index)
{
    int64_t inner = 1;
    if (input->quantisation.count == 1)
        return 0;
    for (int i = input->quantisation.axis + 1; i < input->shape.rank; ++i)
        inner *= input->shape.dim[i];
    return index / inner % input->quantisation.count;
}

static float dequantised(const Tensor *input, const void *data, int64_t index)
{
    if (dtype_is_float(input->dtype))
        return (float)element_float(input->dtype, data, index);
    const int64_t channel = channel_of(input, index);
    const int64_t value = element_int(input->dtype, data, index) - input->quantisation.zero_point[channel];
    return (float)((double)input->quantisation.scale[channel] * (double)value);
}

bool quantize_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    const Rescale scale =
        node->op == OP_QUANTIZE && input->dtype != DTYPE_F32 ? effective_scale(node) : (Rescale){0, 0};
    for (int64_t i = 0; i < tensor_elements(input); ++i) {
        if (node->op == OP_DEQUANTIZE)
            ((float *)evaluation->out[0])[i] = dequantised(input, evaluation->in[0], i);
        else if (input->dtype == DTYPE_F32)
            element_set_int(
                output->dtype, evaluation->out[0], i, quantised_float(output, ((const float *)evaluation->in[0])[i]));
        else
            element_set_int(output->dtype, evaluation->out[0], i,
                requantised(node, scale, (int32_t)element_int(input->dtype, evaluation->in[0], i)));
    }
    return true;
}

/* ---- facts */

static void facts_8_bit(const Node *node, Facts *facts)
{
    const DType from = node->inputs[0]->dtype, to = node->outputs[0]->dtype;
    int32_t value[256];
    for (int i = 0; i < 256; ++i)
        value[i] = (int32_t)requantised(node, effective_scale(node), (int32_t)dtype_min(from) + i);
    const double factor = (double)tensor_scale(node->inputs[0]) / (double)tensor_scale(node->outputs[0]);
    fact_string(facts, "form", find_8_bit_form(facts, from, to, value, factor));
}

static void channel_facts(const Tensor *input, Facts *facts)
{
    const Quantisation *quantisation = &input->quantisation;
    int64_t outer = 1, inner = 1;
    bool shifted = false;
    for (int i = 0; i < input->shape.rank; ++i) {
        outer *= i < quantisation->axis ? input->shape.dim[i] : 1;
        inner *= i > quantisation->axis ? input->shape.dim[i] : 1;
    }
    for (int i = 0; i < quantisation->count; ++i)
        shifted = shifted || quantisation->zero_point[i] != 0;
    fact_int(facts, "outer", outer);
    fact_int(facts, "channels", quantisation->count);
    fact_int(facts, "inner", inner);
    fact_table(facts, "scales", DTYPE_F32, quantisation->count, quantisation->scale, true);
    fact_int(facts, "shifted", shifted);
    if (shifted)
        fact_table(facts, "zero_points", DTYPE_I32, quantisation->count, quantisation->zero_point, true);
}

bool quantize_facts(const Node *node, Facts *facts)
{
    const Tensor *input = node->inputs[0];
    fact_int(facts, "single_rounding", node->model->single_rounding);
    fact_int(facts, "backwards", node->form.backwards);
    if (input->dtype == DTYPE_I4)
        return node_error(node, "int4 values that are not constant are not supported");
    if (node->op == OP_DEQUANTIZE && input->quantisation.count > 1) {
        fact_string(facts, "form", "channels");
        channel_facts(input, facts);
    } else if (node->op == OP_DEQUANTIZE) {
        fact_string(facts, "form", "real");
    } else if (input->dtype == DTYPE_F32) {
        fact_string(facts, "form", "round");
    } else if (is_8_bit(input->dtype) && node->outputs[0]->dtype != DTYPE_I32) {
        facts_8_bit(node, facts);
    } else {
        fact_string(facts, "form", "rescale");
        fact_rescale(facts, "output", effective_scale(node));
    }
    return true;
}
