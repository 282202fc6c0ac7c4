/* SPDX-License-Identifier: MIT-0
 *
 * Logistic function of a float: 1 / (1 + e^-x), with TensorFlow Lite's bounds: 1 above the first, e^x below the second
 * (tensorflow/lite/kernels/internal/reference/logistic.h). What is quantised next would show the last bit.
 */
#ifndef ETCH_LOGISTIC_FLOAT_H
#define ETCH_LOGISTIC_FLOAT_H

#include <math.h>

static inline float etch_logistic_float(float x)
{
    if (x > 16.6190472f) {
        return 1.0f;
    }
    return x < -9.0f ? expf(x) : 1.0f / (1.0f + expf(-x));
}

#endif
