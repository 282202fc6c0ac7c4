/* SPDX-License-Identifier: MIT-0
 *
 * Integer quotients without undefined cases: a division by zero gives 0, the one overflow wraps.
 */
#ifndef ETCH_INTEGER_DIVISION_H
#define ETCH_INTEGER_DIVISION_H

#include <stdint.h>

static inline int64_t etch_quotient(int64_t a, int64_t b)
{
    if (b == -1) {
        return (int64_t)(0 - (uint64_t)a);
    }
    return b == 0 ? 0 : a / b;
}

/* The rest has the divisor's sign. */
static inline int64_t etch_floor_modulo(int64_t a, int64_t b)
{
    if (b == 0 || b == -1) {
        return 0;
    }
    const int64_t rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static inline int64_t etch_floor_quotient(int64_t a, int64_t b)
{
    return etch_quotient(a, b) - (etch_floor_modulo(a, b) != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

/* base^exponent modulo 2^64; negative exponents truncate towards zero. */
static inline int64_t etch_power(int64_t base, int64_t exponent)
{
    uint64_t result = 1, factor = (uint64_t)base;
    if (exponent < 0) {
        if (base != 1 && base != -1) {
            return 0;
        }
        return base == -1 && exponent % 2 != 0 ? -1 : 1;
    }
    for (; exponent > 0; exponent /= 2) {
        if (exponent % 2 != 0) {
            result *= factor;
        }
        factor *= factor;
    }
    return (int64_t)result;
}

#endif
