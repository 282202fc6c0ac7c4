/* SPDX-License-Identifier: MIT
 *
 * The scaling form "one_product" against the interpreter's requantisation, for random channels: all sums next to where outputs
 * step, at the ends, where signs change, and random ones.
 */
#include "compiler.h"
#include "one_product.h"

#include "unit.h"

static int64_t between(int64_t low, int64_t high)
{
    return low + (int64_t)(unit_random() % (uint64_t)(high - low + 1));
}

static int32_t zero_point, left, scale[ONE_PRODUCT_COLUMNS];
static ScaledChannel channel;
static bool two_sided;

static void check(int64_t sum)
{
    if (sum < channel.least || sum > channel.most)
        return;
    const int32_t products = (int32_t)(sum - channel.bias);
    const int32_t ordered[] = {scale[4], scale[5], scale[0], scale[1], scale[2], scale[3]};
    const int32_t expected = clamp32((int64_t)requantise((int32_t)sum, channel.multiplier, -channel.right, false) + zero_point, -128, 127);
    CHECK_EQUAL(two_sided ? etch_one_product_two_sided(products, ordered, left) : etch_one_product_output(products, scale, left), expected);
}

static void check_channel(void)
{
    for (int k = -256; k <= 256; ++k) {
        const int64_t edge = channel_threshold(&channel, k);
        for (int64_t near = -2; near <= 2; ++near)
            check(edge + near);
    }
    for (int64_t near = -3; near <= 3; ++near) {
        check(near);
        check(channel.least + near);
        check(channel.most + near);
    }
    for (int i = 0; i < 2000; ++i)
        check(between(channel.least, channel.most));
}

/* Sums and scales as layers have them: outputs use much of their range, or little of it; some have ReLU's zero point. */
static void make_channel(void)
{
    const int64_t size = INT64_C(1) << between(8, 21);
    zero_point = between(0, 1) ? -128 : (int32_t)between(-128, 127);
    channel = (ScaledChannel){.multiplier = (int32_t)between(1 << 30, INT32_MAX), .right = (int)between(1, 16), .bias = between(-size, size), .low = -128 - zero_point, .high = 127 - zero_point};
    channel.least = channel.bias - between(0, size);
    channel.most = channel.bias + between(0, size);
}

/* Other channels of the layer may have wider sums. */
static bool prove(bool both_sides)
{
    const int most = one_product_left(&channel, 1) - (int)between(0, 3);
    two_sided = both_sides;
    for (left = most; left >= 0 && left > most - 8; --left)
        if (one_product_channel(&channel, zero_point, both_sides, left, (uint32_t *)scale))
            return true;
    return false;
}

int main(void)
{
    int proven = 0, one_sided = 0;
    for (int i = 0; i < 4000; ++i) {
        make_channel();
        if (!prove(false) && !prove(true))
            continue;
        ++proven;
        one_sided += !two_sided;
        check_channel();
    }
    CHECK(proven > 3000);
    CHECK(one_sided > 2000);
    CHECK(proven > one_sided);
    return unit_result();
}
