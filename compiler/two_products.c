/* SPDX-License-Identifier: MIT
 *
 * The scaling form "two_products", for processors that multiply 32 bits by 32 to 32: with value = sum + start, an output is
 *
 *     the upper 8 bits of (value * upper + (value * lower >> 12) + offset)  for 0 <= value <= reach, -128 below, 127 above.
 *
 * The clamps come first, so that the sum of products needs no more than 32 bits, of which the output is the upper 8.
 * upper * 2^12 + lower is about the scale times 2^36; values have 20 bits, so that both products fit. Both factors are chosen per channel
 * such that all thresholds between outputs that its sums can cross (thresholds.c) are where they belong; as the formula never falls, all
 * other sums are right, too.
 * Where negative sums are rounded otherwise than positive ones, values from `zero` on, which stand for the latter, get `above` more.
 */
#include "compiler.h"

#include <string.h>

enum { FRACTION = 12 };
enum { BEHIND_OUTPUT = 24 };
enum { MOST_SCALES = 257 }; /* that are tried */

/* Sums from first to last are scaled. */
typedef struct Line {
    int64_t first, last, scale;
    int64_t offset, above; /* of the least, and what sums of 0 and more get in addition */
} Line;

static int64_t scaled_value(const Line *line, int64_t sum)
{
    const int64_t value = sum - line->first, lower = line->scale & ((1 << FRACTION) - 1);
    return value * (line->scale >> FRACTION) + (value * lower >> FRACTION);
}

/* An offset with which the line's results from one sum to another come out right, if there is one. */
static bool find_offset(const ScaledChannel *c, const Line *line, int64_t first, int64_t last, int64_t *offset)
{
    const int64_t one = INT64_C(1) << BEHIND_OUTPUT, least = channel_result(c, first), most = channel_result(c, last);
    int64_t low = least * one - scaled_value(line, first), high = (most + 1) * one - 1 - scaled_value(line, last);
    for (int64_t k = least + 1; k <= most && low <= high; ++k) {
        int64_t sum;
        if (!channel_proven_threshold(c, k, &sum))
            return false;
        const int64_t at_least = k * one - scaled_value(line, sum), at_most = k * one - 1 - scaled_value(line, sum - 1);
        low = at_least > low ? at_least : low;
        high = at_most < high ? at_most : high;
    }
    *offset = low + (high - low) / 2;
    return low <= high;
}

static bool find_offsets(const ScaledChannel *c, bool two_sided, Line *line)
{
    int64_t above;
    line->above = 0;
    if (!two_sided || line->first >= 0 || line->last < 0)
        return find_offset(c, line, line->first, line->last, &line->offset);
    if (!find_offset(c, line, line->first, -1, &line->offset) || !find_offset(c, line, 0, line->last, &above))
        return false;
    line->above = above - line->offset;
    return true;
}

static bool fit_line(const ScaledChannel *c, bool two_sided, Line *line)
{
    if (!channel_ends(c, &line->first, &line->last) || line->last - line->first >= INT64_C(1) << (32 - FRACTION))
        return false;
    const int64_t nearest = ((int64_t)c->multiplier * 32 + (INT64_C(1) << (c->right - 1))) >> c->right; /* multiplier / 2^(31 + right) */
    for (int64_t i = 0; i < MOST_SCALES; ++i) {
        line->scale = nearest + (i % 2 == 1 ? (i + 1) / 2 : -i / 2);
        if (line->scale >= 0 && find_offsets(c, two_sided, line))
            return true;
    }
    return false;
}

bool two_products_channel(const ScaledChannel *c, int64_t zero_point, bool two_sided, uint32_t entry[TWO_PRODUCTS_COLUMNS])
{
    const uint32_t constant[TWO_PRODUCTS_COLUMNS] = {0, UINT32_MAX, 0, 0, (uint32_t)(channel_result(c, c->least) + zero_point) << BEHIND_OUTPUT};
    memcpy(entry, constant, sizeof constant);
    if (channel_result(c, c->least) == channel_result(c, c->most))
        return true;
    Line line;
    if (!fit_line(c, two_sided, &line))
        return false;
    entry[0] = (uint32_t)(c->bias - line.first);
    entry[1] = (uint32_t)(line.last - line.first);
    entry[2] = (uint32_t)(line.scale >> FRACTION);
    entry[3] = (uint32_t)(line.scale & ((1 << FRACTION) - 1));
    entry[4] = (uint32_t)(line.offset + zero_point * (INT64_C(1) << BEHIND_OUTPUT));
    entry[5] = (uint32_t)(line.first < 0 ? -line.first : 0);
    entry[6] = (uint32_t)line.above;
    return true;
}

static bool fill_tables(const Node *node, const ScaledChannel *channels, int count, bool two_sided, uint32_t *tables)
{
    for (int c = 0; c < count; ++c) {
        uint32_t entry[TWO_PRODUCTS_COLUMNS];
        if (!two_products_channel(&channels[c], tensor_zero_point(node->outputs[0]), two_sided, entry))
            return false;
        for (int i = 0; i < TWO_PRODUCTS_COLUMNS; ++i)
            tables[i * count + c] = entry[i];
    }
    return true;
}

bool prove_two_products(const Node *node, Facts *facts, int64_t argument)
{
    static const char *const names[TWO_PRODUCTS_COLUMNS] = {"start", "reach", "upper", "lower", "offset", "zero", "above"};
    (void)argument;
    if (!scales_int8_range(node, facts))
        return false;
    const int count = fact_find(facts, "folded_bias")->count;
    const ScaledChannel *channels = scaled_channels(node, facts, count);
    uint32_t *tables = arena_array(facts->arena, (size_t)count * TWO_PRODUCTS_COLUMNS, sizeof *tables);
    const bool two_sided = !fill_tables(node, channels, count, false, tables);
    if (two_sided && !fill_tables(node, channels, count, true, tables))
        return false;
    fact_int(facts, "two_sided", two_sided);
    for (int i = 0; i < TWO_PRODUCTS_COLUMNS - (two_sided ? 0 : 2); ++i)
        fact_table(facts, names[i], DTYPE_I32, count, tables + i * count, true);
    return true;
}
