/* SPDX-License-Identifier: MIT
 *
 * The scaling form "one_product", for processors that give the upper half of a product of 32 by 32 bits: with value = sum + start, an
 * output is
 *
 *     ((value << left) + offset) * factor >> 48  for 0 <= value <= reach (unsigned), -128 below, 127 above,
 *
 * the upper half of the product, shifted by 16 more. The clamps come first, so that what is multiplied needs no more than 32 bits.
 * factor / 2^(48 - left) is about the scale; the offset counts in steps of 2^-left of a sum. Both are chosen per channel such that all
 * thresholds between outputs that its sums can cross (thresholds.c) are where they belong; as the formula never falls, all other sums
 * are right, too. Where negative sums are rounded otherwise than positive ones, values from `zero` on, which stand for the latter, have
 * an offset of their own, `above`. One `left` serves all channels of a node: the more, the finer the offsets, the less, the finer the factors.
 */
#include "compiler.h"

#include <string.h>

enum { BEHIND_OUTPUT = 48 };
enum { MOST_FACTORS = 129 }; /* that are tried */
enum { LEFT_TRIES = 8 };     /* with one bit less each */

/* Sums from first to last are scaled. */
typedef struct Line {
    int64_t first, last, factor;
    int left;
    int64_t offset, above; /* the latter for sums of 0 and more */
} Line;

static int64_t ceiling_shifted(int64_t k, int64_t factor)
{
    const int64_t product = k * (INT64_C(1) << BEHIND_OUTPUT);
    return product / factor + (product % factor > 0);
}

/* An offset with which the line's outputs from one sum to another come out right, if there is one. It is at least what brings a sum
 * whose output is k to the least multiple for k, and less than what would bring the sum before it there. */
static bool find_offset(const ScaledChannel *c, int64_t zero_point, const Line *line, int64_t first, int64_t last, int64_t *offset)
{
    const int64_t one = INT64_C(1) << line->left, least = channel_result(c, first), most = channel_result(c, last);
    int64_t low = ceiling_shifted(least + zero_point, line->factor) - (first - line->first) * one;
    int64_t high = ceiling_shifted(most + 1 + zero_point, line->factor) - 1 - (last - line->first) * one;
    for (int64_t k = least + 1; k <= most && low <= high; ++k) {
        int64_t sum;
        if (!channel_proven_threshold(c, k, &sum))
            return false;
        const int64_t at_least = ceiling_shifted(k + zero_point, line->factor) - (sum - line->first) * one;
        low = at_least > low ? at_least : low;
        high = at_least + one - 1 < high ? at_least + one - 1 : high;
    }
    *offset = low + (high - low) / 2;
    return low <= high;
}

static bool is_word(int64_t number)
{
    return number >= INT32_MIN && number <= INT32_MAX;
}

/* Whether what is multiplied has 32 bits */
static bool fits(const Line *line)
{
    return is_word(line->offset) && is_word(line->above) && is_word(((line->last - line->first) << line->left) + line->above) &&
           is_word(((line->last - line->first) << line->left) + line->offset);
}

static bool find_offsets(const ScaledChannel *c, int64_t zero_point, bool two_sided, Line *line)
{
    const bool has_sides = two_sided && line->first < 0 && line->last >= 0;
    if (!find_offset(c, zero_point, line, line->first, has_sides ? -1 : line->last, &line->offset))
        return false;
    line->above = line->offset;
    return (!has_sides || find_offset(c, zero_point, line, 0, line->last, &line->above)) && fits(line);
}

static bool is_constant(const ScaledChannel *c)
{
    return channel_result(c, c->least) == channel_result(c, c->most);
}

/* Any factor will do that lets all sums' multiples be within one output's. */
static bool fit_constant(const ScaledChannel *c, int64_t zero_point, Line *line)
{
    for (line->factor = INT64_C(1) << 30; line->factor > 0; line->factor /= 2)
        if (find_offsets(c, zero_point, false, line))
            return true;
    return false;
}

static bool fit_line(const ScaledChannel *c, int64_t zero_point, bool two_sided, Line *line)
{
    if (is_constant(c))
        return fit_constant(c, zero_point, line);
    const int shift = 31 + c->right + line->left - BEHIND_OUTPUT; /* multiplier / 2^(31 + right) * 2^(48 - left) */
    if (shift > 31 || shift < 0)
        return false;
    const int64_t nearest = (c->multiplier + (shift > 0 ? INT64_C(1) << (shift - 1) : 0)) >> shift;
    for (int64_t i = 0; i < MOST_FACTORS; ++i) {
        line->factor = nearest + (i % 2 == 1 ? (i + 1) / 2 : -i / 2);
        if (line->factor > 0 && line->factor <= INT32_MAX && find_offsets(c, zero_point, two_sided, line))
            return true;
    }
    return false;
}

/* A constant output at an end is out of all values' reach. */
static bool constant_channel(const ScaledChannel *c, int64_t zero_point, uint32_t entry[ONE_PRODUCT_COLUMNS])
{
    const int64_t output = channel_result(c, c->least) + zero_point, start = (output < 0 ? INT64_C(1) << 31 : 1) + c->bias - c->least;
    memset(entry, 0, ONE_PRODUCT_COLUMNS * sizeof *entry);
    entry[0] = (uint32_t)start;
    return (output == -128 || output == 127) && c->most - c->least < INT32_MAX;
}

bool one_product_channel(const ScaledChannel *c, int64_t zero_point, bool two_sided, int left, uint32_t entry[ONE_PRODUCT_COLUMNS])
{
    Line line = {.left = left};
    if (is_constant(c) && constant_channel(c, zero_point, entry))
        return true;
    if (!channel_ends(c, &line.first, &line.last) || !fit_line(c, zero_point, two_sided, &line))
        return false;
    entry[0] = (uint32_t)(c->bias - line.first);
    entry[1] = (uint32_t)(line.last - line.first);
    entry[2] = (uint32_t)line.factor;
    entry[3] = (uint32_t)line.offset;
    entry[4] = (uint32_t)(line.first < 0 ? -line.first : 0);
    entry[5] = (uint32_t)line.above;
    return true;
}

int one_product_left(const ScaledChannel *channels, int count)
{
    int64_t widest = 1;
    for (int c = 0; c < count; ++c) {
        int64_t first, last;
        if (is_constant(&channels[c]))
            continue;
        if (!channel_ends(&channels[c], &first, &last))
            return -1;
        widest = last - first > widest ? last - first : widest;
    }
    int left = 0;
    while (left < 24 && widest << (left + 1) <= UINT32_MAX)
        ++left;
    return left;
}

static bool fill_tables(int64_t zero_point, const ScaledChannel *channels, int count, bool two_sided, int left, uint32_t *tables)
{
    for (int c = 0; c < count; ++c) {
        uint32_t entry[ONE_PRODUCT_COLUMNS];
        if (!one_product_channel(&channels[c], zero_point, two_sided, left, entry))
            return false;
        for (int i = 0; i < ONE_PRODUCT_COLUMNS; ++i)
            tables[i * count + c] = entry[i];
    }
    return true;
}

/* How far to the left all channels' sums can go (`wanted`, if that is not 0); negative: not at all. */
static int find_left(int64_t zero_point, const ScaledChannel *channels, int count, bool two_sided, int wanted, uint32_t *tables)
{
    if (wanted != 0)
        return fill_tables(zero_point, channels, count, two_sided, wanted, tables) ? wanted : -1;
    const int most = one_product_left(channels, count);
    for (int left = most; left >= 0 && left > most - LEFT_TRIES; --left)
        if (fill_tables(zero_point, channels, count, two_sided, left, tables))
            return left;
    return -1;
}

bool prove_one_product(const Node *node, Facts *facts, int64_t argument)
{
    static const char *const names[ONE_PRODUCT_COLUMNS] = {"start", "reach", "factor", "offset", "zero", "above"};
    if (!scales_int8_range(node, facts))
        return false;
    const int64_t zero_point = tensor_zero_point(node->outputs[0]);
    const int count = fact_find(facts, "folded_bias")->count;
    const ScaledChannel *channels = scaled_channels(node, facts, count);
    uint32_t *tables = arena_array(facts->arena, (size_t)count * ONE_PRODUCT_COLUMNS, sizeof *tables);
    int left = find_left(zero_point, channels, count, false, (int)argument, tables);
    const bool two_sided = left < 0;
    if (two_sided)
        left = find_left(zero_point, channels, count, true, (int)argument, tables);
    if (left < 0)
        return false;
    fact_int(facts, "left", left);
    fact_int(facts, "two_sided", two_sided);
    for (int i = 0; i < ONE_PRODUCT_COLUMNS - (two_sided ? 0 : 2); ++i)
        fact_table(facts, names[i], DTYPE_I32, count, tables + i * count, true);
    return true;
}
