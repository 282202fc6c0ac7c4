/* SPDX-License-Identifier: MIT
 *
 * PRelu: x where it is not negative, else alpha * x; alpha is broadcast.
 */
#include "../compiler.h"

static bool is_quantised(const Node *node)
{
    return is_quantised_dtype(node->inputs[0]);
}

bool prelu_shape(Node *node)
{
    const Tensor *input = node->inputs[0], *alpha = node->inputs[1];
    Shape shape;
    if (input->dtype != DTYPE_F32 && !is_quantised(node))
        return node_error(node, "an input of type %s is not supported; float32 and quantised int8, uint8, int16 are",
            dtype_name(input->dtype));
    /* 16-bit activations have 8-bit slopes (tensorflow/lite/micro/kernels/prelu_common.cc) */
    if (alpha->dtype != input->dtype && !(input->dtype == DTYPE_I16 && alpha->dtype == DTYPE_I8))
        return node_error(node, "alpha is %s, the input %s", dtype_name(alpha->dtype), dtype_name(input->dtype));
    if (!broadcast_shapes(node, &input->shape, &alpha->shape, &shape) || !set_output(node, 0, input->dtype, shape))
        return false;
    if (is_quantised(node) &&
        (!is_per_tensor(alpha) || !is_per_tensor(node->outputs[0]) || tensor_scale(node->outputs[0]) <= 0))
        return node_error(node, "alpha and output must be quantised with one scale each, as the input is");
    return true;
}

static Rescale identity_rescale(const Node *node)
{
    return rescale_by((double)tensor_scale(node->inputs[0]) / (double)tensor_scale(node->outputs[0]));
}

static Rescale slope_rescale(const Node *node)
{
    return rescale_by((double)tensor_scale(node->inputs[0]) * (double)tensor_scale(node->inputs[1]) /
                      (double)tensor_scale(node->outputs[0]));
}

/* tensorflow/lite/kernels/internal/reference/prelu.h */
static int64_t quantised_result(const Node *node, int32_t stored, int32_t stored_alpha)
{
    const Tensor *output = node->outputs[0];
    const int32_t value = stored - tensor_zero_point(node->inputs[0]),
                  alpha = stored_alpha - tensor_zero_point(node->inputs[1]);
    const int32_t result =
        value >= 0 ? rescaled(node, value, identity_rescale(node)) : rescaled(node, value * alpha, slope_rescale(node));
    return clamp32((int64_t)result + tensor_zero_point(output), (int32_t)dtype_min(output->dtype),
        (int32_t)dtype_max(output->dtype));
}

static BroadcastWalk walk_of(const Node *node)
{
    BroadcastWalk walk;
    const Shape *shapes[] = {&node->inputs[0]->shape, &node->inputs[1]->shape};
    broadcast_walk(&walk, &node->outputs[0]->shape, shapes, 2);
    return walk;
}

bool prelu_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const DType dtype = node->inputs[0]->dtype, alpha_dtype = node->inputs[1]->dtype;
    const BroadcastWalk walk = walk_of(node);
    for (int64_t i = 0; i < tensor_elements(node->outputs[0]); ++i) {
        const int64_t x = broadcast_element(&walk, 0, i), y = broadcast_element(&walk, 1, i);
        if (dtype == DTYPE_F32) {
            const float value = ((const float *)evaluation->in[0])[x];
            ((float *)evaluation->out[0])[i] = value >= 0 ? value : value * ((const float *)evaluation->in[1])[y];
            continue;
        }
        const int32_t value = (int32_t)element_int(dtype, evaluation->in[0], x);
        const int32_t alpha = (int32_t)element_int(alpha_dtype, evaluation->in[1], y);
        element_set_int(dtype, evaluation->out[0], i, quantised_result(node, value, alpha));
    }
    return true;
}

bool prelu_facts(const Node *node, Facts *facts)
{
    static const char *const names[] = {"input_index", "alpha_index"};
    const BroadcastWalk walk = walk_of(node);
    broadcast_facts(&walk, facts, names);
    fact_int(facts, "single_rounding", node->model->single_rounding);
    if (!is_quantised(node))
        return true;
    fact_rescale(facts, "identity", identity_rescale(node));
    fact_rescale(facts, "slope", slope_rescale(node));
    return true;
}
