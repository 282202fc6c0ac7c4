/* SPDX-License-Identifier: MIT
 *
 * Cheaper exact ways from a sum of products to an output than TensorFlow Lite's own steps: targets ask for them by name, and
 * get them where they are proven to give the same output for every sum that the node's weights and biases can make.
 */
#include "compiler.h"

#include <stdlib.h>
#include <string.h>

typedef struct ScalingForm {
    const char *name;
    bool (*prove)(const Node *node, Facts *facts, int64_t argument);
} ScalingForm;

/* ---------------------------------------------------------------- tables for vectors of channels */

/* The value of channel `channel` of fact `name`: a table, or one number for all. */
static int32_t channel_value(const Facts *facts, const char *name, int channel)
{
    const Fact *fact = fact_find(facts, name);
    return (int32_t)(fact->kind == FACT_INT ? fact->integer : element_int(fact->dtype, fact->data, channel));
}

/* The channel in lane `lane` of a group, in the order that narrowing needs: two vectors into one interleave, four into one twice. */
static int channel_in_group(int lane, int group)
{
    static const int fourth[] = {0, 2, 1, 3};
    const int vectors = group / 4;
    return lane % 4 * vectors + (vectors == 4 ? fourth[lane / 4] : lane / 4);
}

/* The table "scales": for each group of 4, 8 or 16 channels the vectors of biases, multipliers and shifts (negative: to the right);
 * for 16, vector by vector. Beyond the last channel come zeros, or (`repeated`) the first ones again, up to a multiple of `padded`. */
static bool tabulate_groups(Facts *facts, int group, int padded, bool repeated)
{
    const Fact *bias = fact_find(facts, "folded_bias");
    if (facts->numbers_only)
        return true;
    if (bias == NULL || fact_find(facts, "multiplier") == NULL || fact_find(facts, "shift") == NULL)
        return false;
    const int channels = bias->count, count = (channels + padded - 1) / padded * padded;
    const int step = group == 16 ? 4 : group;
    int32_t *scales = arena_array(facts->arena, (size_t)count * 3, sizeof *scales);
    for (int i = 0; i < count; ++i) {
        const int channel = i / group * group + channel_in_group(i % group, group), known = repeated ? channel % channels : channel;
        int32_t *entry = scales + i / step * step * 3 + i % step;
        const bool exists = known < channels;
        entry[0] = exists ? channel_value(facts, "folded_bias", known) : 0;
        entry[step] = exists ? channel_value(facts, "multiplier", known) : 0;
        entry[2 * step] = exists ? -channel_value(facts, "shift", known) : -1;
    }
    fact_table(facts, "scales", DTYPE_I32, 3 * count, scales, true);
    return true;
}

static bool prove_by_groups(const Node *node, Facts *facts, int64_t group)
{
    (void)node;
    return tabulate_groups(facts, (int)group, (int)group, false);
}

static bool prove_by_repeated_groups(const Node *node, Facts *facts, int64_t group)
{
    (void)node;
    return tabulate_groups(facts, (int)group, (int)group, true);
}

/* "by_fours": groups of 4, whose vectors are in order, repeated up to a multiple of `padded` channels. */
static bool prove_by_fours(const Node *node, Facts *facts, int64_t padded)
{
    (void)node;
    return tabulate_groups(facts, 4, (int)padded, true);
}

/* "by_channels": the table "scales" with each channel's bias, multiplier, offset and shift (negative), for outputs that end below at
 * `zero_point`, where the rounding of negative values does not show: (high product + offset) >> shift, the offset being half of
 * a step and the zero point. Where it leaves 30 bits, with the high product 32, there is none. */
static bool prove_by_channels(const Node *node, Facts *facts, int64_t zero_point)
{
    const int32_t channels = node->inputs[1]->shape.dim[3], shifts = fact_find(facts, "per_channel")->integer != 0 ? channels : 1;
    for (int32_t i = 0; i < shifts; ++i)
        if (channel_value(facts, "shift", i) > 22)
            return false;
    if (facts->numbers_only)
        return true;
    int32_t *scales = arena_array(facts->arena, (size_t)channels * 4, sizeof *scales);
    for (int32_t i = 0; i < channels; ++i) {
        const int32_t shift = channel_value(facts, "shift", i);
        scales[4 * i] = channel_value(facts, "folded_bias", i);
        scales[4 * i + 1] = channel_value(facts, "multiplier", i);
        scales[4 * i + 2] = (int32_t)((INT64_C(1) << (shift - 1)) + zero_point * (INT64_C(1) << shift));
        scales[4 * i + 3] = -shift;
    }
    fact_table(facts, "scales", DTYPE_I32, 4 * channels, scales, true);
    return true;
}

/* "tap_groups" of a depthwise filter with int8 weights: the taps in groups of neighbours whose products with any int8 add up to 16
 * bits, in every channel: 128 * the sum of their magnitudes is less than 2^15. The fact has the groups' sizes; more of them than
 * the argument are refused. */
static bool prove_tap_groups(const Node *node, Facts *facts, int64_t argument)
{
    const Tensor *weights = node->inputs[1];
    const int channels = weights->shape.dim[3], taps = (int)(tensor_elements(weights) / channels);
    int64_t *groups = arena_array(facts->arena, (size_t)taps, sizeof *groups), *sums = arena_array(facts->arena, (size_t)channels, sizeof *sums);
    int count = 0;
    for (int tap = 0; tap < taps; ++tap) {
        bool fits = tap > 0;
        for (int channel = 0; channel < channels && fits; ++channel)
            fits = sums[channel] + llabs(element_int(DTYPE_I8, weights->data, (int64_t)tap * channels + channel)) <= 255;
        for (int channel = 0; channel < channels; ++channel)
            sums[channel] = (fits ? sums[channel] : 0) + llabs(element_int(DTYPE_I8, weights->data, (int64_t)tap * channels + channel));
        count += !fits;
        ++groups[count - 1];
    }
    if (count > argument)
        return false;
    fact_ints(facts, "tap_groups", count, groups);
    return true;
}

/* ---------------------------------------------------------------- what sums can be */

/* Of one channel: the least and the largest sum, bias included, and how TFLite scales it. */
typedef struct Channel {
    int64_t low, high, largest_weight;
    int32_t bias, multiplier, right;
} Channel;

static int64_t int_fact(const Facts *facts, const char *name, int64_t otherwise)
{
    const Fact *fact = fact_find(facts, name);
    return fact != NULL && fact->kind == FACT_INT ? fact->integer : otherwise;
}

static bool is_folded_int8(const Node *node, const Facts *facts)
{
    const Fact *scaling = fact_find(facts, "scaling");
    return int_fact(facts, "folded", 0) != 0 && int_fact(facts, "weights_zero_point", 1) == 0 && strcmp(scaling->text, "right") == 0 &&
           node->inputs[0]->dtype == DTYPE_I8 && node->outputs[0]->dtype == DTYPE_I8;
}

/* The channels of a layer with folded biases, whose sums are of raw inputs from -128 to 127. */
static Channel *channels_of(const Node *node, const Facts *facts, int *count)
{
    const Tensor *weights = node->inputs[1];
    const int64_t elements = tensor_elements(weights);
    const int channels = fact_find(facts, "folded_bias")->count;
    const int64_t inner = node->op == OP_DEPTHWISE_CONV_2D ? 1 : elements / channels;
    Channel *list = arena_array(facts->arena, (size_t)channels, sizeof *list);
    for (int c = 0; c < channels; ++c) {
        const int32_t bias = channel_value(facts, "folded_bias", c);
        list[c] = (Channel){bias, bias, 0, bias, channel_value(facts, "multiplier", c), channel_value(facts, "shift", c)};
    }
    for (int64_t i = 0; i < elements; ++i) {
        const int64_t weight = element_int(weights->dtype, weights->data, i);
        Channel *channel = &list[i / inner % channels];
        const int64_t size = weight < 0 ? -weight : weight;
        channel->largest_weight = size > channel->largest_weight ? size : channel->largest_weight;
        channel->low += weight * (weight > 0 ? -128 : 127);
        channel->high += weight * (weight > 0 ? 127 : -128);
    }
    *count = channels;
    return list;
}

/* ---------------------------------------------------------------- "high_product": the upper half of a product */

/* With T = sum * multiplier and n = 31 + right, TFLite's result is (docs/numerics.md)
 *
 *     floor((T + 2^(n - 1) + s * 2^30) / 2^n) + zero point,  s = -1 for sum < 0, else 1
 *
 * Sums that come multiplied by 2^k have 2^(k - 32) * T as the upper half of their product with the multiplier. As divisions that
 * round down may follow each other, for k >= 2 the result is
 *
 *     (floor(2^k * sum * multiplier / 2^32) + offset - (sum < 0 ? 2^(k - 1) : 0)) >> (right + k - 1)
 *     offset = 2^(k - 2) + 2^(right + k - 2) + zero point * 2^(right + k - 1)
 *
 * and for k = 1 the same with offset = 2^(right - 1) + zero point * 2^right, the product's upper half rounded to nearest. The term
 * for sum < 0 can be left out where such sums give the least output anyway ("one_sided"): even without it the result of a
 * negative sum is not above the zero point, as T < 0 and 2^30 <= 2^(n - 1).
 *
 * Facts: sum_shift (k), one_sided, and per channel the tables start (the bias * 2^k), factor, offset, right. */
enum { MOST_RIGHT = 22 }; /* zero point * 2^right stays below 2^30 */

static int32_t int8_output(const Node *node, const Channel *channel, int64_t sum)
{
    const int32_t scaled = requantise((int32_t)sum, channel->multiplier, -channel->right, false);
    return clamp32((int64_t)scaled + tensor_zero_point(node->outputs[0]), -128, 127);
}

/* Channels whose output does not depend on the input have no need of their multiplier. */
static bool is_constant(const Node *node, const Channel *channel)
{
    return int8_output(node, channel, channel->low) == int8_output(node, channel, channel->high);
}

/* The entries of a channel in the tables start, factor, offset, right. */
static void high_product_channel(const Node *node, const Channel *channel, int k, int32_t right, int32_t entry[4])
{
    if (is_constant(node, channel)) { /* in the middle of its step: what is taken for sum < 0 does no harm */
        entry[0] = 0;
        entry[1] = 0;
        entry[2] = int8_output(node, channel, channel->low) * (1 << right) + (1 << (right - 1));
        entry[3] = right;
        return;
    }
    entry[0] = (int32_t)((uint32_t)channel->bias << k);
    entry[1] = channel->multiplier;
    entry[2] = (k >= 2 ? 1 << (k - 2) : 0) + (1 << (right - 1)) + tensor_zero_point(node->outputs[0]) * (1 << right);
    entry[3] = right;
}

static bool is_one_sided(const Node *node, const Channel *channels, int count)
{
    bool one_sided = true;
    for (int c = 0; c < count; ++c)
        one_sided &= tensor_zero_point(node->outputs[0]) == -128 || channels[c].low >= 0 || is_constant(node, &channels[c]);
    return one_sided;
}

static bool fits_shifted(const Channel *channel, int k)
{
    return channel->low >= INT32_MIN / (1 << k) && channel->high <= INT32_MAX >> k;
}

static void high_product_facts(Facts *facts, int count, const int32_t *tables, int k, bool one_sided)
{
    static const char *const names[] = {"start", "factor", "offset", "right"};
    fact_int(facts, "sum_shift", k);
    fact_int(facts, "one_sided", one_sided);
    for (int i = 0; i < 4; ++i)
        fact_table(facts, names[i], DTYPE_I32, count, tables + i * count, true);
}

static bool has_whole_range(const Node *node, const Facts *facts)
{
    return is_folded_int8(node, facts) && int_fact(facts, "low", 0) == -128 && int_fact(facts, "high", 0) == 127;
}

static void put_entries(int32_t *tables, int count, int c, const int32_t entry[4])
{
    for (int i = 0; i < 4; ++i)
        tables[i * count + c] = entry[i];
}

static bool prove_high_product(const Node *node, Facts *facts, int64_t argument)
{
    if (!has_whole_range(node, facts))
        return false;
    int count;
    const Channel *channels = channels_of(node, facts, &count);
    const bool one_sided = is_one_sided(node, channels, count);
    const int k = argument != 0 ? (int)argument : one_sided ? 2 : 1;
    int32_t *tables = arena_array(facts->arena, (size_t)count * 4, sizeof *tables);
    for (int c = 0; c < count; ++c) {
        int32_t entry[4];
        const int32_t right = is_constant(node, &channels[c]) ? 16 : channels[c].right + k - 1;
        if (right > MOST_RIGHT || (!is_constant(node, &channels[c]) && !fits_shifted(&channels[c], k)))
            return false;
        high_product_channel(node, &channels[c], k, right, entry);
        put_entries(tables, count, c, entry);
    }
    high_product_facts(facts, count, tables, k, one_sided && k >= 2);
    return true;
}

/* "common_right": the same with one shift to the right for all channels: a k for each, the table "sum_shifts", with which its weights
 * fit 16 bits. One-sided only. */
static bool prove_common_right(const Node *node, Facts *facts, int64_t right)
{
    int count;
    const Channel *channels = has_whole_range(node, facts) ? channels_of(node, facts, &count) : NULL;
    if (channels == NULL || !is_one_sided(node, channels, count))
        return false;
    int32_t *tables = arena_array(facts->arena, (size_t)count * 4, sizeof *tables);
    int8_t *shifts = arena_array(facts->arena, (size_t)count, 1);
    for (int c = 0; c < count; ++c) {
        int32_t entry[4];
        const bool constant = is_constant(node, &channels[c]);
        const int k = constant ? 0 : (int)right + 1 - channels[c].right;
        if (!constant && (k < 2 || k > 14 || channels[c].largest_weight << k > INT16_MAX || !fits_shifted(&channels[c], k)))
            return false;
        high_product_channel(node, &channels[c], k, (int32_t)right, entry);
        put_entries(tables, count, c, entry);
        shifts[c] = (int8_t)k;
    }
    high_product_facts(facts, count, tables, 0, true);
    fact_table(facts, "sum_shifts", DTYPE_I8, count, shifts, false);
    return true;
}

/* ---------------------------------------------------------------- "least_weight": every weight is above a bound */

static bool prove_least_weight(const Node *node, Facts *facts, int64_t argument)
{
    (void)facts;
    const Tensor *weights = node->inputs[1];
    for (int64_t i = 0; i < tensor_elements(weights); ++i)
        if (element_int(weights->dtype, weights->data, i) < argument)
            return false;
    return true;
}

/* "saturated_pairs" of a fully connected layer with int8 weights: their number, and in the table "saturated" channel and first input of
 * each pair of neighbouring weights whose products with two values from 0 to 255 can leave 16 bits. At most one pair of `rarity`. */
static bool prove_saturated_pairs(const Node *node, Facts *facts, int64_t rarity)
{
    const Tensor *weights = node->inputs[1];
    const int64_t elements = tensor_elements(weights), inputs = weights->shape.dim[weights->shape.rank - 1], most = elements / 2 / rarity;
    int32_t *pairs = arena_array(facts->arena, (size_t)most * 2 + 2, sizeof *pairs);
    int64_t count = 0;
    for (int64_t i = 0; i < elements; i += i % inputs + 1 < inputs ? 2 : 1) { /* rows begin with a pair */
        if (i % inputs + 1 == inputs)
            continue;
        const int64_t a = element_int(weights->dtype, weights->data, i), b = element_int(weights->dtype, weights->data, i + 1);
        const int64_t above = (a > 0 ? a : 0) + (b > 0 ? b : 0), below = (a < 0 ? a : 0) + (b < 0 ? b : 0);
        if (255 * above <= INT16_MAX && 255 * below >= INT16_MIN)
            continue;
        if (count == most)
            return false;
        pairs[2 * count] = (int32_t)(i / inputs);
        pairs[2 * count++ + 1] = (int32_t)(i % inputs);
    }
    fact_int(facts, "saturated_pairs", count);
    if (count > 0)
        fact_table(facts, "saturated", DTYPE_I32, (int)count * 2, pairs, false);
    return true;
}

/* "signed_start" of a fully connected layer whose int8 weights are above -128: the table of what sums start with where values are not 128
 * higher, as the table "start" expects. */
static bool prove_signed_start(const Node *node, Facts *facts, int64_t argument)
{
    (void)argument;
    const Tensor *weights = node->inputs[1];
    const Fact *start = fact_find(facts, "start");
    const int32_t inputs = weights->shape.dim[weights->shape.rank - 1];
    if (start == NULL || !prove_least_weight(node, facts, -127))
        return false;
    int32_t *table = arena_copy(facts->arena, start->data, (size_t)start->count * sizeof *table);
    for (int64_t i = 0; i < tensor_elements(weights); ++i)
        table[i / inputs] += 128 * (int32_t)element_int(weights->dtype, weights->data, i);
    fact_table(facts, "signed_start", DTYPE_I32, start->count, table, true);
    return true;
}

/* ---------------------------------------------------------------- "folded": padding is the zero point, which is in the bias */

static bool prove_folded(const Node *node, Facts *facts, int64_t argument)
{
    (void)argument;
    if (int_fact(facts, "folded", 0) != 0)
        return true;
    return node->op == OP_CONV_2D ? convolution_fold(node, facts) : node->op == OP_DEPTHWISE_CONV_2D && depthwise_fold(node, facts);
}

/* "small_gate_sums" of a recurrent layer with int8 weights, gathered by units: no sum of a gate reaches 2^bits in magnitude, with
 * any int8 values. */
static bool are_gate_sums_small(const Facts *facts, const char *name, int first, int64_t bits)
{
    const Fact *weights = fact_find(facts, name), *offsets = fact_find(facts, "offsets");
    if (weights == NULL || offsets == NULL || weights->dtype != DTYPE_I8 || offsets->dtype != DTYPE_I32)
        return false;
    const int units = offsets->count / 8, inputs = weights->count / (4 * units);
    for (int row = 0; row < 4 * units; ++row) {
        int64_t reach = element_int(DTYPE_I32, offsets->data, row / 4 * 8 + first + row % 4);
        reach = reach < 0 ? -reach : reach;
        for (int k = 0; k < inputs; ++k) {
            const int64_t weight = element_int(DTYPE_I8, weights->data, (int64_t)row * inputs + k);
            reach += 128 * (weight < 0 ? -weight : weight);
        }
        if (reach >= INT64_C(1) << bits)
            return false;
    }
    return true;
}

static bool prove_small_gate_sums(const Node *node, Facts *facts, int64_t bits)
{
    (void)node;
    return are_gate_sums_small(facts, "input_weights", 0, bits) && are_gate_sums_small(facts, "recurrent_weights", 4, bits);
}

/* "least_gate_weight": none of a recurrent layer's gathered int8 weights is less than the argument. */
static bool prove_least_gate_weight(const Node *node, Facts *facts, int64_t argument)
{
    (void)node;
    static const char *const names[] = {"input_weights", "recurrent_weights"};
    for (int table = 0; table < 2; ++table) {
        const Fact *weights = fact_find(facts, names[table]);
        for (int i = 0; i < weights->count; ++i)
            if (element_int(weights->dtype, weights->data, i) < argument)
                return false;
    }
    return true;
}

static const ScalingForm forms[] = {
    {"folded", prove_folded},
    {"pair_taps", prove_pair_taps},
    {"high_product", prove_high_product},
    {"common_right", prove_common_right},
    {"least_weight", prove_least_weight},
    {"small_groups", prove_small_groups},
    {"small_gate_sums", prove_small_gate_sums},
    {"least_gate_weight", prove_least_gate_weight},
    {"by_groups", prove_by_groups},
    {"by_repeated_groups", prove_by_repeated_groups},
    {"by_fours", prove_by_fours},
    {"by_channels", prove_by_channels},
    {"tap_groups", prove_tap_groups},
    {"floor", prove_floor_scaling},
    {"one_product", prove_one_product},
    {"two_products", prove_two_products},
    {"saturated_pairs", prove_saturated_pairs},
    {"signed_start", prove_signed_start},
    {NULL, NULL},
};

bool fact_scaling_form(const Node *node, Facts *facts, const char *form, int64_t argument)
{
    for (const ScalingForm *entry = forms; entry->name != NULL; ++entry)
        if (strcmp(entry->name, form) == 0)
            return entry->prove(node, facts, argument);
    return node_error(node, "no scaling form \"%s\" is known", form);
}
