/* SPDX-License-Identifier: MIT
 *
 * A reader of FlexBuffers maps. Layout (flatbuffers.dev, "FlexBuffers"): the last byte is the width of the root value, the one
 * before it its type (type << 2 | log2 of the child's width), before that the value itself. A map is a vector of values,
 * followed by one type byte each; before element 0 stand, from the back, the count, the width of the keys and the offset of
 * the key vector. Offsets point backwards from their own place. Untrusted: every access goes through slice().
 */
#include "flexbuffer.h"

#include <math.h>
#include <string.h>

enum {
    FLEX_INT = 1,
    FLEX_UINT = 2,
    FLEX_FLOAT = 3,
    FLEX_INDIRECT_INT = 6,
    FLEX_INDIRECT_UINT = 7,
    FLEX_INDIRECT_FLOAT = 8,
    FLEX_MAP = 9,
    FLEX_BOOL = 26
};

typedef struct Flex {
    const uint8_t *data;
    size_t bytes;
} Flex;

/* A value: where it is, its type, and the width of what it refers to. */
typedef struct FlexValue {
    size_t position;
    unsigned width, type, child_width;
} FlexValue;

static const uint8_t *slice(Flex flex, size_t position, size_t bytes)
{
    return position <= flex.bytes && bytes <= flex.bytes - position ? flex.data + position : NULL;
}

static bool read_uint(Flex flex, size_t position, unsigned width, uint64_t *value)
{
    const uint8_t *bytes = slice(flex, position, width);
    if (bytes == NULL || width == 0 || width > 8)
        return false;
    *value = 0;
    for (unsigned i = 0; i < width; ++i)
        *value |= (uint64_t)bytes[i] << (8 * i);
    return true;
}

static int64_t sign_extend(uint64_t value, unsigned width)
{
    const uint64_t sign = 1ULL << (8 * width - 1);
    return width == 8 ? (int64_t)value : (int64_t)(value ^ sign) - (int64_t)sign;
}

/* Follows the backward offset at `position`. */
static bool follow(Flex flex, size_t position, unsigned width, size_t *target)
{
    uint64_t offset;
    if (!read_uint(flex, position, width, &offset) || offset > position)
        return false;
    *target = position - (size_t)offset;
    return true;
}

static bool root_value(Flex flex, FlexValue *root)
{
    if (flex.bytes < 3)
        return false;
    const unsigned width = flex.data[flex.bytes - 1], type = flex.data[flex.bytes - 2];
    if (width == 0 || width > 8 || flex.bytes - 2 < width)
        return false;
    *root = (FlexValue){flex.bytes - 2 - width, width, type >> 2, 1u << (type & 3)};
    return true;
}

/* The value under `key`; keys are few, so a linear search does. */
static bool map_find(Flex flex, const FlexValue *map, const char *key, FlexValue *found)
{
    const unsigned width = map->child_width;
    size_t values, keys;
    uint64_t count, key_width;
    if (map->type != FLEX_MAP || !follow(flex, map->position, map->width, &values) || values < 3 * width ||
        !read_uint(flex, values - width, width, &count) || !read_uint(flex, values - 2 * width, width, &key_width) ||
        !follow(flex, values - 3 * width, width, &keys) || key_width == 0 || key_width > 8 || count > flex.bytes)
        return false;
    const size_t length = strlen(key) + 1;
    for (size_t i = 0; i < count; ++i) {
        size_t text;
        if (!follow(flex, keys + i * (size_t)key_width, (unsigned)key_width, &text))
            return false;
        const uint8_t *name = slice(flex, text, length);
        const uint8_t *type = slice(flex, values + (size_t)count * width + i, 1);
        if (type == NULL)
            return false;
        if (name != NULL && memcmp(name, key, length) == 0) {
            *found = (FlexValue){values + i * width, width, (unsigned)*type >> 2, 1u << (*type & 3)};
            return true;
        }
    }
    return false;
}

static bool float_to_int(uint64_t bits, unsigned width, int64_t *value)
{
    double real;
    if (width == 8) {
        memcpy(&real, &bits, sizeof real);
    } else if (width == 4) {
        const uint32_t word = (uint32_t)bits;
        float single;
        memcpy(&single, &word, sizeof single);
        real = single;
    } else {
        return false;
    }
    if (!(fabs(real) < 9e18))
        return false;
    *value = (int64_t)real;
    return true;
}

bool flex_map_int(const uint8_t *data, size_t bytes, const char *key, int64_t *value)
{
    const Flex flex = {data, bytes};
    FlexValue root, found;
    uint64_t bits;
    if (!root_value(flex, &root) || !map_find(flex, &root, key, &found))
        return false;
    if (found.type == FLEX_INDIRECT_INT || found.type == FLEX_INDIRECT_UINT || found.type == FLEX_INDIRECT_FLOAT) {
        if (!follow(flex, found.position, found.width, &found.position))
            return false;
        found.width = found.child_width;
        found.type -= FLEX_INDIRECT_INT - FLEX_INT;
    }
    if (!read_uint(flex, found.position, found.width, &bits))
        return false;
    switch (found.type) {
    case FLEX_INT:
        *value = sign_extend(bits, found.width);
        return true;
    case FLEX_UINT:
    case FLEX_BOOL:
        *value = (int64_t)bits;
        return true;
    case FLEX_FLOAT:
        return float_to_int(bits, found.width, value);
    default:
        return false;
    }
}
