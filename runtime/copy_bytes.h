/* SPDX-License-Identifier: MIT-0
 *
 * Copies of a few hundred bytes, for which libraries may have nothing better than a loop over bytes.
 */
#ifndef ETCH_COPY_BYTES_H
#define ETCH_COPY_BYTES_H

#include <stdint.h>
#include <string.h>

/* From lower to higher addresses, 16 bytes at a time: `to` may lie below `from` within the same array by 16 bytes or more. */
static inline void etch_copy_bytes(int8_t *to, const int8_t *from, int32_t count)
{
#if defined(__ARM_FEATURE_MVE)
    __asm__ volatile("wlstp.8 lr, %2, 2f\n"
                     "1:\n"
                     "vldrb.8 q0, [%1], #16\n"
                     "vstrb.8 q0, [%0], #16\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : "+&r"(to), "+&r"(from)
                     : "r"(count)
                     : "lr", "q0", "cc", "memory");
#else
    memmove(to, from, (size_t)count);
#endif
}

#endif
