/* SPDX-License-Identifier: MIT
 *
 * What operators that move data share: walking elements (for the reference meanings) and loops around copies (for facts).
 * The two are kept apart on purpose: the reference visits element by element, the facts merge axes into runs.
 */
#include "compiler.h"

#include <string.h>

/* ---------------------------------------------------------------- elements */

bool next_coordinates(const Shape *shape, int32_t *coordinates)
{
    for (int axis = shape->rank - 1; axis >= 0; --axis) {
        if (++coordinates[axis] < shape->dim[axis])
            return true;
        coordinates[axis] = 0;
    }
    return false;
}

int64_t element_index(const Shape *shape, const int32_t *coordinates)
{
    int64_t index = 0;
    for (int axis = 0; axis < shape->rank; ++axis)
        index = index * shape->dim[axis] + coordinates[axis];
    return index;
}

void copy_element(DType dtype, const void *from, int64_t from_index, void *to, int64_t to_index)
{
    const size_t bytes = dtype_bits(dtype) / 8;
    if (bytes > 0)
        memcpy((uint8_t *)to + (size_t)to_index * bytes, (const uint8_t *)from + (size_t)from_index * bytes, bytes);
    else
        element_set_int(dtype, to, to_index, element_int(dtype, from, from_index));
}

/* ---------------------------------------------------------------- shape rules */

bool set_moved_output(Node *node, int index, Shape shape)
{
    const Tensor *input = node->inputs[0];
    if (!set_output(node, index, input->dtype, shape))
        return false;
    Tensor *output = node->outputs[index];
    if (!tensor_is_quantised(output) && is_per_tensor(input))
        output->quantisation = input->quantisation;
    return true;
}

bool is_movable(const Node *node, const Tensor *tensor)
{
    if (dtype_bits(tensor->dtype) >= 8)
        return true;
    return node_error(node, "operand \"%s\" has type %s, which only constants may have here", tensor->name,
        dtype_name(tensor->dtype));
}

/* ---------------------------------------------------------------- loops around a copy */

void walk_add(Walk *walk, int64_t extent, int64_t stride)
{
    walk->extent[walk->count] = extent;
    walk->stride[walk->count++] = stride;
}

void walk_merge(Walk *walk)
{
    int kept = 0;
    for (int i = 0; i < walk->count; ++i) {
        if (walk->extent[i] == 1)
            continue;
        /* Stepping the outer loop continues where the inner one ends (both at 0: a value that is repeated). */
        if (kept > 0 && walk->stride[kept - 1] == walk->extent[i] * walk->stride[i]) {
            walk->extent[kept - 1] *= walk->extent[i];
            walk->stride[kept - 1] = walk->stride[i];
            continue;
        }
        walk->extent[kept] = walk->extent[i];
        walk->stride[kept++] = walk->stride[i];
    }
    walk->count = kept;
}

bool walk_is_whole(const Walk *walk)
{
    return walk->offset == 0 && (walk->count == 0 || (walk->count == 1 && walk->stride[0] == 1));
}

void walk_facts(Walk *walk, Facts *facts)
{
    walk_merge(walk);
    int loops = walk->count;
    int64_t run = 1;
    if (loops > 0 && walk->stride[loops - 1] == 1)
        run = walk->extent[--loops];
    fact_ints(facts, "extents", loops, walk->extent);
    fact_ints(facts, "strides", loops, walk->stride);
    fact_int(facts, "run", run);
    fact_int(facts, "offset", walk->offset);
}
