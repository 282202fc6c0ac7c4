/* SPDX-License-Identifier: MIT
 *
 * The scaling form "floor": an output is floor(sum * scale + offset) + zero point, clamped, which vector units do in three
 * instructions. Single precision serves where the channel's thresholds say so; double precision is exact by algebra.
 * Thresholds: thresholds.c.
 */
#include "compiler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is found: scale = mantissa / 2^(24 + right), offsets likewise, below: for negative sums. */
typedef struct Fit {
    int64_t mantissa, offset, below;
} Fit;

static const int64_t EXACT_SUM = INT64_C(1) << 24; /* single precision has them all */
enum { MOST_SCALES = 257 }; /* that are tried */

/* The offsets [*low, *high], in units of 2^-(24 + right), with which sums from `first` to `last` come out right. False where a
 * threshold is not where the closed formula says. */
static bool offsets_for(const ScaledChannel *c, int64_t mantissa, int64_t first, int64_t last, int64_t *low, int64_t *high)
{
    const int64_t one = INT64_C(1) << (24 + c->right);
    const int64_t least = channel_result(c, first), most = channel_result(c, last);
    if (least > c->low && least * one - mantissa * first > *low)
        *low = least * one - mantissa * first;
    if (most < c->high && (most + 1) * one - 1 - mantissa * last < *high)
        *high = (most + 1) * one - 1 - mantissa * last;
    for (int64_t k = least + 1; k <= most; ++k) {
        const int64_t sum = channel_threshold(c, k);
        if (sum <= first || sum > last || channel_result(c, sum) < k || channel_result(c, sum - 1) >= k)
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

static bool fit_with(const ScaledChannel *c, int64_t mantissa, bool two_sided, Fit *fit)
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
static bool fit_channel(const ScaledChannel *c, bool two_sided, Fit *fit)
{
    if (llabs(c->least) > EXACT_SUM || llabs(c->most) > EXACT_SUM || c->right > MOST_SCALED_RIGHT)
        return false;
    const int64_t nearest = ((int64_t)c->multiplier + 64) / 128;
    for (int64_t i = 0; i < MOST_SCALES; ++i) {
        const int64_t mantissa = nearest + (i % 2 == 1 ? (i + 1) / 2 : -i / 2);
        if (mantissa >= 0 && mantissa <= EXACT_SUM && fit_with(c, mantissa, two_sided, fit))
            return true;
    }
    return false;
}

/* sum * multiplier and the offset are multiples of 2^-(31 + right) within 53 bits: double precision makes no error. */
static bool is_exact_in_double(const ScaledChannel *c)
{
    const double reach = (double)(llabs(c->least) > llabs(c->most) ? llabs(c->least) : llabs(c->most));
    return reach * c->multiplier + ldexp(1.0, 31 + c->right) < ldexp(1.0, 53);
}

static bool fit_all(const ScaledChannel *channels, int count, bool two_sided, Fit *fits)
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

static void fill_exact(const ScaledChannel *channels, int count, Columns columns)
{
    for (int i = 0; i < count; ++i) {
        const double least = channels[i].multiplier == 0 ? 0.0 : ldexp(1.0, -channels[i].right - 1);
        columns.scale[i] = ldexp(channels[i].multiplier, -31 - channels[i].right);
        columns.offset[i] = 0.5 + least;
        columns.below[i] = 0.5 - least;
    }
}

static void fill_fits(const ScaledChannel *channels, const Fit *fits, int count, Columns columns)
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

static bool has_biases_for_bytes(const ScaledChannel *channels, int count)
{
    for (int i = 0; i < count; ++i)
        if (llabs(channels[i].bias - 128 * channels[i].weight_sum) > INT32_MAX / 2)
            return false;
    return true;
}

static void floor_facts(Facts *facts, const ScaledChannel *channels, int count, int padded, bool wide, bool two_sided, Columns columns)
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
    const ScaledChannel *channels = scaled_channels(node, facts, count);
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
