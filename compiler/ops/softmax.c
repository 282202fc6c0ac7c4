/* SPDX-License-Identifier: MIT
 *
 * Softmax and LogSoftmax along the last axis: float32; 8-bit input in gemmlowp's fixed point, to 8 or 16 bits; 16 bits
 * by interpolated tables.
 */
#include "../compiler.h"

#include <math.h>
#include <string.h>

enum { DIFFERENCE_BITS = 5,
    SUM_BITS = 12 }; /* integer bits of x - max, and of the sum of exponentials */

static bool is_close(float scale, double wanted)
{
    return fabs((double)scale - wanted) <= 0.001 * wanted;
}

/* What the reference asks of the output (tensorflow/lite/micro/kernels/softmax_common.cc, log_softmax.cc). */
static bool check_output(const Node *node)
{
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    const int64_t least = dtype_min(output->dtype), most = dtype_max(output->dtype);
    const int32_t zero = tensor_zero_point(output);
    const float scale = tensor_scale(output);
    if (node->op == OP_LOG_SOFTMAX)
        return (scale == 16.0f / 256 && zero == most) ||
               node_error(node, "the output's scale must be 1/16 and its zero point %d", (int)most);
    if (input->dtype == DTYPE_I16)
        return (is_close(scale, 1.0 / 32768) && zero == 0) ||
               node_error(node, "the output's scale must be 1/32768 and its zero point 0");
    const double wanted = output->dtype == DTYPE_I16 ? 1.0 / 65536 : 1.0 / 256;
    return (is_close(scale, wanted) && zero == least) ||
           node_error(node, "the output's scale must be 1/%d and its zero point %d",
               output->dtype == DTYPE_I16 ? 65536 : 256, (int)least);
}

bool softmax_shape(Node *node)
{
    const Tensor *input = node->inputs[0];
    Tensor *output = node->outputs[0];
    if (input->shape.rank < 1)
        return node_error(node, "the operand is a scalar; it needs an axis");
    const bool is_quantised = is_quantised_dtype(input) && (node->op == OP_SOFTMAX || is_8_bit(input->dtype));
    if (input->dtype != DTYPE_F32 && !is_quantised)
        return node_error(node, "an operand of type %s is not supported; float32 and quantised integers are",
            dtype_name(input->dtype));
    if (input->dtype == DTYPE_I16 && input->shape.dim[input->shape.rank - 1] > 65536)
        return node_error(node, "int16 rows of more than 65536 values are not supported");
    const bool widens = node->op == OP_SOFTMAX && is_8_bit(input->dtype) && output->dtype == DTYPE_I16;
    if (!set_output(node, 0, widens ? DTYPE_I16 : input->dtype, input->shape))
        return false;
    if (!is_quantised)
        return true;
    if (!is_per_tensor(output) || !(tensor_scale(input) > 0))
        return node_error(node, "input and output must be quantised with one positive scale each");
    return check_output(node);
}

static int32_t depth_of(const Node *node)
{
    const Shape *shape = &node->inputs[0]->shape;
    return shape->dim[shape->rank - 1];
}

static int64_t rows_of(const Node *node)
{
    return depth_of(node) == 0 ? 0 : tensor_elements(node->inputs[0]) / depth_of(node);
}

static double beta_of(const Node *node)
{
    return node->op == OP_SOFTMAX ? (double)(float)node_float(node, "beta", 1.0) : 1.0;
}

/* ---- 8-bit input */

typedef struct FixedSoftmax {
    Rescale difference; /* stored difference -> Q5 */
    int32_t least; /* smaller differences count as minus infinity */
    Rescale reverse; /* back from Q5 */
} FixedSoftmax;

/* tensorflow/lite/kernels/internal/quantization_util.cc, PreprocessSoftmaxScaling, PreprocessLogSoftmaxScalingExp */
static FixedSoftmax fixed_softmax(const Node *node)
{
    FixedSoftmax fixed;
    const double factor = beta_of(node) * (double)tensor_scale(node->inputs[0]) * (double)(1 << (31 - DIFFERENCE_BITS));
    const double most = node->model->single_rounding ? 1073741823.0 : 2147483647.0;
    fixed.difference = rescale_by(factor < most ? factor : most);
    fixed.least = -fixed_input_radius(DIFFERENCE_BITS, fixed.difference.shift);
    const double divisor = ldexp(1.0, 31 - fixed.difference.shift) / (double)fixed.difference.multiplier;
    fixed.reverse = fixed.difference.multiplier > 0 ? rescale_by(divisor) : (Rescale){0, 0};
    return fixed;
}

static int32_t exponential(const Node *node, const FixedSoftmax *fixed, int32_t difference)
{
    return difference < fixed->least
               ? 0
               : fixed_exp_on_negative(rescaled(node, difference, fixed->difference), DIFFERENCE_BITS);
}

static int32_t row_maximum(DType dtype, const void *row, int64_t start, int32_t depth)
{
    int64_t most = dtype_min(dtype);
    for (int32_t c = 0; c < depth; ++c) {
        const int64_t value = element_int(dtype, row, start + c);
        most = value > most ? value : most;
    }
    return (int32_t)most;
}

/* The largest sum that what follows can take: its logarithm is one of 31 bits. The reference gives up long before. */
static uint32_t largest_sum(const Node *node)
{
    return node->op == OP_SOFTMAX ? UINT32_MAX : INT32_MAX;
}

/* In Q12. */
static int32_t sum_of_exponentials(const Evaluation *evaluation, const FixedSoftmax *fixed, int64_t start, int32_t most)
{
    const Node *node = evaluation->node;
    uint64_t sum = 0;
    for (int32_t c = 0; c < depth_of(node); ++c) {
        const int32_t difference = (int32_t)element_int(node->inputs[0]->dtype, evaluation->in[0], start + c) - most;
        sum += (uint32_t)rounding_divide_by_power_of_two(exponential(node, fixed, difference), SUM_BITS);
    }
    return (int32_t)(sum > largest_sum(node) ? largest_sum(node) : (uint32_t)sum);
}

/* tensorflow/lite/kernels/internal/reference/softmax.h */
static void softmax_row(const Evaluation *evaluation, const FixedSoftmax *fixed, int64_t start)
{
    const Node *node = evaluation->node;
    const DType from = node->inputs[0]->dtype, to = node->outputs[0]->dtype;
    const int32_t least = (int32_t)dtype_min(to), most = row_maximum(from, evaluation->in[0], start, depth_of(node));
    int bits_over_unit;
    const int32_t scale =
        fixed_reciprocal(sum_of_exponentials(evaluation, fixed, start, most), SUM_BITS, &bits_over_unit);
    const int exponent = bits_over_unit + 31 - (int)dtype_bits(to);
    for (int32_t c = 0; c < depth_of(node); ++c) {
        const int32_t difference = (int32_t)element_int(from, evaluation->in[0], start + c) - most;
        const int32_t product = saturating_doubling_high_multiply(scale, exponential(node, fixed, difference));
        const int32_t value = rounding_divide_by_power_of_two(product, exponent);
        element_set_int(
            to, evaluation->out[0], start + c, clamp32((int64_t)value + least, least, (int32_t)dtype_max(to)));
    }
}

/* The largest difference (exclusive) that gives the least output, given ln of the sum in Q5. */
static int32_t log_limit(const Node *node, const FixedSoftmax *fixed, int32_t log_sum)
{
    const int32_t limit = rescaled(node, (int32_t)((uint32_t)log_sum + (uint32_t)INT32_MIN), fixed->reverse);
    return limit > fixed->least - 1 ? limit : fixed->least - 1;
}

/* tensorflow/lite/kernels/internal/reference/log_softmax.h */
static void log_softmax_row(const Evaluation *evaluation, const FixedSoftmax *fixed, int64_t start)
{
    const Node *node = evaluation->node;
    const DType dtype = node->inputs[0]->dtype;
    const int32_t low = (int32_t)dtype_min(dtype), high = (int32_t)dtype_max(dtype);
    const int32_t most = row_maximum(dtype, evaluation->in[0], start, depth_of(node));
    const int32_t log_sum = fixed_log(sum_of_exponentials(evaluation, fixed, start, most));
    const int32_t limit = log_limit(node, fixed, log_sum);
    for (int32_t c = 0; c < depth_of(node); ++c) {
        const int32_t difference = (int32_t)element_int(dtype, evaluation->in[0], start + c) - most;
        int64_t value = low;
        if (difference > limit) {
            const uint32_t logarithm = (uint32_t)rescaled(node, difference, fixed->difference) - (uint32_t)log_sum;
            value = (int64_t)rounding_divide_by_power_of_two((int32_t)logarithm, 31 - DIFFERENCE_BITS - 4) + high;
        }
        element_set_int(dtype, evaluation->out[0], start + c, clamp32(value, low, high));
    }
}

/* ---- 16-bit input */

static float exponential_function(const void *context, float x)
{
    (void)context;
    return (float)exp((double)x);
}

static float reciprocal_function(const void *context, float x)
{
    (void)context;
    return 1.0f / (1.0f + x);
}

/* softmax_common.cc: e^x over [-10, 0] and 1 / (1 + x) over [0, 1], both to [0, 1] in Q15 */
static void int16_tables(int16_t exponentials[513], int16_t reciprocals[513])
{
    const float range = 65535;
    interpolation_table(10.0f / range, INT16_MAX, 2.0f / range, 0, exponential_function, NULL, exponentials);
    interpolation_table(1.0f / range, INT16_MIN, 2.0f / range, 0, reciprocal_function, NULL, reciprocals);
}

/* The difference in steps of 10/65535 */
static Rescale int16_difference(const Node *node)
{
    return rescale_by((double)tensor_scale(node->inputs[0]) * beta_of(node) / (10.0 / 65535.0));
}

static int leading_zeros(uint32_t value)
{
    int count = 0;
    for (uint32_t bit = 1u << 31; bit != 0 && !(value & bit); bit >>= 1)
        ++count;
    return count;
}

/* softmax.h, SoftmaxInt16 */
static void softmax_row_int16(
    const Node *node, const int16_t *input, int16_t *output, const int16_t *exponentials, const int16_t *reciprocals)
{
    const int32_t depth = depth_of(node), most = row_maximum(DTYPE_I16, input, 0, depth);
    const Rescale scale = int16_difference(node);
    uint32_t sum = 0;
    for (int32_t c = 0; c < depth; ++c) {
        const int64_t scaled = (int64_t)rescaled(node, input[c] - most, scale) + 32767;
        output[c] = interpolate_int16(exponentials, (int16_t)clamp32(scaled, INT16_MIN, INT16_MAX));
        sum += (uint32_t)output[c];
    }
    const int headroom = leading_zeros(sum);
    if (headroom < 1 || headroom > 30)
        return; /* more than 65536 ones, or all zero: the reference is undefined */
    const int64_t shifted = (((int64_t)sum << (headroom - 1)) + (1 << 13)) >> 14;
    const int16_t argument = (int16_t)clamp32(shifted - (1 << 15) - (1 << 16), INT16_MIN, INT16_MAX);
    const int64_t reciprocal = interpolate_int16(reciprocals, argument);
    const int shift = 31 - headroom;
    for (int32_t c = 0; c < depth; ++c)
        output[c] = (int16_t)clamp32((output[c] * reciprocal + (1LL << (shift - 1))) >> shift, 0, INT16_MAX);
}

/* ---- float */

static void softmax_row_float(const Node *node, const float *input, float *output)
{
    const int32_t depth = depth_of(node);
    const float beta = (float)beta_of(node);
    float most = -INFINITY, sum = 0;
    for (int32_t c = 0; c < depth; ++c)
        most = input[c] > most ? input[c] : most;
    for (int32_t c = 0; c < depth; ++c) {
        const float value = (float)exp((double)((input[c] - most) * beta));
        sum += value;
        output[c] = node->op == OP_SOFTMAX ? value : input[c];
    }
    const float log_sum = sum == 0 ? 0 : (float)log((double)sum); /* only without elements */
    for (int32_t c = 0; c < depth; ++c)
        output[c] = node->op == OP_SOFTMAX ? output[c] / sum : output[c] - most - log_sum;
}

bool softmax_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const int64_t rows = rows_of(node);
    const int32_t depth = depth_of(node);
    const DType dtype = node->inputs[0]->dtype;
    int16_t exponentials[513], reciprocals[513];
    FixedSoftmax fixed = {0};
    if (dtype == DTYPE_I16)
        int16_tables(exponentials, reciprocals);
    else if (dtype != DTYPE_F32)
        fixed = fixed_softmax(node);
    for (int64_t row = 0; row < rows; ++row) {
        const int64_t start = row * depth;
        if (dtype == DTYPE_F32)
            softmax_row_float(node, (const float *)evaluation->in[0] + start, (float *)evaluation->out[0] + start);
        else if (dtype == DTYPE_I16)
            softmax_row_int16(node, (const int16_t *)evaluation->in[0] + start, (int16_t *)evaluation->out[0] + start,
                exponentials, reciprocals);
        else if (node->op == OP_SOFTMAX)
            softmax_row(evaluation, &fixed, start);
        else
            log_softmax_row(evaluation, &fixed, start);
    }
    return true;
}

/* ---- facts */

/* e^-d for d = 0, 1, ... as long as it adds to the sum: then it cannot reach the output either. A few elements do not
 * justify a long table: their exponentials are computed, in about 300 bytes of code. */
static void exponential_facts(const Node *node, Facts *facts, const FixedSoftmax *fixed)
{
    int32_t table[256];
    int count = 0;
    while (count < 256) {
        const int32_t value = exponential(node, fixed, -count);
        if (count > 0 && value < 1 << (SUM_BITS - 1))
            break;
        table[count++] = value;
    }
    const bool is_computed = 4 * (int64_t)count > 320 + 16 * tensor_elements(node->inputs[0]);
    fact_int(facts, "exponential_count", count);
    fact_int(facts, "computed", is_computed);
    fact_string(facts, "comment", arena_format(facts->arena, "differences from %d on add nothing to the sum", count));
    if (!is_computed)
        fact_table(facts, "exponentials", DTYPE_I32, count, table, false);
}

bool softmax_facts(const Node *node, Facts *facts)
{
    const DType dtype = node->inputs[0]->dtype;
    fact_int(facts, "rows", rows_of(node));
    fact_int(facts, "depth", depth_of(node));
    fact_float(facts, "beta", beta_of(node));
    fact_int(facts, "single_rounding", node->model->single_rounding);
    if (dtype == DTYPE_I16) {
        int16_t exponentials[513], reciprocals[513];
        int16_tables(exponentials, reciprocals);
        fact_rescale(facts, "difference", int16_difference(node));
        fact_table(facts, "exponentials", DTYPE_I16, 513, exponentials, false);
        fact_table(facts, "reciprocals", DTYPE_I16, 513, reciprocals, false);
    } else if (dtype != DTYPE_F32) {
        const FixedSoftmax fixed = fixed_softmax(node);
        exponential_facts(node, facts, &fixed);
        fact_rescale(facts, "difference", fixed.difference);
        fact_rescale(facts, "reverse", fixed.reverse);
        fact_int(facts, "least_difference", fixed.least);
    }
    return true;
}
