/* SPDX-License-Identifier: MIT
 *
 * SVDF, a rank-decomposed filter over time: a step's features W x enter a queue per filter, the state; a unit's output is the
 * sum of its `rank` filters' queues, weighted by the time weights, plus bias.
 *
 * Forms: float32, float32 with int8 weights (hybrid: exact products with the dequantised weights), int8 with an int16 or int8
 * queue. Meaning: TensorFlow Lite for Microcontrollers, tensorflow/lite/micro/kernels/svdf_common.cc; its integer forms
 * ignore the activation (a clamp of the quantised output is expected to stand for it).
 */
#include "compiler.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT = 0,
    FEATURE_WEIGHTS = 1,
    TIME_WEIGHTS = 2,
    BIAS = 3,
    STATE = 4 };

typedef struct Sizes {
    int32_t batch, inputs, filters, memory, rank, units;
} Sizes;

static Sizes sizes_of(const Node *node)
{
    const int32_t filters = node->inputs[FEATURE_WEIGHTS]->shape.dim[0], rank = (int32_t)node_int(node, "rank", 1);
    return (Sizes){
        .batch = node->inputs[INPUT]->shape.dim[0],
        .inputs = node->inputs[INPUT]->shape.dim[1],
        .filters = filters,
        .memory = node->inputs[TIME_WEIGHTS]->shape.dim[1],
        .rank = rank,
        .units = filters / rank,
    };
}

static bool is_float_form(const Node *node)
{
    return node->inputs[INPUT]->dtype == DTYPE_F32;
}

/* ---------------------------------------------------------------- shape */

static bool check_shapes(const Node *node)
{
    static const int matrices[] = {INPUT, FEATURE_WEIGHTS, TIME_WEIGHTS};
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; ++i)
        if (node->inputs[matrices[i]]->shape.rank != 2)
            return node_error(node, "operand %s must have two axes", op_input_role(node->model->arena, node->op, matrices[i]));
    const int64_t rank = node_int(node, "rank", 1);
    const int32_t filters = node->inputs[FEATURE_WEIGHTS]->shape.dim[0];
    if (rank < 1 || filters < 1 || filters % rank != 0)
        return node_error(node, "%d filters cannot be of rank %" PRId64, filters, rank);
    const Sizes sizes = sizes_of(node);
    if (sizes.inputs < 1 || sizes.memory < 1 || node->inputs[FEATURE_WEIGHTS]->shape.dim[1] != sizes.inputs ||
        node->inputs[TIME_WEIGHTS]->shape.dim[0] != filters)
        return node_error(node, "feature weights must be [filters, %d], time weights [%d, memory]", sizes.inputs, filters);
    const Tensor *state = node->inputs[STATE], *bias = node_input(node, BIAS);
    if (state->kind != TENSOR_STATE || tensor_elements(state) != (int64_t)sizes.batch * filters * sizes.memory)
        return node_error(node, "operand state must be a state of %d values for each of %d filters", sizes.memory, filters);
    if (bias != NULL && tensor_elements(bias) != sizes.units)
        return node_error(node, "bias has %" PRId64 " values, expected %d (one per unit)", tensor_elements(bias), sizes.units);
    return true;
}

static bool is_symmetric(const Tensor *tensor)
{
    return is_per_tensor(tensor) && tensor_zero_point(tensor) == 0 && tensor_scale(tensor) > 0;
}

static bool check_weights(const Node *node)
{
    for (int i = FEATURE_WEIGHTS; i <= BIAS; ++i)
        if (node_input(node, i) != NULL && !tensor_is_constant(node->inputs[i]))
            return node_error(node, "operand %s must be constant", op_input_role(node->model->arena, node->op, i));
    for (int i = FEATURE_WEIGHTS; i <= TIME_WEIGHTS; ++i)
        if (dtype_is_integer(node->inputs[i]->dtype) && !is_symmetric(node->inputs[i]))
            return node_error(node, "weights \"%s\" must have one scale and zero point 0", node->inputs[i]->name);
    return true;
}

static bool check_float_types(const Node *node)
{
    const Tensor *bias = node_input(node, BIAS);
    for (int i = FEATURE_WEIGHTS; i <= TIME_WEIGHTS; ++i)
        if (node->inputs[i]->dtype != DTYPE_F32 && node->inputs[i]->dtype != DTYPE_I8)
            return node_error(node, "weights are %s; with float32 activations they must be float32 or int8",
                dtype_name(node->inputs[i]->dtype));
    if (node->inputs[STATE]->dtype != DTYPE_F32 || (bias != NULL && bias->dtype != DTYPE_F32))
        return node_error(node, "state and bias must be float32 like the input");
    return check_activation(node);
}

static bool has_usable_scale(const Tensor *tensor)
{
    const int32_t zero_point = tensor_zero_point(tensor);
    return is_per_tensor(tensor) && tensor_scale(tensor) > 0 && zero_point == (int8_t)zero_point;
}

static bool check_integer_types(const Node *node)
{
    const Tensor *time = node->inputs[TIME_WEIGHTS], *state = node->inputs[STATE], *bias = node_input(node, BIAS);
    if (node->inputs[INPUT]->dtype != DTYPE_I8 || node->inputs[FEATURE_WEIGHTS]->dtype != DTYPE_I8)
        return node_error(node, "input and feature weights are %s and %s; float32 and int8 are supported",
            dtype_name(node->inputs[INPUT]->dtype), dtype_name(node->inputs[FEATURE_WEIGHTS]->dtype));
    if ((time->dtype != DTYPE_I16 && time->dtype != DTYPE_I8) || state->dtype != time->dtype)
        return node_error(node, "time weights and state are %s and %s; both must be int16 or both int8", dtype_name(time->dtype),
            dtype_name(state->dtype));
    if (bias != NULL && bias->dtype != DTYPE_I32)
        return node_error(node, "bias is %s, expected int32", dtype_name(bias->dtype));
    const Tensor *quantised[] = {node->inputs[INPUT], state, node->outputs[0]};
    for (size_t i = 0; i < sizeof quantised / sizeof *quantised; ++i)
        if (!has_usable_scale(quantised[i]))
            return node_error(node, "\"%s\" must have one scale, and a zero point of 8 bits", quantised[i]->name);
    return true;
}

/* Largest magnitude of value - zero point */
static int64_t reach_of(const Tensor *tensor)
{
    const int64_t low = dtype_min(tensor->dtype) - tensor_zero_point(tensor);
    const int64_t high = dtype_max(tensor->dtype) - tensor_zero_point(tensor);
    return -low > high ? -low : high;
}

/* The sums of the features must fit 32 bits, whatever the values. */
static bool check_accumulators(const Node *node)
{
    const Sizes sizes = sizes_of(node);
    const Tensor *features = node->inputs[FEATURE_WEIGHTS];
    const int64_t input_reach = reach_of(node->inputs[INPUT]);
    for (int32_t filter = 0; filter < sizes.filters; ++filter) {
        int64_t sum = 0;
        for (int32_t k = 0; k < sizes.inputs; ++k)
            sum += llabs(element_int(features->dtype, features->data, (int64_t)filter * sizes.inputs + k)) * input_reach;
        if (sum > INT32_MAX)
            return node_error(node, "the sums of filter %d can leave 32 bits; quantise the weights again", filter);
    }
    return true;
}

/* Whether a sum over time may leave 32 bits: 16-bit weights that fill their range allow it. It wraps, as the reference's. */
static bool may_wrap(const Node *node, const Sizes *sizes)
{
    const Tensor *time = node->inputs[TIME_WEIGHTS], *bias = node_input(node, BIAS);
    const int64_t state_reach = reach_of(node->inputs[STATE]), per_unit = (int64_t)sizes->rank * sizes->memory;
    for (int32_t unit = 0; unit < sizes->units; ++unit) {
        int64_t total = bias != NULL ? llabs(element_int(DTYPE_I32, bias->data, unit)) : 0;
        for (int64_t k = 0; k < per_unit; ++k)
            total += llabs(element_int(time->dtype, time->data, unit * per_unit + k)) * state_reach;
        if (total > INT32_MAX)
            return true;
    }
    return false;
}

bool svdf_shape(Node *node)
{
    if (!check_shapes(node) || !check_weights(node))
        return false;
    const Sizes sizes = sizes_of(node);
    if (is_float_form(node) ? !check_float_types(node) : !check_integer_types(node) || !check_accumulators(node))
        return false;
    return set_output(node, 0, node->inputs[INPUT]->dtype, shape_of(2, sizes.batch, sizes.units));
}

/* ---------------------------------------------------------------- meaning */

/* Products and quotients of scales are taken in float, as the reference does. */
static Rescale feature_rescale(const Node *node)
{
    const float product = tensor_scale(node->inputs[INPUT]) * tensor_scale(node->inputs[FEATURE_WEIGHTS]);
    const float factor = product / tensor_scale(node->inputs[STATE]);
    return rescale_by((double)factor);
}

static Rescale output_rescale(const Node *node)
{
    const float product = tensor_scale(node->inputs[STATE]) * tensor_scale(node->inputs[TIME_WEIGHTS]);
    const float factor = product / tensor_scale(node->outputs[0]);
    return rescale_by((double)factor);
}

/* The oldest value of every queue leaves, the others move up. */
static void advance(void *state, int64_t queues, int32_t memory, size_t width)
{
    for (int64_t i = 0; i < queues; ++i) {
        char *queue = (char *)state + (size_t)i * (size_t)memory * width;
        memmove(queue, queue + width, (size_t)(memory - 1) * width);
    }
}

/* The feature of one filter, as the state stores it */
static int32_t integer_entry(const Node *node, const int8_t *weights, const int8_t *input, int32_t inputs)
{
    const Tensor *state = node->inputs[STATE];
    int32_t sum = 0;
    for (int32_t k = 0; k < inputs; ++k)
        sum += weights[k] * (input[k] - tensor_zero_point(node->inputs[INPUT]));
    const int64_t entry = (int64_t)rescaled(node, sum, feature_rescale(node)) + tensor_zero_point(state);
    return clamp32(entry, (int32_t)dtype_min(state->dtype), (int32_t)dtype_max(state->dtype));
}

/* The sum over the queue that starts at `start`, weighted */
static int64_t integer_queue(const Evaluation *evaluation, int64_t weights, int64_t start, int32_t memory)
{
    const Tensor *state = evaluation->node->inputs[STATE];
    int64_t sum = 0;
    for (int32_t k = 0; k < memory; ++k) {
        const int64_t value = element_int(state->dtype, evaluation->in[STATE], start + k) - tensor_zero_point(state);
        sum += element_int(state->dtype, evaluation->in[TIME_WEIGHTS], weights + k) * value;
    }
    return sum;
}

static void evaluate_integer(const Evaluation *evaluation, const Sizes *sizes)
{
    const Node *node = evaluation->node;
    const DType type = node->inputs[STATE]->dtype;
    const int8_t *input = evaluation->in[INPUT], *features = evaluation->in[FEATURE_WEIGHTS];
    const int32_t *bias = evaluation->in[BIAS];
    int8_t *output = evaluation->out[0];
    advance(evaluation->in[STATE], (int64_t)sizes->batch * sizes->filters, sizes->memory, dtype_bits(type) / 8);
    for (int64_t i = 0; i < (int64_t)sizes->batch * sizes->units; ++i) {
        const int64_t batch = i / sizes->units, unit = i % sizes->units;
        int64_t sum = bias != NULL ? bias[unit] : 0;
        for (int64_t filter = unit * sizes->rank; filter < (unit + 1) * sizes->rank; ++filter) {
            const int64_t queue = (batch * sizes->filters + filter) * sizes->memory;
            const int8_t *weights = features + filter * sizes->inputs;
            const int32_t entry = integer_entry(node, weights, input + batch * sizes->inputs, sizes->inputs);
            element_set_int(type, evaluation->in[STATE], queue + sizes->memory - 1, entry);
            sum += integer_queue(evaluation, filter * sizes->memory, queue, sizes->memory);
        }
        const int32_t wrapped = (int32_t)(uint32_t)(uint64_t)sum;
        const int64_t result = (int64_t)rescaled(node, wrapped, output_rescale(node)) + tensor_zero_point(node->outputs[0]);
        output[i] = (int8_t)clamp32(result, INT8_MIN, INT8_MAX);
    }
}

static double real_weight(const Node *node, int operand, int64_t index)
{
    const Tensor *weights = node->inputs[operand];
    return element_float(weights->dtype, weights->data, index) * (weights->dtype == DTYPE_I8 ? (double)tensor_scale(weights) : 1.0);
}

static void evaluate_float(const Evaluation *evaluation, const Sizes *sizes)
{
    const Node *node = evaluation->node;
    const float *input = evaluation->in[INPUT], *bias = evaluation->in[BIAS];
    float *state = evaluation->in[STATE], *output = evaluation->out[0];
    float low, high;
    activation_range_float(node, &low, &high);
    advance(state, (int64_t)sizes->batch * sizes->filters, sizes->memory, sizeof *state);
    for (int64_t i = 0; i < (int64_t)sizes->batch * sizes->units; ++i) {
        const int64_t batch = i / sizes->units, unit = i % sizes->units;
        double sum = bias != NULL ? (double)bias[unit] : 0.0;
        for (int64_t filter = unit * sizes->rank; filter < (unit + 1) * sizes->rank; ++filter) {
            float *queue = state + (batch * sizes->filters + filter) * sizes->memory;
            double feature = 0;
            for (int32_t k = 0; k < sizes->inputs; ++k)
                feature += (double)input[batch * sizes->inputs + k] * real_weight(node, FEATURE_WEIGHTS, filter * sizes->inputs + k);
            queue[sizes->memory - 1] = (float)feature;
            for (int32_t k = 0; k < sizes->memory; ++k)
                sum += real_weight(node, TIME_WEIGHTS, filter * sizes->memory + k) * (double)queue[k];
        }
        output[i] = (float)fmin(fmax(sum, (double)low), (double)high);
    }
}

bool svdf_evaluate(const Evaluation *evaluation)
{
    const Sizes sizes = sizes_of(evaluation->node);
    if (is_float_form(evaluation->node))
        evaluate_float(evaluation, &sizes);
    else
        evaluate_integer(evaluation, &sizes);
    return true;
}

/* ---------------------------------------------------------------- facts */

/* Table "feature_offsets": - zero point * sum of weights, where the sum over a filter's features starts */
static void offset_table(const Node *node, Facts *facts, const Sizes *sizes)
{
    const int8_t *weights = (const int8_t *)node->inputs[FEATURE_WEIGHTS]->data;
    const int32_t zero_point = tensor_zero_point(node->inputs[INPUT]);
    int32_t *table = arena_array(facts->arena, (size_t)sizes->filters, sizeof *table);
    for (int32_t filter = 0; filter < sizes->filters; ++filter) {
        int64_t sum = 0;
        for (int32_t k = 0; k < sizes->inputs; ++k)
            sum += weights[(int64_t)filter * sizes->inputs + k];
        table[filter] = (int32_t)(-zero_point * sum);
    }
    fact_table(facts, "feature_offsets", DTYPE_I32, sizes->filters, table, true);
}

/* Table "starts": bias - zero point * sum of time weights, where a unit's sum over its queues starts */
static void start_table(const Node *node, Facts *facts, const Sizes *sizes)
{
    const Tensor *times = node->inputs[TIME_WEIGHTS], *bias = node_input(node, BIAS);
    const int32_t per_unit = sizes->rank * sizes->memory, zero_point = tensor_zero_point(node->inputs[STATE]);
    int32_t *table = arena_array(facts->arena, (size_t)sizes->units, sizeof *table);
    for (int32_t unit = 0; unit < sizes->units; ++unit) {
        int64_t sum = 0;
        for (int32_t k = 0; k < per_unit; ++k)
            sum += element_int(times->dtype, times->data, (int64_t)unit * per_unit + k);
        table[unit] = (int32_t)((bias != NULL ? element_int(DTYPE_I32, bias->data, unit) : 0) - zero_point * sum);
    }
    if (bias != NULL)
        fact_hide(facts, BIAS);
    fact_table(facts, "starts", DTYPE_I32, sizes->units, table, true);
}

static void float_facts(const Node *node, Facts *facts)
{
    static const char *const names[] = {"feature_scale", "time_scale"};
    float low, high;
    activation_range_float(node, &low, &high);
    fact_float(facts, "low", (double)low);
    fact_float(facts, "high", (double)high);
    for (int i = 0; i < 2; ++i) {
        const Tensor *weights = node->inputs[FEATURE_WEIGHTS + i];
        fact_float(facts, names[i], weights->dtype == DTYPE_I8 ? (double)tensor_scale(weights) : 1.0);
    }
}

bool svdf_facts(const Node *node, Facts *facts)
{
    const Sizes sizes = sizes_of(node);
    fact_int(facts, "batch", sizes.batch);
    fact_int(facts, "inputs", sizes.inputs);
    fact_int(facts, "filters", sizes.filters);
    fact_int(facts, "memory", sizes.memory);
    fact_int(facts, "rank", sizes.rank);
    fact_int(facts, "units", sizes.units);
    if (is_float_form(node)) {
        float_facts(node, facts);
        return true;
    }
    fact_int(facts, "single_rounding", node->model->single_rounding);
    fact_rescale(facts, "feature", feature_rescale(node));
    fact_rescale(facts, "output", output_rescale(node));
    fact_int(facts, "has_offsets", tensor_zero_point(node->inputs[INPUT]) != 0);
    if (tensor_zero_point(node->inputs[INPUT]) != 0)
        offset_table(node, facts, &sizes);
    fact_int(facts, "wraps", may_wrap(node, &sizes));
    fact_int(facts, "has_starts", tensor_zero_point(node->inputs[STATE]) != 0);
    if (tensor_zero_point(node->inputs[STATE]) != 0)
        start_table(node, facts, &sizes);
    return true;
}
