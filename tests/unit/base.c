/* SPDX-License-Identifier: MIT
 *
 * Memory, text, checksums, element types.
 */
#include "compiler.h"

#include "unit.h"

#include <math.h>
#include <string.h>

static void check_arena(void)
{
    Arena *arena = arena_new(0);
    for (int i = 1; i < 3000; ++i) {
        uint8_t *memory = arena_alloc(arena, (size_t)i);
        CHECK((uintptr_t)memory % 16 == 0);
        CHECK(memory[0] == 0 && memory[i - 1] == 0);
        memset(memory, 0xff, (size_t)i);
    }
    int *numbers = NULL, count = 0, capacity = 0;
    for (; count < 1000; ++count) {
        ARENA_PUSH(arena, numbers, count, capacity);
        numbers[count] = count;
    }
    CHECK_EQUAL(numbers[777], 777);
    CHECK(strcmp(arena_format(arena, "%s_%d", "conv", 3), "conv_3") == 0);
    arena_free(arena);
}

static void check_text(void)
{
    Arena *arena = arena_new(0);
    CHECK(strcmp(identifier_from(arena, "Model-A/x.y"), "model_a_x_y") == 0);
    CHECK(strcmp(path_stem(arena, "a.b/c.d.tflite"), "c.d") == 0);
    CHECK(strcmp(path_directory(arena, "model.json"), ".") == 0);
    CHECK(strcmp(path_directory(arena, "x/y/model.json"), "x/y") == 0);
    const char *first = identifier_from(arena, "1st");
    CHECK(first[0] < '0' || first[0] > '9');
    CHECK(identifier_from(arena, "")[0] != '\0');
    CHECK_EQUAL(crc32_of("123456789", 9), 0xcbf43926);
    CHECK_EQUAL(crc32_of("", 0), 0);
    arena_free(arena);
}

static double half_value(uint16_t half)
{
    const int exponent = half >> 10 & 31, fraction = half & 1023;
    const double magnitude = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
    return half >> 15 ? -magnitude : magnitude;
}

static void check_halves(void)
{
    for (unsigned half = 0; half < 0x10000; ++half) {
        const float value = half_to_float((uint16_t)half);
        if ((half >> 10 & 31) == 31) {
            CHECK((half & 1023) != 0 ? isnan(value) : isinf(value));
            continue;
        }
        CHECK(value == (float)half_value((uint16_t)half));
        CHECK_EQUAL(float_to_half(value), half);
    }
    CHECK_EQUAL(float_to_half(65520.0f), 0x7c00);
    CHECK_EQUAL(float_to_half(1.0f + 0x1p-11f), 0x3c00); /* a tie: to even */
    CHECK_EQUAL(float_to_half(1.0f + 0x3p-11f), 0x3c02);
    CHECK_EQUAL(float_to_half(0x1p-25f), 0);
    CHECK_EQUAL(float_to_half(0x1.8p-25f), 1);
}

static void check_elements(void)
{
    static const DType types[] = {DTYPE_I8, DTYPE_I16, DTYPE_I32, DTYPE_I64, DTYPE_U8, DTYPE_U16, DTYPE_U32};
    uint8_t data[64] = {0};
    for (size_t i = 0; i < sizeof types / sizeof *types; ++i) {
        element_set_int(types[i], data, 3, dtype_min(types[i]));
        element_set_int(types[i], data, 4, dtype_max(types[i]));
        CHECK_EQUAL(element_int(types[i], data, 3), dtype_min(types[i]));
        CHECK_EQUAL(element_int(types[i], data, 4), dtype_max(types[i]));
        CHECK_EQUAL(dtype_from_name(dtype_name(types[i])), types[i]);
    }
    for (int value = -8; value < 8; ++value) {
        element_set_int(DTYPE_I4, data, value & 1, value);
        CHECK_EQUAL(element_int(DTYPE_I4, data, value & 1), value);
    }
    element_set_int(DTYPE_I4, data, 0, 3);
    element_set_int(DTYPE_I4, data, 1, -2);
    CHECK_EQUAL(data[0], 0xe3); /* element 0 in the low nibble */
    Shape large = shape_of(3, 65536, 65536, 2);
    CHECK(!shape_is_valid(&large));
}

int main(void)
{
    check_arena();
    check_text();
    check_halves();
    check_elements();
    return unit_result();
}
