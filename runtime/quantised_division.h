/* SPDX-License-Identifier: MIT-0
 *
 * The quotient of quantised values.
 */
#ifndef ETCH_QUANTISED_DIVISION_H
#define ETCH_QUANTISED_DIVISION_H

#include <stdint.h>
#include "fixed_point.h"

/* a / b * multiplier * 2^(shift - 31): TensorFlow Lite DivElementwise (internal/reference/div.h): the reciprocal of b
 * times a, which is first brought to full precision. A division by zero gives 0. |a|, |b| < 2^16. */
static inline int32_t etch_quantised_quotient(int32_t a, int32_t b, int32_t multiplier, int shift)
{
    if (a == 0 || b == 0) {
        return 0;
    }
    if (b < 0) {
        a = -a;
        b = -b;
    }
    int reciprocal_shift;
    const int32_t reciprocal = etch_reciprocal(b, 31, &reciprocal_shift);
    const int headroom = etch_leading_zeros((uint32_t)(a < 0 ? ~a : a)) - 1;
    const int32_t scaled = etch_multiply((int32_t)((uint32_t)a << headroom), reciprocal);
    const int32_t product = etch_multiply(scaled, multiplier);
    const int right = reciprocal_shift + headroom - shift;
    if (right > 31) {
        return 0;
    }
    return right >= 0 ? etch_divide(product, right) : etch_shift_left(product, -right);
}

#endif
