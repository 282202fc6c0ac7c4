/* SPDX-License-Identifier: MIT
 *
 * Fill: a tensor of one value.
 */
#include "../compiler.h"

#include <inttypes.h>

bool fill_shape(Node *node)
{
    const Tensor *value = node->inputs[1];
    if (tensor_elements(value) != 1)
        return node_error(node, "the value has %" PRId64 " elements; one is expected", tensor_elements(value));
    if (!node_take_ints(node, 0, "shape"))
        return false;
    const Attribute *extents = node_attribute(node, "shape");
    if (extents == NULL || extents->type != ATTRIBUTE_INTS || extents->count > MAX_RANK)
        return node_error(node, "\"shape\" must be given and have at most %d extents", MAX_RANK);
    Shape shape = {.rank = extents->count};
    for (int i = 0; i < extents->count; ++i) {
        if (extents->integers[i] < 0 || extents->integers[i] > INT32_MAX)
            return node_error(node, "extent %d is %" PRId64 ", out of range", i, extents->integers[i]);
        shape.dim[i] = (int32_t)extents->integers[i];
    }
    if (!set_output(node, 0, value->dtype, shape))
        return false;
    if (!tensor_is_quantised(node->outputs[0]) && is_per_tensor(value))
        node->outputs[0]->quantisation = value->quantisation;
    return true;
}

bool fill_evaluate(const Evaluation *evaluation)
{
    const Tensor *output = evaluation->node->outputs[0];
    for (int64_t i = 0; i < tensor_elements(output); ++i)
        copy_element(output->dtype, evaluation->in[1], 0, evaluation->out[0], i);
    return true;
}

bool fill_facts(const Node *node, Facts *facts)
{
    (void)facts;
    return is_movable(node, node->outputs[0]);
}
