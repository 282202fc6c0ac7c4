/* SPDX-License-Identifier: MIT
 *
 * ReadState copies a state tensor out, AssignState copies a value in. passes/simplify.c lets readers use the state itself
 * where that is safe.
 */
#include "../compiler.h"

#include <string.h>

bool state_shape(Node *node)
{
    const Tensor *state = node->inputs[0];
    if (state->kind != TENSOR_STATE)
        return node_error(node, "operand \"%s\" is not a state", state->name);
    if (node->op == OP_READ_STATE)
        return set_moved_output(node, 0, state->shape);
    const Tensor *value = node->inputs[1];
    char a[112], b[112];
    if (value->dtype != state->dtype || tensor_elements(value) != tensor_elements(state))
        return node_error(node, "the value is %s%s, the state %s%s; they must agree", dtype_name(value->dtype),
            shape_text(&value->shape, a), dtype_name(state->dtype), shape_text(&state->shape, b));
    return true;
}

bool state_evaluate(const Evaluation *evaluation)
{
    const size_t bytes = (size_t)tensor_bytes(evaluation->node->inputs[0]);
    if (evaluation->node->op == OP_READ_STATE)
        memcpy(evaluation->out[0], evaluation->in[0], bytes);
    else
        memmove(evaluation->in[0], evaluation->in[1], bytes);
    return true;
}

bool state_facts(const Node *node, Facts *facts)
{
    (void)node;
    (void)facts;
    return true;
}
