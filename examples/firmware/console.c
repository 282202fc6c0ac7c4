/* SPDX-License-Identifier: MIT-0
 *
 * Numbers as text.
 */
#include "console.h"

#include <math.h>

static void unsigned_number(uint64_t value)
{
    char text[21];
    int position = sizeof text - 1;
    text[position] = 0;
    do {
        text[--position] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    console_text(text + position);
}

void console_number(int64_t value)
{
    if (value < 0)
        console_text("-");
    unsigned_number(value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void console_hex(uint32_t value)
{
    char text[11] = "0x";
    for (int digit = 0; digit < 8; ++digit)
        text[2 + digit] = "0123456789abcdef"[value >> (28 - 4 * digit) & 15];
    text[10] = 0;
    console_text(text);
}

/* The digits are right to about 1e-15 of the value: enough to read a difference, not to reproduce every bit. */
void console_real(double value)
{
    if (isnan(value) || isinf(value)) {
        console_text(isnan(value) ? "nan" : value < 0 ? "-inf"
                                                      : "inf");
        return;
    }
    if (value < 0) {
        console_text("-");
        value = -value;
    }
    int exponent = 0;
    for (; value >= 10; ++exponent)
        value /= 10;
    for (; value > 0 && value < 1; --exponent)
        value *= 10;
    uint64_t digits = (uint64_t)(value * 1e6 + 0.5);
    if (digits >= 10000000) {
        digits /= 10;
        ++exponent;
    }
    char text[9] = "0.000000";
    for (int i = 7; i >= 0; --i) {
        if (i == 1)
            continue; /* the point */
        text[i] = (char)('0' + digits % 10);
        digits /= 10;
    }
    console_text(text);
    if (exponent != 0) {
        console_text("e");
        console_number(exponent);
    }
}
