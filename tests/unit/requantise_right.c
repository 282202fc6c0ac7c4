/* SPDX-License-Identifier: MIT
 *
 * The short form of requantisation against the interpreter's: random sums, and those next to where the result steps.
 */
#include "compiler.h"
#include "requantise_right.h"

#include "unit.h"

static void check(int64_t value, int32_t multiplier, int right)
{
    if (value > -(1 << 30) && value < 1 << 30)
        CHECK_EQUAL(etch_requantise_right((int32_t)value, multiplier, right), requantise((int32_t)value, multiplier, -right, false));
}

/* The sums where the result changes from `step` to `step` + 1 lie near (step + 1/2) * 2^(31 + right) / multiplier. */
static void check_near_steps(int32_t multiplier, int right)
{
    for (int step = -300; step <= 300; ++step) {
        const double edge = (step + 0.5) * (double)(1LL << (31 + right > 62 ? 62 : 31 + right)) / multiplier;
        if (edge > -1e9 && edge < 1e9)
            for (int64_t near = -2; near <= 2; ++near)
                check((int64_t)edge + near, multiplier, right);
    }
}

int main(void)
{
    for (int i = 0; i < 2000; ++i) {
        const int32_t multiplier = i % 5 == 0 ? 1 << 30 : i % 5 == 1 ? INT32_MAX : (int32_t)(unit_random() >> 34) | 1 << 30;
        const int right = 1 + (int)(unit_random() % 31);
        check_near_steps(multiplier, right);
        for (int k = 0; k < 500; ++k)
            check((int64_t)(unit_random() >> 33) - (1 << 30), multiplier, right);
    }
    for (int right = 1; right < 32; ++right) {
        check((1 << 30) - 1, INT32_MAX, right);
        check(1 - (1 << 30), INT32_MAX, right);
        check(-1, 1 << 30, right);
        check(12345, 0, right);
    }
    for (int value = -1000; value < 1000; ++value) {
        CHECK_EQUAL(etch_limit(value, -128, 127), clamp32(value, -128, 127));
        CHECK_EQUAL(etch_limit(value, -3, 200), clamp32(value, -3, 200));
    }
    return unit_result();
}
