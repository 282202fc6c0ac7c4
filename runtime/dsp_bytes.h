/* SPDX-License-Identifier: MIT-0
 *
 * Four bytes at a time: sums and maxima.
 */
#ifndef ETCH_DSP_BYTES_H
#define ETCH_DSP_BYTES_H

#include <stdint.h>
#include <string.h>

/* Adds four bytes to sums of 16 bits: bytes 0 and 2 to the halves of *even, bytes 1 and 3 to those of *odd. */
static inline void etch_add_four(const int8_t *bytes, int32_t *even, int32_t *odd)
{
#if defined(__ARM_FEATURE_DSP)
    uint32_t word;
    memcpy(&word, bytes, 4);
    __asm__("sxtab16 %0, %0, %1"
            : "+r"(*even)
            : "r"(word));
    __asm__("sxtab16 %0, %0, %1, ror #8"
            : "+r"(*odd)
            : "r"(word));
#else
    *even = (int32_t)(((uint32_t)*even + (uint32_t)bytes[0]) & 0xffff) | (int32_t)((uint32_t)((*even >> 16) + bytes[2]) << 16);
    *odd = (int32_t)(((uint32_t)*odd + (uint32_t)bytes[1]) & 0xffff) | (int32_t)((uint32_t)((*odd >> 16) + bytes[3]) << 16);
#endif
}

/* Each of the four bytes of `largest` or, where that is larger, of `bytes` */
static inline uint32_t etch_larger_four(const int8_t *bytes, uint32_t largest)
{
    uint32_t word;
    memcpy(&word, bytes, 4);
#if defined(__ARM_FEATURE_DSP)
    __asm__("ssub8 %1, %0, %2\n\tsel %0, %0, %2"
            : "+&r"(largest), "=&r"(word)
            : "r"(word));
    return largest;
#else
    int8_t a[4], b[4];
    memcpy(a, &largest, 4);
    memcpy(b, &word, 4);
    for (int32_t i = 0; i < 4; ++i) {
        a[i] = a[i] > b[i] ? a[i] : b[i];
    }
    memcpy(&largest, a, 4);
    return largest;
#endif
}

#endif
