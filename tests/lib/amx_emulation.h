/* SPDX-License-Identifier: MIT
 *
 * The tile instructions of AMX in C, for machines without them: given to the compiler by -include, before the generated file, with
 * -D__AMX_TILE__ -D__AMX_INT8__ -DETCH_AMX. Strict: what the processor faults at, or computes from tiles of shapes that do not fit,
 * ends the program, and so does a tile register that is read before it was loaded.
 */
#ifndef AMX_EMULATION_H
#define AMX_EMULATION_H

#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct EmulatedTile {
    uint8_t row[16][64];
    int rows, columns; /* bytes of a row */
    int loaded;
} EmulatedTile;

static EmulatedTile emulated_tiles[8];
static int emulated_configured;

static inline void emulated_check(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "AMX: %s\n", what);
        abort();
    }
}

static inline EmulatedTile *emulated_tile(int number)
{
    emulated_check(emulated_configured, "no configuration is loaded");
    emulated_check(number >= 0 && number < 8, "no such tile");
    emulated_check(emulated_tiles[number].rows > 0 && emulated_tiles[number].columns > 0, "a tile without a shape");
    return &emulated_tiles[number];
}

static inline void emulated_loadconfig(const void *memory)
{
    const uint8_t *const bytes = memory;
    emulated_check(bytes[0] == 1, "palette 1 is the only one");
    emulated_check(bytes[1] == 0, "no start row");
    for (int i = 2; i < 16; ++i) {
        emulated_check(bytes[i] == 0, "reserved bytes are 0");
    }
    for (int i = 0; i < 16; ++i) {
        const int columns = bytes[16 + 2 * i] | bytes[17 + 2 * i] << 8, rows = bytes[48 + i];
        emulated_check(columns <= 64 && columns % 4 == 0 && rows <= 16 && (columns == 0) == (rows == 0), "a tile's shape");
        emulated_check(i < 8 || columns == 0, "8 tiles");
        if (i < 8) {
            emulated_tiles[i] = (EmulatedTile){.rows = rows, .columns = columns};
        }
    }
    emulated_configured = 1;
}

static inline void emulated_release(void)
{
    memset(emulated_tiles, 0, sizeof emulated_tiles);
    emulated_configured = 0;
}

static inline void emulated_load(int number, const void *memory, size_t stride)
{
    EmulatedTile *const tile = emulated_tile(number);
    memset(tile->row, 0, sizeof tile->row);
    for (int i = 0; i < tile->rows; ++i) {
        memcpy(tile->row[i], (const uint8_t *)memory + (size_t)i * stride, (size_t)tile->columns);
    }
    tile->loaded = 1;
}

static inline void emulated_store(int number, void *memory, size_t stride)
{
    const EmulatedTile *const tile = emulated_tile(number);
    emulated_check(tile->loaded, "a tile is stored that nothing was loaded to");
    emulated_check(stride >= (size_t)tile->columns, "stored rows overlap");
    for (int i = 0; i < tile->rows; ++i) {
        memcpy((uint8_t *)memory + (size_t)i * stride, tile->row[i], (size_t)tile->columns);
    }
}

static inline void emulated_zero(int number)
{
    EmulatedTile *const tile = emulated_tile(number);
    memset(tile->row, 0, sizeof tile->row);
    tile->loaded = 1;
}

/* TDPBUSD: c += unsigned bytes of a times signed bytes of b, by fours */
static inline void emulated_dpbusd(int c, int a, int b)
{
    EmulatedTile *const sums = emulated_tile(c);
    const EmulatedTile *const left = emulated_tile(a), *const right = emulated_tile(b);
    emulated_check(sums != left && sums != right && left != right, "three different tiles");
    emulated_check(sums->loaded && left->loaded && right->loaded, "a tile is read that nothing was loaded to");
    emulated_check(left->rows == sums->rows && right->columns == sums->columns && left->columns == 4 * right->rows, "shapes that do not fit");
    for (int m = 0; m < sums->rows; ++m) {
        for (int n = 0; n < sums->columns / 4; ++n) {
            int32_t sum;
            memcpy(&sum, &sums->row[m][4 * n], 4);
            for (int k = 0; k < left->columns; ++k) {
                sum = (int32_t)((uint32_t)sum + (uint32_t)(left->row[m][k] * (int8_t)right->row[k / 4][4 * n + k % 4]));
            }
            memcpy(&sums->row[m][4 * n], &sum, 4);
        }
    }
}

#undef _tile_loadd
#undef _tile_stream_loadd
#undef _tile_stored
#undef _tile_zero
#undef _tile_dpbusd
#define _tile_loadconfig(memory) emulated_loadconfig(memory)
#define _tile_release() emulated_release()
#define _tile_loadd(tile, memory, stride) emulated_load(tile, memory, stride)
#define _tile_stream_loadd(tile, memory, stride) emulated_load(tile, memory, stride)
#define _tile_stored(tile, memory, stride) emulated_store(tile, memory, stride)
#define _tile_zero(tile) emulated_zero(tile)
#define _tile_dpbusd(c, a, b) emulated_dpbusd(c, a, b)

#endif
