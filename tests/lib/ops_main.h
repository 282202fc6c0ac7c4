/* SPDX-License-Identifier: MIT
 *
 * What the programs of operator cases share: comparison and reports, on the host and on bare metal alike.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef ETCH_FIRMWARE
void console_text(const char *text); /* examples/firmware/console.h */
static void say(const char *text)
{
    console_text(text);
}
#else
#include <stdio.h>
static void say(const char *text)
{
    fputs(text, stdout);
}
#endif

static void say_number(int64_t value)
{
    char text[24];
    int position = sizeof text - 1;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    text[position] = 0;
    do {
        text[--position] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0)
        text[--position] = '-';
    say(text + position);
}

/* Element -1: the call itself failed. `got` and `expected` are bytes or, for floats, bit patterns. */
static int fail(const char *name, int call, int output, int element, int64_t got, int64_t expected)
{
    say(name);
    say(": call ");
    say_number(call);
    if (output < 0) {
        say(" returned an error\n");
        return 1;
    }
    say(", output ");
    say_number(output);
    say(", place ");
    say_number(element);
    say(": ");
    say_number(got);
    say(", expected ");
    say_number(expected);
    say("\n");
    return 1;
}

static int pass(const char *name)
{
    say(name);
    say(": ok\n");
    return 0;
}

static inline int differs(const char *name, int call, int output, const void *got, const uint8_t *expected, int bytes)
{
    for (int i = 0; i < bytes; ++i)
        if (((const uint8_t *)got)[i] != expected[i])
            return fail(name, call, output, i, ((const uint8_t *)got)[i], expected[i]);
    return 0;
}

/* Differences are measured against the largest magnitude of the expected output; NaN equals NaN. */
#define DEFINE_FLOAT_COMPARISON(type)                                                                                      \
    static inline int differs_##type(const char *name, int call, int output, const type *got, const uint8_t *data, int count, \
        double tolerance)                                                                                                  \
    {                                                                                                                      \
        type expected;                                                                                                     \
        double largest = 1e-30;                                                                                            \
        for (int i = 0; i < count; ++i) {                                                                                  \
            memcpy(&expected, data + i * (int)sizeof expected, sizeof expected);                                           \
            if (isfinite(expected) && fabs((double)expected) > largest)                                                    \
                largest = fabs((double)expected);                                                                          \
        }                                                                                                                  \
        for (int i = 0; i < count; ++i) {                                                                                  \
            memcpy(&expected, data + i * (int)sizeof expected, sizeof expected);                                           \
            int same = isnan(expected)   ? isnan(got[i])                                                                   \
                       : isinf(expected) ? got[i] == expected                                                              \
                                         : fabs((double)got[i] - (double)expected) <= tolerance * largest;                 \
            if (!same)                                                                                                     \
                return fail(name, call, output, i, (int64_t)((double)got[i] * 1e6), (int64_t)((double)expected * 1e6));    \
        }                                                                                                                  \
        return 0;                                                                                                          \
    }

DEFINE_FLOAT_COMPARISON(float)
DEFINE_FLOAT_COMPARISON(double)
