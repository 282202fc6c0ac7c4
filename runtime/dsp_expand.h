/* SPDX-License-Identifier: MIT-0
 *
 * int8 values as pairs of 16 bits, in the order of the DSP kernels: of four values v0 ... v3 the words (v0, v2) and (v1, v3), as
 * SXTB16 makes them.
 */
#ifndef ETCH_DSP_EXPAND_H
#define ETCH_DSP_EXPAND_H

#include <stdint.h>
#include <string.h>

/* Two values as the halves of a word. */
static inline int32_t etch_halves(int32_t low, int32_t high)
{
    return (int32_t)(((uint32_t)high << 16) | ((uint32_t)low & 0xffff));
}

/* `count` values of two vectors: per four values the words (a0, a2), (a1, a3), (b0, b2), (b1, b3). What is missing to a multiple of
 * four is 0. */
static inline void etch_expand_pair_16(const int8_t *a, const int8_t *b, int32_t *values, int32_t count)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    int32_t groups = count / 4;
    if (groups > 0) {
        __asm__ volatile("1:\n\t"
                         "ldr r3, [%0], #4\n\t"
                         "ldr r5, [%1], #4\n\t"
                         "sxtb16 r4, r3, ror #8\n\t"
                         "sxtb16 r3, r3\n\t"
                         "sxtb16 r6, r5, ror #8\n\t"
                         "sxtb16 r5, r5\n\t"
                         "subs %3, %3, #1\n\t"
                         "stm %2!, {r3, r4, r5, r6}\n\t"
                         "bne 1b"
                         : "+r"(a), "+r"(b), "+r"(values), "+r"(groups)
                         :
                         : "r3", "r4", "r5", "r6", "cc", "memory");
    }
    count &= 3;
#endif
    for (; count > 0; count -= 4) {
        int8_t rest[8] = {0};
        memcpy(rest, a, (size_t)(count < 4 ? count : 4));
        memcpy(rest + 4, b, (size_t)(count < 4 ? count : 4));
        for (int32_t i = 0; i < 4; ++i) {
            const int8_t *const value = rest + i / 2 * 4 + i % 2;
            values[i] = etch_halves(value[0], value[2]);
        }
        a += 4;
        b += 4;
        values += 4;
    }
}

/* The same of one vector: per four values the words (a0, a2), (a1, a3). */
static inline void etch_expand_16(const int8_t *a, int32_t *values, int32_t count)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    int32_t groups = count / 4;
    if (groups > 0) {
        __asm__ volatile("1:\n\t"
                         "ldr r3, [%0], #4\n\t"
                         "sxtb16 r4, r3, ror #8\n\t"
                         "sxtb16 r3, r3\n\t"
                         "subs %2, %2, #1\n\t"
                         "stm %1!, {r3, r4}\n\t"
                         "bne 1b"
                         : "+r"(a), "+r"(values), "+r"(groups)
                         :
                         : "r3", "r4", "cc", "memory");
    }
    count &= 3;
#endif
    for (; count > 0; count -= 4) {
        int8_t rest[4] = {0};
        memcpy(rest, a, (size_t)(count < 4 ? count : 4));
        values[0] = etch_halves(rest[0], rest[2]);
        values[1] = etch_halves(rest[1], rest[3]);
        a += 4;
        values += 2;
    }
}

/* Per four values v0 ... v3 of two vectors the words (v1 - 127, v3 - 127) and (256 * v0, 256 * v2) less the former: of a, of b. */
static inline void etch_expand_pair_8(const int8_t *a, const int8_t *b, int32_t *values, int32_t count)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    const uint32_t less = 0x7f007f, upper = 0xff00ff00;
    int32_t groups = count / 4;
    if (groups > 0) {
        __asm__ volatile("1:\n\t"
                         "ldr r4, [%0], #4\n\t"
                         "ldr r6, [%1], #4\n\t"
                         "sxtb16 r3, r4, ror #8\n\t"
                         "ssub16 r3, r3, %4\n\t"
                         "and r4, %5, r4, lsl #8\n\t"
                         "ssub16 r4, r4, r3\n\t"
                         "sxtb16 r5, r6, ror #8\n\t"
                         "ssub16 r5, r5, %4\n\t"
                         "and r6, %5, r6, lsl #8\n\t"
                         "ssub16 r6, r6, r5\n\t"
                         "subs %3, %3, #1\n\t"
                         "stm %2!, {r3, r4, r5, r6}\n\t"
                         "bne 1b"
                         : "+r"(a), "+r"(b), "+r"(values), "+r"(groups)
                         : "r"(less), "r"(upper)
                         : "r3", "r4", "r5", "r6", "cc", "memory");
    }
    count &= 3;
#endif
    for (; count > 0; count -= 4) {
        int8_t rest[8] = {0};
        memcpy(rest, a, (size_t)(count < 4 ? count : 4));
        memcpy(rest + 4, b, (size_t)(count < 4 ? count : 4));
        for (int32_t i = 0; i < 2; ++i) {
            const int32_t first = rest[4 * i + 1] - 127, second = rest[4 * i + 3] - 127;
            values[2 * i] = etch_halves(first, second);
            values[2 * i + 1] = etch_halves(256 * rest[4 * i] - first, 256 * rest[4 * i + 2] - second);
        }
        a += 4;
        b += 4;
        values += 4;
    }
}

/* The same of one vector. */
static inline void etch_expand_8(const int8_t *a, int32_t *values, int32_t count)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    const uint32_t less = 0x7f007f, upper = 0xff00ff00;
    int32_t groups = count / 4;
    if (groups > 0) {
        __asm__ volatile("1:\n\t"
                         "ldr r4, [%0], #4\n\t"
                         "sxtb16 r3, r4, ror #8\n\t"
                         "ssub16 r3, r3, %3\n\t"
                         "and r4, %4, r4, lsl #8\n\t"
                         "ssub16 r4, r4, r3\n\t"
                         "subs %2, %2, #1\n\t"
                         "stm %1!, {r3, r4}\n\t"
                         "bne 1b"
                         : "+r"(a), "+r"(values), "+r"(groups)
                         : "r"(less), "r"(upper)
                         : "r3", "r4", "cc", "memory");
    }
    count &= 3;
#endif
    for (; count > 0; count -= 4) {
        int8_t rest[4] = {0};
        memcpy(rest, a, (size_t)(count < 4 ? count : 4));
        const int32_t first = rest[1] - 127, second = rest[3] - 127;
        values[0] = etch_halves(first, second);
        values[1] = etch_halves(256 * rest[0] - first, 256 * rest[2] - second);
        a += 4;
        values += 2;
    }
}

#endif
