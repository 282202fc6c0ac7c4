/* SPDX-License-Identifier: MIT
 *
 * AveragePool2D and MaxPool2D. Taps outside of the image are left out, and the average counts only those inside.
 *
 * Integers as tensorflow/lite/kernels/internal/reference/integer_ops/pooling.h (uint8: reference/pooling.h): the average
 * of the raw values, ties away from zero; input and output share one scale.
 */
#include "../compiler.h"

#include <math.h>

static bool pool_window(const Node *node, Window *w)
{
    const int64_t height = node_ints(node, "filter", 0, 0), width = node_ints(node, "filter", 1, 0);
    if (height < 1 || width < 1 || height > 65536 || width > 65536)
        return node_error(node, "the filter's extents must be from 1 to 65536");
    if (!window_of(node, (int32_t)height, (int32_t)width, w))
        return false;
    w->output_channels = w->input_channels;
    return true;
}

bool pool_shape(Node *node)
{
    Window w;
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    const DType dtype = input->dtype;
    if (dtype != DTYPE_I8 && dtype != DTYPE_I16 && dtype != DTYPE_U8 && dtype != DTYPE_F32)
        return node_error(
            node, "pooling of %s is not supported; int8, int16, uint8 and float32 are", dtype_name(dtype));
    if (!pool_window(node, &w) ||
        !set_output(node, 0, dtype, shape_of(4, w.batch, w.output_height, w.output_width, w.output_channels)))
        return false;
    if (w.pad_top >= w.filter_height || w.pad_left >= w.filter_width ||
        (w.output_height - 1) * (int64_t)w.stride_height - w.pad_top >= w.input_height ||
        (w.output_width - 1) * (int64_t)w.stride_width - w.pad_left >= w.input_width)
        return node_error(node, "some windows lie wholly in the padding");
    if (dtype != DTYPE_F32 && !tensor_is_quantised(output) && tensor_is_quantised(input))
        tensor_quantise(node->graph, node->outputs[0], tensor_scale(input), tensor_zero_point(input));
    if (dtype != DTYPE_F32 && (!is_per_tensor(output) || !(tensor_scale(output) > 0.0f)))
        return node_error(node, "output \"%s\" needs a scale and a zero point", output->name);
    return check_activation(node);
}

typedef struct Pooled {
    double sum, largest;
    int64_t count;
} Pooled;

static Pooled pool_values(
    const Evaluation *evaluation, const Window *w, int32_t batch, int32_t y, int32_t x, int32_t channel)
{
    const DType dtype = evaluation->node->inputs[0]->dtype;
    Pooled pooled = {.largest = -INFINITY};
    for (int32_t i = 0; i < w->filter_height; ++i)
        for (int32_t j = 0; j < w->filter_width; ++j) {
            const int64_t row = (int64_t)y * w->stride_height - w->pad_top + i,
                          column = (int64_t)x * w->stride_width - w->pad_left + j;
            if (row < 0 || row >= w->input_height || column < 0 || column >= w->input_width)
                continue;
            const int64_t index =
                ((batch * (int64_t)w->input_height + row) * w->input_width + column) * w->input_channels + channel;
            const double value = dtype_is_float(dtype) ? element_float(dtype, evaluation->in[0], index)
                                                       : (double)element_int(dtype, evaluation->in[0], index);
            pooled.sum = dtype_is_float(dtype) ? (double)((float)pooled.sum + (float)value) : pooled.sum + value;
            pooled.largest = value > pooled.largest || isnan(value) ? value : pooled.largest;
            ++pooled.count;
        }
    return pooled;
}

static void store_pooled(const Evaluation *evaluation, const Pooled *pooled, int64_t index)
{
    const Node *node = evaluation->node;
    const Tensor *output = node->outputs[0];
    const bool average = node->op == OP_AVERAGE_POOL_2D;
    if (dtype_is_float(output->dtype)) {
        float low, high;
        activation_range_float(node, &low, &high);
        double value = average ? pooled->sum / (double)pooled->count : pooled->largest;
        value = value < (double)low ? (double)low : value;
        value = value > (double)high ? (double)high : value;
        element_set_float(output->dtype, evaluation->out[0], index, value);
        return;
    }
    int32_t low = 0, high = 0;
    activation_range(node, output, &low, &high);
    const int64_t sum = (int64_t)pooled->sum, half = pooled->count / 2;
    const int64_t rounded = average ? (sum > 0 ? sum + half : sum - half) / pooled->count : (int64_t)pooled->largest;
    element_set_int(output->dtype, evaluation->out[0], index, clamp32(rounded, low, high));
}

bool pool_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    Window w;
    if (!pool_window(node, &w))
        return false;
    int64_t index = 0;
    for (int32_t batch = 0; batch < w.batch; ++batch)
        for (int32_t y = 0; y < w.output_height; ++y)
            for (int32_t x = 0; x < w.output_width; ++x)
                for (int32_t channel = 0; channel < w.output_channels; ++channel) {
                    const Pooled pooled = pool_values(evaluation, &w, batch, y, x, channel);
                    store_pooled(evaluation, &pooled, index++);
                }
    return true;
}

bool pool_facts(const Node *node, Facts *facts)
{
    Window w;
    if (!pool_window(node, &w))
        return false;
    window_lay_flat(&w);
    window_facts(&w, facts);
    fact_int(facts, "padded", window_is_padded(&w));
    fact_int(facts, "backwards", node->form.backwards);
    if (dtype_is_float(node->outputs[0]->dtype)) {
        float low, high;
        activation_range_float(node, &low, &high);
        fact_float(facts, "real_low", (double)low);
        fact_float(facts, "real_high", (double)high);
        return true;
    }
    int32_t low, high;
    if (!activation_range(node, node->outputs[0], &low, &high))
        return false;
    fact_int(facts, "low", low);
    fact_int(facts, "high", high);
    return true;
}
