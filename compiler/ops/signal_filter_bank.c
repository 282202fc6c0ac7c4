/* SPDX-License-Identifier: MIT
 *
 * From a power spectrum to features: triangular filters, square root, spectral subtraction, automatic gain control (PCAN)
 * and logarithm, in integers.
 *
 * Meaning: TensorFlow Lite for Microcontrollers, signal/src/filter_bank.cc, filter_bank_square_root.cc, square_root_32.cc,
 * square_root_64.cc, filter_bank_spectral_subtraction.cc, pcan_argc_fixed.cc, filter_bank_log.cc, log.cc.
 */
#include "compiler.h"

#include <inttypes.h>
#include <math.h>

enum { LOG_SEGMENTS = 128,
    GAIN_TABLE_ELEMENTS = 125,
    SNR_BITS = 12,
    PCAN_OUTPUT_BITS = 6 };

static bool check_vector(const Node *node, const Tensor *tensor, const char *role, DType dtype)
{
    if (tensor->dtype != dtype || tensor->shape.rank != 1)
        return node_error(node, "operand %s must be %s of one axis; it is %s of %d", role, dtype_name(dtype),
            dtype_name(tensor->dtype), tensor->shape.rank);
    return true;
}

static bool check_range(const Node *node, const char *name, int64_t low, int64_t high)
{
    const int64_t value = node_int(node, name, 0);
    if (value < low || value > high)
        return node_error(node, "%s is %" PRId64 "; it must be %" PRId64 " to %" PRId64, name, value, low, high);
    return true;
}

/* ---------------------------------------------------------------- shapes */

/* Every channel's bins and weights must exist: the tables come from the file. */
static bool check_channels(const Node *node, int64_t channels)
{
    const int64_t bins = tensor_elements(node->inputs[0]), weights = tensor_elements(node->inputs[1]);
    const int16_t *starts = (const int16_t *)node->inputs[3]->data, *weight_starts = (const int16_t *)node->inputs[4]->data;
    const int16_t *widths = (const int16_t *)node->inputs[5]->data;
    for (int64_t i = 0; i <= channels; ++i) {
        if (widths[i] <= 0)
            continue;
        if (starts[i] < 0 || starts[i] + widths[i] > bins || weight_starts[i] < 0 || weight_starts[i] + widths[i] > weights)
            return node_error(node, "channel %d reads bins from %d and weights from %d, %d each; there are %" PRId64 " and %" PRId64,
                (int)i, starts[i], weight_starts[i], widths[i], bins, weights);
    }
    return true;
}

static bool filter_bank_shape(Node *node)
{
    static const char *const roles[] = {"weights", "unweights", "starts", "weight_starts", "widths"};
    const int64_t channels = node_int(node, "channels", 0);
    if (!check_vector(node, node->inputs[0], "input", DTYPE_U32) || !check_range(node, "channels", 1, 4096))
        return false;
    for (int i = 1; i <= 5; ++i) {
        if (!check_vector(node, node->inputs[i], roles[i - 1], DTYPE_I16))
            return false;
        if (i >= 3 && (!tensor_is_constant(node->inputs[i]) || tensor_elements(node->inputs[i]) <= channels))
            return node_error(node, "operand %s must be constant, with one value per channel and one more", roles[i - 1]);
    }
    if (tensor_elements(node->inputs[1]) != tensor_elements(node->inputs[2]))
        return node_error(node, "weights and unweights differ in number; they go in pairs");
    return check_channels(node, channels) && set_output(node, 0, DTYPE_U64, shape_of(1, (int)channels));
}

static bool square_root_shape(Node *node)
{
    const Tensor *bits = node->inputs[1];
    if (!check_vector(node, node->inputs[0], "input", DTYPE_U64))
        return false;
    if (bits->dtype != DTYPE_I32 || tensor_elements(bits) != 1)
        return node_error(node, "scale_bits must be one int32 value");
    return set_output(node, 0, DTYPE_U32, node->inputs[0]->shape);
}

static bool subtraction_shape(Node *node)
{
    const Tensor *input = node->inputs[0], *state = node->inputs[1];
    static const char *const factors[] = {
        "smoothing", "one_minus_smoothing", "alternate_smoothing", "alternate_one_minus_smoothing", "min_signal_remaining"};
    if (!check_vector(node, input, "input", DTYPE_U32) || !check_vector(node, state, "state", DTYPE_U32))
        return false;
    if (state->kind != TENSOR_STATE || tensor_elements(state) != tensor_elements(input))
        return node_error(node, "state must be a state tensor with one value per channel");
    if (node_int(node, "channels", tensor_elements(input)) != tensor_elements(input))
        return node_error(node, "channels is %" PRId64 ", but the input has %" PRId64, node_int(node, "channels", 0),
            tensor_elements(input));
    for (int i = 0; i < 5; ++i)
        if (!check_range(node, factors[i], 0, INT32_MAX))
            return false;
    return check_range(node, "smoothing_bits", 0, 31) && check_range(node, "spectral_subtraction_bits", 0, 63) &&
           set_output(node, 0, DTYPE_U32, input->shape) && set_output(node, 1, DTYPE_U32, input->shape);
}

static bool pcan_shape(Node *node)
{
    const Tensor *input = node->inputs[0], *gains = node->inputs[2];
    if (!check_vector(node, input, "input", DTYPE_U32) || !check_vector(node, node->inputs[1], "estimate", DTYPE_U32) ||
        !check_vector(node, gains, "gain_table", DTYPE_I16))
        return false;
    if (!shape_equal(&input->shape, &node->inputs[1]->shape))
        return node_error(node, "input and estimate must have one value per channel each");
    if (tensor_elements(gains) < GAIN_TABLE_ELEMENTS)
        return node_error(node, "gain_table has %" PRId64 " values; it needs %d", tensor_elements(gains), (int)GAIN_TABLE_ELEMENTS);
    return check_range(node, "snr_shift", 0, 63) && set_output(node, 0, DTYPE_U32, input->shape);
}

static bool log_shape(Node *node)
{
    return check_vector(node, node->inputs[0], "input", DTYPE_U32) && check_range(node, "input_correction_bits", 0, 31) &&
           check_range(node, "output_scale", 0, INT32_MAX) && set_output(node, 0, DTYPE_I16, node->inputs[0]->shape);
}

bool signal_filter_bank_shape(Node *node)
{
    switch (node->op) {
    case OP_SIGNAL_FILTER_BANK:
        return filter_bank_shape(node);
    case OP_SIGNAL_FILTER_BANK_SQUARE_ROOT:
        return square_root_shape(node);
    case OP_SIGNAL_FILTER_BANK_SPECTRAL_SUBTRACTION:
        return subtraction_shape(node);
    case OP_SIGNAL_PCAN:
        return pcan_shape(node);
    default:
        return log_shape(node);
    }
}

/* ---------------------------------------------------------------- meaning */

/* A bin between the centres of two filters adds its weight to the one and the rest, the "unweight", to the next. The first
 * row only prepares the unweights of channel 0. */
static void evaluate_filter_bank(const Evaluation *evaluation)
{
    const uint32_t *input = evaluation->in[0];
    const int16_t *weights = evaluation->in[1], *unweights = evaluation->in[2];
    const int16_t *starts = evaluation->in[3], *weight_starts = evaluation->in[4], *widths = evaluation->in[5];
    uint64_t *output = evaluation->out[0];
    const int64_t channels = node_int(evaluation->node, "channels", 0);
    uint64_t carried = 0;
    for (int64_t channel = 0; channel <= channels; ++channel) {
        uint64_t sum = carried;
        carried = 0;
        for (int k = 0; k < widths[channel]; ++k) {
            const uint64_t energy = input[starts[channel] + k];
            sum += (uint64_t)(int64_t)weights[weight_starts[channel] + k] * energy;
            carried += (uint64_t)(int64_t)unweights[weight_starts[channel] + k] * energy;
        }
        if (channel > 0)
            output[channel - 1] = sum;
    }
}

/* The nearest integer to the square root, but never more than the limit: 16 bits for a value of 32 */
static uint64_t rounded_square_root(uint64_t value)
{
    const uint64_t limit = value >> 32 == 0 ? 0xffff : 0xffffffff;
    uint64_t root = 0;
    for (uint64_t bit = (limit >> 1) + 1; bit != 0; bit >>= 1)
        if ((root + bit) * (root + bit) <= value)
            root += bit;
    return value - root * root > root && root != limit ? root + 1 : root;
}

static void evaluate_square_root(const Evaluation *evaluation)
{
    const uint64_t *input = evaluation->in[0];
    const int32_t bits = *(const int32_t *)evaluation->in[1] & 31;
    uint32_t *output = evaluation->out[0];
    for (int64_t i = 0; i < tensor_elements(evaluation->node->inputs[0]); ++i)
        output[i] = (uint32_t)rounded_square_root(input[i]) >> bits;
}

/* A low-pass filter per channel estimates the noise; what exceeds it remains, but at least a share of the signal. */
static void evaluate_subtraction(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const uint32_t *input = evaluation->in[0];
    uint32_t *noise = evaluation->in[1], *output = evaluation->out[0], *estimate = evaluation->out[1];
    const int smoothing_bits = (int)node_int(node, "smoothing_bits", 0);
    const int bits = (int)node_int(node, "spectral_subtraction_bits", 0);
    const uint64_t kept_share = (uint64_t)node_int(node, "min_signal_remaining", 0);
    for (int64_t i = 0; i < tensor_elements(node->inputs[0]); ++i) {
        const uint64_t factor = (uint64_t)node_int(node, i % 2 == 0 ? "smoothing" : "alternate_smoothing", 0);
        const uint64_t rest = (uint64_t)node_int(node, i % 2 == 0 ? "one_minus_smoothing" : "alternate_one_minus_smoothing", 0);
        const uint32_t signal = input[i] << smoothing_bits;
        noise[i] = (uint32_t)((signal * factor + noise[i] * rest) >> bits);
        const uint32_t subtrahend = noise[i] < signal ? noise[i] : signal;
        if (node_int(node, "clamping", 0))
            noise[i] = subtrahend;
        const uint32_t least = (uint32_t)((input[i] * kept_share) >> bits);
        const uint32_t remaining = (signal - subtrahend) >> smoothing_bits;
        output[i] = remaining > least ? remaining : least;
        if (estimate != NULL)
            estimate[i] = noise[i];
    }
}

static int bit_length(uint32_t value)
{
    int bits = 0;
    while (bits < 32 && value >> bits != 0)
        ++bits;
    return bits;
}

/* The gain is a parabola per octave of the noise: table entries a, b, c and a fraction t of 10 bits. */
static int32_t gain_of(uint32_t noise, const int16_t *table)
{
    if (noise <= 2)
        return table[noise];
    const int octave = bit_length(noise);
    const int16_t *part = table + 4 * octave - 6;
    const uint32_t scaled = octave < 11 ? noise << (11 - octave) : noise >> (octave - 11);
    const int64_t fraction = scaled % 1024;
    const int64_t square = part[2] * fraction;
    const int64_t slope = square / 32 - (square % 32 < 0) + part[1] * 32;
    const int64_t rise = slope * fraction + (1 << 14);
    return (int16_t)(uint16_t)(uint64_t)(rise / 32768 - (rise % 32768 < 0) + part[0]);
}

/* x^2 / 4 below 2, x - 1 above; x has 12 fractional bits, the result 6 */
static uint32_t shrink(uint32_t snr)
{
    if (snr < 2u << SNR_BITS)
        return (snr * snr) >> (2 + 2 * SNR_BITS - PCAN_OUTPUT_BITS);
    return (snr >> (SNR_BITS - PCAN_OUTPUT_BITS)) - (1u << PCAN_OUTPUT_BITS);
}

static void evaluate_pcan(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const uint32_t *input = evaluation->in[0], *noise = evaluation->in[1];
    uint32_t *output = evaluation->out[0];
    for (int64_t i = 0; i < tensor_elements(node->inputs[0]); ++i) {
        const uint32_t gain = (uint32_t)gain_of(noise[i], evaluation->in[2]);
        output[i] = shrink((uint32_t)(((uint64_t)input[i] * gain) >> node_int(node, "snr_shift", 0)));
    }
}

/* 2^16 (log2(1 + i / 128) - i / 128): what a straight line misses of the logarithm */
static int32_t log_correction(int i)
{
    const double x = (double)i / LOG_SEGMENTS;
    return (int32_t)round(65536 * (log2(1 + x) - x));
}

/* 2^16 log2(value), its fraction by the corrected straight line */
static uint32_t binary_logarithm(uint32_t value)
{
    const int exponent = bit_length(value) - 1;
    const uint32_t mantissa = value - ((uint32_t)1 << exponent);
    const int32_t fraction = (int32_t)(exponent < 16 ? mantissa << (16 - exponent) : mantissa >> (exponent - 16));
    const int segment = fraction / 512;
    const int32_t low = log_correction(segment), step = (log_correction(segment + 1) - low) * (fraction % 512);
    const int32_t correction = low + step / 65536 - (step % 65536 < 0);
    return ((uint32_t)exponent << 16) + (uint32_t)(fraction + correction);
}

static void evaluate_log(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const uint32_t *input = evaluation->in[0];
    int16_t *output = evaluation->out[0];
    const uint32_t scale = (uint32_t)node_int(node, "output_scale", 0), half = 1u << 15;
    for (int64_t i = 0; i < tensor_elements(node->inputs[0]); ++i) {
        const uint32_t value = input[i] << node_int(node, "input_correction_bits", 0);
        output[i] = 0;
        if (value > 1) {
            /* ln 2 = 45426 / 2^16; 32-bit wrap-around as in the reference */
            const uint32_t natural = (uint32_t)((UINT64_C(45426) * binary_logarithm(value) + half) >> 16);
            const uint32_t scaled = (scale * natural + half) >> 16;
            output[i] = (int16_t)(scaled < INT16_MAX ? scaled : INT16_MAX);
        }
    }
}

bool signal_filter_bank_evaluate(const Evaluation *evaluation)
{
    switch (evaluation->node->op) {
    case OP_SIGNAL_FILTER_BANK:
        evaluate_filter_bank(evaluation);
        break;
    case OP_SIGNAL_FILTER_BANK_SQUARE_ROOT:
        evaluate_square_root(evaluation);
        break;
    case OP_SIGNAL_FILTER_BANK_SPECTRAL_SUBTRACTION:
        evaluate_subtraction(evaluation);
        break;
    case OP_SIGNAL_PCAN:
        evaluate_pcan(evaluation);
        break;
    default:
        evaluate_log(evaluation);
    }
    return true;
}

/* ---------------------------------------------------------------- facts */

static bool is_non_negative(const Tensor *tensor)
{
    for (int64_t i = 0; i < tensor_elements(tensor); ++i)
        if (!tensor_is_constant(tensor) || element_int(tensor->dtype, tensor->data, i) < 0)
            return false;
    return true;
}

static void subtraction_facts(const Node *node, Facts *facts)
{
    static const char *const names[] = {"smoothing", "one_minus_smoothing", "alternate_smoothing", "alternate_one_minus_smoothing",
        "min_signal_remaining", "smoothing_bits", "spectral_subtraction_bits", "clamping"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
        fact_int(facts, names[i], node_int(node, names[i], 0));
}

static void log_facts(const Node *node, Facts *facts)
{
    int16_t table[LOG_SEGMENTS + 1];
    for (int i = 0; i <= LOG_SEGMENTS; ++i)
        table[i] = (int16_t)log_correction(i);
    fact_int(facts, "correction_bits", node_int(node, "input_correction_bits", 0));
    fact_int(facts, "output_scale", node_int(node, "output_scale", 0));
    fact_table(facts, "log_table", DTYPE_I16, LOG_SEGMENTS + 1, table, false);
}

bool signal_filter_bank_facts(const Node *node, Facts *facts)
{
    if (node->op == OP_SIGNAL_FILTER_BANK) {
        fact_int(facts, "channels", node_int(node, "channels", 0));
        fact_int(facts, "non_negative", is_non_negative(node->inputs[1]) && is_non_negative(node->inputs[2]));
    } else if (node->op == OP_SIGNAL_FILTER_BANK_SPECTRAL_SUBTRACTION) {
        subtraction_facts(node, facts);
    } else if (node->op == OP_SIGNAL_PCAN) {
        fact_int(facts, "snr_shift", node_int(node, "snr_shift", 0));
    } else if (node->op == OP_SIGNAL_FILTER_BANK_LOG) {
        log_facts(node, facts);
    }
    return true;
}
