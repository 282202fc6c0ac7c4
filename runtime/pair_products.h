/* SPDX-License-Identifier: MIT-0
 *
 * Streams of words of two channels' weights as in pair_words.h, whose scales are those of one_product.h, without starts.
 */
#ifndef ETCH_PAIR_PRODUCTS_H
#define ETCH_PAIR_PRODUCTS_H

#include "noinline.h"
#include "one_product.h"
#include "pair_words.h"

#include <stdint.h>

/* The outputs of all blocks; scales have three words, or five where negative sums are rounded otherwise. */
static inline ETCH_PAIR_WORD_FORCED void etch_pair_products(const int32_t *words, const int8_t *bytes, const int32_t *stream, int32_t scale_words,
    int8_t *output, int32_t count, int32_t blocks, int32_t left)
{
    const int32_t weights = 4 + 2 * count, block = weights + 4 * scale_words;
    for (int32_t n = 0; n < blocks; n += 2, stream += 2 * block) {
        int32_t sums[8];
        etch_pair_word_blocks(words, bytes, stream, n + 1 < blocks ? block : 0, count, sums, sums + 4);
        for (int32_t i = 0; i < 8 && n + i / 4 < blocks; ++i) {
            const int32_t *const scale = stream + i / 4 * block + weights + i % 4 * scale_words;
            const uint32_t value = (uint32_t)sums[i];
            *output++ = scale_words == 3 ? etch_product_output(value, scale, left) : etch_two_sided_product(value, scale, scale + 2, left);
        }
    }
}

static ETCH_NOINLINE void etch_pair_word_products(const int32_t *values, const int32_t *stream, int8_t *output, int32_t count, int32_t blocks, int32_t left)
{
    etch_pair_products(values, 0, stream, 3, output, count, blocks, left);
}

static ETCH_NOINLINE void etch_pair_word_two_sided_products(const int32_t *values, const int32_t *stream, int8_t *output, int32_t count, int32_t blocks,
    int32_t left)
{
    etch_pair_products(values, 0, stream, 5, output, count, blocks, left);
}

/* The same of values as they are, a multiple of four. */
static ETCH_NOINLINE void etch_pair_byte_products(const int8_t *values, const int32_t *stream, int8_t *output, int32_t count, int32_t blocks, int32_t left)
{
    etch_pair_products(0, values, stream, 3, output, count, blocks, left);
}

static ETCH_NOINLINE void etch_pair_byte_two_sided_products(const int8_t *values, const int32_t *stream, int8_t *output, int32_t count, int32_t blocks,
    int32_t left)
{
    etch_pair_products(0, values, stream, 5, output, count, blocks, left);
}

#endif
