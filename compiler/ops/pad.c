/* SPDX-License-Identifier: MIT
 *
 * Pad: a frame of one value (an operand, an attribute, else real 0: the output's zero point). MirrorPad: a frame that
 * mirrors the input, with its edge (symmetric) or without (reflect).
 */
#include "../compiler.h"

#include <inttypes.h>
#include <string.h>

static int64_t padding(const Node *node, int axis, bool after)
{
    return node_ints(node, "paddings", 2 * axis + after, 0);
}

static bool is_symmetric(const Node *node)
{
    return strcmp(node_string(node, "mode", "reflect"), "symmetric") == 0;
}

static bool pad_axis(const Node *node, int axis, int32_t extent, int32_t *padded)
{
    const int64_t before = padding(node, axis, false), after = padding(node, axis, true);
    if (before < 0 || after < 0 || before > INT32_MAX || after > INT32_MAX || before + after + extent > INT32_MAX)
        return node_error(node,
            "the paddings of axis %d are %" PRId64 " and %" PRId64 "; they must be >= 0 and not huge", axis, before,
            after);
    const int64_t most = is_symmetric(node) ? extent : (int64_t)extent - 1;
    if (node->op == OP_MIRROR_PAD && (before > most || after > most) && before + after > 0)
        return node_error(node, "axis %d of extent %d cannot be mirrored by %" PRId64 " and %" PRId64, axis,
            (int)extent, before, after);
    *padded = (int32_t)(before + after + extent);
    return true;
}

/* A constant value becomes an attribute; 64-bit integers that a double cannot hold stay an operand. */
static bool take_value(Node *node)
{
    const Tensor *value = node_input(node, 2);
    if (value == NULL)
        return true;
    if (value->dtype != node->inputs[0]->dtype || tensor_elements(value) != 1)
        return node_error(node, "the value is %s[%" PRId64 "]; one %s is expected", dtype_name(value->dtype),
            tensor_elements(value), dtype_name(node->inputs[0]->dtype));
    if (!tensor_is_constant(value) || value->dtype == DTYPE_I64 || value->dtype == DTYPE_U64)
        return true;
    node_set_float(node, "value", element_float(value->dtype, value->data, 0));
    node->inputs[2] = NULL;
    return true;
}

bool pad_shape(Node *node)
{
    const Shape *from = &node->inputs[0]->shape;
    if (!node_take_ints(node, 1, "paddings"))
        return false;
    const Attribute *paddings = node_attribute(node, "paddings");
    if (paddings == NULL || paddings->type != ATTRIBUTE_INTS || paddings->count != 2 * from->rank)
        return node_error(
            node, "\"paddings\" must be given and have %d values, before and after per axis", 2 * from->rank);
    if (node->op == OP_MIRROR_PAD && !is_symmetric(node) &&
        strcmp(node_string(node, "mode", "reflect"), "reflect") != 0)
        return node_error(
            node, "mode \"%s\" is not supported; reflect and symmetric are", node_string(node, "mode", ""));
    Shape shape = {.rank = from->rank};
    for (int i = 0; i < from->rank; ++i)
        if (!pad_axis(node, i, from->dim[i], &shape.dim[i]))
            return false;
    return (node->op == OP_MIRROR_PAD || take_value(node)) && set_moved_output(node, 0, shape);
}

/* ---------------------------------------------------------------- meaning */

/* The value of the frame, as one element. */
static void frame_element(const Node *node, const void *operand, void *element)
{
    const Tensor *output = node->outputs[0];
    if (operand != NULL)
        copy_element(output->dtype, operand, 0, element, 0);
    else if (node_has(node, "value"))
        element_set_float(output->dtype, element, 0, node_float(node, "value", 0.0));
    else
        element_set_int(output->dtype, element, 0, tensor_zero_point(output));
}

static int32_t mirror(int32_t index, int32_t extent, bool symmetric)
{
    if (index < 0)
        return -index - symmetric;
    return index < extent ? index : 2 * extent - 2 + symmetric - index;
}

bool pad_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    uint64_t frame[1] = {0};
    if (node->op == OP_PAD)
        frame_element(node, node_input(node, 2) != NULL ? evaluation->in[2] : NULL, frame);
    int32_t to[MAX_RANK] = {0}, from[MAX_RANK] = {0}, before[MAX_RANK] = {0};
    const bool symmetric = is_symmetric(node);
    for (int i = 0; i < output->shape.rank; ++i)
        before[i] = (int32_t)padding(node, i, false);
    for (bool more = tensor_elements(output) > 0; more; more = next_coordinates(&output->shape, to)) {
        bool inside = true;
        for (int i = 0; i < output->shape.rank; ++i) {
            const int32_t extent = input->shape.dim[i], index = to[i] - before[i];
            inside = inside && index >= 0 && index < extent;
            from[i] = mirror(index, extent, symmetric);
        }
        const int64_t out = element_index(&output->shape, to);
        if (inside || node->op == OP_MIRROR_PAD)
            copy_element(input->dtype, evaluation->in[0], element_index(&input->shape, from), evaluation->out[0], out);
        else
            copy_element(input->dtype, frame, 0, evaluation->out[0], out);
    }
    return true;
}

/* ---------------------------------------------------------------- facts */

/* "fill": the value as the element prints it; "fill_byte": the byte that it repeats, -1: none. */
static void frame_facts(const Node *node, Facts *facts)
{
    const Tensor *output = node->outputs[0];
    const DType dtype = output->dtype == DTYPE_F16 || output->dtype == DTYPE_BF16 ? DTYPE_U16 : output->dtype;
    const bool is_operand = node_input(node, 2) != NULL;
    uint64_t element[1] = {0};
    frame_element(node, NULL, element);
    const uint8_t *bytes = (const uint8_t *)element;
    int fill_byte = bytes[0];
    for (size_t i = 1; i < dtype_bits(dtype) / 8; ++i)
        if (bytes[i] != bytes[0])
            fill_byte = -1;
    if (dtype_is_float(dtype))
        fact_float(facts, "fill", element_float(dtype, element, 0));
    else
        fact_int(facts, "fill", element_int(dtype, element, 0));
    fact_int(facts, "fill_byte", is_operand ? -1 : fill_byte);
}

/* The input in order, placed into the output. */
static void interior_facts(const Node *node, Facts *facts)
{
    const Shape *from = &node->inputs[0]->shape, *to = &node->outputs[0]->shape;
    int64_t strides[MAX_RANK];
    int64_t stride = 1;
    for (int i = to->rank - 1; i >= 0; stride *= to->dim[i--])
        strides[i] = stride;
    Walk walk = {0};
    for (int i = 0; i < from->rank; ++i) {
        walk_add(&walk, from->dim[i], strides[i]);
        walk.offset += padding(node, i, false) * strides[i];
    }
    walk_facts(&walk, facts);
}

/* Axes in output order, those without padding joined with their neighbours: extent of the output, padding before, extent
 * and stride of the input; "run": elements behind the last padded axis. */
static void mirror_facts(const Node *node, Facts *facts)
{
    const Shape *from = &node->inputs[0]->shape, *to = &node->outputs[0]->shape;
    int64_t extents[MAX_RANK], befores[MAX_RANK], sizes[MAX_RANK], strides[MAX_RANK], stride = 1, run = 1;
    int first = MAX_RANK;
    for (int i = from->rank - 1; i >= 0; stride *= from->dim[i--]) {
        const bool is_padded = from->dim[i] != to->dim[i];
        if (!is_padded && from->dim[i] == 1)
            continue;
        if (!is_padded && first == MAX_RANK) {
            run *= from->dim[i];
        } else if (!is_padded && befores[first] < 0) {
            extents[first] *= to->dim[i];
        } else {
            extents[--first] = to->dim[i];
            befores[first] = is_padded ? padding(node, i, false) : -1;
            sizes[first] = from->dim[i];
            strides[first] = stride;
        }
    }
    fact_ints(facts, "extents", MAX_RANK - first, extents + first);
    fact_ints(facts, "befores", MAX_RANK - first, befores + first);
    fact_ints(facts, "sizes", MAX_RANK - first, sizes + first);
    fact_ints(facts, "strides", MAX_RANK - first, strides + first);
    fact_int(facts, "run", run);
    fact_int(facts, "edge", is_symmetric(node));
}

bool pad_facts(const Node *node, Facts *facts)
{
    if (node->op == OP_MIRROR_PAD) {
        mirror_facts(node, facts);
    } else {
        frame_facts(node, facts);
        interior_facts(node, facts);
    }
    return is_movable(node, node->inputs[0]);
}
