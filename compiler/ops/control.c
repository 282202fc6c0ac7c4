/* SPDX-License-Identifier: MIT
 *
 * If: region 0 or 1 over the inputs after the condition. While: region 1 (the body) over the loop's variables for as long as
 * region 0 (the condition) holds. The skeleton of the generated file prints both; there is no kernel.
 *
 * Shapes are static, so a loop's variables keep theirs from one turn to the next.
 */
#include "../compiler.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A loop that has not ended after so many turns is taken to be endless. */
enum { MAX_TURNS = 100000000 };

/* ---------------------------------------------------------------- shapes */

static bool check_region(const Node *node, const Graph *region, const char *role, int inputs, int outputs)
{
    if (region->input_count == inputs && region->output_count == outputs)
        return true;
    return node_error(node, "the %s region has %d inputs and %d outputs; %d and %d are expected", role,
        region->input_count, region->output_count, inputs, outputs);
}

/* Operands decide the shapes that the region works on. */
static bool bind_inputs(const Node *node, const Graph *region, Tensor *const *operands)
{
    for (int i = 0; i < region->input_count; ++i) {
        Tensor *inner = region->inputs[i];
        if (inner->dtype != DTYPE_NONE && inner->dtype != operands[i]->dtype)
            return node_error(node, "region input \"%s\" has type %s; the operand is %s", inner->name,
                dtype_name(inner->dtype), dtype_name(operands[i]->dtype));
        inner->dtype = operands[i]->dtype;
        inner->shape = operands[i]->shape;
        inner->shape_known = true;
        if (!tensor_is_quantised(inner) && is_per_tensor(operands[i]))
            inner->quantisation = operands[i]->quantisation;
    }
    return true;
}

static bool infer_region(
    const Node *node, Graph *region, const char *role, Tensor *const *operands, int inputs, int outputs)
{
    return check_region(node, region, role, inputs, outputs) && bind_inputs(node, region, operands) &&
           infer_graph(region);
}

static bool is_truth(const Node *node, const Tensor *tensor)
{
    if (tensor->dtype == DTYPE_BOOL && tensor_elements(tensor) == 1)
        return true;
    char text[112];
    return node_error(node, "the condition is %s%s; it must be one bool", dtype_name(tensor->dtype),
        shape_text(&tensor->shape, text));
}

static bool same_kind(const Node *node, const Tensor *a, const Tensor *b, const char *what)
{
    if (a->dtype == b->dtype && shape_equal(&a->shape, &b->shape))
        return true;
    char text_a[112], text_b[112];
    return node_error(node, "%s: \"%s\" is %s%s, \"%s\" is %s%s; shapes are static and must agree", what, a->name,
        dtype_name(a->dtype), shape_text(&a->shape, text_a), b->name, dtype_name(b->dtype),
        shape_text(&b->shape, text_b));
}

static bool take_outputs(Node *node, const Graph *region)
{
    for (int i = 0; i < node->output_count; ++i) {
        const Tensor *inner = region->outputs[i];
        if (!set_output(node, i, inner->dtype, inner->shape))
            return false;
        if (!tensor_is_quantised(node->outputs[i]) && is_per_tensor(inner))
            node->outputs[i]->quantisation = inner->quantisation;
    }
    return true;
}

static bool if_shape(Node *node)
{
    static const char *const roles[] = {"then", "else"};
    for (int k = 0; k < 2; ++k)
        if (!infer_region(
                node, node->regions[k], roles[k], node->inputs + 1, node->input_count - 1, node->output_count))
            return false;
    for (int i = 0; i < node->output_count; ++i)
        if (!same_kind(node, node->regions[0]->outputs[i], node->regions[1]->outputs[i], "the branches differ"))
            return false;
    return is_truth(node, node->inputs[0]) && take_outputs(node, node->regions[0]);
}

static bool while_shape(Node *node)
{
    const int count = node->input_count;
    if (node->output_count != count)
        return node_error(
            node, "it has %d inputs and %d outputs; a loop has as many of both", count, node->output_count);
    if (!infer_region(node, node->regions[0], "condition", node->inputs, count, 1) ||
        !infer_region(node, node->regions[1], "body", node->inputs, count, count))
        return false;
    for (int i = 0; i < count; ++i)
        if (!same_kind(node, node->inputs[i], node->regions[1]->outputs[i], "a loop variable changes"))
            return false;
    return is_truth(node, node->regions[0]->outputs[0]) && take_outputs(node, node->regions[1]);
}

bool control_shape(Node *node)
{
    if (node->region_count != 2)
        return node_error(node, "it has %d regions; 2 are expected", node->region_count);
    return node->op == OP_IF ? if_shape(node) : while_shape(node);
}

/* ---------------------------------------------------------------- meaning */

/* Buffers for each of `tensors`, in one allocation that starts with their addresses. */
static void **variables_new(Tensor *const *tensors, int count)
{
    size_t bytes = ((size_t)count * sizeof(void *) + 15) / 16 * 16, next = bytes;
    for (int i = 0; i < count; ++i)
        bytes += ((size_t)tensor_bytes(tensors[i]) + 31) / 16 * 16;
    void **variables = malloc(bytes + 16);
    if (variables == NULL)
        fatal(EXIT_WORK_FAILED, "out of memory: a loop's variables of %zu bytes", bytes);
    for (int i = 0; i < count; ++i) {
        variables[i] = (uint8_t *)variables + next;
        next += ((size_t)tensor_bytes(tensors[i]) + 31) / 16 * 16;
    }
    return variables;
}

static bool run_loop(const Node *node, void **variables, void **results)
{
    uint8_t truth = 0;
    void *condition[1] = {&truth};
    for (int32_t turn = 0; turn < MAX_TURNS; ++turn) {
        if (!evaluate_region(node->regions[0], variables, condition))
            return false;
        if (!truth)
            return true;
        if (!evaluate_region(node->regions[1], variables, results))
            return false;
        for (int i = 0; i < node->input_count; ++i)
            memcpy(variables[i], results[i], (size_t)tensor_bytes(node->inputs[i]));
    }
    return node_error(node, "the loop has not ended after %d turns", MAX_TURNS);
}

static bool while_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    void **variables = variables_new(node->inputs, node->input_count),
         **results = variables_new(node->inputs, node->input_count);
    for (int i = 0; i < node->input_count; ++i)
        memcpy(variables[i], evaluation->in[i], (size_t)tensor_bytes(node->inputs[i]));
    const bool ok = run_loop(node, variables, results);
    for (int i = 0; ok && i < node->output_count; ++i)
        memcpy(evaluation->out[i], variables[i], (size_t)tensor_bytes(node->outputs[i]));
    free(results);
    free(variables);
    return ok;
}

bool control_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    if (node->op == OP_WHILE)
        return while_evaluate(evaluation);
    const bool condition = *(const uint8_t *)evaluation->in[0] != 0;
    return evaluate_region(node->regions[condition ? 0 : 1], evaluation->in + 1, evaluation->out);
}

bool control_facts(const Node *node, Facts *facts)
{
    (void)node;
    (void)facts;
    return true;
}
