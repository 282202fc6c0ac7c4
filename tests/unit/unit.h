/* SPDX-License-Identifier: MIT
 *
 * What the unit tests share: CHECK counts failures and says where; a test ends with `return unit_result();`.
 */
#include <stdint.h>
#include <stdio.h>

static int unit_failures;

#define CHECK(condition)                                                                                                   \
    do {                                                                                                                   \
        if (!(condition) && unit_failures++ < 10)                                                                          \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                                         \
    } while (0)

#define CHECK_EQUAL(got, expected)                                                                                         \
    do {                                                                                                                   \
        const long long got_value = (long long)(got), expected_value = (long long)(expected);                              \
        if (got_value != expected_value && unit_failures++ < 10)                                                           \
            printf("%s:%d: %s is %lld, expected %lld\n", __FILE__, __LINE__, #got, got_value, expected_value);             \
    } while (0)

static inline int unit_result(void)
{
    return unit_failures != 0;
}

/* xorshift64*: the same numbers on every machine */
static inline uint64_t unit_random(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717u;
}
