/* SPDX-License-Identifier: MIT
 *
 * Shapes, types and constant folding in one walk: a node's shape may depend on constants that earlier nodes compute
 * (Shape -> StridedSlice -> Pack -> Reshape).
 *
 * requires nodes in topological order; sets shape and dtype of every tensor, turns shape operands into attributes;
 * removes nodes whose outputs are constants.
 */
#include "../compiler.h"

#include <inttypes.h>
#include <string.h>

/* Folding trades flash for time: it stops where a constant would become larger than what it is computed from can justify,
 * and where evaluation at compile time would take noticeable time: work, in bytes touched and operations, is limited per
 * model, with more of it for larger files. */
enum {
    MAX_FOLDED_BYTES = 16 << 20,
    FOLDING_ALLOWANCE = 1 << 20,
    FOLDING_PER_FILE_BYTE = 32
};

static bool is_expanding(const Node *node)
{
    int64_t in = 0, out = 0;
    for (int i = 0; i < node->input_count; ++i)
        in += node->inputs[i] != NULL ? tensor_bytes(node->inputs[i]) : 0;
    for (int i = 0; i < node->output_count; ++i)
        out += tensor_bytes(node->outputs[i]);
    return out > 4096 && out > 4 * in;
}

static int64_t window_work(const Node *node)
{
    if (node->op != OP_AVERAGE_POOL_2D && node->op != OP_MAX_POOL_2D)
        return node_macs(node);
    const double window = (double)node_ints(node, "filter", 0, 1) * (double)node_ints(node, "filter", 1, 1);
    const double work = (double)tensor_elements(node->outputs[0]) * window;
    return work < 1e15 ? (int64_t)work : (int64_t)1e15;
}

/* What evaluating the node costs, in bytes touched and operations done. */
static int64_t evaluation_work(const Node *node)
{
    int64_t work = 1024 + window_work(node);
    for (int i = 0; i < node->output_count; ++i)
        work += node->outputs[i] != NULL ? tensor_bytes(node->outputs[i]) : 0;
    for (int i = 0; i < node->input_count; ++i)
        work += node->inputs[i] != NULL && node->op != OP_SHAPE ? tensor_bytes(node->inputs[i]) : 0;
    return work;
}

static bool is_foldable(const Node *node)
{
    const Operator *op = node_operator(node);
    if (op->traits & (TRAIT_NO_FOLD | TRAIT_EFFECT | TRAIT_REGIONS))
        return false;
    int64_t bytes = 0;
    for (int i = 0; i < node->output_count; ++i)
        bytes += node->outputs[i] != NULL ? tensor_bytes(node->outputs[i]) : 0;
    for (int i = 0; i < node->input_count; ++i)
        if (node->inputs[i] != NULL && !tensor_is_constant(node->inputs[i]) && node->op != OP_SHAPE)
            return false;
    const int64_t allowance = FOLDING_ALLOWANCE + FOLDING_PER_FILE_BYTE * node->model->file_bytes;
    if (bytes > MAX_FOLDED_BYTES || node->model->folding_work + evaluation_work(node) > allowance)
        return false;
    return node->op == OP_SHAPE || (node->output_count > 0 && !is_expanding(node));
}

/* Dequantised 8-bit weights stay 8-bit in flash: the reader dequantises them in its kernel. */
static bool reads_as_weights(const Node *node, const Tensor *tensor)
{
    const bool takes_weights = node->op == OP_CONV_2D || node->op == OP_DEPTHWISE_CONV_2D || node->op == OP_FULLY_CONNECTED;
    return takes_weights && node_input(node, 1) == tensor && node_input(node, 0) != tensor && node_input(node, 2) != tensor;
}

static bool keep_compressed(const Graph *graph, const Node *node)
{
    const Tensor *weights = node_input(node, 0), *output = node->outputs[0];
    if (node->op != OP_DEQUANTIZE || !tensor_is_constant(weights) || weights->dtype != DTYPE_I8 || !tensor_is_quantised(weights))
        return false;
    int readers = 0;
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->input_count; ++k)
            if (graph->nodes[i]->inputs[k] == output) {
                if (!reads_as_weights(graph->nodes[i], output))
                    return false;
                ++readers;
            }
    for (int i = 0; i < graph->output_count; ++i)
        if (graph->outputs[i] == output)
            return false;
    return readers > 0;
}

static bool fold(Graph *graph, Node *node)
{
    if (keep_compressed(graph, node)) {
        graph_replace_uses(graph, node->outputs[0], node->inputs[0]);
        return true;
    }
    node->model->folding_work += evaluation_work(node);
    return evaluate_constant(node);
}

static bool is_folded(const Node *node)
{
    return node->mark;
}

static bool check_operands_known(const Node *node)
{
    if (node->op == OP_UNSUPPORTED)
        return true; /* its shape rule says what is wrong with it */
    for (int i = 0; i < node->input_count; ++i) {
        const Tensor *operand = node->inputs[i];
        if (operand != NULL && !operand->shape_known)
            return node_error(node, "the shape of operand \"%s\" is not known; give the model a static shape", operand->name);
        if (operand != NULL && operand->dtype == DTYPE_NONE)
            return node_error(node, "operand \"%s\" has a type that is not supported", operand->name);
    }
    for (int i = 0; i < node->output_count; ++i)
        if (node->outputs[i] != NULL && node->outputs[i]->kind != TENSOR_TEMPORARY)
            return node_error(node, "output \"%s\" is an input, a constant or a state", node->outputs[i]->name);
    return true;
}

static bool check_outputs(const Node *node)
{
    for (int i = 0; i < node->output_count; ++i) {
        const Tensor *output = node->outputs[i];
        if (output == NULL)
            continue;
        if (output->dtype == DTYPE_NONE)
            return node_error(node, "output \"%s\" has a type that is not supported", output->name);
        if (!output->shape_known || !shape_is_valid(&output->shape) || tensor_bytes(output) > INT32_MAX)
            return node_error(node, "output \"%s\" is larger than 2 GiB", output->name);
    }
    return true;
}

bool infer_graph(Graph *graph)
{
    bool folded = false;
    for (int i = 0; i < graph->node_count; ++i) {
        Node *node = graph->nodes[i];
        node->mark = 0;
        if (!op_check_arity(node) || !check_operands_known(node) || !node_operator(node)->shape(node) || !check_outputs(node))
            return false;
        if (is_foldable(node)) {
            if (!fold(graph, node))
                return false;
            node->mark = 1;
            folded = true;
        }
    }
    if (folded)
        graph_remove_nodes(graph, is_folded);
    return true;
}

bool pass_infer(Model *model)
{
    return infer_graph(model->main);
}
