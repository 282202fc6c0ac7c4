/* SPDX-License-Identifier: MIT
 *
 * A reader of FlatBuffers from untrusted files. Layout (flatbuffers.dev, "FlatBuffer Internals"): little-endian; a table starts
 * with a signed offset back to its vtable, which holds the vtable's and the table's size and one 16-bit offset per field;
 * strings, vectors and sub-tables are unsigned offsets counted from their own place; a vector starts with its count.
 */
#include "flatbuffer.h"

#include <string.h>

static bool fail(FlatBuffer *buffer, uint32_t position, const char *what)
{
    if (buffer->error == NULL) {
        buffer->error = what;
        buffer->error_position = position;
    }
    return false;
}

static bool in_bounds(const FlatBuffer *buffer, uint64_t position, uint64_t bytes)
{
    return position + bytes <= buffer->bytes; /* both below 2^37: no overflow */
}

/* The caller has checked that the bytes are there; compilers turn the loop into one load. */
static uint64_t read_little(const FlatBuffer *buffer, uint32_t position, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i)
        value |= (uint64_t)buffer->data[position + (uint32_t)i] << (8 * i);
    return value;
}

bool flat_open(FlatBuffer *buffer, const uint8_t *data, size_t bytes)
{
    *buffer = (FlatBuffer){.data = data, .bytes = (uint32_t)bytes};
    return bytes >= 8 && bytes <= UINT32_MAX;
}

static FlatTable absent_table(FlatBuffer *buffer)
{
    return (FlatTable){.buffer = buffer};
}

static FlatTable table_at(FlatBuffer *buffer, uint64_t position)
{
    FlatTable table = absent_table(buffer);
    if (position == 0 || !in_bounds(buffer, position, 4)) {
        fail(buffer, (uint32_t)position, "a table lies outside of the file");
        return table;
    }
    const int32_t back = (int32_t)read_little(buffer, (uint32_t)position, 4);
    const int64_t vtable = (int64_t)position - back;
    if (vtable < 0 || !in_bounds(buffer, (uint64_t)vtable, 4)) {
        fail(buffer, (uint32_t)position, "a table's vtable lies outside of the file");
        return table;
    }
    table.vtable = (uint32_t)vtable;
    table.vtable_bytes = (uint32_t)read_little(buffer, table.vtable, 2);
    table.table_bytes = (uint32_t)read_little(buffer, table.vtable + 2, 2);
    if (table.vtable_bytes < 4 || table.vtable_bytes % 2 != 0 || !in_bounds(buffer, table.vtable, table.vtable_bytes) ||
        !in_bounds(buffer, position, table.table_bytes)) {
        fail(buffer, (uint32_t)position, "a table or its vtable runs over the end of the file");
        return absent_table(buffer);
    }
    table.position = (uint32_t)position;
    return table;
}

FlatTable flat_root(FlatBuffer *buffer)
{
    return table_at(buffer, read_little(buffer, 0, 4));
}

bool flat_is_absent(FlatTable table)
{
    return table.position == 0;
}

/* The file position of a field of `bytes` bytes, or 0 when it is absent or outside of its table. */
static uint32_t field(FlatTable table, int slot, uint32_t bytes)
{
    const uint32_t entry = 4 + 2 * (uint32_t)slot;
    if (table.position == 0 || entry + 2 > table.vtable_bytes)
        return 0;
    const uint32_t offset = (uint32_t)read_little(table.buffer, table.vtable + entry, 2);
    if (offset == 0)
        return 0;
    if (offset < 4 || offset + bytes > table.table_bytes) {
        fail(table.buffer, table.position, "a field lies outside of its table");
        return 0;
    }
    return table.position + offset;
}

bool flat_has(FlatTable table, int slot)
{
    return field(table, slot, 1) != 0;
}

uint8_t flat_u8(FlatTable table, int slot, uint8_t otherwise)
{
    const uint32_t position = field(table, slot, 1);
    return position != 0 ? table.buffer->data[position] : otherwise;
}

int8_t flat_i8(FlatTable table, int slot, int8_t otherwise)
{
    return (int8_t)flat_u8(table, slot, (uint8_t)otherwise);
}

uint32_t flat_u32(FlatTable table, int slot, uint32_t otherwise)
{
    const uint32_t position = field(table, slot, 4);
    return position != 0 ? (uint32_t)read_little(table.buffer, position, 4) : otherwise;
}

int32_t flat_i32(FlatTable table, int slot, int32_t otherwise)
{
    return (int32_t)flat_u32(table, slot, (uint32_t)otherwise);
}

uint64_t flat_u64(FlatTable table, int slot, uint64_t otherwise)
{
    const uint32_t position = field(table, slot, 8);
    return position != 0 ? read_little(table.buffer, position, 8) : otherwise;
}

static float bits_to_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float flat_float(FlatTable table, int slot, float otherwise)
{
    const uint32_t position = field(table, slot, 4);
    return position != 0 ? bits_to_float((uint32_t)read_little(table.buffer, position, 4)) : otherwise;
}

FlatTable flat_table(FlatTable table, int slot)
{
    const uint32_t position = field(table, slot, 4);
    if (position == 0)
        return absent_table(table.buffer);
    return table_at(table.buffer, position + read_little(table.buffer, position, 4));
}

FlatVector flat_vector(FlatTable table, int slot, uint32_t element_bytes)
{
    FlatVector vector = {.buffer = table.buffer, .element_bytes = element_bytes};
    const uint32_t reference = field(table, slot, 4);
    if (reference == 0)
        return vector;
    const uint64_t start = reference + read_little(table.buffer, reference, 4);
    if (!in_bounds(table.buffer, start, 4)) {
        fail(table.buffer, reference, "a vector lies outside of the file");
        return vector;
    }
    const uint32_t count = (uint32_t)read_little(table.buffer, (uint32_t)start, 4);
    if (!in_bounds(table.buffer, start + 4, (uint64_t)count * element_bytes)) {
        fail(table.buffer, (uint32_t)start, "a vector runs over the end of the file");
        return vector;
    }
    vector.position = (uint32_t)start + 4;
    vector.count = count;
    return vector;
}

FlatVector flat_string(FlatTable table, int slot)
{
    return flat_vector(table, slot, 1);
}

const uint8_t *flat_vector_data(FlatVector vector)
{
    return vector.buffer->data + vector.position;
}

static uint64_t vector_element(FlatVector vector, uint32_t index, uint32_t bytes)
{
    if (index >= vector.count || vector.element_bytes != bytes)
        return 0;
    return read_little(vector.buffer, vector.position + index * bytes, (int)bytes);
}

FlatTable flat_vector_table(FlatVector vector, uint32_t index)
{
    if (index >= vector.count || vector.element_bytes != 4)
        return absent_table(vector.buffer);
    return table_at(vector.buffer, (uint64_t)vector.position + index * 4u + vector_element(vector, index, 4));
}

int32_t flat_vector_i32(FlatVector vector, uint32_t index)
{
    return (int32_t)vector_element(vector, index, 4);
}

int64_t flat_vector_i64(FlatVector vector, uint32_t index)
{
    return (int64_t)vector_element(vector, index, 8);
}

float flat_vector_float(FlatVector vector, uint32_t index)
{
    return bits_to_float((uint32_t)vector_element(vector, index, 4));
}
