/* SPDX-License-Identifier: MIT
 *
 * An operator of the imported file that has no canonical form, kept so that the rest of the model can be inspected. It has
 * no meaning: computing anything with it is refused here.
 */
#include "../compiler.h"

bool unsupported_shape(Node *node)
{
    return node_error(node, "%s: %s", node_string(node, "operator", "an operator"), node_string(node, "reason", "it is not supported"));
}

bool unsupported_evaluate(const Evaluation *evaluation)
{
    return node_error(evaluation->node, "an unsupported operator cannot be evaluated");
}

bool unsupported_facts(const Node *node, Facts *facts)
{
    (void)facts;
    return node_error(node, "an unsupported operator cannot be compiled");
}
