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

/* ---------------------------------------------------------------- tables for vectors of channels */

/* The value of channel `channel` of fact `name`: a table, or one number for all. */
static int32_t channel_value(const Facts *facts, const char *name, int channel)
{
    const Fact *fact = fact_find(facts, name);
    return (int32_t)(fact->kind == FACT_INT ? fact->integer : element_int(fact->dtype, fact->data, channel));
}

/* "by_groups" of 4 or 8 channels: the table "scales", for each group its biases, multipliers and shifts (negative: to the right).
 * Groups of eight have the even channels first: narrowing two vectors into one interleaves them. */
static bool prove_by_groups(const Node *node, Facts *facts, int64_t group)
{
    (void)node;
    const Fact *bias = fact_find(facts, "folded_bias");
    if (facts->numbers_only)
        return true;
    if (bias == NULL || fact_find(facts, "multiplier") == NULL || fact_find(facts, "shift") == NULL)
        return false;
    const int count = (int)((bias->count + group - 1) / group * group), vectors = (int)group / 4;
    int32_t *scales = arena_array(facts->arena, (size_t)count * 3, sizeof *scales);
    for (int i = 0; i < count; ++i) {
        const int lane = i % (int)group, first = i - lane;
        const int channel = first + lane % 4 * vectors + lane / 4;
        int32_t *entry = scales + first * 3 + lane;
        const bool exists = channel < bias->count;
        entry[0] = exists ? channel_value(facts, "folded_bias", channel) : 0;
        entry[group] = exists ? channel_value(facts, "multiplier", channel) : 0;
        entry[2 * group] = exists ? -channel_value(facts, "shift", channel) : -1;
    }
    fact_table(facts, "scales", DTYPE_I32, 3 * count, scales, true);
    return true;
}

static const ScalingForm forms[] = {{"by_groups", prove_by_groups}, {NULL, NULL}};

bool fact_scaling_form(const Node *node, Facts *facts, const char *form, int64_t argument)
{
    for (const ScalingForm *entry = forms; entry->name != NULL; ++entry)
        if (strcmp(entry->name, form) == 0)
            return entry->prove(node, facts, argument);
    return node_error(node, "no scaling form \"%s\" is known", form);
}
