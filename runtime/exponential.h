/* SPDX-License-Identifier: MIT-0
 *
 * The exponential function of negative fixed-point values.
 */
#ifndef ETCH_EXPONENTIAL_H
#define ETCH_EXPONENTIAL_H

#include <stdint.h>
#include "fixed_point.h"
#include "noinline.h"

/* e^x in Q0 of x <= 0 in Q5: gemmlowp exp_on_negative_values. x is -1/4 <= part < 0 less a multiple of 1/4; e^part
 * by a Taylor polynomial around -1/8, the multiple by its bits, which stand for e^-(1/4), e^-(1/2), ... */
static ETCH_NOINLINE int32_t etch_exponential(int32_t value)
{
    static const int32_t factors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    const int32_t part = (value & 0xffffff) - 0x1000000;
    const uint32_t quarters = (uint32_t)(part - value) >> 24;
    const int32_t x = part * 32 + (1 << 28);
    const int32_t x2 = etch_multiply(x, x);
    const int32_t x3 = etch_multiply(x2, x);
    const int32_t cubic = etch_multiply(etch_divide(etch_multiply(x2, x2), 2) + x3, 715827883); /* one third */
    const int32_t tail = etch_divide(cubic + x2, 1);
    int32_t result = 1895147668 + etch_multiply(1895147668, x + tail); /* e^(-1/8) */
    if (value == 0) {
        return INT32_MAX;
    }
    for (int k = 0; k < 7; ++k) {
        if ((quarters >> k & 1) != 0) {
            result = etch_multiply(result, factors[k]);
        }
    }
    return result;
}

#endif
