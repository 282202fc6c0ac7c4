/* SPDX-License-Identifier: MIT
 *
 * A reader of FlatBuffers from untrusted files: every offset is checked before it is followed. The first thing found wrong is
 * remembered in the FlatBuffer and every read after it gives the default, so that callers may read a whole table and ask once.
 */
#ifndef ETCH_IMPORT_FLATBUFFER_H
#define ETCH_IMPORT_FLATBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct FlatBuffer {
    const uint8_t *data;
    uint32_t bytes;
    const char *error; /* NULL while everything read was in order */
    uint32_t error_position;
} FlatBuffer;

/* position 0: absent; all its fields read as defaults. */
typedef struct FlatTable {
    FlatBuffer *buffer;
    uint32_t position, vtable;
    uint32_t vtable_bytes, table_bytes;
} FlatTable;

/* `position` is that of element 0; all elements lie inside the buffer. */
typedef struct FlatVector {
    FlatBuffer *buffer;
    uint32_t position, count, element_bytes;
} FlatVector;

bool flat_open(FlatBuffer *buffer, const uint8_t *data, size_t bytes); /* false when there is no room for a root, or over 4 GiB */
FlatTable flat_root(FlatBuffer *buffer);
bool flat_has(FlatTable table, int slot);
bool flat_is_absent(FlatTable table);

uint8_t flat_u8(FlatTable table, int slot, uint8_t otherwise);
int8_t flat_i8(FlatTable table, int slot, int8_t otherwise);
int32_t flat_i32(FlatTable table, int slot, int32_t otherwise);
uint32_t flat_u32(FlatTable table, int slot, uint32_t otherwise);
uint64_t flat_u64(FlatTable table, int slot, uint64_t otherwise);
float flat_float(FlatTable table, int slot, float otherwise);
FlatTable flat_table(FlatTable table, int slot);
FlatVector flat_vector(FlatTable table, int slot, uint32_t element_bytes); /* an absent vector has no elements */
FlatVector flat_string(FlatTable table, int slot); /* bytes, without the closing 0 */

const uint8_t *flat_vector_data(FlatVector vector);
FlatTable flat_vector_table(FlatVector vector, uint32_t index);
int32_t flat_vector_i32(FlatVector vector, uint32_t index);
int64_t flat_vector_i64(FlatVector vector, uint32_t index);
float flat_vector_float(FlatVector vector, uint32_t index);

#endif
