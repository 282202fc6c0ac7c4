/* SPDX-License-Identifier: MIT
 *
 * Logistic and tanh of 16-bit values, as the interpreter understands them. The generated code has its own
 * (runtime/sigmoid16.h, with the table written out), so that each checks the other.
 */
#include "compiler.h"

#include <math.h>
#include <stdlib.h>

/* TensorFlow Lite's sigmoid_table_uint16 (internal/common.h): 2^16 logistic(i / 24), rounded; these entries are one higher,
 * which balances the error of the interpolation between them. */
static const uint8_t raised[] = {
    4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39,
    40, 41, 43, 44, 45, 46, 49, 50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116, 135, 255};

static int32_t sigmoid_table(int index)
{
    int32_t value = (int32_t)round(65536.0 / (1.0 + exp(-index / 24.0)));
    for (size_t i = 0; i < sizeof raised; ++i)
        value += raised[i] == index;
    return value;
}

/* `steps` times the table's value at |scaled| / steps, by linear interpolation; `saturated` past its end */
static int32_t interpolate(int32_t scaled, int steps, int32_t saturated)
{
    const int64_t magnitude = llabs((int64_t)scaled);
    if (magnitude / steps >= 255)
        return saturated;
    const int index = (int)(magnitude / steps), fraction = (int)(magnitude % steps);
    return sigmoid_table(index) * (steps - fraction) + sigmoid_table(index + 1) * fraction;
}

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* tensorflow/lite/kernels/internal/reference/integer_ops/logistic.h, the int16 form: one half is added before the shift,
 * one less for negative arguments */
int16_t logistic_int16(int32_t scaled)
{
    const int64_t value = interpolate(scaled, 512, 0x7fff * 1024);
    const int64_t rounded = scaled >= 0 ? value + 512 : (1 << 25) - value + 511;
    return (int16_t)floor_divide(rounded, 1024);
}

/* tanh.h likewise: 2 logistic(2 x) - 1 */
int16_t tanh_int16(int32_t scaled)
{
    const int64_t value = interpolate(scaled, 256, 0xffff * 256) - (1 << 23);
    const int64_t rounded = scaled >= 0 ? value + 128 : -value + 127;
    return (int16_t)floor_divide(rounded, 256);
}
