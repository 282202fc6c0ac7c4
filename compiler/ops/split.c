/* SPDX-License-Identifier: MIT
 *
 * Split along an axis into equal or given parts; Unpack drops the axis. Seen as rows: row r of the input is row r of each
 * output in turn.
 */
#include "../compiler.h"

#include <inttypes.h>

static bool split_axis(const Node *node, int *axis)
{
    const int64_t given = node->op == OP_UNPACK ? node_int(node, "axis", 0) : node_ints(node, "axes", 0, 0);
    return normalise_axis(node, given, node->inputs[0]->shape.rank, axis);
}

static bool unpack_shape(Node *node, int axis)
{
    const Shape *from = &node->inputs[0]->shape;
    if (from->dim[axis] != node->output_count)
        return node_error(
            node, "axis %d has extent %d, but there are %d outputs", axis, (int)from->dim[axis], node->output_count);
    Shape shape = {.rank = from->rank - 1};
    for (int i = 0; i < shape.rank; ++i)
        shape.dim[i] = from->dim[i < axis ? i : i + 1];
    for (int k = 0; k < node->output_count; ++k)
        if (!set_moved_output(node, k, shape))
            return false;
    return true;
}

/* Parts as given, one of which may be -1 (the rest), or equal ones. */
static bool part_extents(const Node *node, int32_t extent, int32_t *parts)
{
    const Attribute *sizes = node_attribute(node, "sizes");
    const int count = node->output_count;
    if (sizes == NULL && extent % count != 0)
        return node_error(node, "an axis of extent %d cannot be split into %d equal parts", (int)extent, count);
    if (sizes != NULL && (sizes->type != ATTRIBUTE_INTS || sizes->count != count))
        return node_error(node, "there are %d sizes for %d outputs", sizes->count, count);
    int open = -1;
    int64_t total = 0;
    for (int k = 0; k < count; ++k) {
        const int64_t size = sizes != NULL ? sizes->integers[k] : extent / count;
        if (size < -1 || size > extent || (size == -1 && open >= 0))
            return node_error(
                node, "size %d is %" PRId64 "; one size may be -1, none is larger than the axis", k, size);
        if (size == -1)
            open = k;
        else
            total += size;
        parts[k] = (int32_t)size;
    }
    if (total > extent || (open < 0 && total != extent))
        return node_error(node, "the sizes sum up to %" PRId64 "; the axis has extent %d", total, (int)extent);
    if (open >= 0)
        parts[open] = (int32_t)(extent - total);
    return true;
}

bool split_shape(Node *node)
{
    int axis;
    if (node->op == OP_SPLIT && (!node_take_ints(node, 1, "sizes") || !node_take_ints(node, 2, "axes")))
        return false;
    if (!split_axis(node, &axis))
        return false;
    if (node->op == OP_UNPACK)
        return unpack_shape(node, axis);
    Shape shape = node->inputs[0]->shape;
    int32_t *parts = arena_array(node->model->arena, (size_t)node->output_count, sizeof *parts);
    if (!part_extents(node, shape.dim[axis], parts))
        return false;
    for (int k = 0; k < node->output_count; ++k) {
        shape.dim[axis] = parts[k];
        if (!set_moved_output(node, k, shape))
            return false;
    }
    return true;
}

bool split_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const Tensor *input = node->inputs[0];
    int axis;
    if (!split_axis(node, &axis))
        return false;
    int32_t before = 0;
    for (int k = 0; k < node->output_count; ++k) {
        const Shape *to_shape = &node->outputs[k]->shape;
        int32_t to[MAX_RANK] = {0}, from[MAX_RANK] = {0};
        for (bool more = shape_elements(to_shape) > 0; more; more = next_coordinates(to_shape, to)) {
            for (int i = 0; i < input->shape.rank; ++i)
                from[i] = node->op == OP_UNPACK ? (i < axis       ? to[i]
                                                      : i == axis ? k
                                                                  : to[i - 1])
                                                : to[i] + (i == axis ? before : 0);
            copy_element(input->dtype, evaluation->in[0], element_index(&input->shape, from), evaluation->out[k],
                element_index(to_shape, to));
        }
        before += node->op == OP_UNPACK ? 1 : to_shape->dim[axis];
    }
    return true;
}

bool split_facts(const Node *node, Facts *facts)
{
    int axis;
    if (!split_axis(node, &axis) || !is_movable(node, node->inputs[0]))
        return false;
    int64_t rows = 1;
    for (int i = 0; i < axis; ++i)
        rows *= node->inputs[0]->shape.dim[i];
    int64_t *runs = arena_array(facts->arena, (size_t)node->output_count, sizeof *runs);
    for (int k = 0; k < node->output_count; ++k)
        runs[k] = rows > 0 ? tensor_elements(node->outputs[k]) / rows : 0;
    fact_int(facts, "rows", rows);
    fact_ints(facts, "runs", node->output_count, runs);
    return true;
}
