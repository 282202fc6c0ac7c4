/* SPDX-License-Identifier: MIT
 *
 * SignalEnergy: squared magnitudes of a complex spectrum, from bin start_index up to end_index; the other bins are 0.
 * Meaning: TensorFlow Lite for Microcontrollers, signal/src/energy.cc (which leaves the other bins undefined).
 */
#include "compiler.h"

#include <inttypes.h>

bool signal_energy_shape(Node *node)
{
    const Tensor *input = node->inputs[0];
    const int64_t start = node_int(node, "start_index", 0);
    if (input->dtype != DTYPE_I16 || input->shape.rank != 1 || input->shape.dim[0] % 2 != 0)
        return node_error(node, "the input must be int16 of one axis: pairs of real and imaginary part");
    const int32_t bins = input->shape.dim[0] / 2;
    const int64_t end = node_int(node, "end_index", bins);
    if (start < 0 || end < start || end > bins)
        return node_error(node, "bins %" PRId64 " to %" PRId64 " are not within the spectrum's %d", start, end, bins);
    return set_output(node, 0, DTYPE_U32, shape_of(1, bins));
}

bool signal_energy_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const int16_t *input = evaluation->in[0];
    uint32_t *output = evaluation->out[0];
    const int32_t bins = node->inputs[0]->shape.dim[0] / 2;
    const int64_t start = node_int(node, "start_index", 0), end = node_int(node, "end_index", bins);
    for (int32_t i = 0; i < bins; ++i) {
        const int64_t real = input[2 * i], imaginary = input[2 * i + 1];
        output[i] = i >= start && i < end ? (uint32_t)(real * real + imaginary * imaginary) : 0;
    }
    return true;
}

bool signal_energy_facts(const Node *node, Facts *facts)
{
    const int32_t bins = node->inputs[0]->shape.dim[0] / 2;
    fact_int(facts, "start", node_int(node, "start_index", 0));
    fact_int(facts, "stop", node_int(node, "end_index", bins));
    fact_int(facts, "bins", bins);
    return true;
}
