/* SPDX-License-Identifier: MIT
 *
 * Cast between all types. Integers wrap as C's conversions do on every machine that matters; floats are truncated, and
 * saturate where C leaves the result undefined (NaN becomes 0). To types of 8 and 16 bits floats go by way of int32, of
 * which the low bits stay: the reference kernels' static_cast is undefined there, and this is what it comes to on a
 * 64-bit host.
 */
#include "../compiler.h"

#include <math.h>

bool cast_shape(Node *node)
{
    const Tensor *input = node->inputs[0];
    DType dtype = node->outputs[0]->dtype;
    const char *name = node_string(node, "dtype", NULL);
    if (name != NULL)
        dtype = dtype_from_name(name);
    if (dtype == DTYPE_NONE || dtype == DTYPE_I4)
        return node_error(node, "attribute \"dtype\" is absent or no type that values can be cast to");
    return set_output(node, 0, dtype, input->shape);
}

static bool is_real(DType dtype)
{
    return dtype_is_float(dtype);
}

static int64_t truncated(double value, DType dtype)
{
    if (isnan(value))
        return 0;
    if (dtype == DTYPE_U64)
        return value <= 0 ? 0 : (value >= 18446744073709551616.0 ? -1 : (int64_t)(uint64_t)value);
    const double whole = trunc(value);
    if (dtype_bits(dtype) < 32) /* what int32 does not hold: its least value, whose low bits are 0 */
        return fabs(whole) < 2147483648.0 ? (int64_t)whole : 0;
    if (whole <= (double)dtype_min(dtype))
        return dtype_min(dtype);
    return whole >= (double)dtype_max(dtype) ? dtype_max(dtype) : (int64_t)whole;
}

static void cast_real(DType to, void *out, int64_t index, double value)
{
    if (is_real(to))
        element_set_float(to, out, index, value);
    else
        element_set_int(to, out, index, to == DTYPE_BOOL ? value != 0 : truncated(value, to));
}

static void cast_integer(DType from, DType to, void *out, int64_t index, int64_t value)
{
    const bool is_unsigned = from == DTYPE_U64;
    if (to == DTYPE_F32)
        ((float *)out)[index] = is_unsigned ? (float)(uint64_t)value : (float)value;
    else if (is_real(to))
        element_set_float(to, out, index, is_unsigned ? (double)(uint64_t)value : (double)value);
    else
        element_set_int(to, out, index, to == DTYPE_BOOL ? value != 0 : value);
}

bool cast_evaluate(const Evaluation *evaluation)
{
    const Tensor *input = evaluation->node->inputs[0];
    const DType from = input->dtype, to = evaluation->node->outputs[0]->dtype;
    for (int64_t i = 0; i < tensor_elements(input); ++i) {
        if (is_real(from))
            cast_real(to, evaluation->out[0], i, element_float(from, evaluation->in[0], i));
        else
            cast_integer(from, to, evaluation->out[0], i, element_int(from, evaluation->in[0], i));
    }
    return true;
}

bool cast_facts(const Node *node, Facts *facts)
{
    const DType from = node->inputs[0]->dtype, to = node->outputs[0]->dtype;
    fact_int(facts, "backwards", node->form.backwards);
    if (from == DTYPE_I4 || from == DTYPE_BF16 || to == DTYPE_BF16)
        return node_error(
            node, "a cast from %s to %s is supported for constants only", dtype_name(from), dtype_name(to));
    if (from == DTYPE_F64 && !is_real(to) && to != DTYPE_BOOL)
        return node_error(
            node, "a cast from float64 to integers is supported for constants only; cast to float32 first");
    return true;
}
