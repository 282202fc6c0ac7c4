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

/* ---------------------------------------------------------------- blocks of outputs */

/* Distinct columns under `across` neighbouring outputs. */
static int32_t columns_under(const Window *w, int32_t across)
{
    int32_t count = 0;
    for (int32_t a = 0; a < across; ++a)
        for (int32_t j = 0; j < w->filter_width; ++j) {
            bool seen = false; /* under an output before this one */
            for (int32_t b = 0; b < a && !seen; ++b) {
                const int64_t distance = (int64_t)(a - b) * w->stride_width + (int64_t)j * w->dilation_width;
                seen = distance % w->dilation_width == 0 && distance / w->dilation_width < w->filter_width;
            }
            count += !seen;
        }
    return count;
}

/* How many neighbouring outputs of a channel are summed at once and share the values that they load: the number with the
 * fewest loads, products and waste. The taps of short rows are written out. */
static int32_t outputs_at_once(const Window *w, Optimize optimize)
{
    const int32_t most = optimize == OPTIMIZE_SIZE ? 2 : 4, filter = w->filter_width;
    int32_t across = 1;
    int64_t best = INT64_MAX;
    for (int32_t a = 1; a <= most && a <= w->output_width; ++a) {
        const int64_t row =
            filter <= 5 ? columns_under(w, a) + filter + (int64_t)filter * a : (int64_t)filter * (1 + 2 * a + 3);
        const int64_t cost = (w->output_width + a - 1) / a * (w->filter_height * row + 14 * a + 8);
        if (cost < best) {
            best = cost;
            across = a;
        }
    }
    return across;
}

/* Small code walks single outputs (depthwise_compact). */
static bool is_compact(const Node *node, int32_t multiplier, const Facts *facts)
{
    return node->model->optimize == OPTIMIZE_SIZE && multiplier == 1 && !node->form.backwards && !node->form.direct &&
           fact_find(facts, "folded")->integer != 0;
}

/* Facts "across", "down", "tails": outputs and channels that are summed before any of them is stored; whether outputs that are
 * left over at the end of a line are a smaller block, or one that overlaps. Where each output is made once, blocks of channels
 * do not overlap either. */
static void block_facts(const Node *node, const Window *w, Facts *facts)
{
    const int32_t multiplier = w->output_channels / w->input_channels;
    const bool once = node->form.once || node->form.direct;
    int across = outputs_at_once(w, node->model->optimize), down = 1;
    if (multiplier > 1)
        weighted_block(w->output_width, multiplier, 2, 4, &across, &down);
    if (node->form.direct && multiplier % 8 == 0) { /* clipped windows share no loads: channels do */
        across = 1;
        down = 8;
    }
    while (once && multiplier % down != 0)
        --down;
    if (node->form.staging == STAGING_PIXEL || is_compact(node, multiplier, facts))
        across = 1;
    fact_int(facts, "across", across);
    fact_int(facts, "down", down);
    fact_int(facts, "tails", once);
}

/* ---------------------------------------------------------------- outputs that are held back */

/* The first position of an axis that a window reads; -1 when it lies in the padding. */
static int64_t first_read(int64_t start, int32_t filter, int32_t dilation, int32_t extent)
{
    const int64_t skipped = start < 0 ? (dilation - 1 - start) / dilation : 0;
    const int64_t position = start + skipped * dilation;
    return skipped < filter && position < extent ? position : -1;
}

/* The pixels whose outputs cannot be written over the input yet: those from the first one on that later windows read, counted
 * after every block of `across` outputs. Output and input are images of one size: with the image's end all are done with. */
static int64_t pixels_held(const Window *w, int32_t across)
{
    int64_t held = 1, later = INT64_MAX;
    for (int64_t y = w->output_height - 1; y >= 0; --y) {
        const int64_t row =
            first_read(y * w->stride_height - w->pad_top, w->filter_height, w->dilation_height, w->input_height);
        const int64_t first_pixel = row * w->input_width;
        for (int64_t x = w->output_width - 1; x >= 0; --x) {
            const bool ends_block = (x + 1) % across == 0 || x + 1 == w->output_width;
            if (ends_block && later != INT64_MAX && y * w->output_width + x + 1 - later > held)
                held = y * w->output_width + x + 1 - later;
            const int64_t column =
                first_read(x * w->stride_width - w->pad_left, w->filter_width, w->dilation_width, w->input_width);
            if (row >= 0 && column >= 0 && first_pixel + column < later)
                later = first_pixel + column;
        }
    }
    return held;
}

/* Channels that are computed together over the whole image: few, as the ring has them all; enough to be worth the loops. */
static int32_t channels_at_once(int32_t channels)
{
    int32_t count = channels > 8 ? 8 : 4;
    while (channels % count != 0)
        --count;
    return count;
}

/* ---------------------------------------------------------------- facts */

static bool scratch_facts(const Node *node, const Window *w, Facts *facts)
{
    static const char *const names[] = {"none", "pixel", "row", "channels"};
    const DType dtype = node->outputs[0]->dtype;
    fact_string(facts, "staging", names[node->form.staging]);
    fact_int(facts, "direct", node->form.direct);
    fact_int(facts, "backwards", node->form.backwards);
    if (node->form.staging == STAGING_ROW && node->form.direct) /* pixels need none: channels keep to themselves */
        fact_scratch(facts, "staged", dtype, (int)(w->output_width * w->output_channels));
    if (node->form.staging == STAGING_CHANNELS) {
        const int64_t held = pixels_held(w, (int32_t)fact_find(facts, "across")->integer);
        const int32_t channels = channels_at_once(w->input_channels);
        fact_int(facts, "held_pixels", held);
        fact_int(facts, "held_channels", channels);
        fact_scratch(facts, "ring", dtype, (int)(held * channels));
    }
    return window_row_facts(node, w, facts);
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
    const bool may_fold = !node->form.direct || !window_is_padded(&w);
    if (!weighted_facts(node, facts, PRODUCT_IN_DOUBLE, has_wide_sums(node), w.output_channels,
            weighted_sums(node, facts->arena, taps, w.output_channels, 1), taps, may_fold))
        return false;
    block_facts(node, &w, facts);
    return scratch_facts(node, &w, facts);
}

bool depthwise_fold(const Node *node, Facts *facts)
{
    Window w;
    if (!depthwise_window(node, &w))
        return false;
    const int64_t taps = (int64_t)w.filter_height * w.filter_width;
    return weighted_fold(node, facts, has_wide_sums(node), w.output_channels,
        weighted_sums(node, facts->arena, taps, w.output_channels, 1), taps);
}
