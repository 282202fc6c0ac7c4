/* SPDX-License-Identifier: MIT
 *
 * FullyConnected: weights [outputs, inputs]; the input is a list of vectors of `inputs` elements.
 *
 * Integers as tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h. With one scale for all weights
 * the product of the scales is taken in float, with one per output in double
 * (micro/kernels/fully_connected_common.cc).
 */
#include "../compiler.h"

#include <inttypes.h>

static bool has_wide_sums(const Node *node)
{
    const Tensor *bias = node_input(node, 2);
    return node->inputs[0]->dtype == DTYPE_I16 && bias != NULL && bias->dtype == DTYPE_I64;
}

static ScaleProduct product_form(const Node *node)
{
    return node->inputs[1]->quantisation.count > 1 ? PRODUCT_IN_DOUBLE : PRODUCT_IN_FLOAT;
}

static bool linear_extents(const Node *node, int64_t *vectors, int32_t *outputs, int32_t *inputs)
{
    const Shape *weights = &node->inputs[1]->shape;
    if (weights->rank < 2)
        return node_error(node, "the weights have rank %d; [outputs, inputs] is needed", weights->rank);
    *outputs = weights->dim[weights->rank - 2];
    *inputs = weights->dim[weights->rank - 1];
    const int64_t elements = tensor_elements(node->inputs[0]);
    if (*inputs < 1 || *outputs < 1 || tensor_elements(node->inputs[1]) != (int64_t)*inputs * *outputs ||
        elements % *inputs != 0)
        return node_error(
            node, "an input of %" PRId64 " elements does not go with weights [%d, %d]", elements, *outputs, *inputs);
    *vectors = elements / *inputs;
    return elements > 0 || node_error(node, "the input has no elements");
}

/* What the file declares stands if it has the right elements: TFLite's converters leave shapes of other ranks. */
static Shape linear_output(const Node *node, int64_t vectors, int32_t outputs)
{
    const Shape *input = &node->inputs[0]->shape, *declared = &node->outputs[0]->shape;
    Shape shape = shape_of(2, (int32_t)vectors, outputs);
    if (node_int(node, "keep_dims", 0) && input->rank > 0) {
        shape = *input;
        shape.dim[shape.rank - 1] = outputs;
    }
    const bool fits = declared->rank > 0 && declared->dim[declared->rank - 1] == outputs &&
                      shape_elements(declared) == vectors * outputs;
    return fits ? *declared : shape;
}

bool linear_shape(Node *node)
{
    int64_t vectors;
    int32_t outputs, inputs;
    if (!linear_extents(node, &vectors, &outputs, &inputs))
        return false;
    if (node_int(node, "keep_dims", 0) &&
        (node->inputs[0]->shape.rank < 1 || node->inputs[0]->shape.dim[node->inputs[0]->shape.rank - 1] != inputs))
        return node_error(node, "with keep_dims the input's last extent must be %d", inputs);
    if (vectors * outputs > INT32_MAX)
        return node_error(node, "the output has 2^31 elements or more");
    if (!set_output(node, 0, node->inputs[0]->dtype, linear_output(node, vectors, outputs)))
        return false;
    return weighted_check(node, node->inputs[1]->shape.rank - 2, outputs);
}

bool linear_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    int64_t vectors;
    int32_t outputs, inputs;
    Scaling scaling;
    Arena *arena = arena_new(0);
    bool ok = linear_extents(node, &vectors, &outputs, &inputs) &&
              weighted_scaling(node, arena, product_form(node), has_wide_sums(node), &scaling);
    if (ok && vectors > 0) {
        const double *input = weighted_values(evaluation, arena, 0, 0),
                     *weights = weighted_values(evaluation, arena, 1, node->inputs[1]->shape.rank - 2);
        for (int64_t vector = 0; vector < vectors; ++vector)
            for (int32_t output = 0; output < outputs; ++output) {
                const double sum = weighted_dot(
                    &scaling, 0.0, input + vector * inputs, 1, weights + (int64_t)output * inputs, 1, inputs);
                weighted_store(evaluation, &scaling, sum, output, vector * outputs + output);
            }
    }
    arena_free(arena);
    return ok;
}

bool linear_facts(const Node *node, Facts *facts)
{
    int64_t vectors;
    int32_t outputs, inputs;
    if (!linear_extents(node, &vectors, &outputs, &inputs))
        return false;
    fact_int(facts, "vectors", vectors);
    fact_int(facts, "outputs", outputs);
    fact_int(facts, "inputs", inputs);
    int across, down;
    weighted_block(vectors, outputs, 2, 4, &across, &down);
    form_facts(node, facts, across, down, vectors, outputs);
    fact_int(facts, "tails", node->form.staging == STAGING_PIXEL);
    return weighted_facts(node, facts, product_form(node), has_wide_sums(node), outputs,
        weighted_sums(node, facts->arena, 1, outputs, inputs), inputs, true);
}
