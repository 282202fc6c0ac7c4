/* SPDX-License-Identifier: MIT
 *
 * DepthwiseConv2D: weights [1, height, width, input channels * multiplier]; output channel c reads input channel
 * c / multiplier.
 *
 * Integers as tensorflow/lite/kernels/internal/reference/integer_ops/depthwise_conv.h; 16-bit inputs have 64-bit sums.
 */
#include "../compiler.h"

static bool depthwise_window(const Node *node, Window *w)
{
    const Shape *weights = &node->inputs[1]->shape;
    if (weights->rank != 4 || weights->dim[0] != 1)
        return node_error(node, "the weights must have the shape [1, height, width, output channels]");
    if (!window_of(node, weights->dim[1], weights->dim[2], w))
        return false;
    w->output_channels = weights->dim[3];
    if (w->input_channels < 1 || w->output_channels < 1 || w->output_channels % w->input_channels != 0)
        return node_error(
            node, "%d output channels are no multiple of %d input channels", w->output_channels, w->input_channels);
    return true;
}

static bool has_wide_sums(const Node *node)
{
    return node->inputs[0]->dtype == DTYPE_I16;
}

bool depthwise_shape(Node *node)
{
    Window w;
    if (!depthwise_window(node, &w) || !set_output(node, 0, node->inputs[0]->dtype,
                                           shape_of(4, w.batch, w.output_height, w.output_width, w.output_channels)))
        return false;
    return weighted_check(node, 3, w.output_channels);
}

static double channel_sum(const Window *w, const Scaling *scaling, const double *image, const double *weights,
    int32_t y, int32_t x, int32_t channel)
{
    const int32_t source = channel / (w->output_channels / w->input_channels);
    double sum = 0.0;
    for (int32_t i = 0; i < w->filter_height; ++i)
        for (int32_t j = 0; j < w->filter_width; ++j) {
            const int64_t row = (int64_t)y * w->stride_height - w->pad_top + (int64_t)i * w->dilation_height;
            const int64_t column = (int64_t)x * w->stride_width - w->pad_left + (int64_t)j * w->dilation_width;
            if (row >= 0 && row < w->input_height && column >= 0 && column < w->input_width)
                sum = weighted_dot(scaling, sum, &image[(row * w->input_width + column) * w->input_channels + source],
                    1, &weights[((int64_t)i * w->filter_width + j) * w->output_channels + channel], 1, 1);
        }
    return sum;
}

bool depthwise_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    Window w;
    Scaling scaling;
    Arena *arena = arena_new(0);
    bool ok =
        depthwise_window(node, &w) && weighted_scaling(node, arena, PRODUCT_IN_DOUBLE, has_wide_sums(node), &scaling);
    if (ok && tensor_elements(node->outputs[0]) > 0) {
        const double *input = weighted_values(evaluation, arena, 0, 0),
                     *weights = weighted_values(evaluation, arena, 1, 3);
        const int64_t image = (int64_t)w.input_height * w.input_width * w.input_channels;
        int64_t index = 0;
        for (int32_t batch = 0; batch < w.batch; ++batch)
            for (int32_t y = 0; y < w.output_height; ++y)
                for (int32_t x = 0; x < w.output_width; ++x)
                    for (int32_t channel = 0; channel < w.output_channels; ++channel)
                        weighted_store(evaluation, &scaling,
                            channel_sum(&w, &scaling, input + batch * image, weights, y, x, channel), channel, index++);
    }
    arena_free(arena);
    return ok;
}

bool depthwise_facts(const Node *node, Facts *facts)
{
    Window w;
    if (!depthwise_window(node, &w))
        return false;
    const int64_t taps = (int64_t)w.filter_height * w.filter_width;
    window_lay_flat(&w);
    window_facts(&w, facts);
    fact_int(facts, "channel_multiplier", w.output_channels / w.input_channels);
    if (!weighted_facts(node, facts, PRODUCT_IN_DOUBLE, has_wide_sums(node), w.output_channels,
            weighted_sums(node, facts->arena, taps, w.output_channels, 1), taps, true))
        return false;
    return window_row_facts(node, &w, facts);
}
