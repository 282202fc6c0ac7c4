/* SPDX-License-Identifier: MIT
 *
 * TransposeConv2D: weights [output channels, height, width, input channels]. Input pixel (y, x) adds to the outputs
 * from (y * stride - pad) on; read backwards, an output sums the input pixels that reach it.
 *
 * Integers as tensorflow/lite/kernels/internal/reference/integer_ops/transpose_conv.h; 16-bit inputs have 64-bit sums.
 * The padding is that of the forward convolution that has this output as its input (kernels/padding.h).
 */
#include "../compiler.h"

#include <string.h>

static bool has_wide_sums(const Node *node)
{
    return node->inputs[0]->dtype == DTYPE_I16;
}

/* Extent that the padding implies when none is given. */
static int64_t natural_extent(const char *padding, int64_t input, int64_t filter, int64_t stride)
{
    const int64_t extent = input * stride;
    return strcmp(padding, "same") == 0 || filter < stride ? extent : extent + filter - stride;
}

static bool output_extents(const Node *node, Window *w, const char *padding)
{
    int64_t height = natural_extent(padding, w->input_height, w->filter_height, w->stride_height);
    int64_t width = natural_extent(padding, w->input_width, w->filter_width, w->stride_width);
    const Attribute *given = node_attribute(node, "output_shape");
    if (given != NULL) {
        if (given->type != ATTRIBUTE_INTS || given->count != 4 || given->integers[0] != w->batch ||
            given->integers[3] != w->output_channels)
            return node_error(node, "output_shape must be [%d, height, width, %d]", w->batch, w->output_channels);
        height = given->integers[1];
        width = given->integers[2];
    }
    if (height < 1 || width < 1 || height > 1 << 24 || width > 1 << 24)
        return node_error(node, "the output's extents are out of range");
    w->output_height = (int32_t)height;
    w->output_width = (int32_t)width;
    return true;
}

static bool transposed_window(const Node *node, Window *w)
{
    const Shape *input = &node->inputs[0]->shape, *weights = &node->inputs[1]->shape;
    if (input->rank != 4 || weights->rank != 4)
        return node_error(node, "input and weights must have rank 4; they have %d and %d", input->rank, weights->rank);
    *w = (Window){.batch = input->dim[0],
        .input_height = input->dim[1],
        .input_width = input->dim[2],
        .input_channels = input->dim[3],
        .output_channels = weights->dim[0],
        .filter_height = weights->dim[1],
        .filter_width = weights->dim[2],
        .dilation_height = 1,
        .dilation_width = 1};
    if (w->output_channels < 1 || w->filter_height < 1 || w->filter_width < 1 || w->filter_height > 65536 ||
        w->filter_width > 65536 || weights->dim[3] != w->input_channels)
        return node_error(node, "%d input channels do not go with the weights", w->input_channels);
    if (tensor_elements(node->inputs[0]) == 0)
        return node_error(node, "the input has no elements");
    const int64_t stride[2] = {node_ints(node, "stride", 0, 1), node_ints(node, "stride", 1, 1)};
    if (stride[0] < 1 || stride[1] < 1 || stride[0] > 65536 || stride[1] > 65536 || input->dim[1] > 1 << 24 ||
        input->dim[2] > 1 << 24)
        return node_error(node, "strides must be from 1 to 65536");
    w->stride_height = (int32_t)stride[0];
    w->stride_width = (int32_t)stride[1];
    const char *padding = node_string(node, "padding", "valid");
    if (strcmp(padding, "same") != 0 && strcmp(padding, "valid") != 0)
        return node_error(node, "padding \"%s\" is not supported; same and valid are", padding);
    if (!output_extents(node, w, padding))
        return false;
    const int32_t rows = window_output(padding, w->output_height, w->filter_height, w->stride_height, 1);
    const int32_t columns = window_output(padding, w->output_width, w->filter_width, w->stride_width, 1);
    w->pad_top = window_padding(w->output_height, rows, w->filter_height, w->stride_height, 1, NULL);
    w->pad_left = window_padding(w->output_width, columns, w->filter_width, w->stride_width, 1, NULL);
    return true;
}

bool transpose_convolution_shape(Node *node)
{
    Window w;
    if (!node_take_ints(node, 3, "output_shape") || !transposed_window(node, &w))
        return false;
    if (!set_output(
            node, 0, node->inputs[0]->dtype, shape_of(4, w.batch, w.output_height, w.output_width, w.output_channels)))
        return false;
    return weighted_check(node, 0, w.output_channels);
}

static double gathered_sum(
    const Window *w, const Scaling *scaling, const double *image, const double *filter, int32_t y, int32_t x)
{
    double sum = 0.0;
    for (int32_t i = 0; i < w->filter_height; ++i)
        for (int32_t j = 0; j < w->filter_width; ++j) {
            const int32_t row = y + w->pad_top - i, column = x + w->pad_left - j;
            if (row < 0 || column < 0 || row % w->stride_height != 0 || column % w->stride_width != 0)
                continue;
            if (row / w->stride_height >= w->input_height || column / w->stride_width >= w->input_width)
                continue;
            const double *pixel =
                image +
                ((int64_t)(row / w->stride_height) * w->input_width + column / w->stride_width) * w->input_channels;
            const double *tap = filter + ((int64_t)i * w->filter_width + j) * w->input_channels;
            sum = weighted_dot(scaling, sum, pixel, 1, tap, 1, w->input_channels);
        }
    return sum;
}

bool transpose_convolution_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    Window w;
    Scaling scaling;
    Arena *arena = arena_new(0);
    bool ok =
        transposed_window(node, &w) && weighted_scaling(node, arena, PRODUCT_IN_DOUBLE, has_wide_sums(node), &scaling);
    if (ok && tensor_elements(node->outputs[0]) > 0) {
        const double *input = weighted_values(evaluation, arena, 0, 0),
                     *weights = weighted_values(evaluation, arena, 1, 0);
        const int64_t image = (int64_t)w.input_height * w.input_width * w.input_channels,
                      filter = (int64_t)w.filter_height * w.filter_width * w.input_channels;
        int64_t index = 0;
        for (int32_t batch = 0; batch < w.batch; ++batch)
            for (int32_t y = 0; y < w.output_height; ++y)
                for (int32_t x = 0; x < w.output_width; ++x)
                    for (int32_t channel = 0; channel < w.output_channels; ++channel)
                        weighted_store(evaluation, &scaling,
                            gathered_sum(&w, &scaling, input + batch * image, weights + channel * filter, y, x),
                            channel, index++);
    }
    arena_free(arena);
    return ok;
}

bool transpose_convolution_facts(const Node *node, Facts *facts)
{
    Window w;
    if (!transposed_window(node, &w))
        return false;
    const int64_t filter = (int64_t)w.filter_height * w.filter_width * w.input_channels;
    int across, down;
    weighted_block(1, w.output_channels, 1, 4, &across, &down);
    fact_int(facts, "down", down);
    window_facts(&w, facts);
    return weighted_facts(node, facts, PRODUCT_IN_DOUBLE, has_wide_sums(node), w.output_channels,
        weighted_sums(node, facts->arena, 1, w.output_channels, filter), filter, false);
}
