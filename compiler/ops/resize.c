/* SPDX-License-Identifier: MIT
 *
 * ResizeNearest and ResizeBilinear of images [n, h, w, c].
 *
 * Source positions are those of TFLite's reference_ops: nearest neighbours in float (resize_nearest_neighbor.h), bilinear
 * weights of integers with 10 fraction bits (ResizeBilinearInteger in resize_bilinear.h, for uint8, too), of floats in float.
 */
#include "../compiler.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { MAX_EXTENT = 1 << 20 }; /* keeps 10 fraction bits within int32 */

static bool aligns_corners(const Node *node)
{
    return node_int(node, "align_corners", 0) != 0;
}

static bool has_half_pixels(const Node *node)
{
    return node_int(node, "half_pixel_centers", 0) != 0;
}

static bool check_type(const Node *node)
{
    const DType dtype = node->inputs[0]->dtype;
    const bool computes = dtype == DTYPE_F32 || dtype == DTYPE_I8 || dtype == DTYPE_U8 || dtype == DTYPE_I16;
    return node->op == OP_RESIZE_NEAREST || computes ||
           node_error(node, "type %s is not supported; float32, int8, uint8 and int16 are", dtype_name(dtype));
}

bool resize_shape(Node *node)
{
    const Shape *from = &node->inputs[0]->shape;
    if (!node_take_ints(node, 1, "size") || !check_type(node))
        return false;
    const Attribute *size = node_attribute(node, "size");
    if (size == NULL || size->type != ATTRIBUTE_INTS || size->count != 2)
        return node_error(node, "\"size\" must be given and have 2 values, height and width");
    if (from->rank != 4)
        return node_error(node, "the input has rank %d; 4 is supported", from->rank);
    if (node->op == OP_RESIZE_BILINEAR && aligns_corners(node) && has_half_pixels(node))
        return node_error(node, "align_corners and half_pixel_centers exclude each other");
    for (int i = 0; i < 2; ++i)
        if (size->integers[i] < 1 || size->integers[i] > MAX_EXTENT || from->dim[1 + i] < 1 ||
            from->dim[1 + i] > MAX_EXTENT)
            return node_error(node, "axis %d is resized from %d to %" PRId64 "; extents from 1 to %d are supported",
                1 + i, (int)from->dim[1 + i], size->integers[i], MAX_EXTENT);
    return set_moved_output(
        node, 0, shape_of(4, from->dim[0], (int32_t)size->integers[0], (int32_t)size->integers[1], from->dim[3]));
}

/* ---------------------------------------------------------------- nearest */

/* Along one axis: the source of position `at`. */
static int32_t nearest(const Node *node, int axis, int32_t at)
{
    const int32_t in = node->inputs[0]->shape.dim[axis], out = node->outputs[0]->shape.dim[axis];
    const bool corners = aligns_corners(node);
    const float scale = corners && out > 1 ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
    const float position = ((float)at + (has_half_pixels(node) ? 0.5f : 0.0f)) * scale;
    const int32_t source = (int32_t)(corners ? roundf(position) : floorf(position));
    return source < in - 1 ? source : in - 1;
}

static bool nearest_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    int32_t to[MAX_RANK] = {0};
    for (bool more = tensor_elements(output) > 0; more; more = next_coordinates(&output->shape, to)) {
        const int32_t from[4] = {to[0], nearest(node, 1, to[1]), nearest(node, 2, to[2]), to[3]};
        copy_element(input->dtype, evaluation->in[0], element_index(&input->shape, from), evaluation->out[0],
            element_index(&output->shape, to));
    }
    return true;
}

/* A formula (at * factor + addend) / divisor in integers, where one gives what the float arithmetic does for every `at`. */
static bool find_formula(const Node *node, int axis, int64_t formula[3])
{
    const int64_t in = node->inputs[0]->shape.dim[axis], out = node->outputs[0]->shape.dim[axis];
    const bool corners = aligns_corners(node) && out > 1, half = has_half_pixels(node);
    const int64_t span = corners ? in - 1 : in, steps = corners ? out - 1 : out;
    /* at * span / steps; with half pixels (2 at + 1) * span / (2 steps); rounded instead of cut: plus one half */
    formula[0] = 2 * span;
    formula[1] = (half ? span : 0) + (aligns_corners(node) ? steps : 0);
    formula[2] = 2 * steps;
    const int64_t common = greatest_common_divisor(greatest_common_divisor(formula[0], formula[1]), formula[2]);
    for (int i = 0; i < 3; ++i)
        formula[i] /= common;
    if (formula[0] * out + formula[1] > INT32_MAX)
        return false;
    for (int32_t at = 0; at < out; ++at)
        if ((at * formula[0] + formula[1]) / formula[2] != nearest(node, axis, at))
            return false;
    return true;
}

/* "row_formula" and "column_formula", or the tables "rows" and "columns". */
static void nearest_axis_facts(const Node *node, int axis, Facts *facts)
{
    const int32_t out = node->outputs[0]->shape.dim[axis];
    int64_t formula[3];
    const bool found = find_formula(node, axis, formula);
    fact_ints(facts, axis == 1 ? "row_formula" : "column_formula", found ? 3 : 0, formula);
    if (found)
        return;
    int32_t *sources = arena_array(facts->arena, (size_t)out, sizeof *sources);
    for (int32_t at = 0; at < out; ++at)
        sources[at] = nearest(node, axis, at);
    fact_table(facts, axis == 1 ? "rows" : "columns", DTYPE_I32, out, sources, false);
}

/* ---------------------------------------------------------------- bilinear, integers */

/* Positions with 10 fraction bits; the two neighbours and the weight of the second, in 1/1024. */
typedef struct Neighbours {
    int64_t low, high, weight;
} Neighbours;

static int32_t integer_scale(const Node *node, int axis)
{
    const int64_t in = node->inputs[0]->shape.dim[axis], out = node->outputs[0]->shape.dim[axis];
    const bool corners = aligns_corners(node) && out > 1;
    const int64_t span = corners ? in - 1 : in, steps = corners ? out - 1 : out;
    return (int32_t)((1024 * span + steps / 2) / steps);
}

/* Without a limit: where the scale is rounded up, the last of many positions may lie behind the last pixel. */
static int64_t integer_position(const Node *node, int axis, int32_t at)
{
    const int64_t scale = integer_scale(node, axis);
    return at * scale + (has_half_pixels(node) ? scale / 2 - 512 : 0);
}

static Neighbours integer_neighbours(const Node *node, int axis, int32_t at)
{
    const int64_t in = node->inputs[0]->shape.dim[axis], last = 1024 * (in - 1);
    int64_t position = integer_position(node, axis, at);
    if (position > last)
        position = last;
    Neighbours result = {.low = position / 1024, .high = (position + 1023) / 1024};
    if (result.low < 0)
        result.low = 0;
    if (result.high > in - 1)
        result.high = in - 1;
    result.weight = position - 1024 * result.low;
    return result;
}

/* Rounds away from zero at ties; the single-rounding variant rounds up. */
static int64_t from_20_bits(int64_t value, bool single)
{
    if (single)
        return (int64_t)floor(((double)value + 524288.0) / 1048576.0);
    return (value + (value > 0 ? 524288 : -524288)) / 1048576;
}

static bool bilinear_integer(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    int32_t to[MAX_RANK] = {0};
    for (bool more = tensor_elements(output) > 0; more; more = next_coordinates(&output->shape, to)) {
        const Neighbours y = integer_neighbours(node, 1, to[1]), x = integer_neighbours(node, 2, to[2]);
        int64_t sum = 0;
        for (int corner = 0; corner < 4; ++corner) {
            const bool bottom = corner & 1, right = corner & 2;
            const int32_t from[4] = {
                to[0], (int32_t)(bottom ? y.high : y.low), (int32_t)(right ? x.high : x.low), to[3]};
            const int64_t value = element_int(input->dtype, evaluation->in[0], element_index(&input->shape, from));
            sum += value * (bottom ? y.weight : 1024 - y.weight) * (right ? x.weight : 1024 - x.weight);
        }
        element_set_int(output->dtype, evaluation->out[0], element_index(&output->shape, to),
            from_20_bits(sum, node->model->single_rounding));
    }
    return true;
}

/* ---------------------------------------------------------------- bilinear, floats */

static float float_scale(const Node *node, int axis)
{
    const int32_t in = node->inputs[0]->shape.dim[axis], out = node->outputs[0]->shape.dim[axis];
    if (aligns_corners(node) && out > 1)
        return (float)(in - 1) / (float)(out - 1);
    return (float)in / (float)out;
}

static void float_neighbours(const Node *node, int axis, int32_t at, int32_t *low, int32_t *high, float *weight)
{
    const int32_t in = node->inputs[0]->shape.dim[axis];
    const float scale = float_scale(node, axis);
    const float position = has_half_pixels(node) ? ((float)at + 0.5f) * scale - 0.5f : (float)at * scale;
    *low = position > 0.0f ? (int32_t)floorf(position) : 0;
    *high = (int32_t)ceilf(position) < in - 1 ? (int32_t)ceilf(position) : in - 1;
    *weight = position - (float)*low;
}

static bool bilinear_float(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    const float *in = evaluation->in[0];
    int32_t to[MAX_RANK] = {0};
    for (bool more = tensor_elements(output) > 0; more; more = next_coordinates(&output->shape, to)) {
        int32_t row[2], column[2];
        float dy, dx, sum = 0.0f;
        float_neighbours(node, 1, to[1], &row[0], &row[1], &dy);
        float_neighbours(node, 2, to[2], &column[0], &column[1], &dx);
        for (int corner = 0; corner < 4; ++corner) {
            const int bottom = corner & 1, right = corner >> 1;
            const int32_t from[4] = {to[0], row[bottom], column[right], to[3]};
            sum += in[element_index(&input->shape, from)] * (bottom ? dy : 1.0f - dy) * (right ? dx : 1.0f - dx);
        }
        ((float *)evaluation->out[0])[element_index(&output->shape, to)] = sum;
    }
    return true;
}

/* ---------------------------------------------------------------- both */

bool resize_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    if (node->op == OP_RESIZE_NEAREST)
        return nearest_evaluate(evaluation);
    return node->inputs[0]->dtype == DTYPE_F32 ? bilinear_float(evaluation) : bilinear_integer(evaluation);
}

bool resize_facts(const Node *node, Facts *facts)
{
    if (node->op == OP_RESIZE_NEAREST) {
        nearest_axis_facts(node, 1, facts);
        nearest_axis_facts(node, 2, facts);
        return is_movable(node, node->inputs[0]);
    }
    const bool is_float = node->inputs[0]->dtype == DTYPE_F32;
    for (int axis = 1; axis <= 2; ++axis) {
        const char *name = axis == 1 ? "row_scale" : "column_scale";
        if (is_float)
            fact_float(facts, name, (double)float_scale(node, axis));
        else
            fact_int(facts, name, integer_scale(node, axis));
        const int32_t in = node->inputs[0]->shape.dim[axis], out = node->outputs[0]->shape.dim[axis];
        const bool leaves = !is_float && integer_position(node, axis, out - 1) >= 1024 * (int64_t)in;
        fact_int(facts, axis == 1 ? "row_leaves" : "column_leaves", leaves);
    }
    fact_int(facts, "half_pixels", has_half_pixels(node));
    fact_int(facts, "single_rounding", node->model->single_rounding);
    return true;
}
