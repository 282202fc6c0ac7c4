/* SPDX-License-Identifier: MIT
 *
 * The scaling form "floor": an output is floor(sum * scale + offset) + zero point, clamped, which vector units do in three
 * instructions. Single precision serves where the channel's thresholds say so; double precision is exact by algebra.
 *
 * TensorFlow Lite's two roundings, with z = sum * multiplier / 2^31 and h = floor(z + 1/2), give
 * R = (h + 2^(right - 1) - (h < 0)) >> right. Nested floors collapse: R = floor(z / 2^right + 1/2 + 2^-(right + 1)) for sums of 0
 * and more, and the same with - 2^-(right + 1) for those below. R never falls as the sum rises, so a formula that never falls
 * either is equal everywhere when it is so on both sides of every threshold that the channel's sums can cross.
 */
#include "compiler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A channel's requantisation, and the sums that its weights and bias can make of any input. */
typedef struct Channel {
    int32_t multiplier;
    int right;
    int64_t bias, least, most; /* bias: with the input's zero point folded in */
    int64_t weight_sum;
    int64_t low, high; /* of R, by the clamps */
} Channel;

/* What is found: scale = mantissa / 2^(24 + right), offsets likewise, below: for negative sums. */
typedef struct Fit {
    int64_t mantissa, offset, below;
} Fit;

static const int64_t EXACT_SUM = INT64_C(1) << 24; /* single precision has them all */
enum { MOST_RIGHT = 22 }; /* thresholds in units of 2^-(31 + right) stay within 63 bits */
enum { MOST_SCALES = 257 }; /* that are tried */

static int64_t scaled(const Channel *c, int64_t sum)
{
    const int64_t result = requantise((int32_t)sum, c->multiplier, -c->right, false);
    return result < c->low ? c->low : result > c->high ? c->high
                                                       : result;
}

static int64_t ceiling_quotient(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

/* The least sum whose R is k or more. */
static int64_t threshold(const Channel *c, int64_t k)
{
    const int64_t one = INT64_C(1) << (31 + c->right), half = one / 2, quarter = INT64_C(1) << 30;
    return ceiling_quotient(k * one - half + (k > 0 ? -quarter : quarter), c->multiplier);
}

/* The offsets [*low, *high], in units of 2^-(24 + right), with which sums from `first` to `last` come out right. False where a
 * threshold is not where the closed formula says. */
static bool offsets_for(const Channel *c, int64_t mantissa, int64_t first, int64_t last, int64_t *low, int64_t *high)
{
    const int64_t one = INT64_C(1) << (24 + c->right);
    const int64_t least = scaled(c, first), most = scaled(c, last);
    if (least > c->low && least * one - mantissa * first > *low)
        *low = least * one - mantissa * first;
    if (most < c->high && (most + 1) * one - 1 - mantissa * last < *high)
        *high = (most + 1) * one - 1 - mantissa * last;
    for (int64_t k = least + 1; k <= most; ++k) {
        const int64_t sum = threshold(c, k);
        if (sum <= first || sum > last || scaled(c, sum) < k || scaled(c, sum - 1) >= k)
            return false;
        const int64_t at_least = k * one - mantissa * sum, at_most = k * one - 1 - mantissa * (sum - 1);
        *low = at_least > *low ? at_least : *low;
        *high = at_most < *high ? at_most : *high;
    }
    return *low <= *high;
}

/* A number of [low, high] that single precision holds. */
static bool single_between(int64_t low, int64_t high, int64_t *result)
{
    const int64_t middle = low + (high - low) / 2;
    int64_t unit = 1;
    while (llabs(middle) / unit >= EXACT_SUM)
        unit *= 2;
    for (int64_t i = 0; i < 3; ++i) {
        *result = (middle / unit + (i == 0 ? 0 : i == 1 ? 1
                                                        : -1)) *
                  unit;
        if (*result >= low && *result <= high && llabs(*result) / unit <= EXACT_SUM)
            return true;
    }
    return false;
}

static bool fit_with(const Channel *c, int64_t mantissa, bool two_sided, Fit *fit)
{
    const int64_t limit = INT64_C(1) << (33 + c->right); /* 512: no matter which, where the clamps hide the rest */
    int64_t low = -limit, high = limit;
    fit->mantissa = mantissa;
    if (!two_sided || c->least >= 0 || c->most < 0) {
        if (!offsets_for(c, mantissa, c->least, c->most, &low, &high) || !single_between(low, high, &fit->offset))
            return false;
        fit->below = fit->offset;
        return true;
    }
    if (!offsets_for(c, mantissa, 0, c->most, &low, &high) || !single_between(low, high, &fit->offset))
        return false;
    low = -limit;
    high = limit;
    return offsets_for(c, mantissa, c->least, -1, &low, &high) && single_between(low, high, &fit->below);
}

/* Scales near the true one: that is a multiple of 2^-(31 + right), single precision has every 128th. */
static bool fit_channel(const Channel *c, bool two_sided, Fit *fit)
{
    if (llabs(c->least) > EXACT_SUM || llabs(c->most) > EXACT_SUM || c->right > MOST_RIGHT)
        return false;
    const int64_t nearest = ((int64_t)c->multiplier + 64) / 128;
    for (int64_t i = 0; i < MOST_SCALES; ++i) {
        const int64_t mantissa = nearest + (i % 2 == 1 ? (i + 1) / 2 : -i / 2);
        if (mantissa >= 0 && mantissa <= EXACT_SUM && fit_with(c, mantissa, two_sided, fit))
            return true;
    }
    return false;
}

/* ---------------------------------------------------------------- the node's channels */

static int32_t per_channel_value(const Facts *facts, const char *name, int channel)
{
    const Fact *fact = fact_find(facts, name);
    return (int32_t)(fact->kind == FACT_INT ? fact->integer : element_int(fact->dtype, fact->data, channel));
}

/* Inputs are any int8. */
static void add_reach(const Node *node, Channel *channels, int count)
{
    const Tensor *weights = node->inputs[1];
    const int64_t elements = tensor_elements(weights), inner = node->op == OP_DEPTHWISE_CONV_2D ? 1 : elements / count;
    for (int64_t i = 0; i < elements; ++i) {
        Channel *c = &channels[i / inner % count];
        const int64_t weight = element_int(weights->dtype, weights->data, i);
        c->weight_sum += weight;
        c->least += weight * (weight > 0 ? -128 : 127);
        c->most += weight * (weight > 0 ? 127 : -128);
    }
}

static Channel *channels_of(const Node *node, const Facts *facts, int count)
{
    Channel *channels = arena_array(facts->arena, (size_t)count, sizeof *channels);
    const int64_t zero = fact_find(facts, "output_zero_point")->integer;
    for (int i = 0; i < count; ++i) {
        Channel *c = &channels[i];
        *c = (Channel){.multiplier = per_channel_value(facts, "multiplier", i), .right = per_channel_value(facts, "shift", i)};
        c->bias = c->least = c->most = per_channel_value(facts, "folded_bias", i);
        c->low = fact_find(facts, "low")->integer - zero;
        c->high = fact_find(facts, "high")->integer - zero;
    }
    add_reach(node, channels, count);
    return channels;
}

/* sum * multiplier and the offset are multiples of 2^-(31 + right) within 53 bits: double precision makes no error. */
static bool is_exact_in_double(const Channel *c)
{
    const double reach = (double)(llabs(c->least) > llabs(c->most) ? llabs(c->least) : llabs(c->most));
    return reach * c->multiplier + ldexp(1.0, 31 + c->right) < ldexp(1.0, 53);
}

static bool fit_all(const Channel *channels, int count, bool two_sided, Fit *fits)
{
    for (int i = 0; i < count; ++i)
        if (channels[i].multiplier == 0)
            fits[i] = (Fit){.offset = INT64_C(1) << (23 + channels[i].right), .below = INT64_C(1) << (23 + channels[i].right)};
        else if (!fit_channel(&channels[i], two_sided, &fits[i]))
            return false;
    return true;
}

typedef struct Columns {
    double *scale, *offset, *below;
} Columns;

static void fill_exact(const Channel *channels, int count, Columns columns)
{
    for (int i = 0; i < count; ++i) {
        const double least = channels[i].multiplier == 0 ? 0.0 : ldexp(1.0, -channels[i].right - 1);
        columns.scale[i] = ldexp(channels[i].multiplier, -31 - channels[i].right);
        columns.offset[i] = 0.5 + least;
        columns.below[i] = 0.5 - least;
    }
}

static void fill_fits(const Channel *channels, const Fit *fits, int count, Columns columns)
{
    for (int i = 0; i < count; ++i) {
        const int unit = -24 - channels[i].right;
        columns.scale[i] = ldexp((double)fits[i].mantissa, unit);
        columns.offset[i] = ldexp((double)fits[i].offset, unit);
        columns.below[i] = ldexp((double)fits[i].below, unit);
    }
}

/* ---------------------------------------------------------------- facts */

/* A table of whole vectors: what lies beyond the last channel begins with the first one again. */
static void table_of(Facts *facts, const char *name, DType dtype, const double *values, int count, int padded)
{
    uint8_t *data = arena_array(facts->arena, (size_t)padded, dtype_bits(dtype) / 8);
    for (int i = 0; i < padded; ++i)
        if (dtype_is_float(dtype))
            element_set_float(dtype, data, i, values[i % count]);
        else
            element_set_int(dtype, data, i, (int64_t)values[i % count]);
    fact_table(facts, name, dtype, padded, data, true);
}

static bool has_biases_for_bytes(const Channel *channels, int count)
{
    for (int i = 0; i < count; ++i)
        if (llabs(channels[i].bias - 128 * channels[i].weight_sum) > INT32_MAX / 2)
            return false;
    return true;
}

static void floor_facts(Facts *facts, const Channel *channels, int count, int padded, bool wide, bool two_sided, Columns columns)
{
    const DType dtype = wide ? DTYPE_F64 : DTYPE_F32;
    double *start = arena_array(facts->arena, (size_t)count, sizeof *start);
    for (int i = 0; i < count; ++i)
        start[i] = (double)(channels[i].bias - 128 * channels[i].weight_sum);
    fact_int(facts, "wide", wide);
    fact_int(facts, "two_sided", two_sided);
    table_of(facts, "start", DTYPE_I32, start, count, padded);
    table_of(facts, "scale", dtype, columns.scale, count, padded);
    table_of(facts, "offset", dtype, columns.offset, count, padded);
    if (two_sided)
        table_of(facts, "below", dtype, columns.below, count, padded);
}

bool prove_floor_scaling(const Node *node, Facts *facts, int64_t lanes)
{
    const Fact *form = fact_find(facts, "scaling"), *bias = fact_find(facts, "folded_bias");
    if (form == NULL || strcmp(form->text, "right") != 0 || bias == NULL || node->inputs[0]->dtype != DTYPE_I8 ||
        node->inputs[1]->quantisation.zero_point[0] != 0)
        return false;
    const int count = bias->count, padded = (int)((count + lanes - 1) / lanes * lanes);
    const Channel *channels = channels_of(node, facts, count);
    Fit *fits = arena_array(facts->arena, (size_t)count, sizeof *fits);
    double *values = arena_array(facts->arena, (size_t)count * 3, sizeof *values);
    const Columns columns = {values, values + count, values + 2 * count};
    if (!has_biases_for_bytes(channels, count))
        return false;
    bool two_sided = false, wide = false;
    if (fit_all(channels, count, false, fits) || (two_sided = true, fit_all(channels, count, true, fits))) {
        fill_fits(channels, fits, count, columns);
    } else {
        wide = true;
        for (int i = 0; i < count; ++i)
            if (!is_exact_in_double(&channels[i]))
                return false;
        fill_exact(channels, count, columns);
    }
    floor_facts(facts, channels, count, padded, wide, two_sided, columns);
    return true;
}
