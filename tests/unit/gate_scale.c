/* SPDX-License-Identifier: MIT
 *
 * Requantisation of recurrent gates without products of 64 bits against the interpreter's.
 */
#include "compiler.h"
#include "gate_scale.h"

#include "unit.h"

static int32_t random_below(int32_t limit)
{
    return (int32_t)(unit_random() % (uint64_t)(2 * (int64_t)limit - 1)) - (limit - 1);
}

static void check_short(int32_t value, int32_t multiplier, int right)
{
    CHECK_EQUAL(etch_scale_short(value, multiplier >> 19, multiplier >> 7 & 4095, right), requantise(value, multiplier, -right, false));
}

static void check_shorts(void)
{
    enum { LIMIT = 1 << 19 };
    for (int i = 0; i < 200000; ++i) {
        const int32_t multiplier = (int32_t)((unit_random() & 0x7fffff) | 0x800000) << 7; /* 24 bits, as products of floats have */
        const int right = 1 + (int)(unit_random() % 31);
        check_short(random_below(LIMIT), multiplier, right);
        check_short(random_below(300), multiplier, right);
    }
    static const int32_t ends[] = {LIMIT - 1, 1 - LIMIT, 0, -1, 1};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; ++i)
        for (int right = 1; right < 32; ++right) {
            check_short(ends[i], 0xffffff << 7, right);
            check_short(ends[i], 0x800000 << 7, right);
        }
}

static void check_halves(void)
{
    for (int i = 0; i < 200000; ++i) {
        const int32_t value = random_below(i % 2 == 0 ? 1 << 30 : 1 << 12);
        const int right = 1 + (int)(unit_random() % 31);
        CHECK_EQUAL(etch_scale_half(value, right), requantise(value, 1 << 30, -right, false));
        const int32_t multiplier = (int32_t)(unit_random() >> 34) | 1 << 30;
        CHECK_EQUAL(etch_scale_doubled(2 * value, multiplier, right), requantise(value, multiplier, -right, false));
    }
}

static void check_sums(void)
{
    for (int i = 0; i < 100000; ++i) {
        const int32_t a = random_below(i % 3 == 0 ? 1 << 29 : 1 << 16), b = random_below(1 << 16);
        CHECK_EQUAL(etch_saturated_sum(a, b), clamp32(clamp32(a, -32768, 32767) + clamp32(b, -32768, 32767), -32768, 32767));
    }
}

int main(void)
{
    check_shorts();
    check_halves();
    check_sums();
    return unit_result();
}
