/* SPDX-License-Identifier: MIT
 *
 * Element-wise operators of one operand. A quantised 8-bit one is a function of 256 values: it becomes a clamp, a
 * multiply-add-shift or a table, whichever is exact first, so its formula matters to the interpreter only. Quantised
 * 16-bit ones are computed or interpolated; the rest is float32, plain integers, bool.
 */
#include "../compiler.h"

#include <math.h>
#include <string.h>

static bool is_quantised(const Node *node)
{
    return is_quantised_dtype(node->inputs[0]);
}

static bool takes_integers(OpKind op)
{
    return op == OP_NEG || op == OP_ABS || op == OP_SQUARE || op == OP_RELU || op == OP_RELU6 || op == OP_RELU_N1_TO_1;
}

static bool takes_dtype(const Node *node)
{
    const DType dtype = node->inputs[0]->dtype;
    if (node->op == OP_LOGICAL_NOT)
        return dtype == DTYPE_BOOL;
    if (dtype == DTYPE_F32 || is_quantised(node))
        return true;
    return takes_integers(node->op) && dtype_is_integer(dtype) && dtype != DTYPE_I4 && dtype != DTYPE_U64;
}

static bool needs_symmetric_int16(OpKind op)
{
    return op == OP_LOGISTIC || op == OP_TANH;
}

static bool check_quantisation(const Node *node)
{
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    if (!is_quantised(node))
        return true;
    if (!is_per_tensor(output) || !(tensor_scale(output) > 0) || !(tensor_scale(input) > 0))
        return node_error(node, "the output must be quantised with one positive scale, as the input is");
    if (input->dtype != DTYPE_I16 || !needs_symmetric_int16(node->op))
        return true;
    if (tensor_zero_point(input) != 0 || tensor_zero_point(output) != 0 ||
        fabs((double)tensor_scale(output) * 32768 - 1) > 1e-3)
        return node_error(node, "int16 needs zero points 0 and the output scale 1/32768");
    return true;
}

bool unary_shape(Node *node)
{
    const Tensor *input = node->inputs[0];
    if (!takes_dtype(node))
        return node_error(node, "an operand of type %s%s is not supported", is_quantised(node) ? "quantised " : "",
            dtype_name(input->dtype));
    return set_output(node, 0, input->dtype, input->shape) && check_quantisation(node);
}

/* ---- float */

/* tensorflow/lite/kernels/internal/reference/gelu.h */
static float gelu(float x, bool approximate)
{
    if (!approximate)
        return (float)(0.5 * (double)x * erfc(-(double)x * sqrt(0.5)));
    const double inner =
        sqrt(2.0 / 3.14159265358979323846) * ((double)x + 0.044715 * (double)x * (double)x * (double)x);
    return (float)(0.5 * (double)x * (1.0 + tanh(inner)));
}

static float clip(float x, float low, float high)
{
    return x < low ? low : (x > high ? high : x);
}

/* In single precision and with these bounds, as tensorflow/lite/kernels/internal/reference/logistic.h: what is
 * quantised next would show the last bit. */
static float logistic(float x)
{
    if (x > 16.619047164916992188f)
        return 1.0f;
    return x < -9.0f ? expf(x) : 1.0f / (1.0f + expf(-x));
}

static float float_result(const Node *node, float x)
{
    switch (node->op) {
    case OP_NEG:
        return -x;
    case OP_ABS:
        return fabsf(x);
    case OP_SQUARE:
        return x * x;
    case OP_SQRT:
        return sqrtf(x);
    case OP_RSQRT:
        return 1.0f / sqrtf(x);
    case OP_EXP:
        return (float)exp((double)x);
    case OP_LOG:
        return (float)log((double)x);
    case OP_SIN:
        return (float)sin((double)x);
    case OP_COS:
        return (float)cos((double)x);
    case OP_CEIL:
        return ceilf(x);
    case OP_FLOOR:
        return floorf(x);
    case OP_ROUND:
        return rintf(x); /* ties to even */
    case OP_RELU:
        return clip(x, 0, INFINITY);
    case OP_RELU6:
        return clip(x, 0, 6);
    case OP_RELU_N1_TO_1:
        return clip(x, -1, 1);
    case OP_LEAKY_RELU:
        return x > 0 ? x : x * (float)node_float(node, "alpha", 0);
    case OP_ELU:
        return x < 0 ? (float)expm1((double)x) : x;
    case OP_GELU:
        return gelu(x, node_int(node, "approximate", 0) != 0);
    case OP_HARD_SWISH:
        return x * clip(x + 3, 0, 6) / 6;
    case OP_LOGISTIC:
        return logistic(x);
    default:
        return (float)tanh((double)x);
    }
}

/* ---- plain integers, modulo 2^64 */

static int64_t integer_result(OpKind op, int64_t x)
{
    switch (op) {
    case OP_NEG:
        return (int64_t)(0 - (uint64_t)x);
    case OP_ABS:
        return x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
    case OP_SQUARE:
        return (int64_t)((uint64_t)x * (uint64_t)x);
    case OP_RELU:
        return x < 0 ? 0 : x;
    case OP_RELU6:
        return x < 0 ? 0 : (x > 6 ? 6 : x);
    default:
        return x < -1 ? -1 : (x > 1 ? 1 : x);
    }
}

/* ---- quantised */

static double scale_ratio(const Node *node)
{
    return (double)tensor_scale(node->inputs[0]) / (double)tensor_scale(node->outputs[0]);
}

static int32_t clamp_to(const Tensor *output, int64_t value)
{
    return clamp32(value, (int32_t)dtype_min(output->dtype), (int32_t)dtype_max(output->dtype));
}

/* The limits of a relu in units of `tensor`: zero point + round(bound / scale), within the type. */
static int32_t relu_bound(const Tensor *tensor, float bound)
{
    return clamp_to(
        tensor, (int64_t)tensor_zero_point(tensor) + round_half_away((double)roundf(bound / tensor_scale(tensor))));
}

static void relu_range(const Node *node, const Tensor *tensor, int32_t *low, int32_t *high)
{
    *low = relu_bound(tensor, node->op == OP_RELU_N1_TO_1 ? -1.0f : 0.0f);
    *high = node->op == OP_RELU ? (int32_t)dtype_max(tensor->dtype)
                                : relu_bound(tensor, node->op == OP_RELU6 ? 6.0f : 1.0f);
}

/* Signed 8 and 16 bit Relu6 clamps in the input's scale and never looks at the output's
 * (tensorflow/lite/micro/kernels/activations.cc); the others rescale first (activations_common.cc;
 * tensorflow/lite/kernels/activations.cc). */
static bool ignores_output_scale(const Node *node)
{
    return node->op == OP_RELU6 && node->inputs[0]->dtype != DTYPE_U8;
}

static int32_t quantised_relu(const Node *node, int32_t stored)
{
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    int32_t low, high;
    if (ignores_output_scale(node)) {
        relu_range(node, input, &low, &high);
        return clamp32(stored, low, high);
    }
    relu_range(node, output, &low, &high);
    const int32_t value = rescaled(node, stored - tensor_zero_point(input), rescale_by(scale_ratio(node)));
    return clamp32((int64_t)value + tensor_zero_point(output), low, high);
}

typedef struct LeakyFactors {
    Rescale positive, negative;
} LeakyFactors;

/* tensorflow/lite/micro/kernels/leaky_relu_common.cc: both factors in single precision */
static LeakyFactors leaky_factors(const Node *node)
{
    const float input_scale = tensor_scale(node->inputs[0]), output_scale = tensor_scale(node->outputs[0]);
    const float scaled = input_scale * (float)node_float(node, "alpha", 0), alpha = scaled / output_scale;
    const float identity = input_scale / output_scale;
    return (LeakyFactors){rescale_by((double)identity), rescale_by((double)alpha)};
}

static int32_t quantised_leaky_relu(const Node *node, int32_t value)
{
    const LeakyFactors factors = leaky_factors(node);
    return rescaled(node, value, value >= 0 ? factors.positive : factors.negative);
}

/* elementwise.cc, AbsEvalQuantized: no rounding where the scales agree */
static int32_t scaled_value(const Node *node, int32_t value)
{
    return tensor_scale(node->inputs[0]) == tensor_scale(node->outputs[0])
               ? value
               : rescaled(node, value, rescale_by(scale_ratio(node)));
}

static Rescale rsqrt_rescale(const Node *node)
{
    return rescale_by(1.0 / (sqrt((double)tensor_scale(node->inputs[0])) * (double)tensor_scale(node->outputs[0])));
}

/* elementwise.cc, RsqrtEvalQuantized: 20 bits of headroom between the root and the output's scale. Values that are not
 * positive give the largest output. */
static int64_t quantised_rsqrt(const Node *node, int32_t value)
{
    enum { HEADROOM = 20 };
    if (value <= 0)
        return INT32_MAX;
    Rescale root, scale = rsqrt_rescale(node);
    inverse_sqrt_multiplier(value, &root.multiplier, &root.shift);
    root.shift += HEADROOM;
    scale.shift -= HEADROOM;
    return rescaled(node, rescaled(node, 1, root), scale);
}

/* tensorflow/lite/kernels/internal/reference/integer_ops/logistic.h, tanh.h: the argument in Q4, clipped where it
 * leaves it */
static int32_t quantised_sigmoid(const Node *node, int32_t value)
{
    const bool is_tanh = node->op == OP_TANH;
    const Tensor *output = node->outputs[0];
    const Rescale scale = rescale_by((double)tensor_scale(node->inputs[0]) * (double)(1 << 27));
    const int32_t radius = fixed_input_radius(4, scale.shift);
    if (value <= -radius || value >= radius)
        return (int32_t)(value < 0 ? dtype_min(output->dtype) : dtype_max(output->dtype));
    const int32_t argument = rescaled(node, value, scale);
    const int32_t result = is_tanh ? fixed_tanh(argument, 4) : fixed_logistic(argument, 4);
    return clamp_to(
        output, (int64_t)rounding_divide_by_power_of_two(result, is_tanh ? 24 : 23) + tensor_zero_point(output));
}

/* The output's scale and zero point that the fixed-point forms are made for. The reference never looks at the scale;
 * other tools write 1/255 for it. */
static bool has_sigmoid_output(const Node *node)
{
    const Tensor *output = node->outputs[0];
    const int64_t least = dtype_min(output->dtype), zero_point = tensor_zero_point(output);
    const bool is_tanh = node->op == OP_TANH;
    const double steps = (double)tensor_scale(output) * (is_tanh ? 128 : 256);
    return fabs(steps - 1) < 0.01 && zero_point == (is_tanh ? least + 128 : least);
}

/* Fixed-point numbers of 16 bits */

static int32_t clamp16(int64_t value)
{
    return clamp32(value, INT16_MIN, INT16_MAX);
}

static int32_t multiply16(int32_t a, int32_t b)
{
    const int64_t product = (int64_t)a * b + (1 << 14);
    return clamp16(product >= 0 ? product / 32768 : -((-product + 32767) / 32768));
}

static int32_t to_16_bit_multiplier(int32_t multiplier)
{
    return multiplier >= INT32_MAX - (1 << 15) ? INT16_MAX : (multiplier + (1 << 15)) / 65536;
}

/* tensorflow/lite/kernels/internal/reference/hard_swish.h: x with 7 more bits, times (x + 3) / 6 clipped to [0, 1] */
static int32_t quantised_hard_swish(const Node *node, int32_t value)
{
    const float fine_scale = (1.0f / 128.0f) * tensor_scale(node->inputs[0]), unit = 3.0f / 32768.0f;
    const Rescale to_output = rescale_by((double)(fine_scale / tensor_scale(node->outputs[0])));
    const Rescale to_unit = rescale_by((double)(fine_scale / unit));
    const int32_t fine = value * 128, scaled = multiply16(fine, to_16_bit_multiplier(to_output.multiplier));
    int32_t gate = fine;
    if (to_unit.shift > 0)
        gate = clamp16((int64_t)gate * (1LL << (to_unit.shift - 1)));
    gate = multiply16(gate, to_16_bit_multiplier(to_unit.multiplier));
    if (to_unit.shift > 0)
        gate = clamp16((int64_t)gate * 2);
    else
        gate = rounding_divide_by_power_of_two(gate, -to_unit.shift);
    gate = (gate + (1 << 15)) / 2;
    const int32_t product = clamp16((int64_t)gate * scaled / 32768);
    const int32_t shift = to_output.shift;
    const int32_t result =
        shift <= 0 ? rounding_divide_by_power_of_two(product, -shift) : saturating_left_shift(product, shift);
    return clamp_to(node->outputs[0], (int64_t)result + tensor_zero_point(node->outputs[0]));
}

/* The function of reals behind a table. Outside of its domain: the least output
 * (tensorflow/lite/kernels/elementwise.cc). */
static float transform(const Node *node, float x)
{
    const Tensor *output = node->outputs[0];
    if (x <= 0 && (node->op == OP_LOG || node->op == OP_RSQRT))
        return (float)(dtype_min(output->dtype) - tensor_zero_point(output)) * tensor_scale(output);
    if (x < 0 && node->op == OP_SQRT)
        return 0;
    if (node->op == OP_ELU && x < 0)
        return (float)exp((double)x) - 1.0f; /* tensorflow/lite/micro/kernels/elu.cc */
    return float_result(node, x);
}

/* tensorflow/lite/kernels/internal/common.h, LUTPopulate for 8 bits: all in single precision */
static int32_t transformed(const Node *node, int32_t value)
{
    const Tensor *output = node->outputs[0];
    const float real = tensor_scale(node->inputs[0]) * (float)value, inverse = 1 / tensor_scale(output);
    const float result = roundf(transform(node, real) * inverse) + (float)tensor_zero_point(output);
    return clamp_to(output, round_half_away((double)result));
}

static int32_t quantised_result(const Node *node, int32_t stored)
{
    const Tensor *output = node->outputs[0];
    const int32_t value = stored - tensor_zero_point(node->inputs[0]), zero = tensor_zero_point(output);
    switch (node->op) {
    case OP_RELU:
    case OP_RELU6:
    case OP_RELU_N1_TO_1:
        return quantised_relu(node, stored);
    case OP_LEAKY_RELU:
        return clamp_to(output, (int64_t)quantised_leaky_relu(node, value) + zero);
    case OP_ABS:
        return clamp_to(output, (int64_t)scaled_value(node, value < 0 ? -value : value) + zero);
    case OP_NEG:
        return clamp_to(output, (int64_t)scaled_value(node, -value) + zero);
    case OP_RSQRT:
        return clamp_to(output, quantised_rsqrt(node, value) + zero);
    case OP_HARD_SWISH:
        return quantised_hard_swish(node, value);
    case OP_LOGISTIC:
    case OP_TANH:
        return has_sigmoid_output(node) ? quantised_sigmoid(node, value) : transformed(node, value);
    default:
        return transformed(node, value);
    }
}

/* ---- quantised 16 bit: what has no closed formula is interpolated in a table of 513 values */

static bool is_computed_int16(OpKind op)
{
    return takes_integers(op) || op == OP_LEAKY_RELU || op == OP_RSQRT || op == OP_LOGISTIC || op == OP_TANH;
}

typedef struct SigmoidScale {
    int32_t multiplier;
    int shift;
} SigmoidScale;

/* logistic_common.cc and tanh.cc: the argument in steps of 1/(3 * 4096), by a 15-bit multiplier; the input's own scale
 * where it is a power of two that fits. */
static SigmoidScale sigmoid_scale(const Node *node)
{
    const double scale = (double)tensor_scale(node->inputs[0]);
    const double exponent = log2(scale), rounded = round(exponent);
    const int steps = (int)rounded + 12;
    if (fabs(exponent - rounded) < 1e-3 && (steps == 0 || (steps == 1 && node->op == OP_TANH)))
        return (SigmoidScale){3 << steps, 0};
    double multiplier = scale * 4096.0 * 3.0;
    int shift = 0;
    for (; multiplier <= 32767.0 / 2.0 && shift <= 30; ++shift)
        multiplier *= 2.0;
    return (SigmoidScale){multiplier > 32767.0 ? 32767 : (int32_t)multiplier, shift};
}

static int32_t sigmoid_int16(const Node *node, int32_t stored)
{
    const SigmoidScale scale = sigmoid_scale(node);
    const int64_t divisor = 1LL << scale.shift,
                  product = (int64_t)stored * scale.multiplier + (scale.shift > 0 ? divisor / 2 : 0);
    const int64_t scaled = product >= 0 ? product / divisor : -((-product + divisor - 1) / divisor);
    return node->op == OP_TANH ? tanh_int16((int32_t)scaled) : logistic_int16((int32_t)scaled);
}

typedef struct TransformContext {
    const Node *node;
} TransformContext;

static float transform_in_context(const void *context, float x)
{
    return transform(((const TransformContext *)context)->node, x);
}

static void int16_table_of(const Node *node, int16_t table[513])
{
    const TransformContext context = {node};
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    interpolation_table(tensor_scale(input), tensor_zero_point(input), tensor_scale(output), tensor_zero_point(output),
        transform_in_context, &context, table);
}

static void apply_int16(const Node *node, const int16_t *input, int16_t *output, int64_t count)
{
    int16_t table[513];
    if (!is_computed_int16(node->op) || node->op == OP_SQUARE)
        int16_table_of(node, table);
    for (int64_t i = 0; i < count; ++i) {
        if (node->op == OP_LOGISTIC || node->op == OP_TANH)
            output[i] = (int16_t)sigmoid_int16(node, input[i]);
        else if (is_computed_int16(node->op) && node->op != OP_SQUARE)
            output[i] = (int16_t)quantised_result(node, input[i]);
        else
            output[i] = interpolate_int16(table, input[i]);
    }
}

/* ---- evaluation */

/* All results, input ascending from the type's least value. */
static void tabulate(const Node *node, int32_t value[256])
{
    const DType dtype = node->inputs[0]->dtype;
    for (int i = 0; i < 256; ++i)
        value[i] = quantised_result(node, (int32_t)dtype_min(dtype) + i);
}

static void apply_8_bit(const Node *node, const void *in, void *out, int64_t count)
{
    const DType dtype = node->inputs[0]->dtype;
    int32_t value[256];
    tabulate(node, value);
    for (int64_t i = 0; i < count; ++i)
        element_set_int(dtype, out, i, value[element_int(dtype, in, i) - dtype_min(dtype)]);
}

static void apply(const Node *node, const void *in, void *out, int64_t count)
{
    const DType dtype = node->inputs[0]->dtype;
    if (dtype == DTYPE_I16 && is_quantised(node)) {
        apply_int16(node, in, out, count);
        return;
    }
    if (is_quantised(node)) {
        apply_8_bit(node, in, out, count);
        return;
    }
    for (int64_t i = 0; i < count; ++i) {
        if (dtype == DTYPE_F32)
            ((float *)out)[i] = float_result(node, ((const float *)in)[i]);
        else if (dtype == DTYPE_BOOL)
            ((uint8_t *)out)[i] = ((const uint8_t *)in)[i] == 0;
        else
            element_set_int(dtype, out, i, integer_result(node->op, element_int(dtype, in, i)));
    }
}

bool unary_evaluate(const Evaluation *evaluation)
{
    apply(evaluation->node, evaluation->in[0], evaluation->out[0], tensor_elements(evaluation->node->inputs[0]));
    return true;
}

/* ---- facts */

static void fact_8_bit_table(Facts *facts, DType input, DType output, const int32_t value[256])
{
    uint64_t bytes[256 * 4 / sizeof(uint64_t)] = {0};
    for (int i = 0; i < 256; ++i) {
        const uint8_t index = (uint8_t)(i + dtype_min(input));
        element_set_int(output, bytes, index, value[i]);
    }
    fact_table(facts, "table", output, 256, bytes, false);
}

const char *find_8_bit_form(Facts *facts, DType input, DType output, const int32_t value[256], double factor)
{
    const int32_t least = (int32_t)dtype_min(input);
    int32_t low = value[0], high = value[0];
    for (int i = 1; i < 256; ++i) {
        low = value[i] < low ? value[i] : low;
        high = value[i] > high ? value[i] : high;
    }
    bool is_clamp = input == output;
    for (int i = 0; i < 256 && is_clamp; ++i)
        is_clamp = value[i] == clamp32(i + least, low, high);
    fact_int(facts, "low", low);
    fact_int(facts, "high", high);
    if (is_clamp)
        return "clamp";
    LinearForm form;
    if (factor != 0 && find_line(value, least, factor, low, high, &form)) {
        fact_linear(facts, &form);
        fact_string(facts, "comment", "its sum is exact for all 256 values");
        return "linear";
    }
    fact_8_bit_table(facts, input, output, value);
    return "table";
}

static double slope_of(const Node *node)
{
    if (node->op == OP_NEG)
        return -scale_ratio(node);
    return node->op == OP_RELU || node->op == OP_RELU6 || node->op == OP_RELU_N1_TO_1 ? scale_ratio(node) : 0;
}

static void facts_8_bit(const Node *node, Facts *facts)
{
    int32_t value[256];
    tabulate(node, value);
    const DType dtype = node->inputs[0]->dtype;
    fact_string(facts, "form", find_8_bit_form(facts, dtype, dtype, value, slope_of(node)));
}

static void facts_relu_int16(const Node *node, Facts *facts)
{
    int32_t low, high;
    relu_range(node, ignores_output_scale(node) ? node->inputs[0] : node->outputs[0], &low, &high);
    fact_int(facts, "low", low);
    fact_int(facts, "high", high);
    const bool clamps = ignores_output_scale(node) || same_quantisation(node->inputs[0], node->outputs[0]);
    fact_string(facts, "form", clamps ? "clamp" : "rescale");
    fact_rescale(facts, "identity", rescale_by(scale_ratio(node)));
}

static void facts_int16(const Node *node, Facts *facts)
{
    int16_t table[513];
    if (node->op == OP_RELU || node->op == OP_RELU6 || node->op == OP_RELU_N1_TO_1) {
        facts_relu_int16(node, facts);
    } else if (node->op == OP_LOGISTIC || node->op == OP_TANH) {
        const SigmoidScale scale = sigmoid_scale(node);
        fact_string(facts, "form", "sigmoid");
        fact_int(facts, "multiplier", scale.multiplier);
        fact_int(facts, "shift", scale.shift);
    } else if (node->op == OP_LEAKY_RELU) {
        const LeakyFactors factors = leaky_factors(node);
        fact_string(facts, "form", "leaky");
        fact_rescale(facts, "identity", factors.positive);
        fact_rescale(facts, "slope", factors.negative);
    } else if (node->op == OP_ABS || node->op == OP_NEG) {
        fact_string(facts, "form", "signed");
        fact_int(facts, "same_scale", tensor_scale(node->inputs[0]) == tensor_scale(node->outputs[0]));
        fact_rescale(facts, "identity", rescale_by(scale_ratio(node)));
    } else if (node->op == OP_RSQRT) {
        fact_string(facts, "form", "rsqrt");
        fact_rescale(facts, "output", rsqrt_rescale(node));
    } else {
        int16_table_of(node, table);
        fact_string(facts, "form", "interpolate");
        fact_table(facts, "table", DTYPE_I16, 513, table, false);
    }
}

bool unary_facts(const Node *node, Facts *facts)
{
    const DType dtype = node->inputs[0]->dtype;
    fact_int(facts, "single_rounding", node->model->single_rounding);
    fact_float(facts, "alpha", (double)(float)node_float(node, "alpha", 0));
    if (is_quantised(node) && is_8_bit(dtype))
        facts_8_bit(node, facts);
    else if (is_quantised(node))
        facts_int16(node, facts);
    else
        fact_string(facts, "form", dtype == DTYPE_F32 ? "float" : (dtype == DTYPE_BOOL ? "not" : "integer"));
    return true;
}
