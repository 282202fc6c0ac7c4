/* SPDX-License-Identifier: MIT
 *
 * UnidirectionalSequenceLSTM. Per unit, with x the step's input and h the previous output:
 *
 *     input, forget, output gate = logistic(W x + R h + b)        cell gate = tanh(W x + R h + b)
 *     cell = clip(forget gate * cell + input gate * cell gate)    h = output gate * tanh(cell)
 *
 * Forms: float32; float32 with int8 weights (hybrid: exact products with the dequantised weights); int8 or int16 activations
 * with int8 weights, 16-bit gates in steps of 2^-15 and a 16-bit cell whose scale is a power of two.
 * Integer meaning: TensorFlow Lite for Microcontrollers, tensorflow/lite/micro/kernels/lstm_eval.h, lstm_eval.cc (a step) and
 * lstm_eval_common.cc (scales).
 */
#include "compiler.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WEIGHTS = 1 << 28 };

/* Operands; gates stand in the order input, forget, cell, output everywhere. */
enum {
    INPUT = 0,
    INPUT_WEIGHTS = 1,
    RECURRENT_WEIGHTS = 5,
    PEEPHOLE_WEIGHTS = 9,
    BIASES = 12,
    PROJECTION = 16,
    OUTPUT_STATE = 18,
    CELL_STATE = 19,
    NORM_WEIGHTS = 20,
    OPERANDS = 24,
};

enum { GATES = 4,
    INPUT_GATE = 0,
    FORGET_GATE = 1,
    CELL_GATE = 2,
    OUTPUT_GATE = 3 };

typedef struct Sizes {
    int32_t batch, steps, inputs, units;
    bool time_major;
} Sizes;

static Sizes sizes_of(const Node *node)
{
    const Shape *input = &node->inputs[INPUT]->shape;
    const bool time_major = node_int(node, "time_major", 0) != 0;
    return (Sizes){
        .batch = input->dim[time_major ? 1 : 0],
        .steps = input->dim[time_major ? 0 : 1],
        .inputs = input->dim[2],
        .units = node->inputs[RECURRENT_WEIGHTS + FORGET_GATE]->shape.dim[0],
        .time_major = time_major,
    };
}

/* Element offset of the first value of a step, in rows of `width` */
static int64_t row(const Sizes *sizes, int32_t batch, int32_t step, int32_t width)
{
    const int64_t index = sizes->time_major ? (int64_t)step * sizes->batch + batch : (int64_t)batch * sizes->steps + step;
    return index * width;
}

static bool is_float_form(const Node *node)
{
    return node->inputs[INPUT]->dtype == DTYPE_F32;
}

/* ---------------------------------------------------------------- shape */

static bool check_variant(const Node *node)
{
    for (int i = 0; i < 3; ++i)
        if (node_input(node, PEEPHOLE_WEIGHTS + i) != NULL)
            return node_error(node, "peephole connections are not supported; train the layer without them");
    if (node_input(node, PROJECTION) != NULL || node_input(node, PROJECTION + 1) != NULL)
        return node_error(node, "a projection is not supported; train the layer without it, or with a dense layer behind it");
    for (int i = NORM_WEIGHTS; i < OPERANDS; ++i)
        if (node_input(node, i) != NULL)
            return node_error(node, "layer normalisation is not supported; train the layer without it");
    if (node_input(node, INPUT_WEIGHTS) == NULL || node_input(node, RECURRENT_WEIGHTS) == NULL || node_input(node, BIASES) == NULL)
        return node_error(node, "input and forget gate are coupled, which is not supported; give the input gate its own weights");
    if (strcmp(node_string(node, "activation", "tanh"), "tanh") != 0)
        return node_error(node, "activation \"%s\" is not supported; only tanh is", node_string(node, "activation", ""));
    return true;
}

static bool check_constant(const Node *node, int operand, int rank, int32_t rows, int32_t columns)
{
    const Tensor *tensor = node->inputs[operand];
    const char *role = op_input_role(node->model->arena, node->op, operand);
    char text[112];
    if (!tensor_is_constant(tensor))
        return node_error(node, "operand %s must be constant", role);
    if (tensor->shape.rank != rank || tensor->shape.dim[0] != rows || (rank == 2 && tensor->shape.dim[1] != columns))
        return node_error(node, "operand %s has shape %s; expected %d rows of %d", role, shape_text(&tensor->shape, text), rows,
            rank == 2 ? columns : 1);
    return true;
}

static bool check_state(const Node *node, int operand, const Sizes *sizes, DType dtype)
{
    const Tensor *state = node->inputs[operand];
    const char *role = op_input_role(node->model->arena, node->op, operand);
    if (state->kind != TENSOR_STATE)
        return node_error(node, "operand %s must be a state", role);
    if (state->dtype != dtype || tensor_elements(state) != (int64_t)sizes->batch * sizes->units)
        return node_error(node, "operand %s must be %s with %d values per sequence", role, dtype_name(dtype), sizes->units);
    return true;
}

static bool check_types(const Node *node, DType bias, DType cell, const Sizes *sizes)
{
    const DType activation = node->inputs[INPUT]->dtype;
    for (int gate = 0; gate < GATES; ++gate) {
        const DType a = node->inputs[INPUT_WEIGHTS + gate]->dtype, b = node->inputs[RECURRENT_WEIGHTS + gate]->dtype;
        if (a != node->inputs[INPUT_WEIGHTS]->dtype)
            return node_error(node, "the weights of its gates differ in type; give all of them one type");
        if ((a != DTYPE_I8 || b != DTYPE_I8) && !(activation == DTYPE_F32 && a == DTYPE_F32 && b == DTYPE_F32))
            return node_error(node, "weights are %s and %s; with %s activations they must be int8%s", dtype_name(a), dtype_name(b),
                dtype_name(activation), activation == DTYPE_F32 ? " or float32" : "");
        if (node->inputs[BIASES + gate]->dtype != bias)
            return node_error(node, "biases are %s, expected %s", dtype_name(node->inputs[BIASES + gate]->dtype), dtype_name(bias));
    }
    return check_state(node, OUTPUT_STATE, sizes, activation) && check_state(node, CELL_STATE, sizes, cell);
}

static bool check_operands(const Node *node, const Sizes *sizes)
{
    for (int gate = 0; gate < GATES; ++gate)
        if (!check_constant(node, INPUT_WEIGHTS + gate, 2, sizes->units, sizes->inputs) ||
            !check_constant(node, RECURRENT_WEIGHTS + gate, 2, sizes->units, sizes->units) ||
            !check_constant(node, BIASES + gate, 1, sizes->units, 0))
            return false;
    switch (node->inputs[INPUT]->dtype) {
    case DTYPE_F32:
        return check_types(node, DTYPE_F32, DTYPE_F32, sizes);
    case DTYPE_I8:
        return check_types(node, DTYPE_I32, DTYPE_I16, sizes);
    case DTYPE_I16:
        return check_types(node, DTYPE_I64, DTYPE_I16, sizes);
    default:
        return node_error(node, "the input is %s; float32, int8 and int16 are supported", dtype_name(node->inputs[INPUT]->dtype));
    }
}

static bool is_symmetric(const Tensor *tensor)
{
    return is_per_tensor(tensor) && tensor_zero_point(tensor) == 0 && tensor_scale(tensor) > 0;
}

/* log2 of the cell's scale, rounded as CheckedLog2 does */
static int cell_exponent(const Node *node)
{
    return (int)roundf(logf(tensor_scale(node->inputs[CELL_STATE])) * (1.0f / logf(2.0f)));
}

static bool check_weight_scales(const Node *node)
{
    for (int gate = 0; gate < GATES; ++gate)
        for (int k = 0; k < 2; ++k) {
            const Tensor *weights = node->inputs[(k == 0 ? INPUT_WEIGHTS : RECURRENT_WEIGHTS) + gate];
            if (weights->dtype == DTYPE_I8 && !is_symmetric(weights))
                return node_error(node, "weights \"%s\" must have one scale and zero point 0", weights->name);
        }
    return true;
}

static bool check_quantisation(const Node *node)
{
    const Tensor *input = node->inputs[INPUT], *hidden = node->inputs[OUTPUT_STATE], *cell = node->inputs[CELL_STATE];
    if (!is_per_tensor(input) || !is_per_tensor(hidden) || !(tensor_scale(input) > 0) || !(tensor_scale(hidden) > 0))
        return node_error(node, "input and output_state must have one scale each");
    const int32_t input_zero = tensor_zero_point(input), hidden_zero = tensor_zero_point(hidden);
    if (input_zero != (int8_t)input_zero || hidden_zero != (int8_t)hidden_zero)
        return node_error(node, "zero points must have 8 bits");
    if (input->dtype == DTYPE_I16 && (input_zero != 0 || hidden_zero != 0))
        return node_error(node, "int16 activations must have zero point 0");
    if (!is_symmetric(cell) || cell_exponent(node) < -24 || cell_exponent(node) > 0)
        return node_error(node, "the cell state's scale must be a power of two from 2^-24 to 1, its zero point 0");
    return true;
}

/* The largest magnitude of W (x - zero point) + bias must fit 32 bits, and 47 with 16-bit activations. */
static bool check_accumulator(const Node *node, const Tensor *weights, const Tensor *activation, const Tensor *bias)
{
    const int64_t least = dtype_min(activation->dtype) - tensor_zero_point(activation);
    const int64_t most = dtype_max(activation->dtype) - tensor_zero_point(activation);
    const int64_t reach = -least > most ? -least : most;
    const int64_t limit = activation->dtype == DTYPE_I8 ? INT32_MAX : (INT64_C(1) << 47) - 1;
    const int8_t *data = (const int8_t *)weights->data;
    const int32_t units = weights->shape.dim[0], width = weights->shape.dim[1];
    for (int32_t unit = 0; unit < units; ++unit) {
        const int64_t start = bias != NULL ? element_int(bias->dtype, bias->data, unit) : 0;
        int64_t sum = 0;
        for (int32_t k = 0; k < width; ++k)
            sum += abs(data[(int64_t)unit * width + k]) * reach;
        if (start > limit - sum || start < sum - limit)
            return node_error(node, "the sums of weights \"%s\" can leave %d bits; quantise them again", weights->name,
                activation->dtype == DTYPE_I8 ? 32 : 48);
    }
    return true;
}

static bool check_accumulators(const Node *node)
{
    for (int gate = 0; gate < GATES; ++gate)
        if (!check_accumulator(node, node->inputs[INPUT_WEIGHTS + gate], node->inputs[INPUT], node->inputs[BIASES + gate]) ||
            !check_accumulator(node, node->inputs[RECURRENT_WEIGHTS + gate], node->inputs[OUTPUT_STATE], NULL))
            return false;
    return true;
}

bool lstm_shape(Node *node)
{
    const Tensor *input = node->inputs[INPUT];
    if (!check_variant(node))
        return false;
    if (input->shape.rank != 3 || node->inputs[RECURRENT_WEIGHTS + FORGET_GATE]->shape.rank != 2)
        return node_error(node, "input must have three axes (sequences, steps, values), weights two");
    const Sizes sizes = sizes_of(node);
    const int64_t widest = sizes.units > sizes.inputs ? sizes.units : sizes.inputs;
    if (sizes.units < 1 || sizes.inputs < 1 || sizes.units * widest > MAX_WEIGHTS)
        return node_error(node, "%d units for %d values are not supported; at most %d weights per gate are", sizes.units,
            sizes.inputs, (int)MAX_WEIGHTS);
    if (!check_operands(node, &sizes) || !check_weight_scales(node))
        return false;
    if (!is_float_form(node) && !(check_quantisation(node) && check_accumulators(node)))
        return false;
    if (!(node_float(node, "cell_clip", 0) >= 0))
        return node_error(node, "cell_clip is negative or not a number");
    Shape shape = input->shape;
    shape.dim[2] = sizes.units;
    return set_output(node, 0, input->dtype, shape);
}

/* ---------------------------------------------------------------- scales of the integer forms */

typedef struct IntegerParameters {
    Rescale input[GATES], recurrent[GATES]; /* sums to steps of 2^-12 */
    Rescale forget, update, hidden; /* products to the cell's steps, to the output's */
    int exponent; /* the cell's steps are 2^exponent */
    int32_t cell_clip; /* 0: none */
} IntegerParameters;

/* GetQuantizedConvolutionMultipler: the product of scales is taken in float */
static Rescale gate_rescale(const Tensor *activation, const Tensor *weights)
{
    const float product = tensor_scale(activation) * tensor_scale(weights);
    return rescale_by((double)product / ldexp(1, -12));
}

static IntegerParameters integer_parameters(const Node *node)
{
    IntegerParameters result = {.exponent = cell_exponent(node)};
    for (int gate = 0; gate < GATES; ++gate) {
        result.input[gate] = gate_rescale(node->inputs[INPUT], node->inputs[INPUT_WEIGHTS + gate]);
        result.recurrent[gate] = gate_rescale(node->inputs[OUTPUT_STATE], node->inputs[RECURRENT_WEIGHTS + gate]);
    }
    const double cell_scale = tensor_scale(node->inputs[CELL_STATE]), clip = (float)node_float(node, "cell_clip", 0);
    result.forget = rescale_by(ldexp(1, -15) * cell_scale / cell_scale);
    result.update = rescale_by(ldexp(1, -30) / cell_scale);
    result.hidden = rescale_by(ldexp(1, -30) / (double)tensor_scale(node->inputs[OUTPUT_STATE]));
    if (clip > 0) {
        const double scaled = clip / cell_scale;
        result.cell_clip = scaled > INT16_MAX ? INT16_MAX : (int16_t)scaled;
    }
    return result;
}

/* ---------------------------------------------------------------- meaning, integer forms */

static int32_t saturate16(int64_t value)
{
    return clamp32(value, INT16_MIN, INT16_MAX);
}

/* One of the two fully connected layers of a gate, for one unit */
static int32_t weighted_sum(
    const Node *node, const Tensor *weights, int32_t unit, const Tensor *activation, const void *values, int64_t start, Rescale scale)
{
    const int32_t width = weights->shape.dim[1];
    const int8_t *row = (const int8_t *)weights->data + (int64_t)unit * width;
    int64_t sum = start;
    for (int32_t k = 0; k < width; ++k)
        sum += row[k] * (element_int(activation->dtype, values, k) - tensor_zero_point(activation));
    if (activation->dtype == DTYPE_I16)
        return saturate16(requantise64(sum, scale.multiplier, scale.shift));
    return saturate16(requantise((int32_t)sum, scale.multiplier, scale.shift, node->model->single_rounding));
}

static int32_t gate_value(
    const Node *node, const IntegerParameters *parameters, int gate, int32_t unit, const void *x, const void *h)
{
    const Tensor *bias = node->inputs[BIASES + gate];
    const int32_t from_input = weighted_sum(node, node->inputs[INPUT_WEIGHTS + gate], unit, node->inputs[INPUT], x,
        element_int(bias->dtype, bias->data, unit), parameters->input[gate]);
    const int32_t from_output = weighted_sum(
        node, node->inputs[RECURRENT_WEIGHTS + gate], unit, node->inputs[OUTPUT_STATE], h, 0, parameters->recurrent[gate]);
    const int32_t sum = saturate16(from_input + from_output);
    return gate == CELL_GATE ? tanh_int16(3 * sum) : logistic_int16(3 * sum);
}

/* Tanh with its input in steps of 2^exponent: scaled to steps of 2^-12 / 3, rounding half up */
static int32_t cell_tanh(int32_t cell, int exponent)
{
    const int shift = -12 - exponent;
    if (shift <= 0)
        return tanh_int16(cell * 3 * (1 << -shift));
    const int64_t sum = (int64_t)cell * 3 + (INT64_C(1) << (shift - 1)), divisor = INT64_C(1) << shift;
    return tanh_int16((int32_t)(sum / divisor - (sum % divisor < 0)));
}

static int32_t scaled_product(const Node *node, int32_t a, int32_t b, Rescale scale)
{
    return requantise(a * b, scale.multiplier, scale.shift, node->model->single_rounding);
}

static void integer_unit(
    const Node *node, const IntegerParameters *parameters, int32_t unit, const void *x, const void *h, int16_t *cell, void *output)
{
    int32_t gates[GATES];
    for (int gate = 0; gate < GATES; ++gate)
        gates[gate] = gate_value(node, parameters, gate, unit, x, h);
    const int32_t kept = saturate16(scaled_product(node, gates[FORGET_GATE], cell[unit], parameters->forget));
    const int32_t added = saturate16(scaled_product(node, gates[INPUT_GATE], gates[CELL_GATE], parameters->update));
    int32_t value = saturate16(kept + added);
    if (parameters->cell_clip > 0)
        value = clamp32(value, -parameters->cell_clip, parameters->cell_clip);
    cell[unit] = (int16_t)value;
    const Tensor *hidden = node->inputs[OUTPUT_STATE];
    const int32_t low = (int32_t)dtype_min(hidden->dtype), high = (int32_t)dtype_max(hidden->dtype);
    const int64_t result = scaled_product(node, cell_tanh(value, parameters->exponent), gates[OUTPUT_GATE], parameters->hidden);
    element_set_int(hidden->dtype, output, unit, clamp32(result + tensor_zero_point(hidden), low, high));
}

/* ---------------------------------------------------------------- meaning, float forms */

static double weight(const Tensor *weights, int64_t index)
{
    const double scale = weights->dtype == DTYPE_I8 ? (double)tensor_scale(weights) : 1.0;
    return element_float(weights->dtype, weights->data, index) * scale;
}

static double float_gate(const Node *node, int gate, int32_t unit, const float *x, const float *h)
{
    const Tensor *input_weights = node->inputs[INPUT_WEIGHTS + gate], *recurrent_weights = node->inputs[RECURRENT_WEIGHTS + gate];
    const int32_t inputs = input_weights->shape.dim[1], units = recurrent_weights->shape.dim[1];
    double sum = element_float(DTYPE_F32, node->inputs[BIASES + gate]->data, unit);
    for (int32_t k = 0; k < inputs; ++k)
        sum += weight(input_weights, (int64_t)unit * inputs + k) * (double)x[k];
    for (int32_t k = 0; k < units; ++k)
        sum += weight(recurrent_weights, (int64_t)unit * units + k) * (double)h[k];
    return gate == CELL_GATE ? tanh(sum) : 1.0 / (1.0 + exp(-sum));
}

static void float_unit(const Node *node, int32_t unit, const float *x, const float *h, float *cell, float *output)
{
    double gates[GATES];
    for (int gate = 0; gate < GATES; ++gate)
        gates[gate] = float_gate(node, gate, unit, x, h);
    const double clip = node_float(node, "cell_clip", 0);
    double value = gates[FORGET_GATE] * (double)cell[unit] + gates[INPUT_GATE] * gates[CELL_GATE];
    if (clip > 0)
        value = value < -clip ? -clip : value > clip ? clip
                                                     : value;
    cell[unit] = (float)value;
    output[unit] = (float)(gates[OUTPUT_GATE] * tanh(value));
}

/* A step's output is the next step's h: it is computed in place and copied to the state at the end. */
static void run_sequence(const Evaluation *evaluation, const Sizes *sizes, int32_t batch)
{
    const Node *node = evaluation->node;
    const size_t width = dtype_bits(node->inputs[INPUT]->dtype) / 8, cell_width = dtype_bits(node->inputs[CELL_STATE]->dtype) / 8;
    char *state = (char *)evaluation->in[OUTPUT_STATE] + (size_t)batch * (size_t)sizes->units * width;
    char *cell = (char *)evaluation->in[CELL_STATE] + (size_t)batch * (size_t)sizes->units * cell_width;
    const bool is_float = is_float_form(node);
    IntegerParameters parameters = {0};
    if (!is_float)
        parameters = integer_parameters(node);
    const char *h = state;
    for (int32_t step = 0; step < sizes->steps; ++step) {
        const char *x = (const char *)evaluation->in[INPUT] + (size_t)row(sizes, batch, step, sizes->inputs) * width;
        char *output = (char *)evaluation->out[0] + (size_t)row(sizes, batch, step, sizes->units) * width;
        for (int32_t unit = 0; unit < sizes->units; ++unit) {
            if (is_float)
                float_unit(node, unit, (const void *)x, (const void *)h, (void *)cell, (void *)output);
            else
                integer_unit(node, &parameters, unit, x, h, (void *)cell, output);
        }
        h = output;
    }
    if (h != state)
        memcpy(state, h, (size_t)sizes->units * width);
}

bool lstm_evaluate(const Evaluation *evaluation)
{
    const Sizes sizes = sizes_of(evaluation->node);
    for (int32_t batch = 0; batch < sizes.batch; ++batch)
        run_sequence(evaluation, &sizes, batch);
    return true;
}

/* ---------------------------------------------------------------- facts */

/* Table `name`: for each unit the rows of the four gates one after the other, so that a kernel reads a value once for all four
 * and the weights in order. The operands themselves are not needed any more. */
static void gather_rows(const Node *node, Facts *facts, const char *name, int first)
{
    const Tensor *weights = node->inputs[first];
    const int32_t units = weights->shape.dim[0];
    const size_t row = (size_t)weights->shape.dim[1] * dtype_bits(weights->dtype) / 8;
    uint8_t *table = arena_array(facts->arena, (size_t)units * GATES, row);
    for (int gate = 0; gate < GATES; ++gate) {
        for (int32_t unit = 0; unit < units; ++unit)
            memcpy(table + (size_t)(GATES * unit + gate) * row, node->inputs[first + gate]->data + (size_t)unit * row, row);
        fact_hide(facts, first + gate);
    }
    fact_table(facts, name, weights->dtype, (int)(GATES * tensor_elements(weights)), table, true);
}

static int64_t row_sum(const Tensor *weights, int32_t unit)
{
    const int32_t width = weights->shape.dim[1];
    int64_t sum = 0;
    for (int32_t k = 0; k < width; ++k)
        sum += element_int(weights->dtype, weights->data, (int64_t)unit * width + k);
    return sum;
}

/* Table "offsets": per unit the four biases and, with 8-bit activations, what the zero points amount to: bias - zero point *
 * sum of weights for x, then - zero point * sum of weights for h. */
static void offset_table(const Node *node, Facts *facts, const Sizes *sizes)
{
    const Tensor *input = node->inputs[INPUT], *hidden = node->inputs[OUTPUT_STATE];
    const bool has_recurrent = input->dtype == DTYPE_I8;
    const DType dtype = node->inputs[BIASES]->dtype;
    const int columns = has_recurrent ? 2 * GATES : GATES, count = columns * sizes->units;
    uint8_t *table = arena_array(facts->arena, (size_t)count, dtype_bits(dtype) / 8);
    for (int32_t unit = 0; unit < sizes->units; ++unit)
        for (int gate = 0; gate < GATES; ++gate) {
            const Tensor *bias = node->inputs[BIASES + gate];
            const int64_t index = (int64_t)unit * columns + gate;
            if (dtype == DTYPE_F32) {
                element_set_float(dtype, table, index, element_float(dtype, bias->data, unit));
                continue;
            }
            const int64_t from_input = tensor_zero_point(input) * row_sum(node->inputs[INPUT_WEIGHTS + gate], unit);
            const int64_t from_output = tensor_zero_point(hidden) * row_sum(node->inputs[RECURRENT_WEIGHTS + gate], unit);
            element_set_int(dtype, table, index, element_int(dtype, bias->data, unit) - from_input);
            if (has_recurrent)
                element_set_int(dtype, table, index + GATES, -from_output);
        }
    for (int gate = 0; gate < GATES; ++gate)
        fact_hide(facts, BIASES + gate);
    fact_table(facts, "offsets", dtype, count, table, true);
}

static void rescale_lists(Facts *facts, const char *multipliers, const char *shifts, const Rescale *scales, int count)
{
    int64_t values[GATES], exponents[GATES];
    for (int i = 0; i < count; ++i) {
        values[i] = scales[i].multiplier;
        exponents[i] = scales[i].shift;
    }
    fact_ints(facts, multipliers, count, values);
    fact_ints(facts, shifts, count, exponents);
}

static void integer_facts(const Node *node, Facts *facts)
{
    const IntegerParameters parameters = integer_parameters(node);
    const Rescale products[3] = {parameters.forget, parameters.update, parameters.hidden};
    rescale_lists(facts, "input_multipliers", "input_shifts", parameters.input, GATES);
    rescale_lists(facts, "recurrent_multipliers", "recurrent_shifts", parameters.recurrent, GATES);
    rescale_lists(facts, "product_multipliers", "product_shifts", products, 3);
    fact_int(facts, "cell_shift", -12 - parameters.exponent); /* to steps of 2^-12: right, or left when negative */
    fact_int(facts, "cell_clip", parameters.cell_clip);
    fact_int(facts, "hidden_zero_point", tensor_zero_point(node->inputs[OUTPUT_STATE]));
}

static void float_facts(const Node *node, Facts *facts)
{
    static const char *const input_names[GATES] = {"input_scale_0", "input_scale_1", "input_scale_2", "input_scale_3"};
    static const char *const recurrent_names[GATES] = {
        "recurrent_scale_0", "recurrent_scale_1", "recurrent_scale_2", "recurrent_scale_3"};
    const bool is_hybrid = node->inputs[INPUT_WEIGHTS]->dtype == DTYPE_I8;
    fact_int(facts, "hybrid", is_hybrid);
    for (int gate = 0; gate < GATES; ++gate) {
        const float input_scale = tensor_scale(node->inputs[INPUT_WEIGHTS + gate]);
        const float recurrent_scale = tensor_scale(node->inputs[RECURRENT_WEIGHTS + gate]);
        fact_float(facts, input_names[gate], is_hybrid ? (double)input_scale : 1.0);
        fact_float(facts, recurrent_names[gate], is_hybrid ? (double)recurrent_scale : 1.0);
    }
    fact_float(facts, "cell_clip", (double)(float)node_float(node, "cell_clip", 0));
}

bool lstm_facts(const Node *node, Facts *facts)
{
    const Sizes sizes = sizes_of(node);
    const int32_t stride = sizes.time_major ? sizes.batch : 1; /* rows from one step to the next */
    fact_int(facts, "single_rounding", node->model->single_rounding);
    fact_int(facts, "batch", sizes.batch);
    fact_int(facts, "steps", sizes.steps);
    fact_int(facts, "inputs", sizes.inputs);
    fact_int(facts, "units", sizes.units);
    fact_int(facts, "step_stride", stride);
    fact_int(facts, "sequence_stride", sizes.time_major ? 1 : sizes.steps);
    gather_rows(node, facts, "input_weights", INPUT_WEIGHTS);
    gather_rows(node, facts, "recurrent_weights", RECURRENT_WEIGHTS);
    offset_table(node, facts, &sizes);
    if (is_float_form(node))
        float_facts(node, facts);
    else
        integer_facts(node, facts);
    return true;
}
