/* SPDX-License-Identifier: MIT-0
 *
 * Averages of integers.
 */
#ifndef ETCH_ROUNDED_QUOTIENT_H
#define ETCH_ROUNDED_QUOTIENT_H

#include <stdint.h>

/* sum / count to nearest, ties away from zero; count > 0 */
static inline int32_t etch_rounded_quotient(int32_t sum, int32_t count)
{
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

#endif
