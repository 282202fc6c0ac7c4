/* SPDX-License-Identifier: MIT
 *
 * Reshape, Squeeze, ExpandDims: the same bytes under another shape. Copy: the same bytes at another place.
 */
#include "../compiler.h"

#include <inttypes.h>
#include <string.h>

/* A shape that is computed at run time still is known where the file declares the output's. */
static bool take_shape(Node *node)
{
    const Tensor *output = node->outputs[0], *operand = node_input(node, 1);
    const bool is_declared = output->shape_known && tensor_elements(output) == tensor_elements(node->inputs[0]);
    const bool is_computed = operand != NULL && !tensor_is_constant(operand);
    if (!is_computed && (operand != NULL || node_has(node, "shape")))
        return node_take_ints(node, 1, "shape");
    if (!is_declared)
        return node_error(node, is_computed ? "the shape is computed at run time; give the output a static shape"
                                            : "there is neither an operand nor an attribute \"shape\"");
    int64_t values[MAX_RANK];
    for (int i = 0; i < output->shape.rank; ++i)
        values[i] = output->shape.dim[i];
    node_set_ints(node, "shape", output->shape.rank, values);
    if (operand != NULL)
        node->inputs[1] = NULL;
    return true;
}

/* One extent may be -1: whatever is left. */
static bool reshape(Node *node, Shape *shape)
{
    if (!take_shape(node))
        return false;
    const Attribute *attribute = node_attribute(node, "shape");
    const int64_t elements = tensor_elements(node->inputs[0]);
    if (attribute->type != ATTRIBUTE_INTS || attribute->count > MAX_RANK)
        return node_error(node, "\"shape\" must be a list of at most %d extents", MAX_RANK);
    int open = -1;
    int64_t known = 1;
    for (int i = 0; i < attribute->count; ++i) {
        const int64_t extent = attribute->integers[i];
        if (extent < -1 || extent > INT32_MAX || (extent == -1 && open >= 0))
            return node_error(node,
                "extent %d of the new shape is %" PRId64 "; one extent may be -1, all others are >= 0", i, extent);
        if (extent == -1)
            open = i;
        else if (extent > 0 && known > INT32_MAX / extent)
            return node_error(node, "the new shape has more than 2^31 elements");
        else
            known *= extent;
        shape->dim[i] = (int32_t)extent;
    }
    shape->rank = attribute->count;
    /* Old TFLite files write a scalar's shape as [0]. */
    if (shape->rank == 1 && shape->dim[0] == 0 && elements == 1)
        *shape = shape_of(0);
    else if (open >= 0)
        shape->dim[open] = (int32_t)(known > 0 ? elements / known : 0);
    if (shape_elements(shape) == elements)
        return true;
    char from[112], to[112];
    return node_error(node, "shape %s cannot become %s: %" PRId64 " elements, not %" PRId64,
        shape_text(&node->inputs[0]->shape, from), shape_text(shape, to), elements, shape_elements(shape));
}

/* Marks the axes named by the attribute, which count in a shape of `rank`. */
static bool read_axes(const Node *node, int rank, bool marked[MAX_RANK], int *count)
{
    const Attribute *attribute = node_attribute(node, "axes");
    *count = attribute != NULL && attribute->type == ATTRIBUTE_INTS ? attribute->count : 0;
    for (int i = 0; i < *count; ++i) {
        int axis;
        if (!normalise_axis(node, attribute->integers[i], rank, &axis))
            return false;
        if (marked[axis])
            return node_error(node, "axis %d is listed twice", axis);
        marked[axis] = true;
    }
    return true;
}

/* Without axes, all axes of extent 1 go. */
static bool squeeze(Node *node, Shape *shape)
{
    const Shape *from = &node->inputs[0]->shape;
    bool marked[MAX_RANK] = {false};
    int count;
    if (!node_take_ints(node, 1, "axes") || !read_axes(node, from->rank, marked, &count))
        return false;
    *shape = shape_of(0);
    for (int i = 0; i < from->rank; ++i) {
        if (marked[i] && from->dim[i] != 1)
            return node_error(
                node, "axis %d has extent %d; only axes of extent 1 can be removed", i, (int)from->dim[i]);
        if (count > 0 ? !marked[i] : from->dim[i] != 1)
            shape->dim[shape->rank++] = from->dim[i];
    }
    return true;
}

/* Axes count in the output's shape. */
static bool expand(Node *node, Shape *shape)
{
    const Shape *from = &node->inputs[0]->shape;
    bool marked[MAX_RANK] = {false};
    int count;
    if (!node_take_ints(node, 1, "axes"))
        return false;
    const Attribute *axes = node_attribute(node, "axes");
    shape->rank = from->rank + (axes != NULL ? axes->count : 0);
    if (shape->rank > MAX_RANK)
        return node_error(node, "the output would have rank %d; at most %d are supported", shape->rank, MAX_RANK);
    if (!read_axes(node, shape->rank, marked, &count))
        return false;
    for (int i = 0, next = 0; i < shape->rank; ++i)
        shape->dim[i] = marked[i] ? 1 : from->dim[next++];
    return true;
}

bool reshape_shape(Node *node)
{
    Shape shape = node->inputs[0]->shape;
    const bool ok = node->op == OP_RESHAPE       ? reshape(node, &shape)
                    : node->op == OP_SQUEEZE     ? squeeze(node, &shape)
                    : node->op == OP_EXPAND_DIMS ? expand(node, &shape)
                                                 : true;
    return ok && set_moved_output(node, 0, shape);
}

bool reshape_evaluate(const Evaluation *evaluation)
{
    const Tensor *output = evaluation->node->outputs[0];
    memcpy(evaluation->out[0], evaluation->in[0], (size_t)tensor_bytes(output));
    return true;
}

bool reshape_facts(const Node *node, Facts *facts)
{
    (void)node;
    (void)facts;
    return true;
}
