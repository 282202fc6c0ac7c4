/* SPDX-License-Identifier: MIT
 *
 * SignalWindow: a 16-bit window, applied to every frame of the last axis.
 * Meaning: TensorFlow Lite for Microcontrollers, signal/src/window.cc.
 */
#include "compiler.h"

#include <inttypes.h>

bool signal_window_shape(Node *node)
{
    const Tensor *input = node->inputs[0], *weights = node->inputs[1];
    const int64_t shift = node_int(node, "shift", 0);
    if (input->dtype != DTYPE_I16 || weights->dtype != DTYPE_I16)
        return node_error(node, "input and weights must be int16, they are %s and %s", dtype_name(input->dtype),
            dtype_name(weights->dtype));
    if (weights->shape.rank != 1 || weights->shape.dim[0] == 0 || input->shape.rank < 1)
        return node_error(node, "the input must have at least one axis and the weights exactly one");
    if (input->shape.dim[input->shape.rank - 1] % weights->shape.dim[0] != 0)
        return node_error(node, "frames of %d samples cannot be covered by a window of %d", input->shape.dim[input->shape.rank - 1],
            weights->shape.dim[0]);
    if (shift < 0 || shift > 31)
        return node_error(node, "shift is %" PRId64 "; it must be 0 to 31", shift);
    return set_output(node, 0, DTYPE_I16, input->shape);
}

bool signal_window_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const int16_t *input = evaluation->in[0], *weights = evaluation->in[1];
    int16_t *output = evaluation->out[0];
    const int64_t elements = tensor_elements(node->inputs[0]), width = tensor_elements(node->inputs[1]);
    const int64_t divisor = INT64_C(1) << node_int(node, "shift", 0);
    for (int64_t i = 0; i < elements; ++i) {
        const int64_t product = (int64_t)input[i] * weights[i % width];
        const int64_t quotient = product / divisor - (product % divisor < 0); /* rounds down */
        output[i] = (int16_t)clamp32(quotient, INT16_MIN, INT16_MAX);
    }
    return true;
}

bool signal_window_facts(const Node *node, Facts *facts)
{
    const int64_t width = tensor_elements(node->inputs[1]);
    fact_int(facts, "shift", node_int(node, "shift", 0));
    fact_int(facts, "width", width);
    fact_int(facts, "frames", tensor_elements(node->inputs[0]) / width);
    /* -32768 * -32768 is the largest product: 2^30 >> 15 is the first that does not fit */
    fact_int(facts, "may_saturate", node_int(node, "shift", 0) < 16);
    return true;
}
