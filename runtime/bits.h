/* SPDX-License-Identifier: MIT-0
 *
 * Bits of an integer.
 */
#ifndef ETCH_BITS_H
#define ETCH_BITS_H

#include <stdint.h>

/* Number of bits without leading zeros: 0 for 0, 32 for 2^31 and above. */
static inline int32_t etch_bit_length(uint32_t value)
{
#if defined(__GNUC__)
    return value == 0 ? 0 : 32 - __builtin_clz(value);
#else
    int32_t bits = 0;
    for (; value != 0; value >>= 1) {
        ++bits;
    }
    return bits;
#endif
}

#endif
