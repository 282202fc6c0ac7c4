/* SPDX-License-Identifier: MIT-0
 *
 * Sums of products of bytes by AMX: a tile has 16 pixels with 64 values each, or 16 quads of 16 channels as they lie in the packed
 * weights. Copied rows are tiles whose rows are a pixel apart. Only with ETCH_AMX: the process must have asked its kernel for tiles
 * before, arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) on Linux.
 */
#ifndef ETCH_X86_TILES_H
#define ETCH_X86_TILES_H

#include <stdint.h>
#include <string.h>

#include "x86_bytes.h"

#if defined(ETCH_TILES)

/* Tile loads do not tell compilers which memory they read. */
#define ETCH_TILE_FENCE(pointer) __asm__ volatile("" ::"r"(pointer) \
                                                  : "memory")

/* Tiles 0 to 3: sums of `pixels` pixels by 16 channels each; 4 and 5: values and weights of 16 quads; 6 and 7: of the quads that are
 * left over. `shaped`: for how many pixels they are shaped already. */
static inline int32_t etch_shape_tiles(int32_t shaped, int32_t pixels, int32_t quads)
{
    uint8_t shape[64] = {1}; /* palette 1; bytes per row from 16 on as 16 bits, rows from 48 on */
    const uint8_t rest = (uint8_t)(quads % 16 > 0 ? quads % 16 : 1), height = (uint8_t)pixels;
    if (pixels == shaped) {
        return shaped;
    }
    for (int32_t i = 0; i < 8; ++i) {
        shape[16 + 2 * i] = i == 6 ? (uint8_t)(4 * rest) : 64;
        shape[48 + i] = i == 5 ? 16 : i == 7 ? rest
                                             : height;
    }
    ETCH_TILE_FENCE(shape);
    _tile_loadconfig(shape);
    return pixels;
}

static inline void etch_release_tiles(void)
{
    _tile_release();
}

/* Tile `sums` += tile `values` times each tile of `weights` */
#define ETCH_MULTIPLY_TILES(values, weights) \
    _tile_loadd(weights, weight, (size_t)stride); \
    _tile_dpbusd(0, values, weights); \
    if (blocks > 1) { \
        _tile_loadd(weights, weight + 64, (size_t)stride); \
        _tile_dpbusd(1, values, weights); \
    } \
    if (blocks > 2) { \
        _tile_loadd(weights, weight + 128, (size_t)stride); \
        _tile_dpbusd(2, values, weights); \
    } \
    if (blocks > 3) { \
        _tile_loadd(weights, weight + 192, (size_t)stride); \
        _tile_dpbusd(3, values, weights); \
    }

/* sums[p * blocks + b] as by etch_multiply_bytes, from `start` on, of as many pixels as the tiles are shaped for. */
static inline ETCH_FORCED void etch_multiply_tiles(etch_lanes *sums, int32_t blocks, const etch_value *const *rows, int32_t at,
    int32_t height, int32_t quads, int32_t step, const int8_t *weights, int32_t stride, const int32_t *start)
{
    const size_t pitch = 64 * (size_t)blocks;
    ETCH_TILE_FENCE(sums);
    _tile_loadd(0, start, 0); /* a distance of 0: the same for all pixels */
    if (blocks > 1) {
        _tile_loadd(1, start + 16, 0);
    }
    if (blocks > 2) {
        _tile_loadd(2, start + 32, 0);
    }
    if (blocks > 3) {
        _tile_loadd(3, start + 48, 0);
    }
    for (int32_t i = 0; i < height; ++i) {
        const etch_value *const value = rows[i] + at;
        const int8_t *weight = weights + i * quads * stride;
        for (int32_t k = 0; k + 16 <= quads; k += 16, weight += 16 * stride) {
            _tile_loadd(4, value + 4 * k, (size_t)step);
            ETCH_MULTIPLY_TILES(4, 5)
        }
        if (quads % 16 > 0) {
            _tile_loadd(6, value + quads / 16 * 64, (size_t)step);
            ETCH_MULTIPLY_TILES(6, 7)
        }
    }
    _tile_stored(0, sums, pitch);
    if (blocks > 1) {
        _tile_stored(1, sums + 1, pitch);
    }
    if (blocks > 2) {
        _tile_stored(2, sums + 2, pitch);
    }
    if (blocks > 3) {
        _tile_stored(3, sums + 3, pitch);
    }
}

/* Stores `channels` outputs of each of at most 16 pixels. */
static inline ETCH_FORCED void etch_tile_outputs(int8_t *output, int32_t pitch, int32_t channels, int32_t pixels, int32_t blocks,
    const etch_value *const *rows, int32_t at, int32_t height, int32_t quads, int32_t step, const int8_t *weights, int32_t stride,
    const etch_scaling *scaling, int32_t first)
{
    etch_lanes sums[64];
    int32_t p = 0;
    etch_multiply_tiles(sums, blocks, rows, at, height, quads, step, weights, stride, scaling->start + first);
    for (; p + 4 <= pixels; p += 4) {
        etch_store_bytes(output + p * pitch, pitch, channels, sums + p * blocks, 4, blocks, scaling, first);
    }
    for (; p < pixels; ++p) {
        etch_store_bytes(output + p * pitch, pitch, channels, sums + p * blocks, 1, blocks, scaling, first);
    }
}

#endif

#endif
