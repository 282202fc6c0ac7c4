/* SPDX-License-Identifier: MIT
 *
 * bench_xnnpack MODEL: times the generated pair that it is linked with beside XNNPACK, which gets the same graph. Rounds are
 * interleaved, one thread, and the least mean of a round counts. The final softmax of integer models is left out for XNNPACK, whose
 * 2022 release has none. Built and run by tools/bench_xnnpack.sh; nothing else needs it.
 */
#include "compiler.h"
#include "model_interface.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xnnpack.h>

static xnn_subgraph_t subgraph;

static void must(bool ok, const char *what)
{
    if (!ok)
        fatal(EXIT_WORK_FAILED, "XNNPACK: %s", what);
}

static void must_succeed(enum xnn_status status, const char *what)
{
    must(status == xnn_status_success, what);
}

/* ---------------------------------------------------------------- values: tensor->mark is the id + 1 */

static enum xnn_datatype datatype_of(const Tensor *tensor, bool by_channel)
{
    if (tensor->dtype == DTYPE_F32)
        return xnn_datatype_fp32;
    if (tensor->dtype == DTYPE_I32)
        return by_channel ? xnn_datatype_qcint32 : xnn_datatype_qint32;
    must(tensor->dtype == DTYPE_I8, "only int8 and float32 models");
    return by_channel ? xnn_datatype_qcint8 : xnn_datatype_qint8;
}

/* `bias_of`: a bias of int32 has the scales input * weights, whatever the file says. */
static uint32_t define_value(Tensor *tensor, const Node *bias_of, uint32_t external, uint32_t flags)
{
    size_t dims[MAX_RANK];
    uint32_t id = 0;
    if (tensor->mark > 0)
        return (uint32_t)tensor->mark - 1;
    for (int i = 0; i < tensor->shape.rank; ++i)
        dims[i] = (size_t)tensor->shape.dim[i];
    const size_t rank = (size_t)tensor->shape.rank;
    const Quantisation *q = bias_of != NULL ? &bias_of->inputs[1]->quantisation : &tensor->quantisation;
    if (tensor->dtype == DTYPE_F32) {
        must_succeed(xnn_define_tensor_value(subgraph, xnn_datatype_fp32, rank, dims, tensor->data, external, flags, &id), "value");
    } else {
        float *scale = arena_array(bias_of != NULL ? bias_of->model->arena : arena_new(0), (size_t)q->count, sizeof *scale);
        for (int i = 0; i < q->count; ++i)
            scale[i] = q->scale[i] * (bias_of != NULL ? tensor_scale(bias_of->inputs[0]) : 1.0f);
        if (q->count > 1)
            must_succeed(xnn_define_channelwise_quantized_tensor_value(subgraph, datatype_of(tensor, true), scale, rank,
                             bias_of != NULL ? 0 : (size_t)q->axis, dims, tensor->data, external, flags, &id),
                "value by channel");
        else
            must_succeed(xnn_define_quantized_tensor_value(subgraph, datatype_of(tensor, false), tensor_zero_point(tensor), scale[0], rank,
                             dims, tensor->data, external, flags, &id),
                "quantised value");
    }
    tensor->mark = (int)id + 1;
    return id;
}

static uint32_t input_id(const Node *node, int index)
{
    Tensor *tensor = node_input(node, index);
    return tensor == NULL ? XNN_INVALID_VALUE_ID : define_value(tensor, index == 2 && tensor->dtype == DTYPE_I32 ? node : NULL, XNN_INVALID_VALUE_ID, 0);
}

/* ---------------------------------------------------------------- nodes */

static void define_convolution(const Node *node, float low, float high, uint32_t output)
{
    const Shape *filter = &node->inputs[1]->shape, *input = &node->inputs[0]->shape;
    const bool same = strcmp(node_string(node, "padding", "valid"), "same") == 0;
    const uint32_t flags = same ? XNN_FLAG_TENSORFLOW_SAME_PADDING : 0;
    const uint32_t stride_y = (uint32_t)node_ints(node, "stride", 0, 1), stride_x = (uint32_t)node_ints(node, "stride", 1, 1);
    const uint32_t spread_y = (uint32_t)node_ints(node, "dilation", 0, 1), spread_x = (uint32_t)node_ints(node, "dilation", 1, 1);
    const uint32_t height = (uint32_t)filter->dim[1], width = (uint32_t)filter->dim[2];
    const uint32_t a = input_id(node, 0), b = input_id(node, 1), c = input_id(node, 2);
    if (node->op == OP_DEPTHWISE_CONV_2D)
        must_succeed(xnn_define_depthwise_convolution_2d(subgraph, 0, 0, 0, 0, height, width, stride_y, stride_x, spread_y, spread_x,
                         (uint32_t)(filter->dim[3] / input->dim[3]), (size_t)input->dim[3], low, high, a, b, c, output, flags),
            node->name);
    else
        must_succeed(xnn_define_convolution_2d(subgraph, 0, 0, 0, 0, height, width, stride_y, stride_x, spread_y, spread_x,
                         (uint32_t)(input->dim[3] / filter->dim[3]), (size_t)filter->dim[3], (size_t)filter->dim[0], low, high, a, b, c, output, flags),
            node->name);
}

static void define_node(const Node *node, uint32_t output)
{
    float low, high;
    activation_range_float(node, &low, &high);
    switch (node->op) {
    case OP_CONV_2D:
    case OP_DEPTHWISE_CONV_2D:
        define_convolution(node, low, high, output);
        break;
    case OP_FULLY_CONNECTED:
        must_succeed(xnn_define_fully_connected(subgraph, low, high, input_id(node, 0), input_id(node, 1), input_id(node, 2), output, XNN_FLAG_TENSORFLOW_RESHAPE_2D), node->name);
        break;
    case OP_ADD:
        must_succeed(xnn_define_add2(subgraph, low, high, input_id(node, 0), input_id(node, 1), output, 0), node->name);
        break;
    case OP_AVERAGE_POOL_2D:
        must(node->outputs[0]->shape.dim[1] == 1 && node->outputs[0]->shape.dim[2] == 1, "only pooling of the whole image");
        must_succeed(xnn_define_global_average_pooling_2d(subgraph, low, high, input_id(node, 0), output, 0), node->name);
        break;
    case OP_SOFTMAX:
        must_succeed(xnn_define_softmax(subgraph, input_id(node, 0), output, 0), node->name);
        break;
    default:
        fatal(EXIT_WORK_FAILED, "XNNPACK: no %s here", node_operator(node)->name);
    }
}

/* What is left of the graph behind the last softmax of integers, or its end. */
static Tensor *last_value(const Graph *graph)
{
    Tensor *tensor = graph->outputs[0];
    for (int i = graph->node_count - 1; i >= 0; --i) {
        const Node *node = graph->nodes[i];
        const bool dropped = (node->op == OP_SOFTMAX && tensor->dtype == DTYPE_I8) || node->op == OP_RESHAPE;
        if (node->outputs[0] == tensor && dropped)
            tensor = node->inputs[0];
    }
    return tensor;
}

static void define_graph(Graph *graph, Tensor *last)
{
    graph_clear_marks(graph);
    define_value(graph->inputs[0], NULL, 0, XNN_VALUE_FLAG_EXTERNAL_INPUT);
    define_value(last, NULL, 1, XNN_VALUE_FLAG_EXTERNAL_OUTPUT);
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        Tensor *output = node->outputs[0];
        if (node->op == OP_RESHAPE) {
            if (output != last)
                output->mark = (int)input_id(node, 0) + 1;
            continue;
        }
        define_node(node, define_value(output, NULL, XNN_INVALID_VALUE_ID, 0));
        if (output == last)
            break;
    }
}

/* ---------------------------------------------------------------- times */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

static xnn_runtime_t runtime;

static void run_peer(void)
{
    must_succeed(xnn_invoke_runtime(runtime), "invoke");
}

static void run_pair(void)
{
    model_run();
}

static double round_of(void (*run)(void), int runs)
{
    const double start = now();
    for (int i = 0; i < runs; ++i)
        run();
    return (now() - start) / runs;
}

static int64_t largest_difference(const Tensor *tensor, const void *a, const void *b)
{
    double largest = 0.0;
    for (int64_t i = 0; i < tensor_elements(tensor); ++i) {
        const double difference = fabs(element_float(tensor->dtype, a, i) - element_float(tensor->dtype, b, i));
        largest = difference > largest ? difference : largest;
    }
    return (int64_t)(tensor->dtype == DTYPE_F32 ? largest * 1e9 : largest);
}

int main(int argc, char **argv)
{
    const CompileOptions options = {.optimize = OPTIMIZE_SPEED};
    Model *model = argc > 1 ? import_model(argv[1], options.name) : NULL;
    if (model == NULL || !pass_infer(model) || !pass_simplify(model))
        return EXIT_BAD_INPUT;
    Tensor *last = last_value(model->main);
    must_succeed(xnn_initialize(NULL), "initialize");
    must_succeed(xnn_create_subgraph(2, 0, &subgraph), "subgraph");
    define_graph(model->main, last);
    must_succeed(xnn_create_runtime_v2(subgraph, NULL, 0, &runtime), "runtime");
    const model_tensor input = model_input(0);
    const size_t bytes = input.element_bytes * input.elements;
    uint8_t *values = calloc(1, bytes + XNN_EXTRA_BYTES), *result = calloc(1, (size_t)tensor_bytes(last) + XNN_EXTRA_BYTES);
    must(values != NULL && result != NULL, "memory");
    for (size_t i = 0; i < input.elements; ++i)
        if (input.type == ELEMENT_FLOAT)
            ((float *)(void *)values)[i] = (float)(i * 37 % 101) * 0.01f;
        else
            values[i] = (uint8_t)(i * 37 % 251);
    memcpy(input.data, values, bytes);
    const struct xnn_external_value external[] = {{0, values}, {1, result}};
    must_succeed(xnn_setup_runtime(runtime, 2, external), "setup");
    double pair = 1e30, peer = 1e30;
    for (int round = 0; round < 300; ++round) { /* short ones: some are not interrupted on a busy machine, either */
        const int runs = round == 0 ? 10 : (int)(500.0 / peer) + 1;
        const double a = round_of(run_peer, runs), b = round_of(run_pair, runs * 2);
        peer = a < peer ? a : peer;
        pair = b < pair ? b : pair;
    }
    printf("%-28s etch %8.2f us   XNNPACK %8.2f us   %5.2f times as fast", model_name, pair, peer, peer / pair);
    if (last == model->main->outputs[0])
        printf("   largest difference %lld%s", (long long)largest_difference(last, result, model_output(0).data), last->dtype == DTYPE_F32 ? "e-9" : "");
    printf("\n");
    return EXIT_OK;
}
