/* SPDX-License-Identifier: MIT-0
 *
 * memcpy by words: picolibc's goes from byte to byte, six instructions each.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint32_t __attribute__((may_alias)) word;

/* Compilers would make calls of memcpy out of its loops. */
__attribute__((optimize("no-tree-loop-distribute-patterns"))) void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    if ((((uintptr_t)target ^ (uintptr_t)source) & 3) == 0) {
        for (; bytes > 0 && ((uintptr_t)target & 3) != 0; --bytes) {
            *target++ = *source++;
        }
        for (; bytes >= 16; bytes -= 16, target += 16, source += 16) {
            const word *const words = (const word *)source;
            const uint32_t first = words[0], second = words[1], third = words[2], fourth = words[3];
            ((word *)target)[0] = first;
            ((word *)target)[1] = second;
            ((word *)target)[2] = third;
            ((word *)target)[3] = fourth;
        }
    }
    for (; bytes > 0; --bytes) {
        *target++ = *source++;
    }
    return to;
}
