/* SPDX-License-Identifier: MIT
 *
 * Random channels, and the sums at which a form of their requantisation is most likely to be wrong.
 */
#include "compiler.h"

#include "unit.h"

static int32_t zero_point;
static ScaledChannel channel;

static int64_t between(int64_t low, int64_t high)
{
    return low + (int64_t)(unit_random() % (uint64_t)(high - low + 1));
}

/* The interpreter's output of a sum */
static int32_t expected_output(int64_t sum)
{
    return clamp32((int64_t)requantise((int32_t)sum, channel.multiplier, -channel.right, false) + zero_point, -128, 127);
}

/* Sums next to where outputs step, at the ends, where signs change, and random ones */
static void check_channel(void (*check)(int64_t sum))
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
