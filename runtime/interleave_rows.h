/* SPDX-License-Identifier: MIT-0
 *
 * Four rows of an image as one list of columns: what lies under a window is then a few words.
 */
#ifndef ETCH_INTERLEAVE_ROWS_H
#define ETCH_INTERLEAVE_ROWS_H

#include <stdint.h>

#if defined(__ARM_FEATURE_MVE)

/* to[4 k + i] = rows[i][k] for 16 times `turns` values of k from `first` */
static inline void etch_interleave_vectors(int8_t *to, const int8_t *const rows[4], int32_t first, int32_t turns)
{
    const int8_t *a = rows[0] + first, *b = rows[1] + first, *c = rows[2] + first, *d = rows[3] + first;
    int8_t *end = to + 4 * first;
    __asm__ volatile("wls lr, %5, 2f\n"
                     "1:\n"
                     "vldrb.8 q0, [%0], #16\n"
                     "vldrb.8 q1, [%1], #16\n"
                     "vldrb.8 q2, [%2], #16\n"
                     "vldrb.8 q3, [%3], #16\n"
                     "vst40.8 {q0, q1, q2, q3}, [%4]\n"
                     "vst41.8 {q0, q1, q2, q3}, [%4]\n"
                     "vst42.8 {q0, q1, q2, q3}, [%4]\n"
                     "vst43.8 {q0, q1, q2, q3}, [%4]!\n"
                     "le lr, 1b\n"
                     "2:\n"
                     : "+&r"(a), "+&r"(b), "+&r"(c), "+&r"(d), "+&r"(end)
                     : "r"(turns)
                     : "lr", "q0", "q1", "q2", "q3", "cc", "memory");
}

#endif

/* to[4 k + i] = rows[i][k] for k < count; count >= 16: the last 16 may be written twice. */
static inline void etch_interleave_rows(int8_t *to, const int8_t *const rows[4], int32_t count)
{
#if defined(__ARM_FEATURE_MVE)
    etch_interleave_vectors(to, rows, 0, count / 16);
    if (count % 16 != 0) {
        etch_interleave_vectors(to, rows, count - 16, 1);
    }
#else
    for (int32_t k = 0; k < count; ++k) {
        for (int32_t i = 0; i < 4; ++i) {
            to[4 * k + i] = rows[i][k];
        }
    }
#endif
}

#endif
