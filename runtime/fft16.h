/* SPDX-License-Identifier: MIT-0
 *
 * Fast Fourier transform of 16-bit samples with a power of two points, in the arithmetic of KISS FFT with FIXED_POINT = 16
 * (github.com/mborgerding/kissfft, _kiss_fft_guts.h): products are rounded to 15 fractional bits, and a butterfly of radix p
 * multiplies its inputs by 32767 / p first. Complex values are pairs of real and imaginary part; all stages work in place.
 */
#ifndef ETCH_FFT16_H
#define ETCH_FFT16_H

#include <stdint.h>

static inline int16_t etch_fft_round(int32_t product)
{
    return (int16_t)((product + (1 << 14)) >> 15);
}

static inline int16_t etch_fft_quarter(int16_t value)
{
    return etch_fft_round(value * 8191);
}

static inline int16_t etch_fft_half(int16_t value)
{
    return etch_fft_round(value * 16383);
}

/* product = value * turn */
static inline void etch_fft_multiply(int16_t *product, int32_t real, int32_t imaginary, const int16_t *turn)
{
    product[0] = etch_fft_round(real * turn[0] - imaginary * turn[1]);
    product[1] = etch_fft_round(real * turn[1] + imaginary * turn[0]);
}

/* data[0], data[step], data[2 step], data[3 step] become the transform of the four complex values a, b, c, d. */
static inline void etch_fft_transform4(
    int16_t *data, int32_t step, const int16_t *a, const int16_t *b, const int16_t *c, const int16_t *d)
{
    const int32_t even_real = a[0] + c[0], even_imaginary = a[1] + c[1];
    const int32_t odd_real = b[0] + d[0], odd_imaginary = b[1] + d[1];
    const int32_t cross_real = a[0] - c[0], cross_imaginary = a[1] - c[1];
    const int32_t turned_real = b[1] - d[1], turned_imaginary = d[0] - b[0]; /* -i (b - d) */
    data[0] = (int16_t)(even_real + odd_real);
    data[1] = (int16_t)(even_imaginary + odd_imaginary);
    data[step] = (int16_t)(cross_real + turned_real);
    data[step + 1] = (int16_t)(cross_imaginary + turned_imaginary);
    data[2 * step] = (int16_t)(even_real - odd_real);
    data[2 * step + 1] = (int16_t)(even_imaginary - odd_imaginary);
    data[3 * step] = (int16_t)(cross_real - turned_real);
    data[3 * step + 1] = (int16_t)(cross_imaginary - turned_imaginary);
}

/* Blocks of 4 * width points from four transforms of `width` points each. The turns are powers of the root of unity of
 * `points`. A product with turn 0 (32767, 0) returns its other factor, which is at most 8192 here. */
static inline void etch_fft_stage4(int16_t *data, int32_t points, int32_t width, const int16_t *twiddles)
{
    const int32_t stride = points / (4 * width);
    for (int32_t block = 0; block < points; block += 4 * width) {
        int16_t *x = data + 2 * block;
        for (int32_t k = 0; k < width; ++k, x += 2) {
            const int16_t *turn = twiddles + 2 * stride * k;
            const int16_t a[2] = {etch_fft_quarter(x[0]), etch_fft_quarter(x[1])};
            int16_t values[3][2];
            for (int32_t q = 1; q < 4; ++q) {
                const int16_t *y = x + 2 * q * width;
                const int16_t *turned = turn + 2 * (q - 1) * stride * k;
                etch_fft_multiply(values[q - 1], etch_fft_quarter(y[0]), etch_fft_quarter(y[1]), turned);
            }
            etch_fft_transform4(x, 2 * width, a, values[0], values[1], values[2]);
        }
    }
}

/* Complex sample `index` of real samples, which are followed by zeros, divided by 4 or 2. */
static inline void etch_fft_load4(int16_t *value, const int16_t *samples, int32_t count, int32_t index)
{
    value[0] = 2 * index < count ? etch_fft_quarter(samples[2 * index]) : 0;
    value[1] = 2 * index + 1 < count ? etch_fft_quarter(samples[2 * index + 1]) : 0;
}

static inline void etch_fft_load2(int16_t *value, const int16_t *samples, int32_t count, int32_t index)
{
    value[0] = 2 * index < count ? etch_fft_half(samples[2 * index]) : 0;
    value[1] = 2 * index + 1 < count ? etch_fft_half(samples[2 * index + 1]) : 0;
}

/* Reverses the order of the base-4 digits. */
static inline int32_t etch_fft_reverse4(int32_t value, int32_t digits)
{
    int32_t reversed = 0;
    for (; digits > 0; --digits, value >>= 2) {
        reversed = 4 * reversed + (value & 3);
    }
    return reversed;
}

/* The innermost stage, for points = 4^stages: fetches the samples in the order that decimation in time asks for. */
static inline void etch_fft_first4(int16_t *data, int32_t points, int32_t stages, const int16_t *samples, int32_t count)
{
    for (int32_t block = 0; block < points / 4; ++block) {
        const int32_t index = etch_fft_reverse4(block, stages - 1);
        int16_t values[4][2];
        for (int32_t q = 0; q < 4; ++q) {
            etch_fft_load4(values[q], samples, count, index + q * (points / 4));
        }
        etch_fft_transform4(data + 8 * block, 2, values[0], values[1], values[2], values[3]);
    }
}

/* The same for points = 2 * 4^stages: a stage of radix 2 */
static inline void etch_fft_first2(int16_t *data, int32_t points, int32_t stages, const int16_t *samples, int32_t count)
{
    for (int32_t block = 0; block < points / 2; ++block) {
        const int32_t index = etch_fft_reverse4(block, stages);
        int16_t a[2], b[2];
        etch_fft_load2(a, samples, count, index);
        etch_fft_load2(b, samples, count, index + points / 2);
        data[4 * block] = (int16_t)(a[0] + b[0]);
        data[4 * block + 1] = (int16_t)(a[1] + b[1]);
        data[4 * block + 2] = (int16_t)(a[0] - b[0]);
        data[4 * block + 3] = (int16_t)(a[1] - b[1]);
    }
}

/* The spectrum of 2 * points real samples from that of the complex samples which they were taken for (kiss_fftr). The
 * imaginary parts of the first and the last of its points + 1 values are 0. */
static inline void etch_fft_split(int16_t *data, int32_t points, const int16_t *twiddles)
{
    const int32_t even = etch_fft_half(data[0]), odd = etch_fft_half(data[1]);
    data[0] = (int16_t)(even + odd);
    data[1] = 0;
    data[2 * points] = (int16_t)(even - odd);
    data[2 * points + 1] = 0;
    for (int32_t k = 1; k <= points / 2; ++k) {
        int16_t *low = data + 2 * k, *high = data + 2 * (points - k), turned[2];
        const int32_t a_real = etch_fft_half(low[0]), a_imaginary = etch_fft_half(low[1]);
        const int32_t b_real = etch_fft_half(high[0]), b_imaginary = etch_fft_half((int16_t)-high[1]);
        const int32_t sum_real = a_real + b_real, sum_imaginary = a_imaginary + b_imaginary;
        etch_fft_multiply(turned, a_real - b_real, a_imaginary - b_imaginary, twiddles + 2 * (k - 1));
        low[0] = (int16_t)((sum_real + turned[0]) >> 1);
        low[1] = (int16_t)((sum_imaginary + turned[1]) >> 1);
        high[0] = (int16_t)((sum_real - turned[0]) >> 1);
        high[1] = (int16_t)((turned[1] - sum_imaginary) >> 1);
    }
}

#endif
