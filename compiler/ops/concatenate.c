/* SPDX-License-Identifier: MIT
 *
 * Concatenation along an axis; Pack along a new one. Seen as rows: row r of the output is row r of each input in turn.
 *
 * Operands of other types than uint8 are moved as they are, even where a file gives them different scales (TFLite Micro's
 * reference does the same). uint8 operands of another scale are requantised, as TFLite's reference
 * ConcatenationWithScaling does in float: round(q * s + b) + output zero point, s = input scale / output scale,
 * b = -input zero point * s.
 */
#include "../compiler.h"

#include <math.h>
#include <string.h>

static bool concatenation_axis(const Node *node, int *axis)
{
    const int rank = node->inputs[0]->shape.rank;
    return normalise_axis(node, node_int(node, "axis", 0), node->op == OP_PACK ? rank + 1 : rank, axis);
}

static bool check_inputs(const Node *node, int axis)
{
    const Tensor *first = node->inputs[0];
    for (int i = 0; i < node->input_count; ++i) {
        const Tensor *input = node->inputs[i];
        bool fits = input->shape.rank == first->shape.rank;
        for (int k = 0; fits && k < first->shape.rank; ++k)
            fits = input->shape.dim[k] == first->shape.dim[k] || (node->op == OP_CONCATENATION && k == axis);
        char a[112], b[112];
        if (!fits)
            return node_error(node, "inputs of shapes %s and %s do not fit together along axis %d",
                shape_text(&first->shape, a), shape_text(&input->shape, b), axis);
        if (input->dtype != first->dtype)
            return node_error(
                node, "inputs have different types: %s and %s", dtype_name(first->dtype), dtype_name(input->dtype));
    }
    return true;
}

static bool pack_shape(Node *node, int axis)
{
    const Shape *each = &node->inputs[0]->shape;
    Shape shape = {.rank = each->rank + 1};
    if (shape.rank > MAX_RANK)
        return node_error(node, "the output would have rank %d; at most %d are supported", shape.rank, MAX_RANK);
    for (int i = 0; i < shape.rank; ++i)
        shape.dim[i] = i < axis ? each->dim[i] : i == axis ? (int32_t)node->input_count
                                                           : each->dim[i - 1];
    return set_moved_output(node, 0, shape);
}

bool concatenate_shape(Node *node)
{
    int axis;
    if (!concatenation_axis(node, &axis) || !check_inputs(node, axis))
        return false;
    if (node->op == OP_PACK)
        return pack_shape(node, axis);
    if (strcmp(node_string(node, "activation", "none"), "none") != 0)
        return node_error(node, "a fused activation is not supported; let an operator of its own follow");
    Shape shape = node->inputs[0]->shape;
    int64_t extent = 0;
    for (int i = 0; i < node->input_count; ++i)
        extent += node->inputs[i]->shape.dim[axis];
    if (extent > INT32_MAX)
        return node_error(node, "axis %d would have more than 2^31 elements", axis);
    shape.dim[axis] = (int32_t)extent;
    return set_moved_output(node, 0, shape);
}

/* ---------------------------------------------------------------- uint8 of different scales */

static bool needs_rescale(const Tensor *input, const Tensor *output)
{
    return input->dtype == DTYPE_U8 && is_per_tensor(input) && is_per_tensor(output) &&
           (tensor_scale(input) != tensor_scale(output) || tensor_zero_point(input) != tensor_zero_point(output));
}

static uint8_t rescale(const Tensor *input, const Tensor *output, int value)
{
    const float inverse_output_scale = 1.0f / tensor_scale(output);
    const float scale = tensor_scale(input) * inverse_output_scale;
    const float bias = (float)-tensor_zero_point(input) * scale;
    const float scaled = (float)value * scale;
    return (uint8_t)clamp32((int64_t)round_half_away((double)(scaled + bias)) + tensor_zero_point(output), 0, 255);
}

/* ---------------------------------------------------------------- meaning and facts */

/* Input `index` at `from` lies at `to` in the output. */
static void place(const Node *node, int axis, int index, int32_t before, const int32_t *from, int32_t *to)
{
    const int rank = node->outputs[0]->shape.rank;
    for (int i = 0; i < rank; ++i)
        to[i] = node->op == OP_PACK ? (i < axis       ? from[i]
                                          : i == axis ? index
                                                      : from[i - 1])
                                    : from[i] + (i == axis ? before : 0);
}

bool concatenate_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const Tensor *output = node->outputs[0];
    int axis;
    if (!concatenation_axis(node, &axis))
        return false;
    int32_t before = 0;
    for (int k = 0; k < node->input_count; ++k) {
        const Tensor *input = node->inputs[k];
        int32_t from[MAX_RANK] = {0}, to[MAX_RANK] = {0};
        for (bool more = tensor_elements(input) > 0; more; more = next_coordinates(&input->shape, from)) {
            place(node, axis, k, before, from, to);
            const int64_t in = element_index(&input->shape, from), out = element_index(&output->shape, to);
            if (needs_rescale(input, output))
                ((uint8_t *)evaluation->out[0])[out] = rescale(input, output, ((const uint8_t *)evaluation->in[k])[in]);
            else
                copy_element(input->dtype, evaluation->in[k], in, evaluation->out[0], out);
        }
        before += node->op == OP_PACK ? 1 : input->shape.dim[axis];
    }
    return true;
}

/* One table of 256 entries per input that needs one; slots[i] is its number, -1: none. */
static void rescale_facts(const Node *node, Facts *facts)
{
    const Tensor *output = node->outputs[0];
    int64_t *slots = arena_array(facts->arena, (size_t)node->input_count, sizeof *slots);
    uint8_t *tables = arena_array(facts->arena, (size_t)node->input_count, 256);
    int count = 0;
    for (int k = 0; k < node->input_count; ++k) {
        slots[k] = needs_rescale(node->inputs[k], output) ? count++ : -1;
        for (int value = 0; slots[k] >= 0 && value < 256; ++value)
            tables[256 * slots[k] + value] = rescale(node->inputs[k], output, value);
    }
    fact_ints(facts, "slots", node->input_count, slots);
    fact_int(facts, "tables", count);
    if (count > 0)
        fact_table(facts, "rescale", DTYPE_U8, 256 * count, tables, false);
}

bool concatenate_facts(const Node *node, Facts *facts)
{
    int axis;
    if (!concatenation_axis(node, &axis) || !is_movable(node, node->outputs[0]))
        return false;
    const Shape *output = &node->outputs[0]->shape;
    int64_t rows = 1;
    for (int i = 0; i < axis; ++i)
        rows *= output->dim[i];
    int64_t *runs = arena_array(facts->arena, (size_t)node->input_count, sizeof *runs);
    for (int k = 0; k < node->input_count; ++k)
        runs[k] = rows > 0 ? tensor_elements(node->inputs[k]) / rows : 0;
    fact_int(facts, "rows", rows);
    fact_ints(facts, "runs", node->input_count, runs);
    rescale_facts(node, facts);
    return true;
}
