/* SPDX-License-Identifier: MIT
 *
 * Channels that carry nothing: random networks whose filters are partly zero give the same outputs before and after they are
 * removed, and fewer multiply-accumulates.
 */
#include "compiler.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static int32_t between(int32_t low, int32_t high)
{
    return low + (int32_t)(unit_random() % (uint64_t)(high - low + 1));
}

static bool chance(int32_t one_in)
{
    return between(1, one_in) == 1;
}

static Tensor *image(Graph *graph, DType dtype, int32_t zero_point)
{
    Tensor *tensor = graph_add_tensor(graph, "t", dtype);
    tensor_quantise(graph, tensor, 0.05f, zero_point);
    return tensor;
}

/* Whole slices along `axis` of the shape are zero: of output channels (0 or 3), or of input channels. */
static Tensor *weights(Graph *graph, DType dtype, Shape shape, int outputs, int inputs)
{
    const int64_t count = shape_elements(&shape);
    uint8_t *data = arena_array(graph->model->arena, (size_t)count + 1, 1);
    const int32_t zero = dtype == DTYPE_U8 ? 128 : 0;
    bool dead[2][64] = {{false}};
    for (int i = 0; i < 64; ++i) {
        dead[0][i] = chance(3);
        dead[1][i] = inputs >= 0 && chance(4);
    }
    int32_t at[MAX_RANK] = {0};
    for (int64_t i = 0; i < count; ++i) {
        const bool is_zero = dead[0][at[outputs]] || (inputs >= 0 && dead[1][at[inputs]]);
        element_set_int(dtype, data, i, zero + (is_zero ? 0 : between(-60, 60)));
        next_coordinates(&shape, at);
    }
    Tensor *tensor = graph_add_constant(graph, "w", dtype, shape, data);
    const int32_t channels = shape.dim[outputs];
    const int scales = dtype == DTYPE_I8 && chance(2) ? channels : 1;
    float *scale = arena_array(graph->model->arena, (size_t)scales, sizeof *scale);
    int32_t *zero_point = arena_array(graph->model->arena, (size_t)scales, sizeof *zero_point);
    for (int i = 0; i < scales; ++i) {
        scale[i] = 0.002f * (float)between(1, 9);
        zero_point[i] = zero;
    }
    tensor->quantisation = (Quantisation){scales, outputs, scale, zero_point};
    return tensor;
}

static Tensor *bias(Graph *graph, int32_t channels)
{
    int32_t *data = arena_array(graph->model->arena, (size_t)channels, sizeof *data);
    for (int32_t i = 0; i < channels; ++i)
        data[i] = chance(3) ? 0 : between(-4000, 4000);
    return graph_add_constant(graph, "b", DTYPE_I32, shape_of(1, channels), data);
}

static Tensor *add(Graph *graph, OpKind op, Tensor *input, Tensor *second, Tensor *third, int inputs)
{
    Node *node = graph_add_node(graph, op, NULL, inputs, 1);
    node->inputs[0] = input;
    if (inputs > 1)
        node->inputs[1] = second;
    if (inputs > 2)
        node->inputs[2] = third;
    const bool keeps = op == OP_MAX_POOL_2D || op == OP_AVERAGE_POOL_2D || op == OP_RESHAPE;
    const int32_t zero = keeps || chance(3) ? tensor_zero_point(input) : input->dtype == DTYPE_U8 ? between(0, 255) : between(-128, 127);
    node->outputs[0] = image(graph, input->dtype, zero);
    if (op == OP_CONV_2D || op == OP_DEPTHWISE_CONV_2D || op == OP_ADD)
        node_set_string(node, "activation", chance(2) ? "relu" : "none");
    if (op != OP_ADD && op != OP_RESHAPE)
        node_set_string(node, "padding", chance(2) ? "same" : "valid");
    if (op == OP_MAX_POOL_2D || op == OP_AVERAGE_POOL_2D)
        node_set_ints(node, "filter", 2, (const int64_t[]){2, 2});
    if (!infer_graph(graph)) {
        CHECK(false);
        exit(1);
    }
    return node->outputs[0];
}

static Tensor *convolve(Graph *graph, Tensor *input, int32_t outputs)
{
    const int32_t filter = chance(2) ? 1 : 3;
    const Shape shape = shape_of(4, outputs, filter, filter, input->shape.dim[3]);
    return add(graph, OP_CONV_2D, input, weights(graph, input->dtype, shape, 0, 3), bias(graph, outputs), 3);
}

static Tensor *filter_channels(Graph *graph, Tensor *input)
{
    const int32_t channels = input->shape.dim[3];
    return add(graph, OP_DEPTHWISE_CONV_2D, input, weights(graph, input->dtype, shape_of(4, 1, 3, 3, channels), 3, -1), bias(graph, channels), 3);
}

static Tensor *classify(Graph *graph, Tensor *input)
{
    Node *pool = graph_add_node(graph, OP_AVERAGE_POOL_2D, NULL, 1, 1);
    pool->inputs[0] = input;
    pool->outputs[0] = image(graph, input->dtype, tensor_zero_point(input));
    node_set_ints(pool, "filter", 2, (const int64_t[]){input->shape.dim[1], input->shape.dim[2]});
    Node *flatten = graph_add_node(graph, OP_RESHAPE, NULL, 1, 1);
    flatten->inputs[0] = pool->outputs[0];
    flatten->outputs[0] = image(graph, input->dtype, tensor_zero_point(input));
    node_set_ints(flatten, "shape", 2, (const int64_t[]){1, input->shape.dim[3]});
    const Shape shape = shape_of(2, 5, input->shape.dim[3]);
    return add(graph, OP_FULLY_CONNECTED, flatten->outputs[0], weights(graph, input->dtype, shape, 0, 1), bias(graph, 5), 3);
}

static Model *make_model(void)
{
    Model *model = model_new("random", 0);
    Graph *graph = model->main;
    const DType dtype = chance(4) ? DTYPE_U8 : DTYPE_I8;
    graph->inputs = arena_array(model->arena, 2, sizeof *graph->inputs);
    graph->outputs = arena_array(model->arena, 2, sizeof *graph->outputs);
    Tensor *input = image(graph, dtype, dtype == DTYPE_U8 ? between(0, 255) : between(-128, 127));
    input->shape = shape_of(4, 1, between(8, 10), between(8, 10), between(1, 4));
    input->shape_known = true;
    input->kind = TENSOR_INPUT;
    graph->inputs[graph->input_count++] = input;
    Tensor *now = convolve(graph, input, 4 * between(1, 4));
    for (int layer = 0; layer < 3; ++layer) {
        if (chance(2))
            now = filter_channels(graph, now);
        if (chance(5) && now->shape.dim[1] >= 4 && now->shape.dim[2] >= 4)
            now = add(graph, chance(2) ? OP_MAX_POOL_2D : OP_AVERAGE_POOL_2D, now, NULL, NULL, 1);
        if (now->shape.dim[1] < 3 || now->shape.dim[2] < 3)
            break;
        Tensor *before = now;
        now = convolve(graph, now, chance(2) ? now->shape.dim[3] : between(1, 12));
        if (shape_equal(&before->shape, &now->shape) && chance(2))
            now = add(graph, OP_ADD, before, now, NULL, 2);
        if (now->shape.dim[1] < 3 || now->shape.dim[2] < 3)
            break;
    }
    graph->outputs[graph->output_count++] = classify(graph, now);
    return model;
}

static void run(Model *model, const uint8_t *input, uint8_t output[5])
{
    Interpreter *interpreter = interpreter_new(model);
    const void *inputs[1] = {input};
    void *outputs[1] = {output};
    CHECK(interpreter_run(interpreter, inputs, outputs));
    interpreter_free(interpreter);
}

static bool loses_channels(void)
{
    Model *model = make_model();
    uint8_t inputs[3][400], before[3][5], after[3][5];
    for (int k = 0; k < 3; ++k) {
        for (int i = 0; i < 400; ++i)
            inputs[k][i] = (uint8_t)unit_random();
        run(model, inputs[k], before[k]);
    }
    const int64_t macs = graph_macs(model->main);
    CHECK(pass_channels(model));
    CHECK(verify_model(model, "channels"));
    CHECK(graph_macs(model->main) <= macs);
    const bool lost = graph_macs(model->main) < macs;
    for (int k = 0; k < 3; ++k) {
        run(model, inputs[k], after[k]);
        CHECK(memcmp(before[k], after[k], 5) == 0);
    }
    CHECK(infer_graph(model->main)); /* shapes follow from what is left */
    model_free(model);
    return lost;
}

int main(void)
{
    int lost = 0;
    for (int i = 0; i < 1500; ++i)
        lost += loses_channels();
    CHECK(lost > 700);
    return unit_result();
}
