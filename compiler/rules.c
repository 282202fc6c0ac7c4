/* SPDX-License-Identifier: MIT
 *
 * What several operators' rules share: broadcasting, windows, activations, setting outputs.
 */
#include "compiler.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

bool broadcast_shapes(const Node *node, const Shape *a, const Shape *b, Shape *result)
{
    result->rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 0; i < result->rank; ++i) {
        const int axis_a = i - (result->rank - a->rank), axis_b = i - (result->rank - b->rank);
        const int32_t extent_a = axis_a >= 0 ? a->dim[axis_a] : 1, extent_b = axis_b >= 0 ? b->dim[axis_b] : 1;
        if (extent_a != extent_b && extent_a != 1 && extent_b != 1) {
            char text_a[112], text_b[112];
            return node_error(node, "shapes %s and %s cannot be broadcast together", shape_text(a, text_a), shape_text(b, text_b));
        }
        result->dim[i] = extent_a == 1 ? extent_b : extent_a;
    }
    return true;
}

void broadcast_strides(const Shape *shape, const Shape *result, int64_t *strides)
{
    int64_t stride = 1;
    for (int i = result->rank - 1; i >= 0; --i) {
        const int axis = i - (result->rank - shape->rank);
        const int32_t extent = axis >= 0 ? shape->dim[axis] : 1;
        strides[i] = extent == 1 ? 0 : stride;
        stride *= extent;
    }
}

bool set_output(Node *node, int index, DType dtype, Shape shape)
{
    if (index >= node->output_count || node->outputs[index] == NULL)
        return true;
    Tensor *output = node->outputs[index];
    if (output->dtype != DTYPE_NONE && dtype != DTYPE_NONE && output->dtype != dtype)
        return node_error(node, "output \"%s\" is declared as %s; the operands make it %s", output->name, dtype_name(output->dtype), dtype_name(dtype));
    if (dtype != DTYPE_NONE)
        output->dtype = dtype;
    if (!shape_is_valid(&shape))
        return node_error(node, "output \"%s\" has more than 2^31 elements", output->name);
    output->shape = shape;
    output->shape_known = true;
    return true;
}

bool normalise_axis(const Node *node, int64_t axis, int rank, int *result)
{
    if (axis < -rank || axis >= rank)
        return node_error(node, "axis %" PRId64 " is out of range; the operand has rank %d", axis, rank);
    *result = (int)(axis < 0 ? axis + rank : axis);
    return true;
}

int32_t window_output(const char *padding, int32_t input, int32_t filter, int32_t stride, int32_t dilation)
{
    const int64_t effective = ((int64_t)filter - 1) * dilation + 1;
    const int64_t covered = strcmp(padding, "same") == 0 ? input : input - effective + 1;
    return covered <= 0 || stride <= 0 ? 0 : (int32_t)((covered + stride - 1) / stride);
}

int32_t window_padding(int32_t input, int32_t output, int32_t filter, int32_t stride, int32_t dilation, int32_t *total)
{
    const int64_t effective = ((int64_t)filter - 1) * dilation + 1;
    int64_t padding = ((int64_t)output - 1) * stride + effective - input;
    if (padding < 0)
        padding = 0;
    if (total != NULL)
        *total = (int32_t)padding;
    return (int32_t)(padding / 2);
}

typedef struct ActivationBounds {
    const char *name;
    float low, high;
} ActivationBounds;

static const ActivationBounds activation_bounds[] = {
    {"none", -INFINITY, INFINITY}, {"relu", 0.0f, INFINITY}, {"relu6", 0.0f, 6.0f}, {"relu_n1_to_1", -1.0f, 1.0f}};

static const ActivationBounds *find_activation(const Node *node)
{
    const char *name = node_string(node, "activation", "none");
    for (size_t i = 0; i < sizeof activation_bounds / sizeof *activation_bounds; ++i)
        if (strcmp(activation_bounds[i].name, name) == 0)
            return &activation_bounds[i];
    node_error(node, "activation \"%s\" is not supported; none, relu, relu6 and relu_n1_to_1 are", name);
    return NULL;
}

/* The bound in output units: zero point + round(bound / scale), in float as TFLite does. */
static int64_t quantised_bound(const Tensor *output, float bound)
{
    const float scale = tensor_scale(output);
    const float scaled = roundf(scale > 0.0f ? bound / scale : bound); /* plain integers count in units of 1 */
    const int64_t units = scaled >= 2147483647.0f ? INT32_MAX : scaled <= -2147483648.0f ? INT32_MIN
                                                                                         : (int64_t)scaled;
    return units + tensor_zero_point(output);
}

bool activation_range(const Node *node, const Tensor *output, int32_t *low, int32_t *high)
{
    const ActivationBounds *bounds = find_activation(node);
    if (bounds == NULL)
        return false;
    *low = (int32_t)(dtype_min(output->dtype) < INT32_MIN ? INT32_MIN : dtype_min(output->dtype));
    *high = (int32_t)(dtype_max(output->dtype) > INT32_MAX ? INT32_MAX : dtype_max(output->dtype));
    const int32_t least = *low, most = *high;
    if (isfinite(bounds->low))
        *low = clamp32(quantised_bound(output, bounds->low), least, most);
    if (isfinite(bounds->high))
        *high = clamp32(quantised_bound(output, bounds->high), least, most);
    return true;
}

void activation_range_float(const Node *node, float *low, float *high)
{
    const ActivationBounds *bounds = find_activation(node);
    *low = bounds != NULL ? bounds->low : -INFINITY;
    *high = bounds != NULL ? bounds->high : INFINITY;
}

bool is_per_tensor(const Tensor *tensor)
{
    return tensor->quantisation.count == 1;
}

AxisExtents axis_extents(const Shape *shape, int axis)
{
    AxisExtents extents = {1, shape->dim[axis], 1};
    for (int i = 0; i < axis; ++i)
        extents.outer *= shape->dim[i];
    for (int i = axis + 1; i < shape->rank; ++i)
        extents.inner *= shape->dim[i];
    return extents;
}
