/* SPDX-License-Identifier: MIT
 *
 * SignalFftAutoScale: shifts a frame to the left as far as its largest magnitude allows, and says by how many bits.
 * SignalRfft: the spectrum of real 16-bit samples, zero-padded to fft_length, as pairs of real and imaginary part.
 *
 * Meaning: TensorFlow Lite for Microcontrollers, signal/src/fft_auto_scale.cc, max_abs.cc and rfft_int16.cc; the latter is
 * KISS FFT (github.com/mborgerding/kissfft, kiss_fft.c, tools/kiss_fftr.c) with FIXED_POINT = 16: every product is rounded to
 * 15 fractional bits, every butterfly of radix p first divides its inputs by p (multiplies by 32767 / p).
 */
#include "compiler.h"

#include <inttypes.h>
#include <math.h>

enum { MAX_FFT_LENGTH = 1 << 16 };

static const double pi = 3.14159265358979323846264338327;

/* ---------------------------------------------------------------- shapes */

static bool auto_scale_shape(Node *node)
{
    const Tensor *input = node->inputs[0];
    if (input->dtype != DTYPE_I16 || input->shape.rank != 1)
        return node_error(node, "the input must be int16 of one axis");
    return set_output(node, 0, DTYPE_I16, input->shape) && set_output(node, 1, DTYPE_I32, shape_of(0));
}

static bool rfft_shape(Node *node)
{
    const Tensor *input = node->inputs[0];
    const int64_t length = node_int(node, "fft_length", 0);
    if (input->dtype != DTYPE_I16 || input->shape.rank < 1)
        return node_error(node, "the input is %s; only frames of int16 are supported", dtype_name(input->dtype));
    if (length < 8 || length > MAX_FFT_LENGTH || (length & (length - 1)) != 0)
        return node_error(node, "fft_length is %" PRId64 "; powers of two from 8 to %d are supported", length, (int)MAX_FFT_LENGTH);
    Shape shape = input->shape;
    int32_t *last = &shape.dim[shape.rank - 1];
    if (*last < 1 || *last > length)
        return node_error(node, "frames of %d samples do not fit fft_length %" PRId64, *last, length);
    *last = (int32_t)length + 2;
    return set_output(node, 0, DTYPE_I16, shape);
}

bool signal_fft_shape(Node *node)
{
    return node->op == OP_SIGNAL_RFFT ? rfft_shape(node) : auto_scale_shape(node);
}

/* ---------------------------------------------------------------- meaning */

/* The reference holds the maximum in 16 bits, where the magnitude of -32768 is -32768 itself. */
static void evaluate_auto_scale(const Evaluation *evaluation)
{
    const int16_t *input = evaluation->in[0];
    int16_t *output = evaluation->out[0];
    const int64_t elements = tensor_elements(evaluation->node->inputs[0]);
    int largest = 0, bits = 0;
    for (int64_t i = 0; i < elements; ++i) {
        const int magnitude = input[i] < 0 ? -input[i] : input[i];
        if (magnitude > largest)
            largest = magnitude == 32768 ? -32768 : magnitude;
    }
    while (bits < 15 && largest >= 0 && largest < 1 << (14 - bits))
        ++bits;
    for (int64_t i = 0; i < elements; ++i)
        output[i] = (int16_t)(uint16_t)((uint32_t)(int32_t)input[i] << bits);
    if (evaluation->out[1] != NULL)
        *(int32_t *)evaluation->out[1] = bits;
}

typedef struct Complex {
    int32_t real, imaginary;
} Complex;

/* To 16 bits, as a store does */
static int32_t wrap16(int32_t value)
{
    return (int16_t)(uint16_t)(uint32_t)value;
}

static int32_t round15(int64_t product)
{
    const int64_t sum = product + (1 << 14);
    return wrap16((int32_t)(sum / 32768 - (sum % 32768 < 0)));
}

static Complex complex_multiply(Complex a, Complex b)
{
    return (Complex){round15((int64_t)a.real * b.real - (int64_t)a.imaginary * b.imaginary),
        round15((int64_t)a.real * b.imaginary + (int64_t)a.imaginary * b.real)};
}

static Complex divide(Complex a, int divisor)
{
    return (Complex){round15((int64_t)a.real * (32767 / divisor)), round15((int64_t)a.imaginary * (32767 / divisor))};
}

static Complex unit(double phase)
{
    return (Complex){(int32_t)floor(0.5 + 32767 * cos(phase)), (int32_t)floor(0.5 + 32767 * sin(phase))};
}

/* values[j] = sum over q of inputs[q] * (-i)^(j q), the transform of 4 points or of 2 */
static void small_transform(Complex *values, int radix)
{
    static const int8_t cosine[4] = {1, 0, -1, 0};
    Complex result[4] = {{0, 0}};
    for (int j = 0; j < radix; ++j)
        for (int q = 0; q < radix; ++q) {
            const int turn = j * q * (4 / radix) % 4; /* quarter turns, clockwise */
            const int c = cosine[turn], s = cosine[(turn + 1) % 4];
            result[j].real += c * values[q].real - s * values[q].imaginary;
            result[j].imaginary += s * values[q].real + c * values[q].imaginary;
        }
    for (int j = 0; j < radix; ++j)
        values[j] = (Complex){wrap16(result[j].real), wrap16(result[j].imaginary)};
}

/* One stage of decimation in time: blocks of radix * width points from `radix` transforms of `width` points each */
static void combine(Complex *data, int points, int radix, int width)
{
    for (int block = 0; block < points; block += radix * width)
        for (int k = 0; k < width; ++k) {
            Complex values[4];
            for (int q = 0; q < radix; ++q)
                values[q] = divide(data[block + q * width + k], radix);
            for (int q = 1; q < radix; ++q)
                values[q] = complex_multiply(values[q], unit(-2 * pi * q * k / (radix * width)));
            small_transform(values, radix);
            for (int q = 0; q < radix; ++q)
                data[block + q * width + k] = values[q];
        }
}

/* Where the input of position `i` comes from, for stages of radix 4 from the outermost, and a last one of 2 if need be */
static int decimated_index(int i, int points)
{
    int index = 0, weight = 1;
    for (int remaining = points; remaining > 1;) {
        const int radix = remaining % 4 == 0 ? 4 : 2;
        remaining /= radix;
        index += i / remaining * weight;
        i %= remaining;
        weight *= radix;
    }
    return index;
}

static bool is_odd_power_of_two(int points)
{
    int bits = 0;
    while (points >> (bits + 1))
        ++bits;
    return bits % 2 == 1;
}

static void transform(const Complex *input, Complex *output, int points)
{
    for (int i = 0; i < points; ++i)
        output[i] = input[decimated_index(i, points)];
    int width = 1;
    if (is_odd_power_of_two(points)) { /* one stage of radix 2, the innermost */
        combine(output, points, 2, width);
        width = 2;
    }
    for (; width < points; width *= 4)
        combine(output, points, 4, width);
}

/* kiss_fftr: even samples are the real parts and odd ones the imaginary parts of `points` complex samples; the two spectra
 * are taken apart by symmetry */
static void separate(const Complex *spectrum, int points, int16_t *output)
{
    const Complex first = divide(spectrum[0], 2);
    output[0] = (int16_t)wrap16(first.real + first.imaginary);
    output[2 * points] = (int16_t)wrap16(first.real - first.imaginary);
    output[1] = output[2 * points + 1] = 0;
    for (int k = 1; k <= points / 2; ++k) {
        const Complex low = divide(spectrum[k], 2);
        const Complex mirrored = {spectrum[points - k].real, wrap16(-spectrum[points - k].imaginary)};
        const Complex high = divide(mirrored, 2);
        const Complex sum = {wrap16(low.real + high.real), wrap16(low.imaginary + high.imaginary)};
        const Complex difference = {wrap16(low.real - high.real), wrap16(low.imaginary - high.imaginary)};
        const Complex turned = complex_multiply(difference, unit(-pi * ((double)k / points + 0.5)));
        const int32_t parts[4] = {
            sum.real + turned.real, sum.imaginary + turned.imaginary, sum.real - turned.real, turned.imaginary - sum.imaginary};
        for (int i = 0; i < 4; ++i) {
            const int32_t half = parts[i] / 2 - (parts[i] % 2 < 0);
            output[2 * (i < 2 ? k : points - k) + i % 2] = (int16_t)wrap16(half);
        }
    }
}

static void evaluate_rfft(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const int16_t *input = evaluation->in[0];
    int16_t *output = evaluation->out[0];
    const Shape *shape = &node->inputs[0]->shape;
    const int samples = shape->dim[shape->rank - 1], points = (int)node_int(node, "fft_length", 0) / 2;
    const int64_t frames = shape_elements(shape) / samples;
    static Complex packed[MAX_FFT_LENGTH / 2], spectrum[MAX_FFT_LENGTH / 2];
    for (int64_t frame = 0; frame < frames; ++frame) {
        for (int i = 0; i < points; ++i) {
            packed[i].real = 2 * i < samples ? input[2 * i] : 0;
            packed[i].imaginary = 2 * i + 1 < samples ? input[2 * i + 1] : 0;
        }
        transform(packed, spectrum, points);
        separate(spectrum, points, output);
        input += samples;
        output += 2 * points + 2;
    }
}

bool signal_fft_evaluate(const Evaluation *evaluation)
{
    if (evaluation->node->op == OP_SIGNAL_RFFT)
        evaluate_rfft(evaluation);
    else
        evaluate_auto_scale(evaluation);
    return true;
}

/* ---------------------------------------------------------------- facts */

static void pair_table(Facts *facts, const char *name, int count, double phase, double step)
{
    int16_t *table = arena_array(facts->arena, (size_t)count, 2 * sizeof *table);
    for (int i = 0; i < count; ++i) {
        const Complex value = unit(phase + step * i);
        table[2 * i] = (int16_t)value.real;
        table[2 * i + 1] = (int16_t)value.imaginary;
    }
    fact_table(facts, name, DTYPE_I16, 2 * count, table, false);
}

bool signal_fft_facts(const Node *node, Facts *facts)
{
    if (node->op != OP_SIGNAL_RFFT)
        return true;
    const Shape *shape = &node->inputs[0]->shape;
    const int samples = shape->dim[shape->rank - 1], points = (int)node_int(node, "fft_length", 0) / 2;
    fact_int(facts, "samples", samples);
    fact_int(facts, "points", points);
    fact_int(facts, "frames", shape_elements(shape) / samples);
    fact_int(facts, "has_radix_2", is_odd_power_of_two(points));
    if (points > 4) /* the innermost stage turns nothing */
        pair_table(facts, "twiddles", 3 * (points / 4 - 1) + 1, 0, -2 * pi / points);
    pair_table(facts, "split_twiddles", points / 2, -pi * (1.0 / points + 0.5), -pi / points);
    return true;
}
