/* SPDX-License-Identifier: MIT
 *
 * The scaling form "one_product" against the interpreter's requantisation, for random channels: all sums next to where outputs
 * step, at the ends, where signs change, and random ones.
 */
#include "scaled_channel.h"

#include "one_product.h"

static int32_t left, scale[ONE_PRODUCT_COLUMNS];
static bool two_sided;

static void check(int64_t sum)
{
    if (sum < channel.least || sum > channel.most)
        return;
    const int32_t products = (int32_t)(sum - channel.bias);
    const int32_t ordered[] = {scale[4], scale[5], scale[0], scale[1], scale[2], scale[3]};
    CHECK_EQUAL(two_sided ? etch_one_product_two_sided(products, ordered, left) : etch_one_product_output(products, scale, left), expected_output(sum));
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
        check_channel(check);
    }
    CHECK(proven > 3000);
    CHECK(one_sided > 2000);
    CHECK(proven > one_sided);
    return unit_result();
}
