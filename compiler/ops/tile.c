/* SPDX-License-Identifier: MIT
 *
 * Tile repeats the input along its axes; BroadcastTo repeats along axes of extent 1, as NumPy does.
 */
#include "../compiler.h"

#include <inttypes.h>

static bool tile_output(Node *node, Shape *shape)
{
    const Shape *from = &node->inputs[0]->shape;
    if (!node_take_ints(node, 1, "multiples"))
        return false;
    const Attribute *multiples = node_attribute(node, "multiples");
    if (multiples == NULL || multiples->type != ATTRIBUTE_INTS || multiples->count != from->rank)
        return node_error(node, "\"multiples\" must be given and have %d values", from->rank);
    *shape = *from;
    for (int i = 0; i < from->rank; ++i) {
        const int64_t multiple = multiples->integers[i];
        if (multiple < 0 || multiple > INT32_MAX || multiple * from->dim[i] > INT32_MAX)
            return node_error(node, "multiple %d is %" PRId64 "; the output would be too large", i, multiple);
        shape->dim[i] = (int32_t)(multiple * from->dim[i]);
    }
    return true;
}

static bool broadcast_output(Node *node, Shape *shape)
{
    const Shape *from = &node->inputs[0]->shape;
    if (!node_take_ints(node, 1, "shape"))
        return false;
    const Attribute *wanted = node_attribute(node, "shape");
    if (wanted == NULL || wanted->type != ATTRIBUTE_INTS || wanted->count > MAX_RANK)
        return node_error(node, "\"shape\" must be given and have at most %d extents", MAX_RANK);
    Shape target = {.rank = wanted->count};
    for (int i = 0; i < wanted->count; ++i) {
        if (wanted->integers[i] < 0 || wanted->integers[i] > INT32_MAX)
            return node_error(node, "extent %d is %" PRId64 ", out of range", i, wanted->integers[i]);
        target.dim[i] = (int32_t)wanted->integers[i];
    }
    if (!broadcast_shapes(node, from, &target, shape))
        return false;
    char a[112], b[112];
    return shape_equal(shape, &target) ||
           node_error(node, "shape %s cannot be broadcast to %s", shape_text(from, a), shape_text(&target, b));
}

bool tile_shape(Node *node)
{
    Shape shape;
    const bool ok = node->op == OP_TILE ? tile_output(node, &shape) : broadcast_output(node, &shape);
    return ok && set_moved_output(node, 0, shape);
}

/* Both repeat: output coordinate modulo input extent, axes aligned at the end. */
bool tile_evaluate(const Evaluation *evaluation)
{
    const Tensor *input = evaluation->node->inputs[0], *output = evaluation->node->outputs[0];
    const int added = output->shape.rank - input->shape.rank;
    int32_t to[MAX_RANK] = {0}, from[MAX_RANK] = {0};
    for (bool more = tensor_elements(output) > 0; more; more = next_coordinates(&output->shape, to)) {
        for (int i = 0; i < input->shape.rank; ++i)
            from[i] = to[i + added] % input->shape.dim[i];
        copy_element(input->dtype, evaluation->in[0], element_index(&input->shape, from), evaluation->out[0],
            element_index(&output->shape, to));
    }
    return true;
}

/* Per axis two loops: the repetitions, then the input's own extent. */
bool tile_facts(const Node *node, Facts *facts)
{
    const Shape *from = &node->inputs[0]->shape, *to = &node->outputs[0]->shape;
    const int added = to->rank - from->rank;
    int64_t strides[MAX_RANK];
    int64_t stride = 1;
    for (int i = from->rank - 1; i >= 0; stride *= from->dim[i--])
        strides[i] = stride;
    Walk walk = {0};
    for (int i = 0; i < to->rank; ++i) {
        const int64_t extent = i < added ? 1 : from->dim[i - added];
        walk_add(&walk, extent > 0 ? to->dim[i] / extent : 0, 0);
        walk_add(&walk, extent, i < added ? 0 : strides[i - added]);
    }
    walk_facts(&walk, facts);
    return is_movable(node, node->inputs[0]);
}
