/* SPDX-License-Identifier: MIT
 *
 * Depthwise filters of 3 by 3 for processors that multiply two pairs of 16 bits at once: the rows of the image lie in pairs, and
 * so do the taps of a column. With them goes a requantisation of two instructions:
 *
 *     output = saturate8(((sum * 2^k * multiplier + constant * 2^32) >> 32) >> S)
 *
 * Double rounding is floor((T + 2^(n - 1) + s 2^30) / 2^n), T = sum * multiplier, n = 31 + right, s the sign of the sum. Where the
 * lower limit is the output's zero point, every negative sum ends at it, and s may be 1: then the above is the same, with
 * S = right + k - 1 and constant = 2^(k - 2) + 2^(S - 1) + zero_point * 2^S, for k >= 2. The channels share S: their powers k go
 * into taps and bias. A channel with a smaller scale than that allows loses bits of its multiplier, and is then compared at
 * each output's first sum: both ways grow with the sum, so they are equal where those are.
 *
 * Other outputs take sums times 2, a product that is rounded to nearest, and the sign: with constant = 2^(right - 1) + zero_point * 2^right
 *
 *     output = saturate8((((sum * 2 * multiplier + 2^31) >> 32) + constant - (sum < 0)) >> right)
 */
#include "compiler.h"

#include <string.h>

enum { FILTER = 3,
    TAPS = FILTER * FILTER,
    MOST_WORDS = 6,
    USUAL_SHIFT = 12 };

/* A channel as the operator scales it, and as the kernel will. */
typedef struct Channel {
    int32_t tap[TAPS];
    int64_t bias, low, high; /* the sums that it can make */
    int32_t multiplier, right;
    int most_k; /* taps fit 16 bits, sums 32 */
    int k;
    int64_t added; /* to the bias, times 2^k */
    int32_t scaled, constant; /* what takes the multiplier's place */
} Channel;

static int64_t table_at(const Fact *fact, int64_t index)
{
    return fact->kind == FACT_TABLE ? element_int(fact->dtype, fact->data, index) : fact->integer;
}

static int64_t magnitude(int64_t value)
{
    return value < 0 ? -value : value;
}

static void read_sums(Channel *channel)
{
    channel->low = channel->high = channel->bias;
    for (int i = 0; i < TAPS; ++i) {
        const int64_t tap = channel->tap[i];
        channel->low += tap > 0 ? -128 * tap : 127 * tap;
        channel->high += tap > 0 ? 127 * tap : -128 * tap;
    }
}

static int most_power(const Channel *channel)
{
    int k = 0;
    int64_t reach = magnitude(channel->low) > magnitude(channel->high) ? magnitude(channel->low) : magnitude(channel->high);
    reach = magnitude(channel->bias) > reach ? magnitude(channel->bias) : reach;
    for (; k < 15 && reach << (k + 1) < INT32_MAX; ++k)
        for (int i = 0; i < TAPS; ++i)
            if ((int64_t)channel->tap[i] * (INT64_C(2) << k) > INT16_MAX || (int64_t)channel->tap[i] * (INT64_C(2) << k) < INT16_MIN)
                return k;
    return k;
}

/* ---------------------------------------------------------------- proofs */

static int32_t reference(const Channel *channel, int64_t sum, int32_t zero_point)
{
    return clamp32((int64_t)requantise((int32_t)sum, channel->multiplier, -channel->right, false) + zero_point, -128, 127);
}

static int64_t accumulated(const Channel *channel, int64_t sum)
{
    return (((sum * (INT64_C(1) << channel->k) + channel->added) * channel->scaled) >> 32) + channel->constant;
}

static int32_t cheaper(const Channel *channel, int64_t sum, int shift)
{
    return clamp32(accumulated(channel, sum) >> shift, -128, 127);
}

static bool is_word(int64_t value)
{
    return value >= INT32_MIN && value <= INT32_MAX;
}

/* No addition wraps. */
static bool fits(const Channel *channel)
{
    const int64_t factor = INT64_C(1) << channel->k;
    const int64_t low = accumulated(channel, channel->low), high = accumulated(channel, channel->high);
    return is_word(low) && is_word(high) && is_word(channel->low * factor + channel->added) && is_word(channel->high * factor + channel->added) &&
           is_word(channel->bias * factor + channel->added);
}

/* Both ways at the first sum of every output, and at the sum before it. */
static bool is_equal(const Channel *channel, int shift, int32_t zero_point)
{
    int64_t sum = channel->low;
    if (reference(channel, sum, zero_point) != cheaper(channel, sum, shift))
        return false;
    while (reference(channel, sum, zero_point) < reference(channel, channel->high, zero_point)) {
        const int32_t output = reference(channel, sum, zero_point);
        int64_t below = sum, above = channel->high; /* the output of `below` is `output`, that of `above` is greater */
        while (above - below > 1) {
            const int64_t middle = below + (above - below) / 2;
            *(reference(channel, middle, zero_point) > output ? &above : &below) = middle;
        }
        if (cheaper(channel, below, shift) != output || cheaper(channel, above, shift) != reference(channel, above, zero_point))
            return false;
        sum = above;
    }
    return cheaper(channel, channel->high, shift) == reference(channel, channel->high, zero_point);
}

/* Loses bits of the multiplier. What the constant cannot hold then goes into the bias, whose steps are the finer the larger k is. */
static bool search(Channel *channel, int shift, int32_t zero_point)
{
    static const int32_t nudges[] = {0, 1, -1, 2, -2, 3, -3, 4, -4};
    enum { NUDGES = sizeof nudges / sizeof *nudges };
    const int64_t exact = (INT64_C(1) << (shift + 31)) + zero_point * (INT64_C(1) << (shift + 32)) + (INT64_C(1) << (31 + shift - channel->right));
    channel->constant = (int32_t)(exact >> 32);
    for (channel->k = channel->most_k; channel->k >= 0 && channel->right + channel->k - 1 >= shift; --channel->k) {
        const int lost = channel->right + channel->k - 1 - shift;
        for (int i = 0; i < NUDGES && lost < 30; ++i) {
            channel->scaled = (int32_t)(((int64_t)channel->multiplier + ((INT64_C(1) << lost) >> 1)) >> lost) + nudges[i];
            const int64_t rest = exact & UINT32_MAX;
            for (int j = 0; j < NUDGES && channel->scaled > 0; ++j) {
                channel->added = (rest + channel->scaled / 2) / channel->scaled + nudges[j];
                if (fits(channel) && is_equal(channel, shift, zero_point))
                    return true;
            }
        }
    }
    return false;
}

/* Chooses k, multiplier and constant for a shift that the channels share. */
static bool settle(Channel *channel, int shift, int32_t zero_point)
{
    if (channel->multiplier == 0 || channel->low == channel->high) { /* one output, whatever the input */
        channel->k = 0;
        channel->added = 0;
        channel->scaled = 0;
        channel->constant = reference(channel, channel->low, zero_point) * (INT32_C(1) << shift);
        return true;
    }
    const int k = shift + 1 - channel->right;
    channel->added = 0;
    if (k > channel->most_k)
        return false;
    if (k < 2)
        return search(channel, shift, zero_point);
    channel->k = k;
    channel->scaled = channel->multiplier;
    channel->constant = (INT32_C(1) << (k - 2)) + (INT32_C(1) << (shift - 1)) + zero_point * (INT32_C(1) << shift);
    return fits(channel);
}

/* For outputs on both sides of the zero point: exact, if the numbers fit. */
static bool settle_both_sides(Channel *channel, int32_t zero_point)
{
    channel->k = 1;
    channel->added = 0;
    channel->scaled = channel->multiplier;
    channel->right = channel->multiplier == 0 ? 1 : channel->right;
    if (channel->most_k < 1 || channel->right < 1 || channel->right > 22)
        return false;
    channel->constant = (INT32_C(1) << (channel->right - 1)) + zero_point * (INT32_C(1) << channel->right);
    return fits(channel);
}

/* ---------------------------------------------------------------- the table */

static int32_t pair_of(int32_t low, int32_t high)
{
    return (int32_t)((uint32_t)low & 0xffff) | (int32_t)((uint32_t)high << 16);
}

/* A channel's record, which ends with the shift where channels do not share it: `rows` 2 makes two lines of outputs from four rows of the image, with pairs of taps (upper, middle) and (middle,
 * lower) for each column, multiplier, bias, constant; `rows` 1 one line from three rows, with the lower taps of two columns together. */
static int write_record(const Channel *channel, int rows, bool both_sides, int32_t *words)
{
    int32_t tap[TAPS + 1] = {0};
    int count = 0;
    for (int i = 0; i < TAPS; ++i)
        tap[i] = channel->tap[i] * (INT32_C(1) << channel->k);
    for (int j = 0; j < FILTER; ++j)
        words[count++] = pair_of(tap[j], tap[FILTER + j]);
    for (int j = 0; rows == 2 && j < FILTER; ++j)
        words[count++] = pair_of(tap[FILTER + j], tap[2 * FILTER + j]);
    for (int j = 0; rows == 1 && j < FILTER; j += 2)
        words[count++] = pair_of(tap[2 * FILTER + j], tap[2 * FILTER + j + 1]);
    words[count++] = channel->scaled;
    const int32_t bias = (int32_t)(channel->bias * (INT64_C(1) << channel->k) + channel->added), constant = channel->constant;
    words[count++] = rows == 2 ? bias : constant;
    words[count++] = rows == 2 ? constant : bias;
    if (both_sides)
        words[count++] = channel->right;
    return count;
}

static void read_channels(const Node *node, const Facts *facts, Channel *channels, int count)
{
    const Fact *bias = fact_find(facts, "folded_bias"), *multiplier = fact_find(facts, "multiplier"), *right = fact_find(facts, "shift");
    const Tensor *weights = node->inputs[1];
    for (int n = 0; n < count; ++n) {
        Channel *channel = &channels[n];
        for (int i = 0; i < TAPS; ++i)
            channel->tap[i] = (int32_t)element_int(weights->dtype, weights->data, (int64_t)i * count + n);
        channel->bias = table_at(bias, n);
        channel->multiplier = (int32_t)table_at(multiplier, n);
        channel->right = (int32_t)table_at(right, n);
        read_sums(channel);
        channel->most_k = most_power(channel);
    }
}

/* The shift to begin with: no channel's taps forbid it, and if possible all channels keep their multipliers; among those the same for
 * all layers, as far as they let it, because layers of one shift may share a kernel. */
static int first_shift(const Channel *channels, int count)
{
    int most = 22, least = USUAL_SHIFT;
    for (int n = 0; n < count; ++n) {
        if (channels[n].multiplier == 0 || channels[n].low == channels[n].high)
            continue;
        const int allowed = channels[n].right + channels[n].most_k - 1;
        most = allowed < most ? allowed : most;
        least = channels[n].right + 1 > least ? channels[n].right + 1 : least;
    }
    return least < most ? least : most;
}

bool prove_pair_taps(const Node *node, Facts *facts, int64_t rows)
{
    const Fact *bias = fact_find(facts, "folded_bias"), *low = fact_find(facts, "low"), *high = fact_find(facts, "high");
    const Fact *zero_point = fact_find(facts, "output_zero_point");
    if (bias == NULL || low->integer != -128 || high->integer != 127)
        return false;
    const bool both_sides = zero_point->integer != -128;
    const int count = (int)bias->count;
    Channel *channels = arena_array(facts->arena, (size_t)count, sizeof *channels);
    int32_t *table = arena_array(facts->arena, (size_t)count * (MOST_WORDS + 4), sizeof *table);
    read_channels(node, facts, channels, count);
    const int shift = both_sides ? 0 : first_shift(channels, count);
    for (int n = 0; n < count; ++n)
        if (both_sides ? !settle_both_sides(&channels[n], (int32_t)zero_point->integer) : shift < 1 || !settle(&channels[n], shift, -128))
            return false;
    int words = 0;
    for (int n = 0; n < count; ++n)
        words += write_record(&channels[n], (int)rows, both_sides, table + words);
    fact_int(facts, "both_sides", both_sides);
    fact_int(facts, "saturation_shift", shift);
    fact_table(facts, "taps", DTYPE_I32, words, table, true);
    fact_hide(facts, 1);
    return true;
}
