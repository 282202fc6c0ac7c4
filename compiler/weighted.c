/* SPDX-License-Identifier: MIT
 *
 * What convolutions and matrix products share: where filters lie, which types go together, how a sum of products
 * becomes an output, and the facts that their templates need.
 *
 * Sources of the formulas: TensorFlow Lite, kernels/kernel_util.cc (PopulateConvolutionQuantizationParams,
 * GetQuantizedConvolutionMultipler) and kernels/internal/reference/integer_ops; TFLite Micro chooses among them.
 */
#include "compiler.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- windows */

static bool pair_attribute(const Node *node, const char *name, int32_t *height, int32_t *width)
{
    const int64_t first = node_ints(node, name, 0, 1), second = node_ints(node, name, 1, 1);
    if (first < 1 || second < 1 || first > 65536 || second > 65536)
        return node_error(node, "%s [%" PRId64 ", %" PRId64 "] must be from 1 to 65536", name, first, second);
    *height = (int32_t)first;
    *width = (int32_t)second;
    return true;
}

static bool explicit_padding(const Node *node, Window *w)
{
    int64_t pads[4];
    for (int i = 0; i < 4; ++i) {
        pads[i] = node_ints(node, "pads", i, 0);
        if (pads[i] < 0 || pads[i] > 65536)
            return node_error(node, "pads must be top, left, bottom, right, each from 0 to 65536");
    }
    w->pad_top = (int32_t)pads[0];
    w->pad_left = (int32_t)pads[1];
    w->output_height = window_output("valid", w->input_height + (int32_t)(pads[0] + pads[2]), w->filter_height,
        w->stride_height, w->dilation_height);
    w->output_width = window_output(
        "valid", w->input_width + (int32_t)(pads[1] + pads[3]), w->filter_width, w->stride_width, w->dilation_width);
    return true;
}

static bool place_window(const Node *node, Window *w)
{
    const char *padding = node_string(node, "padding", "valid");
    if (strcmp(padding, "explicit") == 0)
        return explicit_padding(node, w);
    if (strcmp(padding, "same") != 0 && strcmp(padding, "valid") != 0)
        return node_error(node, "padding \"%s\" is not known; same, valid and explicit are", padding);
    w->output_height = window_output(padding, w->input_height, w->filter_height, w->stride_height, w->dilation_height);
    w->output_width = window_output(padding, w->input_width, w->filter_width, w->stride_width, w->dilation_width);
    w->pad_top =
        window_padding(w->input_height, w->output_height, w->filter_height, w->stride_height, w->dilation_height, NULL);
    w->pad_left =
        window_padding(w->input_width, w->output_width, w->filter_width, w->stride_width, w->dilation_width, NULL);
    return true;
}

bool window_of(const Node *node, int32_t filter_height, int32_t filter_width, Window *w)
{
    const Shape *shape = &node->inputs[0]->shape;
    if (shape->rank != 4)
        return node_error(
            node, "the input has rank %d; an image [batch, height, width, channels] is needed", shape->rank);
    if (shape_elements(shape) == 0)
        return node_error(node, "the input has no elements");
    *w = (Window){.batch = shape->dim[0],
        .input_height = shape->dim[1],
        .input_width = shape->dim[2],
        .input_channels = shape->dim[3]};
    w->filter_height = filter_height;
    w->filter_width = filter_width;
    if (filter_height < 1 || filter_width < 1 || filter_height > 65536 || filter_width > 65536)
        return node_error(node, "a filter of %d by %d is not possible", filter_height, filter_width);
    if (!pair_attribute(node, "stride", &w->stride_height, &w->stride_width) ||
        !pair_attribute(node, "dilation", &w->dilation_height, &w->dilation_width))
        return false;
    if (shape->dim[1] > 1 << 24 || shape->dim[2] > 1 << 24)
        return node_error(node, "an image of %d by %d is too large", shape->dim[1], shape->dim[2]);
    const int64_t reach = 1 << 24;
    if ((int64_t)(filter_height - 1) * w->dilation_height >= reach ||
        (int64_t)(filter_width - 1) * w->dilation_width >= reach)
        return node_error(node, "the dilation spreads the filter of %d by %d too far", filter_height, filter_width);
    if (!place_window(node, w))
        return false;
    if (w->output_height < 1 || w->output_width < 1)
        return node_error(node, "the filter of %d by %d (dilation %d, %d) does not fit the image of %d by %d",
            filter_height, filter_width, w->dilation_height, w->dilation_width, w->input_height, w->input_width);
    return true;
}

/* Columns that the windows of a line of outputs span, padding included. */
static int64_t window_columns(const Window *w)
{
    return (int64_t)(w->output_width - 1) * w->stride_width + (int64_t)(w->filter_width - 1) * w->dilation_width + 1;
}

bool window_is_padded(const Window *w)
{
    const int64_t rows =
        (int64_t)(w->output_height - 1) * w->stride_height + (int64_t)(w->filter_height - 1) * w->dilation_height + 1;
    return w->pad_top > 0 || w->pad_left > 0 || window_columns(w) > w->input_width || rows > w->input_height;
}

void window_facts(const Window *w, Facts *facts)
{
    fact_int(facts, "batch", w->batch);
    fact_int(facts, "input_height", w->input_height);
    fact_int(facts, "input_width", w->input_width);
    fact_int(facts, "input_channels", w->input_channels);
    fact_int(facts, "output_height", w->output_height);
    fact_int(facts, "output_width", w->output_width);
    fact_int(facts, "output_channels", w->output_channels);
    fact_int(facts, "filter_height", w->filter_height);
    fact_int(facts, "filter_width", w->filter_width);
    fact_int(facts, "stride_height", w->stride_height);
    fact_int(facts, "stride_width", w->stride_width);
    fact_int(facts, "dilation_height", w->dilation_height);
    fact_int(facts, "dilation_width", w->dilation_width);
    fact_int(facts, "pad_top", w->pad_top);
    fact_int(facts, "pad_left", w->pad_left);
}

/* An image of one column is walked as one row: rows are what kernels are good at. */
void window_lay_flat(Window *w)
{
    if (w->input_width != 1 || w->filter_width != 1 || w->output_width != 1 || w->pad_left != 0)
        return;
    *w = (Window){.batch = w->batch,
        .input_channels = w->input_channels,
        .output_channels = w->output_channels,
        .input_height = 1,
        .output_height = 1,
        .filter_height = 1,
        .stride_height = 1,
        .dilation_height = 1,
        .input_width = w->input_height,
        .output_width = w->output_height,
        .filter_width = w->filter_height,
        .stride_width = w->stride_height,
        .dilation_width = w->dilation_height,
        .pad_left = w->pad_top};
}

static void row_facts(const Window *w, Facts *facts, bool padded)
{
    const int64_t columns = window_columns(w), room = columns > w->pad_left ? columns - w->pad_left : 0;
    fact_int(facts, "padded", padded);
    fact_int(facts, "row_columns", padded ? columns : w->input_width);
    fact_int(facts, "copied_columns", room < w->input_width ? room : w->input_width);
}

/* A copy of the rows under the filter, with their padding, lets every window be read in runs without tests. */
bool window_row_facts(const Node *node, const Window *w, Facts *facts)
{
    const bool padded = window_is_padded(w), copied = padded && !node->form.direct;
    const double elements = (double)window_columns(w) * w->filter_height * w->input_channels;
    row_facts(w, facts, padded);
    if (copied && elements > 268435456.0)
        return node_error(node, "%.0f elements lie under a row of filters; that is too much to copy", elements);
    if (copied)
        fact_scratch(facts, "rows", node->inputs[0]->dtype, (int)elements);
    return true;
}

/* ---------------------------------------------------------------- how the image is walked */

void window_interior(const Window *w, int32_t *first, int32_t *last)
{
    const int32_t outputs = w->output_width;
    const int64_t room = w->input_width - 1 - (w->filter_width - 1) * (int64_t)w->dilation_width + w->pad_left;
    const int64_t left = w->pad_left > 0 ? (w->pad_left + (int64_t)w->stride_width - 1) / w->stride_width : 0;
    const int64_t fitting = room < 0 ? 0 : room / w->stride_width + 1;
    *first = left < outputs ? (int32_t)left : outputs;
    *last = fitting < outputs ? (int32_t)fitting : outputs;
    if (*last < *first)
        *last = *first;
}

/* The pair with the fewest loads, products and waste: blocks overlap at the end, where the extents are no multiples. */
void weighted_block(int64_t outputs, int64_t channels, int most_across, int most_down, int *across, int *down)
{
    int64_t best = INT64_MAX;
    *across = *down = 1;
    for (int a = 1; a <= most_across && a <= outputs; ++a)
        for (int d = 1; d <= most_down && d <= channels; ++d) {
            const int64_t blocks = ((outputs + a - 1) / a) * ((channels + d - 1) / d);
            const int64_t cost = blocks * (a + d + a * d + 2);
            if (cost >= best)
                continue;
            best = cost;
            *across = a;
            *down = d;
        }
}

void form_facts(const Node *node, Facts *facts, int across, int down, int64_t outputs, int64_t channels)
{
    static const char *const names[] = {"none", "pixel", "row", "channels"};
    const KernelForm *form = &node->form;
    fact_int(facts, "across", across);
    fact_int(facts, "down", down);
    fact_int(facts, "direct", form->direct);
    fact_int(facts, "backwards", form->backwards);
    fact_string(facts, "staging", names[form->staging]);
    if (form->staging == STAGING_PIXEL || form->staging == STAGING_ROW)
        fact_scratch(facts, "staged", node->outputs[0]->dtype,
            (int)((form->staging == STAGING_ROW ? outputs : across) * channels));
}

/* ---------------------------------------------------------------- types */

typedef struct TypeRow {
    DType input, weights;
    DType bias[3];
} TypeRow;

/* Output: always the input's type. Float inputs with other weights are hybrid: dequantised in the kernel. */
static const TypeRow type_rows[] = {
    {DTYPE_I8, DTYPE_I8, {DTYPE_I32}},
    {DTYPE_I8, DTYPE_I4, {DTYPE_I32}},
    {DTYPE_I16, DTYPE_I8, {DTYPE_I64, DTYPE_I32, DTYPE_I16}},
    {DTYPE_I16, DTYPE_I16, {DTYPE_I64, DTYPE_I32}},
    {DTYPE_U8, DTYPE_U8, {DTYPE_I32}},
    {DTYPE_F32, DTYPE_F32, {DTYPE_F32, DTYPE_F16}},
    {DTYPE_F32, DTYPE_F16, {DTYPE_F32, DTYPE_F16}},
    {DTYPE_F32, DTYPE_I8, {DTYPE_F32, DTYPE_F16}},
    {DTYPE_F32, DTYPE_I4, {DTYPE_F32, DTYPE_F16}},
    {DTYPE_F32, DTYPE_U8, {DTYPE_F32}},
};

static const TypeRow *find_types(const Node *node)
{
    const DType input = node->inputs[0]->dtype, weights = node->inputs[1]->dtype;
    for (size_t i = 0; i < sizeof type_rows / sizeof *type_rows; ++i)
        if (type_rows[i].input == input && type_rows[i].weights == weights)
            return &type_rows[i];
    node_error(node, "%s values with %s weights are not supported", dtype_name(input), dtype_name(weights));
    return NULL;
}

static bool check_bias(const Node *node, const TypeRow *row, int32_t channels)
{
    const Tensor *bias = node_input(node, 2);
    if (bias == NULL)
        return true;
    if (tensor_elements(bias) != channels)
        return node_error(
            node, "the bias has %" PRId64 " elements for %d output channels", tensor_elements(bias), channels);
    for (int i = 0; i < 3; ++i)
        if (row->bias[i] != DTYPE_NONE && row->bias[i] == bias->dtype)
            return true;
    return node_error(node, "a bias of %s does not go with %s values", dtype_name(bias->dtype), dtype_name(row->input));
}

static bool is_sound_scale(float scale)
{
    return isfinite(scale) && scale >= 0.0f;
}

static bool check_activation_quantisation(const Node *node, const Tensor *tensor, const char *what)
{
    if (!is_per_tensor(tensor) || !is_sound_scale(tensor_scale(tensor)))
        return node_error(node, "%s \"%s\" needs a scale and a zero point", what, tensor->name);
    const int64_t zero = tensor_zero_point(tensor);
    if (zero < dtype_min(tensor->dtype) || zero > dtype_max(tensor->dtype))
        return node_error(
            node, "the zero point %" PRId64 " of \"%s\" is no %s", zero, tensor->name, dtype_name(tensor->dtype));
    if (tensor->dtype == DTYPE_I16 && zero != 0)
        return node_error(node, "\"%s\" is int16 with the zero point %" PRId64 "; it must be 0", tensor->name, zero);
    return true;
}

static bool check_weight_quantisation(const Node *node, int axis, int32_t channels)
{
    const Tensor *weights = node->inputs[1];
    const Quantisation *q = &weights->quantisation;
    if (dtype_is_float(weights->dtype))
        return true;
    if (q->count != 1 && q->count != channels)
        return node_error(
            node, "weights \"%s\" have %d scales for %d output channels", weights->name, q->count, channels);
    if (q->count > 1 && q->axis != axis)
        return node_error(node, "the scales of \"%s\" run along axis %d; axis %d is that of the output channels",
            weights->name, q->axis, axis);
    for (int i = 0; i < q->count; ++i) {
        if (!is_sound_scale(q->scale[i]))
            return node_error(node, "scale %d of \"%s\" is not a number >= 0", i, weights->name);
        const int64_t zero = q->zero_point[i];
        if (zero < dtype_min(weights->dtype) || zero > dtype_max(weights->dtype) || (q->count > 1 && zero != 0))
            return node_error(node, "zero point %" PRId64 " of \"%s\" is not possible; per channel it must be 0", zero,
                weights->name);
    }
    return true;
}

bool check_activation(const Node *node)
{
    static const char *const names[] = {"none", "relu", "relu6", "relu_n1_to_1"};
    const char *name = node_string(node, "activation", "none");
    for (int i = 0; i < 4; ++i)
        if (strcmp(names[i], name) == 0)
            return true;
    return node_error(node, "activation \"%s\" is not supported; none, relu, relu6 and relu_n1_to_1 are", name);
}

bool weighted_check(const Node *node, int axis, int32_t channels)
{
    const TypeRow *row = find_types(node);
    if (row == NULL || !check_bias(node, row, channels) || !check_weight_quantisation(node, axis, channels))
        return false;
    if (!tensor_is_constant(node->inputs[1]) && (row->weights == DTYPE_F16 || row->weights == DTYPE_I4))
        return node_error(node, "weights of %s must be constant", dtype_name(row->weights));
    if (!check_activation(node))
        return false;
    if (dtype_is_float(row->input))
        return true;
    const Tensor *output = node->outputs[0];
    if (!check_activation_quantisation(node, node->inputs[0], "input") ||
        !check_activation_quantisation(node, output, "output"))
        return false;
    return tensor_scale(output) > 0.0f || node_error(node, "the scale of \"%s\" is 0", output->name);
}

/* ---------------------------------------------------------------- from sums to outputs */

/* GetQuantizedConvolutionMultipler multiplies the scales of input and weights as floats;
 * PopulateConvolutionQuantizationParams as doubles, except for uint8, where it calls the former. The difference reaches the
 * multiplier's last bits. */
static double effective_scale(const Node *node, ScaleProduct product, int channel)
{
    const float input = tensor_scale(node->inputs[0]), weights = node->inputs[1]->quantisation.scale[channel];
    const bool in_float = product == PRODUCT_IN_FLOAT || node->inputs[0]->dtype == DTYPE_U8;
    const double both = in_float ? (double)(float)(input * weights) : (double)input * (double)weights;
    return both / (double)tensor_scale(node->outputs[0]);
}

bool weighted_scaling(const Node *node, Arena *arena, ScaleProduct product, bool wide, Scaling *scaling)
{
    const Tensor *output = node->outputs[0];
    *scaling = (Scaling){.real = dtype_is_float(output->dtype), .wide = wide, .single = node->model->single_rounding};
    if (scaling->real) {
        activation_range_float(node, &scaling->real_low, &scaling->real_high);
        return true;
    }
    scaling->zero_point = tensor_zero_point(output);
    if (!activation_range(node, output, &scaling->low, &scaling->high))
        return false;
    scaling->count = node->inputs[1]->quantisation.count;
    scaling->multiplier = arena_array(arena, (size_t)scaling->count, sizeof *scaling->multiplier);
    scaling->shift = arena_array(arena, (size_t)scaling->count, sizeof *scaling->shift);
    for (int i = 0; i < scaling->count; ++i) {
        quantise_multiplier(effective_scale(node, product, i), &scaling->multiplier[i], &scaling->shift[i]);
        if (wide && scaling->shift[i] > 7) /* TFLite's own limit */
            return node_error(
                node, "channel %d is scaled by 2^%d; 16-bit outputs allow up to 2^7", i, scaling->shift[i]);
    }
    return true;
}

double *weighted_values(const Evaluation *evaluation, Arena *arena, int index, int axis)
{
    const Tensor *tensor = evaluation->node->inputs[index];
    const int64_t count = tensor_elements(tensor);
    const Quantisation *q = &tensor->quantisation;
    double *values = arena_array(arena, (size_t)count + 1, sizeof *values);
    if (dtype_is_float(tensor->dtype)) {
        for (int64_t i = 0; i < count; ++i)
            values[i] = element_float(tensor->dtype, evaluation->in[index], i);
        return values;
    }
    const bool dequantise = dtype_is_float(evaluation->node->outputs[0]->dtype);
    int64_t inner = 1;
    for (int i = axis + 1; i < tensor->shape.rank; ++i)
        inner *= tensor->shape.dim[i];
    for (int64_t i = 0; i < count; ++i) {
        const int channel = q->count > 1 ? (int)(i / inner % q->count) : 0;
        values[i] = (double)(element_int(tensor->dtype, evaluation->in[index], i) - q->zero_point[channel]);
        if (dequantise)
            values[i] *= (double)q->scale[channel];
    }
    return values;
}

double weighted_dot(
    const Scaling *scaling, double sum, const double *a, int64_t step_a, const double *b, int64_t step_b, int32_t count)
{
    if (!scaling->real) {
        for (int32_t k = 0; k < count; ++k)
            sum += a[k * step_a] * b[k * step_b];
        return sum;
    }
    float single = (float)sum;
    for (int32_t k = 0; k < count; ++k)
        single += (float)a[k * step_a] * (float)b[k * step_b];
    return (double)single;
}

/* A double holds the sums exactly: 2^23 of the largest products, those of 16-bit operands. */
void weighted_store(const Evaluation *evaluation, const Scaling *scaling, double sum, int channel, int64_t index)
{
    const Node *node = evaluation->node;
    const Tensor *bias = node_input(node, 2);
    const DType dtype = node->outputs[0]->dtype;
    if (scaling->real) {
        double value =
            bias != NULL ? (double)(float)(sum + element_float(bias->dtype, evaluation->in[2], channel)) : sum;
        value = value < (double)scaling->real_low ? (double)scaling->real_low : value;
        element_set_float(
            dtype, evaluation->out[0], index, value > (double)scaling->real_high ? (double)scaling->real_high : value);
        return;
    }
    const uint64_t added = bias != NULL ? (uint64_t)element_int(bias->dtype, evaluation->in[2], channel) : 0;
    const uint64_t total = (uint64_t)(int64_t)sum + added;
    const int which = scaling->count > 1 ? channel : 0;
    const int32_t multiplier = scaling->multiplier[which];
    const int shift = scaling->shift[which];
    /* 32-bit sums wrap, as the reference's do. */
    const int32_t scaled = scaling->wide ? requantise64((int64_t)total, multiplier, shift)
                                         : requantise((int32_t)(uint32_t)total, multiplier, shift, scaling->single);
    element_set_int(
        dtype, evaluation->out[0], index, clamp32((int64_t)scaled + scaling->zero_point, scaling->low, scaling->high));
}

/* ---------------------------------------------------------------- facts */

const WeightSums *weighted_sums(const Node *node, Arena *arena, int64_t outer, int32_t channels, int64_t inner)
{
    const Tensor *weights = node->inputs[1];
    if (!tensor_is_constant(weights) || !dtype_is_integer(weights->dtype) || weights->quantisation.count < 1)
        return NULL;
    WeightSums *sums = arena_alloc(arena, sizeof *sums);
    sums->sum = arena_array(arena, (size_t)channels + 1, sizeof *sums->sum);
    sums->magnitude = arena_array(arena, (size_t)channels + 1, sizeof *sums->magnitude);
    const int32_t zero_point = weights->quantisation.zero_point[0];
    int64_t index = 0;
    for (int64_t i = 0; i < outer; ++i)
        for (int32_t channel = 0; channel < channels; ++channel)
            for (int64_t k = 0; k < inner; ++k) {
                const int64_t value = element_int(weights->dtype, weights->data, index++) - zero_point;
                sums->sum[channel] += value;
                sums->magnitude[channel] += value < 0 ? -value : value;
            }
    return sums;
}

static double largest_distance(const Tensor *tensor, int32_t zero_point)
{
    const double below = (double)zero_point - (double)dtype_min(tensor->dtype),
                 above = (double)dtype_max(tensor->dtype) - zero_point;
    return below > above ? below : above;
}

/* The biases as far as they are known when compiling: zeros where there are none, NULL where the bias is a variable. */
static int64_t *known_biases(const Node *node, Arena *arena, int32_t channels)
{
    const Tensor *bias = node_input(node, 2);
    if (bias != NULL && !tensor_is_constant(bias))
        return NULL;
    int64_t *values = arena_array(arena, (size_t)channels + 1, sizeof *values);
    for (int32_t channel = 0; bias != NULL && channel < channels; ++channel)
        values[channel] = element_int(bias->dtype, bias->data, channel);
    return values;
}

/* The largest magnitude that a sum may reach with any input, biases (NULL: of any value) included. */
static double largest_sum(
    const Node *node, int32_t channels, const WeightSums *sums, const int64_t *biases, int64_t depth)
{
    const Tensor *input = node->inputs[0], *weights = node->inputs[1];
    const double input_reach = largest_distance(input, tensor_zero_point(input));
    double largest = 0.0;
    for (int32_t channel = 0; channel < channels; ++channel) {
        double reach = sums != NULL ? (double)sums->magnitude[channel]
                                    : (double)depth * largest_distance(weights, weights->quantisation.zero_point[0]);
        reach *= input_reach;
        reach += biases != NULL ? fabs((double)biases[channel]) : (double)dtype_max(node->inputs[2]->dtype);
        largest = reach > largest ? reach : largest;
    }
    return largest;
}

/* A channel without weights is a constant, whatever its scale; converters give such channels tiny scales and biases of
 * up to 2^30. It becomes a small bias with a multiplier of a half and one shift, so that the other channels' kernel
 * serves it, too. */
static void settle_constant_channels(const WeightSums *sums, Scaling *scaling, int64_t *biases)
{
    for (int channel = 0; channel < scaling->count; ++channel) {
        if (sums->magnitude[channel] != 0)
            continue;
        const int32_t scaled = requantise(
            (int32_t)biases[channel], scaling->multiplier[channel], scaling->shift[channel], scaling->single);
        const int32_t output = clamp32((int64_t)scaled + scaling->zero_point, scaling->low, scaling->high);
        biases[channel] = 4 * (int64_t)(output - scaling->zero_point);
        scaling->multiplier[channel] = 1 << 30;
        scaling->shift[channel] = -1;
    }
}

/* Whether every channel is divided by two at least once. A multiplier of 0 gives 0 with any shift. */
static bool all_shift_right(const Scaling *scaling)
{
    for (int i = 0; i < scaling->count; ++i)
        if (scaling->multiplier[i] != 0 && scaling->shift[i] > -1)
            return false;
    return true;
}

/* The multiplier of 64-bit sums has 16 bits (internal/common.cc). */
static int32_t reduced_multiplier(int32_t multiplier)
{
    return multiplier < 0x7fff0000 ? (multiplier + (1 << 15)) >> 16 : 0x7fff;
}

/* Multipliers and shifts, as the kernel's form of scaling wants them: numbers, or tables with one entry per channel. */
static void scale_facts(const Scaling *scaling, Facts *facts, bool right)
{
    const size_t count = (size_t)scaling->count;
    int32_t *multipliers = arena_array(facts->arena, count, sizeof *multipliers);
    int16_t *reduced = arena_array(facts->arena, count, sizeof *reduced);
    int8_t *shifts = arena_array(facts->arena, count, sizeof *shifts);
    for (size_t i = 0; i < count; ++i) {
        multipliers[i] = scaling->wide ? reduced_multiplier(scaling->multiplier[i]) : scaling->multiplier[i];
        reduced[i] = (int16_t)multipliers[i];
        shifts[i] = (int8_t)(!right ? scaling->shift[i] : multipliers[i] == 0 ? 1
                                                                              : -scaling->shift[i]);
    }
    if (count == 1) {
        fact_int(facts, "multiplier", multipliers[0]);
        fact_int(facts, "shift", shifts[0]);
        return;
    }
    fact_table(facts, "multiplier", scaling->wide ? DTYPE_I16 : DTYPE_I32, scaling->count,
        scaling->wide ? (const void *)reduced : multipliers, true);
    fact_table(facts, "shift", DTYPE_I8, scaling->count, shifts, true);
}

/* bias - zero point * sum of weights: the kernel then multiplies raw input values, and padding is the zero point. */
static void fold_bias(const Node *node, Facts *facts, int32_t channels, const WeightSums *sums, const int64_t *biases)
{
    int32_t *folded = arena_array(facts->arena, (size_t)channels, sizeof *folded);
    for (int32_t channel = 0; channel < channels; ++channel)
        folded[channel] = (int32_t)(biases[channel] - tensor_zero_point(node->inputs[0]) * sums->sum[channel]);
    fact_table(facts, "folded_bias", DTYPE_I32, channels, folded, true);
    if (node_input(node, 2) != NULL)
        fact_hide(facts, 2);
}

static void real_facts(const Node *node, Facts *facts, const Scaling *scaling)
{
    const Tensor *weights = node->inputs[1];
    fact_float(facts, "real_low", (double)scaling->real_low);
    fact_float(facts, "real_high", (double)scaling->real_high);
    fact_int(facts, "folded", 0);
    const bool hybrid = !dtype_is_float(weights->dtype);
    fact_string(facts, "scaling", hybrid ? "hybrid" : "real");
    fact_int(facts, "weights_zero_point", hybrid ? weights->quantisation.zero_point[0] : 0);
    fact_int(facts, "input_zero_point", 0);
    fact_int(facts, "per_channel", weights->quantisation.count > 1);
    if (!hybrid)
        return;
    fact_float(facts, "weights_scale", (double)weights->quantisation.scale[0]);
    if (weights->quantisation.count > 1)
        fact_table(facts, "scale", DTYPE_F32, weights->quantisation.count, weights->quantisation.scale, true);
}

static void integer_facts(const Node *node, Facts *facts, const Scaling *scaling, double largest)
{
    fact_int(facts, "input_zero_point", tensor_zero_point(node->inputs[0]));
    fact_int(facts, "weights_zero_point", node->inputs[1]->quantisation.zero_point[0]);
    fact_int(facts, "output_zero_point", scaling->zero_point);
    fact_int(facts, "low", scaling->low);
    fact_int(facts, "high", scaling->high);
    fact_int(facts, "per_channel", scaling->count > 1);
    fact_string(facts, "accumulator", largest >= 2147483647.0 ? "int64_t" : "int32_t");
    fact_string(facts, "comment", arena_format(facts->arena, "no sum exceeds %.0f in magnitude", largest));
}

/* The largest magnitude that a sum may have to be doubled in 32 bits; no partial sum then leaves them either. */
static const double SMALL_SUM = 1073741823.0;

static const char *scaling_form(const Scaling *scaling, double largest)
{
    if (scaling->wide)
        return "wide";
    if (scaling->single)
        return "single";
    return all_shift_right(scaling) && largest <= SMALL_SUM ? "right" : "double";
}

static void scaling_facts(const Node *node, Facts *facts, const Scaling *scaling, double largest)
{
    const char *form = scaling_form(scaling, largest);
    integer_facts(node, facts, scaling, largest);
    fact_string(facts, "scaling", form);
    scale_facts(scaling, facts, strcmp(form, "right") == 0);
}

/* The facts of a kernel with folded biases, for 8 bits with constant weights; false where there can be none. */
static bool fold(const Node *node, Facts *facts, Scaling scaling, int32_t channels, const WeightSums *sums)
{
    int64_t *biases = known_biases(node, facts->arena, channels);
    const DType dtype = node->inputs[0]->dtype;
    if (sums == NULL || biases == NULL || (dtype != DTYPE_I8 && dtype != DTYPE_U8))
        return false;
    scaling.multiplier = arena_copy(facts->arena, scaling.multiplier, (size_t)scaling.count * sizeof(int32_t));
    scaling.shift = arena_copy(facts->arena, scaling.shift, (size_t)scaling.count * sizeof(int));
    if (scaling.count == channels)
        settle_constant_channels(sums, &scaling, biases);
    const double largest = largest_sum(node, channels, sums, biases, 0);
    /* Raw values of uint8 may be three times as far from 0 as from their zero point. */
    if (largest > (dtype == DTYPE_U8 ? SMALL_SUM / 2 : SMALL_SUM))
        return false;
    fact_int(facts, "folded", 1);
    fold_bias(node, facts, channels, sums, biases);
    scaling_facts(node, facts, &scaling, largest);
    return true;
}

/* int4 weights are unpacked when compiling: the kernels read bytes. */
static void unpack_weights(const Node *node, Facts *facts)
{
    const Tensor *weights = node->inputs[1];
    if (weights->dtype != DTYPE_I4)
        return;
    const int64_t count = tensor_elements(weights);
    int8_t *unpacked = arena_array(facts->arena, (size_t)count + 1, 1);
    for (int64_t i = 0; i < count; ++i)
        unpacked[i] = (int8_t)element_int(DTYPE_I4, weights->data, i);
    fact_table(facts, "unpacked", DTYPE_I8, (int)count, unpacked, true);
    fact_hide(facts, 1);
}

bool weighted_facts(const Node *node, Facts *facts, ScaleProduct product, bool wide, int32_t channels,
    const WeightSums *sums, int64_t depth, bool may_fold)
{
    Scaling scaling;
    if (!weighted_scaling(node, facts->arena, product, wide, &scaling))
        return false;
    unpack_weights(node, facts);
    fact_int(facts, "has_bias", node_input(node, 2) != NULL);
    if (scaling.real) {
        real_facts(node, facts, &scaling);
        return true;
    }
    if (may_fold && fold(node, facts, scaling, channels, sums))
        return true;
    fact_int(facts, "folded", 0);
    /* Wide sums get their bias after the products, which mostly fit 32 bits. */
    const int64_t *biases = wide ? arena_array(facts->arena, (size_t)channels + 1, sizeof *biases)
                                 : known_biases(node, facts->arena, channels);
    scaling_facts(node, facts, &scaling, largest_sum(node, channels, sums, biases, depth));
    return true;
}

bool weighted_fold(const Node *node, Facts *facts, bool wide, int32_t channels, const WeightSums *sums, int64_t depth)
{
    Facts folded = {.arena = facts->arena, .numbers_only = facts->numbers_only};
    if (!weighted_facts(node, &folded, PRODUCT_IN_DOUBLE, wide, channels, sums, depth, true))
        return false;
    facts_replace(facts, &folded);
    return fact_find(facts, "folded")->integer != 0;
}
