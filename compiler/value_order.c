/* SPDX-License-Identifier: MIT
 *
 * The form "small_groups" of a layer with rows of eight int8 weights: an order of the values in which they fall into groups of so many
 * neighbours, the last one of what is left, such that the magnitudes of every channel's weights of a group add up to less than 256.
 * Products with int8 values then add up to less than 2^15 in a group: two channels' sums share a word.
 */
#include "compiler.h"

enum { VALUES = 8 };
enum { ALL = (1 << VALUES) - 1 };

/* The sum of magnitudes that no channel exceeds, for the values of a set. */
static int largest_sum(const Tensor *weights, int set)
{
    int largest = 0;
    for (int64_t row = 0; row < tensor_elements(weights); row += VALUES) {
        int sum = 0;
        for (int i = 0; i < VALUES; ++i) {
            const int weight = (int)element_int(weights->dtype, weights->data, row + i);
            sum += set >> i & 1 ? weight < 0 ? -weight : weight : 0;
        }
        largest = sum > largest ? sum : largest;
    }
    return largest;
}

static int members(int set)
{
    int count = 0;
    for (; set != 0; set &= set - 1)
        ++count;
    return count;
}

/* Splits the values of the set `left` into small groups, each with the first value that is left. */
static bool find_order(const bool *is_small, int left, int size, int32_t *order)
{
    if (left == 0)
        return true;
    const int count = members(left) < size ? members(left) : size;
    for (int group = 1; group <= ALL; ++group) {
        if ((group & ~left) != 0 || (group & left & -left) == 0 || members(group) != count || !is_small[group] ||
            !find_order(is_small, left & ~group, size, order + count))
            continue;
        for (int i = 0; i < VALUES; ++i)
            if (group >> i & 1)
                *order++ = i;
        return true;
    }
    return false;
}

bool prove_small_groups(const Node *node, Facts *facts, int64_t size)
{
    const Tensor *weights = node->inputs[1];
    const int64_t pairs = tensor_elements(weights) / VALUES / 2;
    if (weights->shape.dim[weights->shape.rank - 1] != VALUES)
        return false;
    bool is_small[ALL + 1];
    for (int set = 0; set <= ALL; ++set)
        is_small[set] = members(set) <= size && largest_sum(weights, set) < 256;
    int32_t *order = arena_array(facts->arena, VALUES, sizeof *order), *places = arena_array(facts->arena, (size_t)pairs + 1, sizeof *places);
    if (!find_order(is_small, ALL, (int)size, order))
        return false;
    for (int64_t pair = 0; pair < pairs; ++pair)
        places[pair] = (int32_t)(2 * pair);
    fact_remark(facts, arena_format(facts->arena, "products of %d values stay below 2^15", (int)size));
    fact_table(facts, "order", DTYPE_I32, VALUES, order, true);
    fact_table(facts, "places", DTYPE_I32, (int)pairs, places, true);
    return true;
}
