/* SPDX-License-Identifier: MIT
 *
 * Conv2D: weights [output channels, height, width, input channels / groups]; the number of groups follows from the
 * channels.
 *
 * Integers as tensorflow/lite/kernels/internal/reference/integer_ops/conv.h: taps outside of the image are left out,
 * which is padding with the zero point. With 16-bit inputs the sum has 64 bits only where the bias has.
 */
#include "../compiler.h"

static bool has_wide_sums(const Node *node)
{
    const Tensor *bias = node_input(node, 2);
    return node->inputs[0]->dtype == DTYPE_I16 && bias != NULL && bias->dtype == DTYPE_I64;
}

static bool convolution_window(const Node *node, Window *w)
{
    const Shape *weights = &node->inputs[1]->shape;
    if (weights->rank != 4)
        return node_error(node, "the weights have rank %d; 4 is needed: output channels, height, width, input channels",
            weights->rank);
    if (!window_of(node, weights->dim[1], weights->dim[2], w))
        return false;
    w->output_channels = weights->dim[0];
    const int32_t depth = weights->dim[3];
    if (depth < 1 || w->output_channels < 1 || w->input_channels % depth != 0 ||
        w->output_channels % (w->input_channels / depth > 0 ? w->input_channels / depth : 1) != 0 ||
        w->input_channels == 0)
        return node_error(node, "%d input channels do not go with weights for %d of them and %d output channels",
            w->input_channels, depth, w->output_channels);
    return true;
}

bool convolution_shape(Node *node)
{
    Window w;
    if (!convolution_window(node, &w) || !set_output(node, 0, node->inputs[0]->dtype,
                                             shape_of(4, w.batch, w.output_height, w.output_width, w.output_channels)))
        return false;
    return weighted_check(node, 0, w.output_channels);
}

/* The sum of products of one output element; `image` and `filter` point to their first channel. */
static double window_sum(const Window *w, const Scaling *scaling, const double *image, const double *filter, int32_t y,
    int32_t x, int32_t depth)
{
    double sum = 0.0;
    for (int32_t i = 0; i < w->filter_height; ++i)
        for (int32_t j = 0; j < w->filter_width; ++j) {
            const int64_t row = (int64_t)y * w->stride_height - w->pad_top + (int64_t)i * w->dilation_height;
            const int64_t column = (int64_t)x * w->stride_width - w->pad_left + (int64_t)j * w->dilation_width;
            if (row < 0 || row >= w->input_height || column < 0 || column >= w->input_width)
                continue;
            const double *pixel = image + (row * w->input_width + column) * w->input_channels;
            const double *tap = filter + ((int64_t)i * w->filter_width + j) * depth;
            sum = weighted_dot(scaling, sum, pixel, 1, tap, 1, depth);
        }
    return sum;
}

bool convolution_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    Window w;
    Scaling scaling;
    Arena *arena = arena_new(0);
    bool ok =
        convolution_window(node, &w) && weighted_scaling(node, arena, PRODUCT_IN_DOUBLE, has_wide_sums(node), &scaling);
    if (ok && tensor_elements(node->outputs[0]) > 0) {
        const double *input = weighted_values(evaluation, arena, 0, 0),
                     *weights = weighted_values(evaluation, arena, 1, 0);
        const int32_t depth = node->inputs[1]->shape.dim[3];
        const int32_t per_group = w.output_channels / (w.input_channels / depth);
        const int64_t image = (int64_t)w.input_height * w.input_width * w.input_channels,
                      filter = (int64_t)w.filter_height * w.filter_width * depth;
        int64_t index = 0;
        for (int32_t batch = 0; batch < w.batch; ++batch)
            for (int32_t y = 0; y < w.output_height; ++y)
                for (int32_t x = 0; x < w.output_width; ++x)
                    for (int32_t channel = 0; channel < w.output_channels; ++channel) {
                        const double *first = input + batch * image + channel / per_group * depth;
                        weighted_store(evaluation, &scaling,
                            window_sum(&w, &scaling, first, weights + channel * filter, y, x, depth), channel, index++);
                    }
    }
    arena_free(arena);
    return ok;
}

/* A convolution by points multiplies a list of vectors. */
static bool is_by_points(const Window *w, int32_t depth)
{
    return depth == w->input_channels && w->filter_height == 1 && w->filter_width == 1 && w->stride_height == 1 &&
           w->stride_width == 1 && w->pad_top == 0 && w->pad_left == 0 && w->output_height == w->input_height &&
           w->output_width == w->input_width;
}

static void block_facts(const Node *node, const Window *w, int32_t groups, int64_t vectors, Facts *facts)
{
    const int64_t outputs = vectors > 0 ? vectors : w->output_width;
    const int32_t per_group = w->output_channels / groups;
    int across, down;
    weighted_block(outputs, per_group, 2, 4, &across, &down);
    while (groups > 1 && per_group % down != 0) /* blocks must not cross from one group to the next */
        --down;
    form_facts(node, facts, across, down, outputs, w->output_channels);
    fact_int(facts, "tails", vectors > 0 && node->form.staging == STAGING_PIXEL);
    int32_t first, last;
    window_interior(w, &first, &last);
    fact_int(facts, "inner_first", first);
    fact_int(facts, "inner_last", last);
}

bool convolution_facts(const Node *node, Facts *facts)
{
    Window w;
    if (!convolution_window(node, &w))
        return false;
    window_lay_flat(&w);
    const int32_t depth = node->inputs[1]->shape.dim[3];
    const int64_t filter = (int64_t)w.filter_height * w.filter_width * depth;
    const int64_t vectors = is_by_points(&w, depth) ? (int64_t)w.batch * w.input_height * w.input_width : 0;
    const bool clipped = node->form.direct && window_is_padded(&w);
    window_facts(&w, facts);
    block_facts(node, &w, w.input_channels / depth, vectors, facts);
    fact_int(facts, "groups", w.input_channels / depth);
    fact_int(facts, "vectors", vectors);
    fact_int(facts, "outputs", w.output_channels);
    fact_int(facts, "inputs", w.input_channels);
    if (!weighted_facts(node, facts, PRODUCT_IN_DOUBLE, has_wide_sums(node), w.output_channels,
            weighted_sums(node, facts->arena, 1, w.output_channels, filter), filter, !clipped))
        return false;
    return window_row_facts(node, &w, facts);
}

bool convolution_fold(const Node *node, Facts *facts)
{
    Window w;
    if (!convolution_window(node, &w))
        return false;
    const int64_t filter = (int64_t)w.filter_height * w.filter_width * node->inputs[1]->shape.dim[3];
    return weighted_fold(node, facts, has_wide_sums(node), w.output_channels,
        weighted_sums(node, facts->arena, 1, w.output_channels, filter), filter);
}
