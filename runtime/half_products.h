/* SPDX-License-Identifier: MIT-0
 *
 * Two vectors times all channels (half_words.h), outputs by one_product.h.
 */
#ifndef ETCH_HALF_PRODUCTS_H
#define ETCH_HALF_PRODUCTS_H

#include "half_words.h"
#include "noinline.h"
#include "one_product.h"

#include <stdint.h>

static ETCH_NOINLINE void etch_half_products(const uint32_t *words, const int8_t *weights, const int32_t *scales, int8_t *first,
    int8_t *second, int32_t count, int32_t channels, int32_t left)
{
    for (int32_t n = 0; n < channels; n += 2, weights += 2 * count, scales += 8) {
        int32_t sums[2][2];
        etch_half_word_sums(words, weights, count, sums);
        first[n] = etch_one_product_output(sums[0][0], scales, left);
        second[n] = etch_one_product_output(sums[0][1], scales, left);
        if (n + 1 < channels) {
            first[n + 1] = etch_one_product_output(sums[1][0], scales + 4, left);
            second[n + 1] = etch_one_product_output(sums[1][1], scales + 4, left);
        }
    }
}

static ETCH_NOINLINE void etch_half_two_sided_products(const uint32_t *words, const int8_t *weights, const int32_t *scales, int8_t *first,
    int8_t *second, int32_t count, int32_t channels, int32_t left)
{
    for (int32_t n = 0; n < channels; n += 2, weights += 2 * count, scales += 12) {
        int32_t sums[2][2];
        etch_half_word_sums(words, weights, count, sums);
        first[n] = etch_one_product_two_sided(sums[0][0], scales, left);
        second[n] = etch_one_product_two_sided(sums[0][1], scales, left);
        if (n + 1 < channels) {
            first[n + 1] = etch_one_product_two_sided(sums[1][0], scales + 6, left);
            second[n + 1] = etch_one_product_two_sided(sums[1][1], scales + 6, left);
        }
    }
}

#endif
