/* SPDX-License-Identifier: MIT
 *
 * Slice and StridedSlice: a box of the input, every stride-th element of it. Both become a Box: per input axis where it
 * starts, its stride and its extent.
 *
 * StridedSlice follows TensorFlow: masks for open ends, an ellipsis, new axes and axes to drop, negative indices and strides;
 * bounds are clamped as in TFLite's strided_slice_logic.h. With `offset`, ends are relative to begins.
 *
 * Begins that are computed at run time are supported where the output's shape is known: they are clamped so that the box
 * lies inside the input (the interpreter reports them instead).
 */
#include "../compiler.h"

#include <inttypes.h>

typedef struct Box {
    int64_t start[MAX_RANK], stride[MAX_RANK], extent[MAX_RANK]; /* per input axis */
    bool moving[MAX_RANK]; /* start is begin[i], known at run time */
    Shape output;
} Box;

/* ---------------------------------------------------------------- Slice */

static bool has_list(const Node *node, const char *name, int count)
{
    const Attribute *attribute = node_attribute(node, name);
    if (attribute == NULL || attribute->type != ATTRIBUTE_INTS || attribute->count != count)
        return node_error(node, "\"%s\" must be given and have %d values", name, count);
    return true;
}

static bool is_run_time(const Node *node, int index)
{
    return node_input(node, index) != NULL && !tensor_is_constant(node->inputs[index]);
}

/* Begins at run time: the operand has an index per axis. */
static bool check_indices(const Node *node, const Tensor *begin)
{
    if (begin->dtype != DTYPE_I32 && begin->dtype != DTYPE_I64)
        return node_error(node, "begin has type %s; int32 and int64 are supported", dtype_name(begin->dtype));
    if (tensor_elements(begin) != node->inputs[0]->shape.rank)
        return node_error(node, "begin has %" PRId64 " values, the input %d axes", tensor_elements(begin),
            node->inputs[0]->shape.rank);
    return true;
}

static bool slice_axis(const Node *node, int axis, int32_t extent, Box *box)
{
    const int64_t begin = box->moving[axis] ? 0 : node_ints(node, "begin", axis, 0);
    int64_t size = node_ints(node, "size", axis, -1);
    if (size == -1 && !box->moving[axis])
        size = extent - begin;
    if (size == -1)
        return node_error(node, "begin is computed at run time, so size must not be -1 (axis %d)", axis);
    if (begin < 0 || begin > extent || size < 0 || size > extent - begin)
        return node_error(node, "axis %d of extent %d cannot be cut at %" PRId64 " to a size of %" PRId64, axis,
            (int)extent, begin, size);
    box->start[axis] = begin;
    box->stride[axis] = 1;
    box->extent[axis] = size;
    box->output.dim[box->output.rank++] = (int32_t)size;
    return true;
}

static bool slice_box(const Node *node, Box *box)
{
    const Shape *from = &node->inputs[0]->shape;
    const bool moving = is_run_time(node, 1);
    if ((!moving && !has_list(node, "begin", from->rank)) || !has_list(node, "size", from->rank))
        return false;
    *box = (Box){0};
    for (int i = 0; i < from->rank; ++i) {
        box->moving[i] = moving;
        if (!slice_axis(node, i, from->dim[i], box))
            return false;
    }
    return !moving || check_indices(node, node->inputs[1]);
}

/* A size computed at run time still is known where the file declares the output's shape. */
static bool take_declared_size(Node *node)
{
    const Tensor *output = node->outputs[0];
    if (!is_run_time(node, 2) || !output->shape_known || output->shape.rank != node->inputs[0]->shape.rank)
        return true;
    int64_t size[MAX_RANK];
    for (int i = 0; i < output->shape.rank; ++i)
        size[i] = output->shape.dim[i];
    node_set_ints(node, "size", output->shape.rank, size);
    node->inputs[2] = NULL;
    return true;
}

static bool take_slice(Node *node)
{
    if (!is_run_time(node, 1) && !node_take_ints(node, 1, "begin"))
        return false;
    return take_declared_size(node) && node_take_ints(node, 2, "size");
}

/* ---------------------------------------------------------------- StridedSlice */

static bool mask_bit(const Node *node, const char *mask, int64_t position)
{
    return position < 32 && (node_int(node, mask, 0) >> position & 1) != 0;
}

static int64_t clamp64(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high
                                            : value;
}

/* An index as written: negative ones count from the end; the result is clamped to where a walk may start or stop. */
static int64_t bound(int64_t index, int64_t extent, int64_t stride)
{
    if (index < 0)
        index += extent;
    return stride > 0 ? clamp64(index, 0, extent) : clamp64(index, -1, extent - 1);
}

/* Axis `axis` of the input is cut by entry `entry` of the lists. */
static bool strided_axis(const Node *node, int entry, int axis, int32_t extent, Box *box)
{
    const int64_t stride = node_ints(node, "strides", entry, 1);
    const int64_t begin = node_ints(node, "begin", entry, 0), end = node_ints(node, "end", entry, 0);
    const bool shrink = mask_bit(node, "shrink_axis_mask", entry);
    if (stride == 0 || stride < INT32_MIN || stride > INT32_MAX)
        return node_error(node, "stride %d is %" PRId64 "; it must not be 0", entry, stride);
    if (begin < INT32_MIN || begin > INT32_MAX || end < INT64_MIN / 2 || end > INT64_MAX / 2)
        return node_error(node, "begin %d is %" PRId64 ", out of range", entry, begin);
    if (shrink) {
        const int64_t index = begin < 0 ? begin + extent : begin;
        if (index < 0 || index >= extent)
            return node_error(
                node, "index %" PRId64 " is out of range; axis %d has extent %d", begin, axis, (int)extent);
        box->start[axis] = index;
        box->stride[axis] = box->extent[axis] = 1;
        return true;
    }
    const int64_t start =
        mask_bit(node, "begin_mask", entry) ? (stride > 0 ? 0 : extent - 1) : bound(begin, extent, stride);
    const int64_t relative = node_int(node, "offset", 0) ? start : 0;
    const int64_t stop =
        mask_bit(node, "end_mask", entry) ? (stride > 0 ? extent : -1) : bound(end + relative, extent, stride);
    const int64_t span = stride > 0 ? stop - start : start - stop, step = stride > 0 ? stride : -stride;
    box->start[axis] = start;
    box->stride[axis] = stride;
    box->extent[axis] = span > 0 ? (span + step - 1) / step : 0;
    box->output.dim[box->output.rank++] = (int32_t)box->extent[axis];
    return true;
}

static void whole_axis(int axis, int32_t extent, Box *box)
{
    box->start[axis] = 0;
    box->stride[axis] = 1;
    box->extent[axis] = extent;
    box->output.dim[box->output.rank++] = extent;
}

/* Entries of the lists that belong to an axis of the input; -1 after an error. */
static int count_axis_entries(const Node *node, int count, int *ellipses)
{
    int entries = 0;
    *ellipses = 0;
    for (int i = 0; i < count; ++i) {
        if (mask_bit(node, "ellipsis_mask", i))
            ++*ellipses;
        else
            entries += !mask_bit(node, "new_axis_mask", i);
    }
    return entries;
}

static bool strided_box(const Node *node, Box *box)
{
    const Shape *from = &node->inputs[0]->shape;
    const Attribute *strides = node_attribute(node, "strides"), *begin = node_attribute(node, "begin");
    const int count = begin != NULL ? begin->count : 0;
    if (count > 32)
        return node_error(node, "it has %d indices; at most 32 are supported", count);
    if (!has_list(node, "begin", count) || !has_list(node, "end", count) ||
        (strides != NULL && !has_list(node, "strides", count)))
        return false;
    int ellipses, axis = 0;
    const int entries = count_axis_entries(node, count, &ellipses), new_axes = count - entries - ellipses;
    if (ellipses > 1)
        return node_error(node, "there are %d ellipses; one is allowed", ellipses);
    if (entries > from->rank || from->rank + new_axes > MAX_RANK)
        return node_error(node, "it has %d indices and %d new axes; the input has %d axes, at most %d are supported",
            entries, new_axes, from->rank, MAX_RANK);
    *box = (Box){0};
    for (int i = 0; i < count; ++i) {
        if (mask_bit(node, "ellipsis_mask", i))
            for (int rest = from->rank - entries; rest > 0 && axis < from->rank; --rest, ++axis)
                whole_axis(axis, from->dim[axis], box);
        else if (mask_bit(node, "new_axis_mask", i))
            box->output.dim[box->output.rank++] = 1;
        else if (!strided_axis(node, i, axis, from->dim[axis], box))
            return false;
        else
            ++axis;
    }
    for (; axis < from->rank; ++axis)
        whole_axis(axis, from->dim[axis], box);
    return true;
}

/* Begin known at run time only: axes are taken whole, as one element that is dropped, or as the declared output says. */
static bool moving_axis(const Node *node, int axis, int32_t extent, Box *box)
{
    const Tensor *output = node->outputs[0];
    if (node_ints(node, "strides", axis, 1) != 1)
        return node_error(node, "begin is computed at run time, so strides must be 1 (axis %d)", axis);
    if (mask_bit(node, "begin_mask", axis) && mask_bit(node, "end_mask", axis) &&
        !mask_bit(node, "shrink_axis_mask", axis)) {
        whole_axis(axis, extent, box);
        return true;
    }
    box->moving[axis] = !mask_bit(node, "begin_mask", axis);
    box->stride[axis] = box->extent[axis] = 1;
    if (mask_bit(node, "shrink_axis_mask", axis))
        return extent > 0 || node_error(node, "axis %d has no elements", axis);
    const int at = box->output.rank++;
    if (!output->shape_known || at >= output->shape.rank || output->shape.dim[at] > extent)
        return node_error(
            node, "begin is computed at run time; give the output a static shape that fits into the input's");
    box->extent[axis] = box->output.dim[at] = output->shape.dim[at];
    return true;
}

static bool moving_box(const Node *node, Box *box)
{
    const Shape *from = &node->inputs[0]->shape;
    if (node_int(node, "ellipsis_mask", 0) != 0 || node_int(node, "new_axis_mask", 0) != 0)
        return node_error(node, "begin is computed at run time, so an ellipsis and new axes are not supported");
    *box = (Box){0};
    for (int i = 0; i < from->rank && i < MAX_RANK; ++i)
        if (!moving_axis(node, i, from->dim[i], box))
            return false;
    return check_indices(node, node->inputs[1]);
}

static bool take_strided(Node *node)
{
    if (is_run_time(node, 1) || is_run_time(node, 2)) {
        if (!is_run_time(node, 1))
            return node_error(node, "end is computed at run time; it must be a constant where begin is one");
        node->inputs[2] = NULL; /* the extents are known without it */
    } else if (!node_take_ints(node, 1, "begin") || !node_take_ints(node, 2, "end")) {
        return false;
    }
    return node_take_ints(node, 3, "strides");
}

/* ---------------------------------------------------------------- both */

static bool find_box(const Node *node, Box *box)
{
    if (node->op == OP_SLICE)
        return slice_box(node, box);
    return is_run_time(node, 1) ? moving_box(node, box) : strided_box(node, box);
}

bool slice_shape(Node *node)
{
    Box box;
    if (!(node->op == OP_SLICE ? take_slice(node) : take_strided(node)) || !find_box(node, &box))
        return false;
    return set_moved_output(node, 0, box.output);
}

/* Starts that are known now; the box must lie inside. */
static bool resolve_starts(const Node *node, const void *begin, Box *box)
{
    const Shape *from = &node->inputs[0]->shape;
    for (int i = 0; i < from->rank; ++i) {
        if (!box->moving[i])
            continue;
        int64_t start = element_int(node->inputs[1]->dtype, begin, i);
        if (start < 0 && node->op == OP_STRIDED_SLICE)
            start += from->dim[i];
        if (start < 0 || start > from->dim[i] - box->extent[i])
            return node_error(node, "begin %" PRId64 " is out of range on axis %d", start, i);
        box->start[i] = start;
    }
    return true;
}

bool slice_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    Box box;
    if (!find_box(node, &box) || !resolve_starts(node, evaluation->in[1], &box))
        return false;
    /* The box with all axes of the input; dropped and new axes have extent 1 and do not change the order. */
    Shape walked = {.rank = input->shape.rank};
    for (int i = 0; i < walked.rank; ++i)
        walked.dim[i] = (int32_t)box.extent[i];
    int32_t at[MAX_RANK] = {0}, from[MAX_RANK] = {0};
    int64_t written = 0;
    for (bool more = tensor_elements(output) > 0; more; more = next_coordinates(&walked, at)) {
        for (int i = 0; i < walked.rank; ++i)
            from[i] = (int32_t)(box.start[i] + at[i] * box.stride[i]);
        copy_element(
            input->dtype, evaluation->in[0], element_index(&input->shape, from), evaluation->out[0], written++);
    }
    return true;
}

/* Facts of begins at run time, per axis that moves: the position in begin, its largest value, elements per step, and what
 * is added to negative ones. */
static void moving_facts(const Node *node, const Box *box, const int64_t *strides, Facts *facts)
{
    int64_t positions[MAX_RANK], limits[MAX_RANK], steps[MAX_RANK], wraps[MAX_RANK];
    int count = 0;
    for (int i = 0; i < node->inputs[0]->shape.rank; ++i) {
        const int32_t extent = node->inputs[0]->shape.dim[i];
        if (!box->moving[i] || box->extent[i] == extent)
            continue;
        positions[count] = i;
        limits[count] = extent - box->extent[i];
        steps[count] = strides[i];
        wraps[count++] = node->op == OP_STRIDED_SLICE ? extent : 0;
    }
    fact_ints(facts, "moving", count, positions);
    fact_ints(facts, "limits", count, limits);
    fact_ints(facts, "steps", count, steps);
    fact_ints(facts, "wraps", count, wraps);
}

bool slice_facts(const Node *node, Facts *facts)
{
    const Shape *from = &node->inputs[0]->shape;
    Box box;
    if (!find_box(node, &box))
        return false;
    int64_t strides[MAX_RANK];
    int64_t stride = 1;
    for (int i = from->rank - 1; i >= 0; stride *= from->dim[i--])
        strides[i] = stride;
    Walk walk = {0};
    for (int i = 0; i < from->rank; ++i) {
        walk_add(&walk, box.extent[i], box.stride[i] * strides[i]);
        walk.offset += box.start[i] * strides[i];
    }
    walk_facts(&walk, facts);
    moving_facts(node, &box, strides, facts);
    return is_movable(node, node->inputs[0]);
}
