/* SPDX-License-Identifier: MIT
 *
 * Removes channels that carry nothing: those that are the same constant everywhere whatever the input (all weights zero, as
 * training with decay leaves them), and those that nobody reads with a weight other than zero. What a constant adds to the sums of its
 * readers goes into their biases. Exact: padding stands for the zero point, so a channel whose constant is another value stays
 * where it is read through padding.
 *
 * requires inferred shapes, simplified; changes extents of channels, weights, biases; keeps values of what is left.
 */
#include "../compiler.h"

#include <stdlib.h>
#include <string.h>

/* Tensors whose channel c is made from channel c of one another (depthwise, pooling, element-wise): they lose it together. */
typedef struct Group {
    int32_t channels;
    bool fixed;             /* read or made by something that needs all */
    bool *stays;            /* per channel */
} Group;

typedef struct Channels {
    Graph *graph;
    Arena *arena;
    int *parent;            /* by tensor index: union-find */
    Group *groups;          /* by tensor index, of representatives */
    bool **constant;        /* by tensor index: per channel; NULL: none is */
    int64_t **value;
} Channels;

static int find(const Channels *channels, int index)
{
    while (channels->parent[index] != index)
        index = channels->parent[index];
    return index;
}

static Group *group_of(const Channels *channels, const Tensor *tensor)
{
    return &channels->groups[find(channels, tensor->index)];
}

static int32_t channels_of(const Tensor *tensor)
{
    return tensor->shape.rank > 0 ? tensor->shape.dim[tensor->shape.rank - 1] : 1;
}

/* ---------------------------------------------------------------- which nodes are understood */

typedef enum Role { ROLE_OTHER, ROLE_MIXES, ROLE_PASSES } Role;

static bool is_8_bit_image(const Tensor *tensor)
{
    return tensor != NULL && is_8_bit(tensor->dtype) && is_per_tensor(tensor) && tensor->shape_known && tensor->kind != TENSOR_STATE;
}

static bool has_constant_weights(const Node *node)
{
    const Tensor *weights = node_input(node, 1), *bias = node_input(node, 2);
    return tensor_is_constant(weights) && is_8_bit(weights->dtype) && weights->quantisation.count > 0 &&
        (bias == NULL || (tensor_is_constant(bias) && bias->dtype == DTYPE_I32));
}

/* One pixel and its channels: flattening it changes nothing. */
static bool is_one_pixel(const Tensor *tensor)
{
    return tensor_elements(tensor) == channels_of(tensor);
}

static Role role_of(const Node *node)
{
    const Tensor *input = node_input(node, 0), *output = node->output_count == 1 ? node->outputs[0] : NULL;
    if (!is_8_bit_image(input) || !is_8_bit_image(output))
        return ROLE_OTHER;
    switch (node->op) {
    case OP_CONV_2D:
        return has_constant_weights(node) && node->inputs[1]->shape.dim[3] == channels_of(input) ? ROLE_MIXES : ROLE_OTHER;
    case OP_FULLY_CONNECTED:
        return has_constant_weights(node) && is_one_pixel(input) && node->inputs[1]->shape.rank == 2 ? ROLE_MIXES : ROLE_OTHER;
    case OP_DEPTHWISE_CONV_2D:
        return has_constant_weights(node) && channels_of(input) == channels_of(output) ? ROLE_PASSES : ROLE_OTHER;
    case OP_AVERAGE_POOL_2D:
    case OP_MAX_POOL_2D:
    case OP_RELU:
    case OP_RELU6:
        return ROLE_PASSES;
    case OP_RESHAPE:
        return is_one_pixel(input) && is_one_pixel(output) ? ROLE_PASSES : ROLE_OTHER;
    case OP_ADD:
        return is_8_bit_image(node->inputs[1]) && shape_equal(&input->shape, &output->shape) && shape_equal(&node->inputs[1]->shape, &output->shape) &&
                node->inputs[1]->kind != TENSOR_CONSTANT ? ROLE_PASSES : ROLE_OTHER;
    default:
        return ROLE_OTHER;
    }
}

static int moving_inputs(const Node *node)
{
    return node->op == OP_ADD ? 2 : 1;
}

static void unite(Channels *channels, const Tensor *a, const Tensor *b)
{
    channels->parent[find(channels, a->index)] = find(channels, b->index);
}

static void fix(Channels *channels, const Tensor *tensor)
{
    if (tensor != NULL)
        group_of(channels, tensor)->fixed = true;
}

static void find_groups(Channels *channels)
{
    const Graph *graph = channels->graph;
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; role_of(graph->nodes[i]) == ROLE_PASSES && k < moving_inputs(graph->nodes[i]); ++k)
            unite(channels, graph->nodes[i]->inputs[k], graph->nodes[i]->outputs[0]);
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        const bool known = role_of(node) != ROLE_OTHER;
        for (int k = 0; k < node->input_count; ++k)
            if (!known)
                fix(channels, node->inputs[k]);
        for (int k = 0; k < node->output_count && !known; ++k)
            fix(channels, node->outputs[k]);
    }
    for (int i = 0; i < graph->input_count; ++i)
        fix(channels, graph->inputs[i]);
    for (int i = 0; i < graph->output_count; ++i)
        fix(channels, graph->outputs[i]);
}

/* ---------------------------------------------------------------- which channels are constant */

static bool reads_padding(const Node *node)
{
    if (node->op != OP_CONV_2D && node->op != OP_DEPTHWISE_CONV_2D)
        return false;
    Window w;
    const Shape *weights = &node->inputs[1]->shape;
    return !window_of(node, weights->dim[1], weights->dim[2], &w) || window_is_padded(&w);
}

/* Whether channel c of the node's input is the same for it at every place. */
static bool is_settled(const Channels *channels, const Node *node, int input, int32_t c, bool padded)
{
    const Tensor *tensor = node->inputs[input];
    const bool *constant = channels->constant[tensor->index];
    return constant != NULL && constant[c] && (!padded || channels->value[tensor->index][c] == tensor_zero_point(tensor));
}

/* Weight of input channel c for output channel o at tap t, less its zero point. */
static int64_t weight_at(const Node *node, int32_t o, int64_t tap, int32_t c)
{
    const Tensor *weights = node->inputs[1];
    const int32_t depth = channels_of(weights);
    const int64_t taps = tensor_elements(weights) / depth / (node->op == OP_DEPTHWISE_CONV_2D ? 1 : weights->shape.dim[0]);
    const int64_t index = node->op == OP_DEPTHWISE_CONV_2D ? tap * depth + o : (o * taps + tap) * depth + c;
    return element_int(weights->dtype, weights->data, index) - weights->quantisation.zero_point[0];
}

static int64_t taps_of(const Node *node)
{
    const Tensor *weights = node->inputs[1];
    const int64_t filters = node->op == OP_DEPTHWISE_CONV_2D ? channels_of(weights) : (int64_t)weights->shape.dim[0] * channels_of(weights);
    return filters > 0 ? tensor_elements(weights) / filters : 0;
}

static bool is_read(const Node *node, int32_t o, int32_t c)
{
    const int64_t taps = taps_of(node);
    for (int64_t tap = 0; tap < taps; ++tap)
        if (weight_at(node, o, tap, c) != 0)
            return true;
    return false;
}

static bool is_constant_output(const Channels *channels, const Node *node, int32_t o, bool padded)
{
    if (node->op == OP_DEPTHWISE_CONV_2D)
        return is_settled(channels, node, 0, o, padded) || !is_read(node, o, o);
    if (role_of(node) == ROLE_PASSES) {
        for (int k = 0; k < moving_inputs(node); ++k)
            if (!is_settled(channels, node, k, o, false))
                return false;
        return true;
    }
    for (int32_t c = 0; c < channels_of(node->inputs[0]); ++c)
        if (!is_settled(channels, node, 0, c, padded) && is_read(node, o, c))
            return false;
    return true;
}

/* A tensor of one window with the known constants, the zero point elsewhere. */
static Tensor *uniform(const Channels *channels, const Node *node, int input, int32_t height, int32_t width, void **data)
{
    const Tensor *tensor = node->inputs[input];
    Tensor *copy = arena_copy(channels->arena, tensor, sizeof *tensor);
    const int32_t count = channels_of(tensor);
    if (tensor->shape.rank == 4)
        copy->shape = shape_of(4, 1, height, width, count);
    *data = arena_array(channels->arena, (size_t)tensor_elements(copy) + 1, 1);
    for (int64_t i = 0; i < tensor_elements(copy); ++i) {
        const int32_t c = (int32_t)(i % count);
        const bool known = channels->constant[tensor->index] != NULL && channels->constant[tensor->index][c];
        element_set_int(tensor->dtype, *data, i, known ? channels->value[tensor->index][c] : tensor_zero_point(tensor));
    }
    return copy;
}

/* The node's reference meaning on one window of constants gives its constant outputs. */
static bool evaluate_window(const Channels *channels, const Node *node, uint8_t *result)
{
    int32_t height = 1, width = 1;
    if (node->op == OP_CONV_2D || node->op == OP_DEPTHWISE_CONV_2D) {
        height = (int32_t)((node->inputs[1]->shape.dim[1] - 1) * node_ints(node, "dilation", 0, 1)) + 1;
        width = (int32_t)((node->inputs[1]->shape.dim[2] - 1) * node_ints(node, "dilation", 1, 1)) + 1;
    } else if (node->op == OP_AVERAGE_POOL_2D || node->op == OP_MAX_POOL_2D) {
        height = (int32_t)node_ints(node, "filter", 0, 1);
        width = (int32_t)node_ints(node, "filter", 1, 1);
    }
    Node copy = *node;
    Tensor *inputs[8] = {NULL}, *output = arena_copy(channels->arena, node->outputs[0], sizeof *output);
    void *in[8] = {NULL}, *out[1] = {result};
    copy.attributes = arena_copy(channels->arena, node->attributes, (size_t)node->attribute_count * sizeof *node->attributes);
    copy.attribute_capacity = node->attribute_count;
    for (int k = 0; k < node->input_count && k < 8; ++k) {
        inputs[k] = node->inputs[k];
        if (k < moving_inputs(node))
            inputs[k] = uniform(channels, node, k, height, width, &in[k]);
        else if (inputs[k] != NULL)
            in[k] = (void *)(uintptr_t)inputs[k]->data;
    }
    if (output->shape.rank == 4)
        output->shape = shape_of(4, 1, 1, 1, channels_of(output));
    copy.inputs = inputs;
    copy.outputs = &output;
    if (node_has(node, "padding"))
        node_set_string(&copy, "padding", "valid");
    const Evaluation evaluation = {.node = &copy, .in = in, .out = out};
    return node_operator(node)->evaluate(&evaluation);
}

static bool find_constants(Channels *channels, const Node *node)
{
    const Tensor *output = node->outputs[0];
    const int32_t count = channels_of(output);
    const bool padded = reads_padding(node);
    bool any = false, *constant = arena_array(channels->arena, (size_t)count + 1, sizeof *constant);
    for (int32_t o = 0; o < count; ++o)
        any |= constant[o] = is_constant_output(channels, node, o, padded);
    if (!any)
        return true;
    uint8_t *result = arena_alloc(channels->arena, (size_t)count + 16);
    int64_t *value = arena_array(channels->arena, (size_t)count + 1, sizeof *value);
    if (!evaluate_window(channels, node, result))
        return false;
    for (int32_t o = 0; o < count; ++o)
        value[o] = element_int(output->dtype, result, o);
    channels->constant[output->index] = constant;
    channels->value[output->index] = value;
    return true;
}

/* ---------------------------------------------------------------- which channels go */

/* A reader that mixes channels can do without c when it takes a constant of it, or nothing. */
static void demand(Channels *channels, const Node *node)
{
    Group *group = group_of(channels, node->inputs[0]);
    const bool padded = reads_padding(node);
    for (int32_t c = 0; c < group->channels && !group->fixed; ++c)
        for (int32_t o = 0; !group->stays[c] && o < channels_of(node->outputs[0]); ++o)
            group->stays[c] = !is_settled(channels, node, 0, c, padded) && is_read(node, o, c);
}

/* Kernels like channels in fours: no more go than leave a multiple, unless there was none. At least one stays. */
static void round_group(Group *group)
{
    int32_t staying = 0;
    for (int32_t c = 0; c < group->channels; ++c)
        staying += group->stays[c];
    int32_t wanted = group->channels % 4 == 0 ? (staying + 3) / 4 * 4 : staying;
    wanted = wanted > 0 ? wanted : group->channels % 4 == 0 ? 4 : 1;
    for (int32_t c = 0; c < group->channels && staying < wanted; ++c)
        if (!group->stays[c]) {
            group->stays[c] = true;
            ++staying;
        }
    group->fixed |= staying == group->channels;
}

/* ---------------------------------------------------------------- the change */

static bool goes(const Channels *channels, const Tensor *tensor, int32_t c)
{
    const Group *group = group_of(channels, tensor);
    return !group->fixed && !group->stays[c];
}

static int32_t staying_channels(const Channels *channels, const Tensor *tensor)
{
    int32_t count = 0;
    for (int32_t c = 0; c < channels_of(tensor); ++c)
        count += !goes(channels, tensor, c);
    return count;
}

/* The constant without what goes along `axis` by the channels of `by`; its quantisation, too, where that runs along it. */
static Tensor *cut_constant(Channels *channels, const Tensor *constant, int axis, const Tensor *by)
{
    Graph *graph = channels->graph;
    Arena *arena = graph->model->arena;
    const AxisExtents extents = axis_extents(&constant->shape, axis);
    const size_t bytes = dtype_bits(constant->dtype) / 8;
    const int32_t staying = staying_channels(channels, by);
    uint8_t *data = arena_array(arena, (size_t)(extents.outer * staying * extents.inner) + 1, bytes), *to = data;
    for (int64_t i = 0; i < extents.outer; ++i)
        for (int32_t c = 0; c < extents.depth; ++c)
            if (!goes(channels, by, c)) {
                memcpy(to, constant->data + (i * extents.depth + c) * extents.inner * (int64_t)bytes, (size_t)extents.inner * bytes);
                to += (size_t)extents.inner * bytes;
            }
    Shape shape = constant->shape;
    shape.dim[axis] = staying;
    Tensor *cut = graph_add_constant(graph, constant->name, constant->dtype, shape, data);
    cut->is_weight = constant->is_weight;
    cut->quantisation = constant->quantisation;
    if (constant->quantisation.count == extents.depth && constant->quantisation.count > 1 && constant->quantisation.axis == axis) {
        float *scale = arena_array(arena, (size_t)staying, sizeof *scale);
        int32_t *zero_point = arena_array(arena, (size_t)staying, sizeof *zero_point);
        int32_t kept = 0;
        for (int32_t c = 0; c < extents.depth; ++c)
            if (!goes(channels, by, c)) {
                scale[kept] = constant->quantisation.scale[c];
                zero_point[kept++] = constant->quantisation.zero_point[c];
            }
        cut->quantisation = (Quantisation){staying, axis, scale, zero_point};
    }
    return cut;
}

/* What the constants that go add to the sum of output channel o. */
static int64_t folded_sum(const Channels *channels, const Node *node, int32_t o)
{
    const Tensor *input = node->inputs[0];
    const int64_t taps = taps_of(node);
    int64_t sum = 0;
    for (int32_t c = 0; c < channels_of(input); ++c)
        for (int64_t tap = 0; goes(channels, input, c) && channels->constant[input->index] != NULL && tap < taps; ++tap)
            sum += weight_at(node, o, tap, c) * (channels->constant[input->index][c] ? channels->value[input->index][c] - tensor_zero_point(input) : 0);
    return sum;
}

static bool needs_folding(const Channels *channels, const Node *node)
{
    for (int32_t o = 0; o < channels_of(node->outputs[0]); ++o)
        if (folded_sum(channels, node, o) != 0)
            return true;
    return false;
}

/* Sums wrap as the reference's do. */
static void fold_constants(Channels *channels, Node *node)
{
    Graph *graph = channels->graph;
    const Tensor *bias = node_input(node, 2);
    const int32_t count = channels_of(node->outputs[0]);
    if (!needs_folding(channels, node))
        return;
    int32_t *values = arena_array(graph->model->arena, (size_t)count, sizeof *values);
    for (int32_t o = 0; o < count; ++o)
        values[o] = (int32_t)(uint32_t)((bias != NULL ? element_int(bias->dtype, bias->data, o) : 0) + folded_sum(channels, node, o));
    Tensor *folded = graph_add_constant(graph, bias != NULL ? bias->name : arena_format(graph->model->arena, "%s/bias", node->name), DTYPE_I32,
        shape_of(1, count), values);
    if (bias != NULL)
        folded->quantisation = bias->quantisation;
    folded->is_weight = true;
    node->inputs[2] = folded;
}

static bool has_room_for_bias(const Node *node)
{
    return node->input_count > 2;
}

static void cut_node(Channels *channels, Node *node)
{
    const Role role = role_of(node);
    if (role == ROLE_OTHER || node_input(node, 1) == NULL || node->op == OP_ADD || node->op == OP_RESHAPE)
        return;
    Tensor *input = node->inputs[0], *output = node->outputs[0];
    const int last = node->inputs[1]->shape.rank - 1;
    if (role == ROLE_MIXES) {
        if (!group_of(channels, input)->fixed) {
            fold_constants(channels, node);
            node->inputs[1] = cut_constant(channels, node->inputs[1], last, input);
        }
        if (!group_of(channels, output)->fixed)
            node->inputs[1] = cut_constant(channels, node->inputs[1], 0, output);
    } else if (!group_of(channels, output)->fixed)
        node->inputs[1] = cut_constant(channels, node->inputs[1], last, output);
    if (!group_of(channels, output)->fixed && node_input(node, 2) != NULL)
        node->inputs[2] = cut_constant(channels, node->inputs[2], 0, output);
}

static void cut_reshape(const Channels *channels, Node *node)
{
    const Tensor *output = node->outputs[0];
    if (node->op != OP_RESHAPE || group_of(channels, output)->fixed || !node_has(node, "shape"))
        return;
    int64_t extents[MAX_RANK];
    for (int i = 0; i < output->shape.rank; ++i)
        extents[i] = output->shape.dim[i];
    extents[output->shape.rank - 1] = staying_channels(channels, output);
    node_set_ints(node, "shape", output->shape.rank, extents);
}

static void cut_tensors(Channels *channels, int count)
{
    int32_t *staying = arena_array(channels->arena, (size_t)count + 1, sizeof *staying);
    for (int i = 0; i < count; ++i)
        staying[i] = group_of(channels, channels->graph->tensors[i])->fixed ? -1 : staying_channels(channels, channels->graph->tensors[i]);
    for (int i = 0; i < count; ++i) {
        Tensor *tensor = channels->graph->tensors[i];
        if (staying[i] >= 0 && tensor->kind == TENSOR_TEMPORARY && tensor->shape.rank > 0)
            tensor->shape.dim[tensor->shape.rank - 1] = staying[i];
    }
}

/* ---------------------------------------------------------------- the pass */

static void open_groups(Channels *channels)
{
    const Graph *graph = channels->graph;
    for (int i = 0; i < graph->tensor_count; ++i) {
        const Tensor *tensor = graph->tensors[i];
        Group *group = group_of(channels, tensor);
        const int32_t count = channels_of(tensor);
        group->fixed |= tensor->kind != TENSOR_TEMPORARY || !is_8_bit_image(tensor) || (group->channels != 0 && group->channels != count);
        group->channels = count;
    }
    for (int i = 0; i < graph->tensor_count; ++i) {
        Group *group = group_of(channels, graph->tensors[i]);
        if (!group->fixed && group->stays == NULL)
            group->stays = arena_array(channels->arena, (size_t)group->channels + 1, sizeof *group->stays);
    }
}

/* Without an operand for it, a bias cannot take in what is folded: then nothing goes. */
static void check_biases(Channels *channels)
{
    for (int i = 0; i < channels->graph->node_count; ++i) {
        const Node *node = channels->graph->nodes[i];
        if (role_of(node) == ROLE_MIXES && !has_room_for_bias(node))
            fix(channels, node->inputs[0]);
    }
}

static bool prune(Channels *channels)
{
    Graph *graph = channels->graph;
    const int tensors = graph->tensor_count;
    find_groups(channels);
    open_groups(channels);
    check_biases(channels);
    for (int i = 0; i < graph->node_count; ++i)
        if (role_of(graph->nodes[i]) != ROLE_OTHER && !find_constants(channels, graph->nodes[i]))
            return false;
    for (int i = 0; i < graph->node_count; ++i)
        if (role_of(graph->nodes[i]) == ROLE_MIXES)
            demand(channels, graph->nodes[i]);
    for (int i = 0; i < tensors; ++i)
        if (channels->parent[i] == i && !channels->groups[i].fixed)
            round_group(&channels->groups[i]);
    for (int i = 0; i < graph->node_count; ++i) {
        cut_node(channels, graph->nodes[i]);
        cut_reshape(channels, graph->nodes[i]);
    }
    cut_tensors(channels, tensors);
    return true;
}

bool pass_channels(Model *model)
{
    Graph *graph = model->main;
    Arena *arena = arena_new(0);
    const size_t count = (size_t)graph->tensor_count + 1;
    Channels *channels = arena_alloc(arena, sizeof *channels);
    *channels = (Channels){.graph = graph, .arena = arena};
    channels->parent = arena_array(arena, count, sizeof *channels->parent);
    channels->groups = arena_array(arena, count, sizeof *channels->groups);
    channels->constant = arena_array(arena, count, sizeof *channels->constant);
    channels->value = arena_array(arena, count, sizeof *channels->value);
    for (int i = 0; i < graph->tensor_count; ++i)
        graph->tensors[i]->index = channels->parent[i] = i;
    const bool ok = prune(channels);
    arena_free(arena);
    return ok;
}
