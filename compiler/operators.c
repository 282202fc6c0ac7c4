/* SPDX-License-Identifier: MIT
 *
 * The operator table, expanded from ops.def, and questions about its rows.
 */
#include "compiler.h"

#include <string.h>

#define OP(kind, name, family, inputs, outputs, traits, attributes)      \
    bool family##_shape(Node *node);                                     \
    bool family##_evaluate(const Evaluation *evaluation);                \
    bool family##_facts(const Node *node, Facts *facts);
#include "ops.def"
#undef OP

const Operator operators[OP_COUNT] = {
#define OP(kind, name, family, inputs, outputs, traits, attributes) \
    [OP_##kind] = {name, #family, inputs, outputs, traits, attributes, family##_shape, family##_evaluate, family##_facts},
#include "ops.def"
#undef OP
};

const Operator *node_operator(const Node *node)
{
    return &operators[node->op];
}

OpKind op_from_name(const char *name)
{
    for (int op = 0; op < OP_COUNT; ++op)
        if (strcmp(operators[op].name, name) == 0)
            return (OpKind)op;
    return OP_COUNT;
}

/* One role of a list like "input weights bias?": advances *roles; false at the end. */
static bool next_role(const char **roles, const char **name, int *length, char *mark)
{
    while (**roles == ' ')
        ++*roles;
    if (**roles == '\0')
        return false;
    *name = *roles;
    *length = (int)strcspn(*roles, " ?*");
    *roles += *length;
    *mark = **roles == '?' || **roles == '*' ? *(*roles)++ : ' ';
    return true;
}

static bool check_operands(const Node *node, const char *roles, const char *side, Tensor *const *operands, int count)
{
    const char *name;
    int length, index = 0;
    char mark = ' ';
    while (next_role(&roles, &name, &length, &mark)) {
        if (mark == '*') {
            if (index >= count && node->op != OP_UNSUPPORTED && node->op != OP_IF)
                return node_error(node, "it has no %s (%.*s); at least one is needed", side, length, name);
            for (; index < count; ++index)
                if (operands[index] == NULL)
                    return node_error(node, "%s %d (%.*s) is absent; every one must be given", side, index, length, name);
            return true;
        }
        const Tensor *operand = index < count ? operands[index] : NULL;
        if (operand == NULL && mark != '?')
            return node_error(node, "%s %d (%.*s) is missing", side, index, length, name);
        ++index;
    }
    for (int i = index; i < count; ++i)
        if (operands[i] != NULL)
            return node_error(node, "it has %d %ss; the operator takes at most %d", count, side, index);
    return true;
}

bool op_check_arity(const Node *node)
{
    const Operator *op = node_operator(node);
    return check_operands(node, op->inputs, "input", node->inputs, node->input_count) &&
        check_operands(node, op->outputs, "output", node->outputs, node->output_count);
}

bool op_attribute_type(OpKind op, const char *name, AttributeType *type)
{
    static const char *const names[] = {"int", "float", "string", "ints", "floats"};
    const size_t name_length = strlen(name);
    const char *text = operators[op].attributes;
    while (*(text += strspn(text, " ")) != '\0') {
        const size_t length = strcspn(text, ":");
        const char *kind = text + length + 1;
        const size_t kind_length = strcspn(kind, " ");
        if (length == name_length && memcmp(text, name, length) == 0)
            for (int i = 0; i < 5; ++i)
                if (strlen(names[i]) == kind_length && memcmp(names[i], kind, kind_length) == 0) {
                    *type = (AttributeType)i;
                    return true;
                }
        text = kind + kind_length;
    }
    return false;
}

static const char *role_name(Arena *arena, const char *roles, int index)
{
    const char *name;
    int length, position = 0;
    char mark;
    while (next_role(&roles, &name, &length, &mark)) {
        if (mark == '*')
            return arena_format(arena, "%.*s_%d", length, name, index - position);
        if (position++ == index)
            return arena_format(arena, "%.*s", length, name);
    }
    return arena_format(arena, "operand_%d", index);
}

const char *op_input_role(Arena *arena, OpKind op, int index)
{
    return role_name(arena, operators[op].inputs, index);
}

const char *op_output_role(Arena *arena, OpKind op, int index)
{
    return role_name(arena, operators[op].outputs, index);
}

/* MACs as the field counts them: padding taps included. */
static int64_t macs_once(const Node *node)
{
    const Tensor *output = node->output_count > 0 ? node->outputs[0] : NULL;
    const Tensor *weights = node_input(node, 1);
    const Tensor *input = node_input(node, 0);
    if (output == NULL || input == NULL)
        return 0;
    switch (node->op) {
    case OP_CONV_2D:
        return weights->shape.dim[0] > 0 ? tensor_elements(output) * (tensor_elements(weights) / weights->shape.dim[0]) : 0;
    case OP_DEPTHWISE_CONV_2D:
        return tensor_elements(output) * weights->shape.dim[1] * weights->shape.dim[2];
    case OP_TRANSPOSE_CONV_2D:
        return weights->shape.dim[3] > 0 ? tensor_elements(input) / weights->shape.dim[3] * tensor_elements(weights) : 0;
    case OP_FULLY_CONNECTED:
        return tensor_elements(output) * weights->shape.dim[weights->shape.rank - 1];
    case OP_BATCH_MAT_MUL: {
        const int axis = node_int(node, "transpose_a", 0) ? input->shape.rank - 2 : input->shape.rank - 1;
        return axis >= 0 ? tensor_elements(output) * input->shape.dim[axis] : 0;
    }
    case OP_UNIDIRECTIONAL_SEQUENCE_LSTM: {
        int64_t per_step = 0;
        for (int i = 1; i <= 8; ++i)
            per_step += node_input(node, i) != NULL ? tensor_elements(node->inputs[i]) : 0;
        const int32_t features = input->shape.rank > 0 ? input->shape.dim[input->shape.rank - 1] : 0;
        return features > 0 ? tensor_elements(input) / features * per_step : 0;
    }
    case OP_SVDF:
        return tensor_elements(weights) + tensor_elements(node->inputs[2]);
    default:
        return 0;
    }
}

int64_t node_macs(const Node *node)
{
    return macs_once(node) * (node->repeats > 0 ? node->repeats : 1);
}

int64_t graph_macs(const Graph *graph)
{
    int64_t macs = 0;
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        macs += node->region_count > 0 ? 0 : node_macs(node);
        for (int k = 0; k < node->region_count; ++k)
            macs += graph_macs(node->regions[k]);
    }
    return macs;
}
