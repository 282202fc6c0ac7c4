/* SPDX-License-Identifier: MIT-0
 *
 * Logistic function of a float: 1 / (1 + e^-x).
 */
#ifndef ETCH_LOGISTIC_FLOAT_H
#define ETCH_LOGISTIC_FLOAT_H

#include <math.h>

static inline float etch_logistic_float(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

#endif
