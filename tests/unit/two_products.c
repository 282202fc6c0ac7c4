/* SPDX-License-Identifier: MIT
 *
 * The scaling form "two_products" against the interpreter's requantisation, for random channels: all sums next to where outputs
 * step, at the ends, where signs change, and random ones.
 */
#include "scaled_channel.h"

#include "short_scale.h"

static int32_t scale[TWO_PRODUCTS_COLUMNS];
static bool two_sided;

static void check(int64_t sum)
{
    if (sum < channel.least || sum > channel.most)
        return;
    const int32_t products = (int32_t)(sum - channel.bias);
    const int32_t ordered[] = {scale[5], scale[6], scale[0], scale[1], scale[2], scale[3], scale[4]};
    CHECK_EQUAL(two_sided ? etch_two_sided_output(products, ordered) : etch_short_output(products, scale), expected_output(sum));
}

int main(void)
{
    int proven = 0, one_sided = 0;
    for (int i = 0; i < 4000; ++i) {
        make_channel();
        two_sided = false;
        if (!two_products_channel(&channel, zero_point, false, (uint32_t *)scale)) {
            two_sided = true;
            if (!two_products_channel(&channel, zero_point, true, (uint32_t *)scale))
                continue;
        }
        ++proven;
        one_sided += !two_sided;
        check_channel(check);
    }
    CHECK(proven > 3000);
    CHECK(one_sided > 2000);
    CHECK(proven > one_sided);
    return unit_result();
}
