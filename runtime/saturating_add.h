/* SPDX-License-Identifier: MIT-0
 *
 * A sum that stops at the limits of its type.
 */
#ifndef ETCH_SATURATING_ADD_H
#define ETCH_SATURATING_ADD_H

#include <stdint.h>

static inline int32_t etch_saturating_add(int32_t a, int32_t b)
{
    if (b > 0) {
        return a > INT32_MAX - b ? INT32_MAX : a + b;
    }
    return a < INT32_MIN - b ? INT32_MIN : a + b;
}

#endif
