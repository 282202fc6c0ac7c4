/* SPDX-License-Identifier: MIT
 *
 * What element-wise operators share: walking broadcast operands, rescaling between scales, and the search for cheaper
 * exact forms of 8-bit functions (a clamp, a multiply-add-shift) than their formula or a table.
 */
#include "../compiler.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void broadcast_walk(BroadcastWalk *walk, const Shape *result, const Shape *const *shapes, int count)
{
    int64_t strides[BROADCAST_OPERANDS][MAX_RANK];
    *walk = (BroadcastWalk){.operands = count};
    for (int k = 0; k < count; ++k)
        broadcast_strides(shapes[k], result, strides[k]);
    for (int i = 0; i < result->rank; ++i) {
        if (result->dim[i] == 1)
            continue;
        const int last = walk->rank - 1;
        bool merges = last >= 0;
        for (int k = 0; merges && k < count; ++k)
            merges = walk->stride[k][last] == strides[k][i] * result->dim[i];
        const int axis = merges ? last : walk->rank++;
        walk->extent[axis] = merges ? walk->extent[axis] * result->dim[i] : result->dim[i];
        for (int k = 0; k < count; ++k)
            walk->stride[k][axis] = strides[k][i];
    }
}

/* The element of operand `k` that belongs to element `index` of the result. */
int64_t broadcast_element(const BroadcastWalk *walk, int k, int64_t index)
{
    int64_t element = 0;
    if (walk->rank == 1)
        return index * walk->stride[k][0];
    for (int i = walk->rank - 1; i >= 0; --i) {
        element += index % walk->extent[i] * walk->stride[k][i];
        index /= walk->extent[i];
    }
    return element;
}

const char *index_text(Arena *arena, int rank, const int64_t *strides, const char *variable)
{
    const char *text = "";
    for (int i = 0; i < rank; ++i) {
        if (strides[i] == 0)
            continue;
        const char *name = rank == 1 ? variable : arena_format(arena, "%s%d", variable, i);
        const char *plus = *text != '\0' ? " + " : "";
        text = strides[i] == 1 ? arena_format(arena, "%s%s%s", text, plus, name)
                               : arena_format(arena, "%s%s%s * %" PRId64, text, plus, name, strides[i]);
    }
    return *text != '\0' ? text : "0";
}

/* Facts: extents, and the subscript of each operand and of the output as C text over i (one loop) or i0, i1, ... */
void broadcast_facts(const BroadcastWalk *walk, Facts *facts, const char *const *names)
{
    int64_t dense[MAX_RANK], stride = 1;
    for (int i = walk->rank - 1; i >= 0; --i) {
        dense[i] = stride;
        stride *= walk->extent[i];
    }
    fact_ints(facts, "extents", walk->rank, walk->extent);
    fact_string(facts, "output_index", index_text(facts->arena, walk->rank, dense, "i"));
    for (int k = 0; k < walk->operands; ++k)
        fact_string(facts, names[k], index_text(facts->arena, walk->rank, walk->stride[k], "i"));
}

Rescale rescale_by(double factor)
{
    Rescale rescale;
    quantise_multiplier(factor, &rescale.multiplier, &rescale.shift);
    return rescale;
}

int32_t rescaled(const Node *node, int32_t value, Rescale rescale)
{
    return requantise(value, rescale.multiplier, rescale.shift, node->model->single_rounding);
}

void fact_rescale(Facts *facts, const char *name, Rescale rescale)
{
    fact_int(facts, arena_format(facts->arena, "%s_multiplier", name), rescale.multiplier);
    fact_int(facts, arena_format(facts->arena, "%s_shift", name), rescale.shift);
}

bool same_quantisation(const Tensor *a, const Tensor *b)
{
    return tensor_scale(a) == tensor_scale(b) && tensor_zero_point(a) == tensor_zero_point(b);
}

bool is_quantised_dtype(const Tensor *tensor)
{
    const DType dtype = tensor->dtype;
    return is_per_tensor(tensor) && (dtype == DTYPE_I8 || dtype == DTYPE_U8 || dtype == DTYPE_I16);
}

bool is_8_bit(DType dtype)
{
    return dtype == DTYPE_I8 || dtype == DTYPE_U8;
}

/* ---- exact linear forms */

/* The values of C for which (x + C) >> shift gives every wanted result, counted from the lower clamp; x does not
 * contain C. Results at the clamps bind one side only, so long as the form clamps, too. */
typedef struct Offsets {
    int64_t low, high;
} Offsets;

static void admit(Offsets *offsets, int64_t x, int32_t wanted, int32_t low, int32_t high, int shift)
{
    const int64_t least = ((int64_t)wanted - low) * (1LL << shift) - x, most = least + (1LL << shift) - 1;
    if (wanted > low && least > offsets->low)
        offsets->low = least;
    if (wanted < high && most < offsets->high)
        offsets->high = most;
}

/* The middle of the admitted offsets; all of them are proven. Bounds keep the sum with any x within int32. */
static bool choose_offset(Offsets offsets, int64_t least_x, int64_t most_x, int32_t *offset)
{
    if (offsets.low < INT32_MIN - (least_x < 0 ? least_x : 0))
        offsets.low = INT32_MIN - (least_x < 0 ? least_x : 0);
    if (offsets.high > INT32_MAX - (most_x > 0 ? most_x : 0))
        offsets.high = INT32_MAX - (most_x > 0 ? most_x : 0);
    if (offsets.low > offsets.high)
        return false;
    *offset = (int32_t)(offsets.low + (offsets.high - offsets.low) / 2);
    return true;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool try_sum(const PairFunction *function, int32_t a, int32_t b, int shift, LinearForm *form)
{
    Offsets offsets = {INT64_MIN / 2, INT64_MAX / 2};
    int64_t least = 0, most = 0;
    for (int i = 0; i < 256 && offsets.low <= offsets.high; ++i)
        for (int k = 0; k < 256; ++k) {
            const int64_t x = (int64_t)(i + function->least) * a + (int64_t)(k + function->least) * b;
            admit(&offsets, x, function->value[i * 256 + k], function->low, function->high, shift);
            least = smaller(least, x);
            most = larger(most, x);
        }
    if (least < INT32_MIN || most > INT32_MAX || !choose_offset(offsets, least, most, &form->offset))
        return false;
    form->a = a;
    form->b = b;
    form->shift = shift;
    return true;
}

static const int nudges[] = {0, 1, -1, 2, -2, 3, -3};
enum { NUDGES = sizeof nudges / sizeof *nudges };

bool find_linear_sum(const PairFunction *function, double a, double b, LinearForm *form)
{
    for (int shift = 23; shift >= 12; --shift) {
        const double unit = (double)(1 << shift);
        if ((a < 0 ? -a : a) * unit > 1 << 23 || (b < 0 ? -b : b) * unit > 1 << 23)
            continue;
        for (int i = 0; i < NUDGES * NUDGES; ++i)
            if (try_sum(function, round_half_away(a * unit) + nudges[i / NUDGES],
                    round_half_away(b * unit) + nudges[i % NUDGES], shift, form))
                return true;
    }
    return false;
}

static bool try_product(
    const PairFunction *function, int32_t a_zero, int32_t b_zero, int32_t factor, int shift, LinearForm *form)
{
    Offsets offsets = {INT64_MIN / 2, INT64_MAX / 2};
    int64_t least = 0, most = 0;
    for (int i = 0; i < 256 && offsets.low <= offsets.high; ++i)
        for (int k = 0; k < 256; ++k) {
            const int64_t x = (int64_t)(i + function->least - a_zero) * (k + function->least - b_zero) * factor;
            admit(&offsets, x, function->value[i * 256 + k], function->low, function->high, shift);
            least = smaller(least, x);
            most = larger(most, x);
        }
    if (least < INT32_MIN || most > INT32_MAX || !choose_offset(offsets, least, most, &form->offset))
        return false;
    form->a = factor;
    form->shift = shift;
    return true;
}

bool find_linear_product(const PairFunction *function, int32_t a_zero, int32_t b_zero, double factor, LinearForm *form)
{
    for (int shift = 30; shift >= 8; --shift) {
        const double scaled = factor * (double)(1 << shift);
        if (scaled > 32767 || scaled < 1024)
            continue;
        for (int i = 0; i < NUDGES; ++i)
            if (try_product(function, a_zero, b_zero, round_half_away(scaled) + nudges[i], shift, form))
                return true;
    }
    return false;
}

static bool try_line(
    const int32_t *value, int32_t least_input, int32_t low, int32_t high, int32_t a, int shift, LinearForm *form)
{
    Offsets offsets = {INT64_MIN / 2, INT64_MAX / 2};
    int64_t least = 0, most = 0;
    for (int i = 0; i < 256; ++i) {
        const int64_t x = (int64_t)(i + least_input) * a;
        admit(&offsets, x, value[i], low, high, shift);
        least = smaller(least, x);
        most = larger(most, x);
    }
    if (least < INT32_MIN || most > INT32_MAX || !choose_offset(offsets, least, most, &form->offset))
        return false;
    *form = (LinearForm){.a = a, .offset = form->offset, .shift = shift};
    return true;
}

bool find_line(const int32_t *value, int32_t least_input, double factor, int32_t low, int32_t high, LinearForm *form)
{
    for (int shift = 23; shift >= 0; --shift) {
        const double scaled = factor * (double)(1 << shift);
        if ((scaled < 0 ? -scaled : scaled) > 1 << 23)
            continue;
        for (int i = 0; i < NUDGES; ++i)
            if (try_line(value, least_input, low, high, round_half_away(scaled) + nudges[i], shift, form))
                return true;
    }
    return false;
}

void fact_linear(Facts *facts, const LinearForm *form)
{
    fact_int(facts, "factor_a", form->a);
    fact_int(facts, "factor_b", form->b);
    fact_int(facts, "linear_offset", form->offset);
    fact_int(facts, "linear_shift", form->shift);
}

/* ---- interpolation */

/* tensorflow/lite/kernels/internal/common.h, LUTPopulateInt16, all in single precision: 512 samples over the type's
 * range and one past its end, each lowered by half of the error that the straight line makes in the middle of its
 * interval. */
void interpolation_table(float input_scale, int32_t input_zero, float output_scale, int32_t output_zero,
    float (*function)(const void *context, float x), const void *context, int16_t table[513])
{
    const float first = input_scale * (float)(INT16_MIN - input_zero),
                last = input_scale * (float)(INT16_MAX - input_zero);
    const float least = output_scale * (float)(INT16_MIN - output_zero),
                most = output_scale * (float)(INT16_MAX - output_zero);
    const float step = (last - first) / 512, half_step = step / 2, to_stored = 65536.0f / (most - least);
    for (int i = 0; i < 512; ++i) {
        const float start = first + (float)i * step;
        const float sample = roundf(function(context, start) * to_stored);
        const float middle = roundf(function(context, start + half_step) * to_stored);
        const float line = roundf((function(context, first + (float)(i + 1) * step) * to_stored + sample) / 2);
        table[i] =
            (int16_t)clamp32(round_half_away((double)(sample - roundf((line - middle) / 2))), INT16_MIN, INT16_MAX);
    }
    table[512] =
        (int16_t)clamp32(round_half_away((double)(roundf(function(context, last) * to_stored))), INT16_MIN, INT16_MAX);
}

/* LUTLookup: the upper 9 bits choose the interval, the lower 7 the place in it */
int16_t interpolate_int16(const int16_t table[513], int16_t value)
{
    const int position = value - INT16_MIN, index = position / 128, offset = position % 128;
    const int slope = (int16_t)(table[index + 1] - table[index]); /* 16 bits in the reference */
    const int scaled = slope * offset + 64;
    return (int16_t)(table[index] + (scaled >= 0 ? scaled / 128 : -((-scaled + 127) / 128)));
}
