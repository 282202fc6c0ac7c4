/* SPDX-License-Identifier: MIT
 *
 * Element-wise operators of two operands, with broadcasting: quantised 8 and 16 bit in TensorFlow Lite's reference
 * arithmetic, plain integers (sums and products wrap), float32.
 */
#include "../compiler.h"

#include <math.h>
#include <string.h>

/* Everything that the quantised formulas need beside the two stored values. */
typedef struct QuantisedBinary {
    const Node *node;
    int32_t a_zero, b_zero, output_zero;
    int left_shift; /* headroom that the operands get before they are brought to a common scale */
    Rescale a, b, output;
    int32_t low, high;
} QuantisedBinary;

static bool is_quantised(const Node *node)
{
    return is_quantised_dtype(node->inputs[0]) && is_quantised_dtype(node->inputs[1]) &&
           is_quantised_dtype(node->outputs[0]);
}

static bool takes_dtype(const Node *node, DType dtype)
{
    if (dtype == DTYPE_F32)
        return true;
    return dtype_is_integer(dtype) && dtype != DTYPE_I4 &&
           (node->op != OP_POW || dtype == DTYPE_I32 || dtype == DTYPE_I64);
}

/* TensorFlow Lite compares stored values, whatever their scales. */
static bool moves_values(const Node *node)
{
    return node->op == OP_MINIMUM || node->op == OP_MAXIMUM;
}

static bool check_quantised(const Node *node)
{
    if (node->op == OP_POW || node->op == OP_FLOOR_DIV || node->op == OP_FLOOR_MOD)
        return node_error(node, "quantised operands are not supported; dequantise them first");
    const Tensor *tensors[] = {node->inputs[0], node->inputs[1], node->outputs[0]};
    for (int i = 0; i < 3; ++i) {
        if (!(tensor_scale(tensors[i]) > 0))
            return node_error(node, "the scale of \"%s\" is not positive", tensors[i]->name);
        if (tensors[i]->dtype == DTYPE_I16 && tensor_zero_point(tensors[i]) != 0)
            return node_error(node, "\"%s\" is int16 with a zero point; it must be 0", tensors[i]->name);
    }
    return true;
}

static bool check_quantisation(const Node *node)
{
    if (moves_values(node))
        return true;
    if (is_quantised(node))
        return check_quantised(node);
    for (int i = 0; i < 2; ++i)
        if (is_quantised_dtype(node->inputs[i]) != is_quantised_dtype(node->outputs[0]))
            return node_error(node, "operands and output must be quantised alike (one scale each), or none of them");
    return true;
}

bool binary_shape(Node *node)
{
    const Tensor *a = node->inputs[0], *b = node->inputs[1];
    Shape shape;
    if (a->dtype != b->dtype)
        return node_error(
            node, "operands are %s and %s; they must have the same type", dtype_name(a->dtype), dtype_name(b->dtype));
    if (!takes_dtype(node, a->dtype))
        return node_error(node, "operands of type %s are not supported", dtype_name(a->dtype));
    int32_t low, high;
    if (!broadcast_shapes(node, &a->shape, &b->shape, &shape) || !set_output(node, 0, a->dtype, shape) ||
        !check_quantisation(node))
        return false;
    return node->outputs[0]->dtype == DTYPE_F32 || activation_range(node, node->outputs[0], &low, &high);
}

/* ---- parameters */

/* tensorflow/lite/micro/kernels/add_common.cc and sub_common.cc: the operands get `left_shift` bits of headroom and the
 * scale 2 max(scale a, scale b), in which they are added. Sub computes its factors in single precision. */
static void prepare_sum(QuantisedBinary *q, float a_scale, float b_scale, float output_scale)
{
    q->left_shift = q->node->outputs[0]->dtype == DTYPE_I16 ? 15 : 20;
    const double headroom = (double)(1 << q->left_shift);
    const float twice_largest = 2 * (a_scale > b_scale ? a_scale : b_scale);
    if (q->node->op == OP_SUB) {
        const float output = (float)headroom * output_scale;
        q->a = rescale_by((double)(a_scale / twice_largest));
        q->b = rescale_by((double)(b_scale / twice_largest));
        q->output = rescale_by((double)(twice_largest / output));
        return;
    }
    q->a = rescale_by((double)a_scale / (double)twice_largest);
    q->b = rescale_by((double)b_scale / (double)twice_largest);
    q->output = rescale_by((double)twice_largest / (headroom * (double)output_scale));
}

/* tensorflow/lite/micro/kernels/squared_difference.cc */
static void prepare_squared_difference(QuantisedBinary *q, float a_scale, float b_scale, float output_scale)
{
    q->left_shift = q->node->outputs[0]->dtype == DTYPE_I16 ? 0 : 7;
    const double twice_largest = 2.0 * (double)(a_scale > b_scale ? a_scale : b_scale);
    const float output = (float)(1 << (2 * q->left_shift)) * output_scale;
    q->a = rescale_by((double)a_scale / twice_largest);
    q->b = rescale_by((double)b_scale / twice_largest);
    q->output = rescale_by(twice_largest * twice_largest / (double)output);
}

static QuantisedBinary prepare(const Node *node)
{
    const Tensor *a = node->inputs[0], *b = node->inputs[1], *output = node->outputs[0];
    const float a_scale = tensor_scale(a), b_scale = tensor_scale(b), output_scale = tensor_scale(output);
    QuantisedBinary q = {.node = node, .a_zero = tensor_zero_point(a), .b_zero = tensor_zero_point(b)};
    q.output_zero = tensor_zero_point(output);
    activation_range(node, output, &q.low, &q.high);
    if (node->op == OP_MUL) /* mul_common.cc */
        q.output = rescale_by((double)a_scale * (double)b_scale / (double)output_scale);
    else if (node->op == OP_DIV) /* div.cc: in single precision */
        q.output = rescale_by((double)(a_scale / (b_scale * output_scale)));
    else if (node->op == OP_SQUARED_DIFFERENCE)
        prepare_squared_difference(&q, a_scale, b_scale, output_scale);
    else
        prepare_sum(&q, a_scale, b_scale, output_scale);
    return q;
}

/* ---- quantised values */

static int32_t at_common_scale(const QuantisedBinary *q, int32_t value, Rescale rescale)
{
    return rescaled(q->node, value * (1 << q->left_shift), rescale);
}

/* The number of bits by which |value| can be doubled without overflow; 31 for 0. */
static int sign_bits(int32_t value)
{
    int bits = 0;
    for (int64_t magnitude = value < 0 ? ~(int64_t)value : value; bits < 31 && magnitude < 1LL << 30; magnitude *= 2)
        ++bits;
    return bits;
}

/* tensorflow/lite/kernels/internal/reference/div.h: a * (1 / b), the reciprocal by Newton's iteration */
static int32_t quotient(const QuantisedBinary *q, int32_t a, int32_t b)
{
    if (b == 0)
        return 0; /* undefined in the reference */
    if (b < 0) {
        a = -a;
        b = -b;
    }
    int reciprocal_shift;
    const int32_t reciprocal = fixed_reciprocal(b, 31, &reciprocal_shift);
    const int headroom = sign_bits(a);
    const int32_t scaled = saturating_doubling_high_multiply((int32_t)((uint32_t)a << headroom), reciprocal);
    const int shift = q->output.shift - reciprocal_shift - headroom;
    const int32_t product = saturating_doubling_high_multiply(scaled, q->output.multiplier);
    return shift <= 0 ? rounding_divide_by_power_of_two(product, -shift) : saturating_left_shift(product, shift);
}

static int32_t quantised_result(const QuantisedBinary *q, int32_t a_stored, int32_t b_stored)
{
    const int32_t a = a_stored - q->a_zero, b = b_stored - q->b_zero;
    int32_t value;
    if (q->node->op == OP_MUL) {
        value = rescaled(q->node, a * b, q->output);
    } else if (q->node->op == OP_DIV) {
        value = quotient(q, a, b);
    } else {
        const int64_t x = at_common_scale(q, a, q->a), y = at_common_scale(q, b, q->b);
        const int64_t combined = q->node->op == OP_ADD ? x + y : q->node->op == OP_SUB ? x - y
                                                                                       : (x - y) * (x - y);
        value = rescaled(q->node, (int32_t)combined, q->output);
    }
    return clamp32((int64_t)value + q->output_zero, q->low, q->high);
}

/* ---- plain integers: arithmetic modulo 2^64, then truncated to the type by element_set_int */

static int64_t wrapping_power(int64_t base, int64_t exponent)
{
    uint64_t result = 1, factor = (uint64_t)base;
    if (exponent < 0)
        return base == 1 ? 1 : base == -1 ? (exponent % 2 != 0 ? -1 : 1)
                                          : 0;
    for (; exponent > 0; exponent /= 2) {
        if (exponent % 2 != 0)
            result *= factor;
        factor *= factor;
    }
    return (int64_t)result;
}

static int64_t wrapping_quotient(int64_t a, int64_t b)
{
    return b == 0 ? 0 : b == -1 ? (int64_t)(0 - (uint64_t)a)
                                : a / b;
}

static int64_t floor_modulo(int64_t a, int64_t b)
{
    if (b == 0 || b == -1)
        return 0;
    const int64_t rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static int64_t floor_quotient(int64_t a, int64_t b)
{
    const int64_t quotient = wrapping_quotient(a, b);
    return floor_modulo(a, b) != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

static int64_t integer_result(OpKind op, int64_t a, int64_t b)
{
    switch (op) {
    case OP_ADD:
        return (int64_t)((uint64_t)a + (uint64_t)b);
    case OP_SUB:
        return (int64_t)((uint64_t)a - (uint64_t)b);
    case OP_MUL:
        return (int64_t)((uint64_t)a * (uint64_t)b);
    case OP_DIV:
        return wrapping_quotient(a, b);
    case OP_MINIMUM:
        return a < b ? a : b;
    case OP_MAXIMUM:
        return a > b ? a : b;
    case OP_SQUARED_DIFFERENCE:
        return (int64_t)(((uint64_t)a - (uint64_t)b) * ((uint64_t)a - (uint64_t)b));
    case OP_POW:
        return wrapping_power(a, b);
    case OP_FLOOR_DIV:
        return floor_quotient(a, b);
    default:
        return floor_modulo(a, b);
    }
}

/* uint64 differs from the others where its order or its quotient shows. */
static uint64_t unsigned_result(OpKind op, uint64_t a, uint64_t b)
{
    switch (op) {
    case OP_DIV:
    case OP_FLOOR_DIV:
        return b == 0 ? 0 : a / b;
    case OP_FLOOR_MOD:
        return b == 0 ? 0 : a % b;
    case OP_MINIMUM:
        return a < b ? a : b;
    case OP_MAXIMUM:
        return a > b ? a : b;
    default:
        return (uint64_t)integer_result(op, (int64_t)a, (int64_t)b);
    }
}

/* ---- float */

static float floor_modulo_float(float a, float b)
{
    const float rest = fmodf(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static float float_result(OpKind op, float a, float b)
{
    switch (op) {
    case OP_ADD:
        return a + b;
    case OP_SUB:
        return a - b;
    case OP_MUL:
        return a * b;
    case OP_DIV:
        return a / b;
    case OP_MINIMUM:
        return a < b ? a : b;
    case OP_MAXIMUM:
        return a > b ? a : b;
    case OP_SQUARED_DIFFERENCE:
        return (a - b) * (a - b);
    case OP_POW:
        return powf(a, b);
    case OP_FLOOR_DIV:
        return floorf(a / b);
    default:
        return floor_modulo_float(a, b);
    }
}

/* ---- evaluation */

static BroadcastWalk walk_of(const Node *node)
{
    BroadcastWalk walk;
    const Shape *shapes[] = {&node->inputs[0]->shape, &node->inputs[1]->shape};
    broadcast_walk(&walk, &node->outputs[0]->shape, shapes, 2);
    return walk;
}

static void evaluate_float(const Evaluation *evaluation, const BroadcastWalk *walk, int64_t count)
{
    const float *a = evaluation->in[0], *b = evaluation->in[1];
    float *output = evaluation->out[0], low, high;
    activation_range_float(evaluation->node, &low, &high);
    for (int64_t i = 0; i < count; ++i) {
        const float value =
            float_result(evaluation->node->op, a[broadcast_element(walk, 0, i)], b[broadcast_element(walk, 1, i)]);
        output[i] = value < low ? low : value > high ? high
                                                     : value;
    }
}

/* A fused activation of plain integers clamps, too (tensorflow/lite/kernels/kernel_util.h, CalculateActivationRange).
 */
static void integer_range(const Node *node, int64_t *low, int64_t *high)
{
    float real_low, real_high;
    activation_range_float(node, &real_low, &real_high);
    *low = isfinite(real_low) ? (int64_t)real_low : dtype_min(node->outputs[0]->dtype);
    *high = isfinite(real_high) ? (int64_t)real_high : dtype_max(node->outputs[0]->dtype);
}

static bool has_activation(const Node *node)
{
    return strcmp(node_string(node, "activation", "none"), "none") != 0;
}

static void evaluate_integer(const Evaluation *evaluation, const BroadcastWalk *walk, int64_t count)
{
    const Node *node = evaluation->node;
    const DType dtype = node->outputs[0]->dtype;
    int64_t low, high;
    integer_range(node, &low, &high);
    for (int64_t i = 0; i < count; ++i) {
        const int64_t a = element_int(dtype, evaluation->in[0], broadcast_element(walk, 0, i));
        const int64_t b = element_int(dtype, evaluation->in[1], broadcast_element(walk, 1, i));
        const bool wide = dtype == DTYPE_U64;
        element_set_int(dtype, evaluation->out[0], i,
            wide ? (int64_t)unsigned_result(node->op, (uint64_t)a, (uint64_t)b) : integer_result(node->op, a, b));
        if (!has_activation(node) || wide)
            continue;
        const int64_t value = element_int(dtype, evaluation->out[0], i);
        element_set_int(dtype, evaluation->out[0], i, value < low ? low : value > high ? high
                                                                                       : value);
    }
}

static void evaluate_quantised(const Evaluation *evaluation, const BroadcastWalk *walk, int64_t count)
{
    const DType dtype = evaluation->node->outputs[0]->dtype;
    const QuantisedBinary q = prepare(evaluation->node);
    for (int64_t i = 0; i < count; ++i) {
        const int32_t a = (int32_t)element_int(dtype, evaluation->in[0], broadcast_element(walk, 0, i));
        const int32_t b = (int32_t)element_int(dtype, evaluation->in[1], broadcast_element(walk, 1, i));
        element_set_int(dtype, evaluation->out[0], i, quantised_result(&q, a, b));
    }
}

bool binary_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const BroadcastWalk walk = walk_of(node);
    const int64_t count = tensor_elements(node->outputs[0]);
    if (node->outputs[0]->dtype == DTYPE_F32)
        evaluate_float(evaluation, &walk, count);
    else if (is_quantised(node) && !moves_values(node))
        evaluate_quantised(evaluation, &walk, count);
    else
        evaluate_integer(evaluation, &walk, count);
    return true;
}

/* ---- facts */

static PairFunction tabulate(const QuantisedBinary *q, Arena *arena)
{
    PairFunction function = {.least = (int32_t)dtype_min(q->node->outputs[0]->dtype), .low = q->low, .high = q->high};
    function.value = arena_array(arena, 65536, sizeof *function.value);
    for (int i = 0; i < 65536; ++i)
        function.value[i] = quantised_result(q, i / 256 + function.least, i % 256 + function.least);
    return function;
}

/* The form that the kernel computes: "sum" and "product" need one multiplication or two, no 64-bit arithmetic. */
static const char *find_form(const QuantisedBinary *q, Facts *facts)
{
    const Node *node = q->node;
    if (!is_8_bit(node->outputs[0]->dtype) || (node->op != OP_ADD && node->op != OP_SUB && node->op != OP_MUL))
        return "rescale";
    const double a = (double)tensor_scale(node->inputs[0]), b = (double)tensor_scale(node->inputs[1]);
    const double output = (double)tensor_scale(node->outputs[0]);
    const PairFunction function = tabulate(q, facts->arena);
    LinearForm form = {0};
    const bool is_product = node->op == OP_MUL;
    const bool found = is_product
                           ? find_linear_product(&function, q->a_zero, q->b_zero, a * b / output, &form)
                           : find_linear_sum(&function, a / output, (node->op == OP_SUB ? -b : b) / output, &form);
    if (!found)
        return "rescale";
    fact_linear(facts, &form);
    fact_string(facts, "comment", "its sum is exact for all 65536 pairs of values");
    return is_product ? "product" : "sum";
}

/* The operand that varies, where the other one is a constant of one element: 0 or 1, else -1. */
static int only_variable(const Node *node)
{
    for (int i = 0; i < 2; ++i) {
        const Tensor *variable = node->inputs[i], *constant = node->inputs[1 - i];
        if (tensor_is_constant(constant) && constant->data != NULL && tensor_elements(constant) == 1 &&
            !tensor_is_constant(variable) && tensor_elements(variable) == tensor_elements(node->outputs[0]))
            return i;
    }
    return -1;
}

/* The line's slope, in stored values; 0 for operators that are no line. */
static double slope_of(const QuantisedBinary *q, int variable, int32_t constant)
{
    const Node *node = q->node;
    const double scale = (double)tensor_scale(node->inputs[variable]) / (double)tensor_scale(node->outputs[0]);
    const int32_t zero = variable == 0 ? q->b_zero : q->a_zero;
    if (node->op == OP_MUL)
        return scale * (double)tensor_scale(node->inputs[1 - variable]) * (constant - zero);
    if (node->op != OP_ADD && node->op != OP_SUB)
        return 0;
    return node->op == OP_SUB && variable == 1 ? -scale : scale;
}

/* With a constant, the operator is a function of 256 values. */
static void one_variable_facts(const QuantisedBinary *q, int variable, Facts *facts)
{
    const DType dtype = q->node->outputs[0]->dtype;
    const int32_t constant = (int32_t)element_int(dtype, q->node->inputs[1 - variable]->data, 0);
    int32_t value[256];
    for (int i = 0; i < 256; ++i) {
        const int32_t x = (int32_t)dtype_min(dtype) + i;
        value[i] = variable == 0 ? quantised_result(q, x, constant) : quantised_result(q, constant, x);
    }
    fact_hide(facts, 1 - variable);
    fact_string(facts, "form", find_8_bit_form(facts, dtype, dtype, value, slope_of(q, variable, constant)));
}

static void quantised_facts(const Node *node, Facts *facts)
{
    const QuantisedBinary q = prepare(node);
    if (is_8_bit(node->outputs[0]->dtype) && only_variable(node) >= 0) {
        one_variable_facts(&q, only_variable(node), facts);
        return;
    }
    fact_int(facts, "a_zero", q.a_zero);
    fact_int(facts, "b_zero", q.b_zero);
    fact_int(facts, "output_zero", q.output_zero);
    fact_int(facts, "left_shift", q.left_shift);
    fact_int(facts, "low", q.low);
    fact_int(facts, "high", q.high);
    fact_rescale(facts, "a", q.a);
    fact_rescale(facts, "b", q.b);
    fact_rescale(facts, "output", q.output);
    fact_string(facts, "form", find_form(&q, facts));
}

static void plain_facts(const Node *node, Facts *facts)
{
    int64_t low, high;
    float real_low, real_high;
    integer_range(node, &low, &high);
    activation_range_float(node, &real_low, &real_high);
    fact_string(facts, "form", node->outputs[0]->dtype == DTYPE_F32 ? "float" : "integer");
    fact_int(facts, "activated", has_activation(node) && node->outputs[0]->dtype != DTYPE_U64);
    fact_int(facts, "low", low);
    fact_int(facts, "high", high);
    fact_float(facts, "real_low", (double)real_low);
    fact_float(facts, "real_high", (double)real_high);
}

bool binary_facts(const Node *node, Facts *facts)
{
    static const char *const names[] = {"a_index", "b_index"};
    const BroadcastWalk walk = walk_of(node);
    broadcast_facts(&walk, facts, names);
    if (is_quantised(node) && !moves_values(node))
        quantised_facts(node, facts);
    else
        plain_facts(node, facts);
    fact_int(facts, "single_rounding", node->model->single_rounding);
    return true;
}
