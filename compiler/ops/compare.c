/* SPDX-License-Identifier: MIT
 *
 * Comparisons and logical operators: two operands, broadcast, bool out. Quantised operands are brought to a common
 * scale as TensorFlow Lite does, which may make different values equal.
 */
#include "../compiler.h"

static bool is_logical(OpKind op)
{
    return op == OP_LOGICAL_AND || op == OP_LOGICAL_OR;
}

static bool takes_dtype(OpKind op, DType dtype)
{
    if (dtype == DTYPE_BOOL)
        return is_logical(op) || op == OP_EQUAL || op == OP_NOT_EQUAL;
    return !is_logical(op) && (dtype == DTYPE_F32 || (dtype_is_integer(dtype) && dtype != DTYPE_I4));
}

static bool is_quantised(const Node *node)
{
    return is_quantised_dtype(node->inputs[0]) && is_quantised_dtype(node->inputs[1]);
}

bool compare_shape(Node *node)
{
    const Tensor *a = node->inputs[0], *b = node->inputs[1];
    Shape shape;
    if (a->dtype != b->dtype)
        return node_error(
            node, "operands are %s and %s; they must have the same type", dtype_name(a->dtype), dtype_name(b->dtype));
    if (!takes_dtype(node->op, a->dtype))
        return node_error(node, "operands of type %s are not supported", dtype_name(a->dtype));
    return broadcast_shapes(node, &a->shape, &b->shape, &shape) && set_output(node, 0, DTYPE_BOOL, shape);
}

static bool holds(OpKind op, int order)
{
    switch (op) {
    case OP_LESS:
        return order < 0;
    case OP_LESS_EQUAL:
        return order <= 0;
    case OP_GREATER:
        return order > 0;
    case OP_GREATER_EQUAL:
        return order >= 0;
    case OP_EQUAL:
        return order == 0;
    default:
        return order != 0;
    }
}

/* tensorflow/lite/kernels/internal/reference/comparisons.h, ComparisonWithScaling: 8 bits of headroom, then each
 * operand's scale */
static int32_t comparable(const Node *node, const Tensor *operand, int32_t stored)
{
    return rescaled(node, (stored - tensor_zero_point(operand)) * 256, rescale_by((double)tensor_scale(operand)));
}

static bool quantised_result(const Node *node, int32_t a, int32_t b)
{
    const int32_t x = comparable(node, node->inputs[0], a), y = comparable(node, node->inputs[1], b);
    return holds(node->op, (x > y) - (x < y));
}

/* A NaN is unequal to everything and in no order. */
static bool float_result(OpKind op, double a, double b)
{
    if (a != a || b != b)
        return op == OP_NOT_EQUAL;
    return holds(op, (a > b) - (a < b));
}

static bool integer_result(OpKind op, DType dtype, int64_t a, int64_t b)
{
    if (op == OP_LOGICAL_AND)
        return a != 0 && b != 0;
    if (op == OP_LOGICAL_OR)
        return a != 0 || b != 0;
    if (dtype == DTYPE_U64)
        return holds(op, ((uint64_t)a > (uint64_t)b) - ((uint64_t)a < (uint64_t)b));
    return holds(op, (a > b) - (a < b));
}

static BroadcastWalk walk_of(const Node *node)
{
    BroadcastWalk walk;
    const Shape *shapes[] = {&node->inputs[0]->shape, &node->inputs[1]->shape};
    broadcast_walk(&walk, &node->outputs[0]->shape, shapes, 2);
    return walk;
}

bool compare_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    const DType dtype = node->inputs[0]->dtype;
    const BroadcastWalk walk = walk_of(node);
    const int64_t count = tensor_elements(node->outputs[0]);
    uint8_t *output = evaluation->out[0];
    for (int64_t i = 0; i < count; ++i) {
        const int64_t a = broadcast_element(&walk, 0, i), b = broadcast_element(&walk, 1, i);
        if (dtype == DTYPE_F32) {
            output[i] = float_result(
                node->op, element_float(dtype, evaluation->in[0], a), element_float(dtype, evaluation->in[1], b));
            continue;
        }
        const int64_t x = element_int(dtype, evaluation->in[0], a), y = element_int(dtype, evaluation->in[1], b);
        output[i] =
            is_quantised(node) ? quantised_result(node, (int32_t)x, (int32_t)y) : integer_result(node->op, dtype, x, y);
    }
    return true;
}

/* Whether comparing stored values gives the same results for all pairs. */
static bool compares_stored(const Node *node)
{
    if (!is_quantised(node))
        return true;
    const DType dtype = node->inputs[0]->dtype;
    if (!is_8_bit(dtype) || !same_quantisation(node->inputs[0], node->inputs[1]))
        return false;
    for (int a = (int)dtype_min(dtype); a < dtype_max(dtype); ++a) /* distinct neighbours stay distinct, and in order */
        if (comparable(node, node->inputs[0], a) >= comparable(node, node->inputs[0], a + 1))
            return false;
    return true;
}

bool compare_facts(const Node *node, Facts *facts)
{
    static const char *const names[] = {"a_index", "b_index"};
    const BroadcastWalk walk = walk_of(node);
    broadcast_facts(&walk, facts, names);
    const bool stored = compares_stored(node);
    fact_string(facts, "form", stored ? "stored" : "rescaled");
    fact_int(facts, "single_rounding", node->model->single_rounding);
    if (stored)
        return true;
    fact_int(facts, "a_zero", tensor_zero_point(node->inputs[0]));
    fact_int(facts, "b_zero", tensor_zero_point(node->inputs[1]));
    fact_rescale(facts, "a", rescale_by((double)tensor_scale(node->inputs[0])));
    fact_rescale(facts, "b", rescale_by((double)tensor_scale(node->inputs[1])));
    return true;
}
