/* SPDX-License-Identifier: MIT-0
 *
 * The natural logarithm in fixed point.
 */
#ifndef ETCH_LOGARITHM_H
#define ETCH_LOGARITHM_H

#include <stdint.h>
#include "fixed_point.h"

/* ln(x) in Q5 of x >= 1 in Q12: TensorFlow Lite log_x_for_x_greater_than_or_equal_to_1 (internal/common.h). x is
 * scaled by a power of two, times the root of 1/2 or not, to lie near 2^(-1/4); a quotient of polynomials gives the
 * rest. */
static inline int32_t etch_logarithm(int32_t x)
{
    const int32_t root = 1518500250, fourth_root = 1805811301; /* of 1/2 */
    const int32_t quarter = 1 << 23; /* in Q6, as the powers are */
    const int headroom_a = etch_leading_zeros((uint32_t)x);
    const int headroom_b = etch_leading_zeros((uint32_t)etch_multiply(x, root)) - 1;
    const int32_t ratio_a = etch_shift_left(etch_multiply(etch_shift_left(x, headroom_a - 1), root), 1);
    const int32_t ratio_b = etch_shift_left(x, headroom_b);
    const int32_t power_a = (12 - headroom_a) * (1 << 25) + quarter;
    const int32_t power_b = (12 - headroom_b) * (1 << 25) - quarter;
    const int32_t r = ratio_a < ratio_b ? ratio_a : ratio_b;
    const int32_t power = power_a > power_b ? power_a : power_b;
    const int32_t p = (int32_t)(((int64_t)r + fourth_root + 1) >> 1);
    const int32_t q = etch_add(etch_subtract(r, fourth_root), etch_subtract(r, fourth_root));
    const int32_t q2 = etch_multiply(q, q);
    const int32_t numerator = etch_add(etch_multiply(q, r), etch_multiply(etch_multiply(q, q2), 117049297));
    const int32_t inner = etch_add(etch_add(1057819769, q), etch_multiply(127690142, q2));
    const int32_t denominator = etch_add(etch_multiply(p, inner), etch_multiply(638450708, q));
    const int32_t quotient = etch_multiply(etch_divide(numerator, 6), etch_one_over_one_plus(denominator));
    return etch_shift_left(etch_add(etch_multiply(power, 1488522236), quotient), 1);
}

#endif
