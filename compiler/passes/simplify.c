/* SPDX-License-Identifier: MIT
 *
 * Exact simplifications: nodes that compute nothing, states read where they are, padding and activations that the operator
 * beside them can do itself;
 * then every output gets a producer and bytes of its own, and what nobody uses goes.
 *
 * requires inferred shapes; provides graph outputs that are distinct temporaries with storage of their own; breaks
 * positions in graph->tensors and graph->nodes.
 */
#include "../compiler.h"

#include <string.h>

/* ---------------------------------------------------------------- questions about the graph */

static bool is_listed(Tensor *const *list, int count, const Tensor *tensor)
{
    for (int i = 0; i < count; ++i)
        if (list[i] == tensor)
            return true;
    return false;
}

static bool is_graph_output(const Graph *graph, const Tensor *tensor)
{
    return is_listed(graph->outputs, graph->output_count, tensor);
}

/* The node that makes `tensor`; NULL for inputs, constants and states. */
static Node *producer_of(const Graph *graph, const Tensor *tensor)
{
    for (int i = 0; i < graph->node_count; ++i)
        if (is_listed(graph->nodes[i]->outputs, graph->nodes[i]->output_count, tensor))
            return graph->nodes[i];
    return NULL;
}

static bool is_view(const Node *node)
{
    return (node_operator(node)->traits & TRAIT_VIEW) != 0;
}

/* The tensor whose bytes `tensor` has, through views. */
static Tensor *viewed_tensor(const Graph *graph, Tensor *tensor)
{
    for (const Node *node = producer_of(graph, tensor); node != NULL && is_view(node);
         node = producer_of(graph, tensor))
        tensor = node->inputs[0];
    return tensor;
}

static bool same_meaning(const Tensor *a, const Tensor *b)
{
    return a->dtype == b->dtype && shape_equal(&a->shape, &b->shape) && same_quantisation(a, b);
}

static int count_uses(const Graph *graph, const Tensor *tensor)
{
    int uses = is_graph_output(graph, tensor);
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->input_count; ++k)
            uses += graph->nodes[i]->inputs[k] == tensor;
    return uses;
}

/* ---------------------------------------------------------------- nodes that change nothing */

/* Takes the node out of the way: its readers read `source` instead. An output of the graph keeps its name, so there the
 * producer of `source` writes it. False where that is not possible. */
static bool bypass(Graph *graph, Node *node, Tensor *source)
{
    Tensor *output = node->outputs[0];
    if (!same_meaning(output, source) || source->kind == TENSOR_STATE)
        return false;
    if (!is_graph_output(graph, output)) {
        graph_replace_uses(graph, output, source);
        return true;
    }
    Node *producer = producer_of(graph, source);
    if (producer == NULL || is_graph_output(graph, source))
        return false;
    graph_replace_uses(graph, source, output);
    for (int i = 0; i < producer->output_count; ++i)
        if (producer->outputs[i] == source)
            producer->outputs[i] = output;
    node->outputs[0] = source; /* nobody reads it: the node is dead */
    node->inputs[0] = output;
    return true;
}

static bool is_mover(OpKind op)
{
    switch (op) {
    case OP_TRANSPOSE:
    case OP_SLICE:
    case OP_STRIDED_SLICE:
    case OP_PAD:
    case OP_TILE:
    case OP_BROADCAST_TO:
    case OP_SPACE_TO_DEPTH:
    case OP_DEPTH_TO_SPACE:
    case OP_SPACE_TO_BATCH_ND:
    case OP_BATCH_TO_SPACE_ND:
        return true;
    default:
        return false;
    }
}

/* Resizing that keeps an extent or starts from a single pixel repeats pixels, whatever the mode (align_corners together with
 * half_pixel_centers, which shifts by half a pixel, aside). */
static bool is_repetition(const Node *node)
{
    if (node->op != OP_RESIZE_NEAREST && node->op != OP_RESIZE_BILINEAR)
        return false;
    const Shape *from = &node->inputs[0]->shape, *to = &node->outputs[0]->shape;
    for (int axis = 1; axis <= 2; ++axis)
        if (from->dim[axis] != 1 && from->dim[axis] != to->dim[axis])
            return false;
    return !(node_int(node, "align_corners", 0) && node_int(node, "half_pixel_centers", 0));
}

static void become_tile(Node *node)
{
    int64_t multiples[4];
    for (int i = 0; i < 4; ++i)
        multiples[i] =
            node->inputs[0]->shape.dim[i] > 0 ? node->outputs[0]->shape.dim[i] / node->inputs[0]->shape.dim[i] : 1;
    node->op = OP_TILE;
    node->input_count = 1;
    node->attribute_count = 0;
    node_set_ints(node, "multiples", 4, multiples);
}

/* The copy is one run from the start: the same bytes in the same order. */
static bool keeps_order(const Node *node)
{
    const Tensor *input = node_input(node, 0), *output = node->output_count > 0 ? node->outputs[0] : NULL;
    if (input == NULL || output == NULL)
        return false;
    if (tensor_elements(input) != tensor_elements(output) || tensor_elements(input) == 0 ||
        dtype_bits(input->dtype) < 8)
        return false;
    if (node->op == OP_CONCATENATION || node->op == OP_PACK || node->op == OP_SPLIT || node->op == OP_UNPACK)
        return node->input_count == 1 && node->output_count == 1 && same_quantisation(input, output);
    if (!is_mover(node->op))
        return false;
    Facts facts = {.arena = node->model->arena};
    if (!node_operator(node)->facts(node, &facts))
        return false;
    const Fact *extents = fact_find(&facts, "extents"), *offset = fact_find(&facts, "offset"),
               *run = fact_find(&facts, "run");
    return extents != NULL && extents->count == 0 && offset != NULL && offset->integer == 0 && run != NULL &&
           run->integer == tensor_elements(input);
}

/* What keeps the order is a reshape, which needs no code. */
static void become_reshape(Node *node)
{
    int64_t extents[MAX_RANK];
    const Shape *shape = &node->outputs[0]->shape;
    for (int i = 0; i < shape->rank; ++i)
        extents[i] = shape->dim[i];
    node->op = OP_RESHAPE;
    node->input_count = 1;
    node->attribute_count = 0;
    node_set_ints(node, "shape", shape->rank, extents);
}

/* A view of a view is a view of the first tensor. */
static void skip_views(const Graph *graph, Node *node)
{
    Tensor *source = viewed_tensor(graph, node->inputs[0]);
    if (source == node->inputs[0])
        return;
    node->inputs[0] = source;
    become_reshape(node);
}

static int64_t permuted_axis(const Node *transpose, int64_t axis)
{
    const int rank = transpose->inputs[0]->shape.rank;
    const int64_t source = node_ints(transpose, "permutation", (int)axis, rank - 1 - axis);
    return source < 0 ? source + rank : source;
}

/* Two transpositions are one. */
static void join_transposes(const Graph *graph, Node *node)
{
    const Node *inner = producer_of(graph, node->inputs[0]);
    if (inner == NULL || inner->op != OP_TRANSPOSE)
        return;
    const int rank = node->inputs[0]->shape.rank;
    int64_t permutation[MAX_RANK];
    for (int i = 0; i < rank; ++i)
        permutation[i] = permuted_axis(inner, permuted_axis(node, i));
    node->inputs[0] = inner->inputs[0];
    node_set_ints(node, "permutation", rank, permutation);
}

static bool is_small_integer(DType dtype)
{
    return dtype == DTYPE_I8 || dtype == DTYPE_U8 || dtype == DTYPE_I16;
}

/* Quantize to the type and scale that the input has already, directly or through Dequantize: up to 16 bits the float
 * (q - zero point) * scale divided by the scale rounds to q - zero point again. */
static Tensor *requantised_source(const Graph *graph, const Node *node)
{
    Tensor *source = node->inputs[0];
    const Tensor *output = node->outputs[0];
    if (source->dtype == DTYPE_F32) {
        const Node *dequantize = producer_of(graph, source);
        if (dequantize == NULL || dequantize->op != OP_DEQUANTIZE)
            return NULL;
        source = dequantize->inputs[0];
    }
    return is_small_integer(output->dtype) && is_per_tensor(output) && same_meaning(source, output) ? source : NULL;
}

static void remove_noops(Graph *graph)
{
    for (int i = 0; i < graph->node_count; ++i) {
        Node *node = graph->nodes[i];
        Tensor *source = NULL;
        if (node->op == OP_TRANSPOSE)
            join_transposes(graph, node);
        if (is_repetition(node))
            become_tile(node);
        if (keeps_order(node))
            become_reshape(node);
        if (is_view(node))
            skip_views(graph, node);
        if (is_view(node) || node->op == OP_CAST)
            source = node->inputs[0];
        else if (node->op == OP_QUANTIZE)
            source = requantised_source(graph, node);
        if (source != NULL)
            bypass(graph, node, source);
    }
}

/* ---------------------------------------------------------------- padding before a convolution */

static bool pads_zeros_around_images(const Node *node)
{
    if (node->op != OP_PAD || node->inputs[0]->shape.rank != 4 || node_input(node, 2) != NULL)
        return false;
    for (int i = 0; i < 8; ++i)
        if ((i < 2 || i > 5) && node_ints(node, "paddings", i, 0) != 0)
            return false;
    const double value = node_float(node, "value", tensor_zero_point(node->outputs[0]));
    return value == (double)tensor_zero_point(node->outputs[0]) && same_quantisation(node->inputs[0], node->outputs[0]);
}

/* A convolution pads with real zeros, too: the Pad before it becomes its explicit padding, and its copy of the image goes. */
static void absorb_padding(Graph *graph, Node *node)
{
    if (node->op != OP_CONV_2D && node->op != OP_DEPTHWISE_CONV_2D)
        return;
    const Node *pad = producer_of(graph, node->inputs[0]);
    const char *padding = node_string(node, "padding", "valid");
    if (pad == NULL || !pads_zeros_around_images(pad) || count_uses(graph, pad->outputs[0]) != 1)
        return;
    const bool is_explicit = strcmp(padding, "explicit") == 0;
    if (!is_explicit && strcmp(padding, "valid") != 0)
        return;
    static const int sides[] = {2, 4, 3, 5}; /* top, left, bottom, right among before and after of [n, h, w, c] */
    int64_t pads[4];
    for (int i = 0; i < 4; ++i)
        pads[i] = node_ints(pad, "paddings", sides[i], 0) + (is_explicit ? node_ints(node, "pads", i, 0) : 0);
    node_set_string(node, "padding", "explicit");
    node_set_ints(node, "pads", 4, pads);
    node->inputs[0] = pad->inputs[0];
}

/* ---------------------------------------------------------------- activations behind an operator that clamps anyway */

static bool takes_activation(OpKind op)
{
    switch (op) {
    case OP_CONV_2D:
    case OP_DEPTHWISE_CONV_2D:
    case OP_TRANSPOSE_CONV_2D:
    case OP_FULLY_CONNECTED:
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
    case OP_AVERAGE_POOL_2D:
    case OP_MAX_POOL_2D:
        return true;
    default:
        return false;
    }
}

/* Floats may be clamped earlier or later. Quantised values of one scale: an operator of its own only cuts below real 0. */
static const char *activation_of(const Node *node)
{
    if (node->op != OP_RELU && node->op != OP_RELU6 && node->op != OP_RELU_N1_TO_1)
        return NULL;
    const Tensor *output = node->outputs[0];
    const bool is_float = output->dtype == DTYPE_F32;
    if (node->op == OP_RELU && (is_float || (is_small_integer(output->dtype) && is_per_tensor(output))))
        return "relu";
    return node->op == OP_RELU6 && is_float ? "relu6" : node->op == OP_RELU_N1_TO_1 && is_float ? "relu_n1_to_1"
                                                                                                : NULL;
}

static void absorb_activation(const Graph *graph, Node *node)
{
    const char *activation = activation_of(node);
    Node *producer = activation != NULL ? producer_of(graph, node->inputs[0]) : NULL;
    if (producer == NULL || !takes_activation(producer->op) || count_uses(graph, node->inputs[0]) != 1)
        return;
    if (strcmp(node_string(producer, "activation", "none"), "none") != 0 || !same_meaning(node->inputs[0], node->outputs[0]))
        return;
    Tensor *output = node->outputs[0];
    node_set_string(producer, "activation", activation);
    node->outputs[0] = producer->outputs[0]; /* nobody reads it: the node is dead */
    node->inputs[0] = output;
    producer->outputs[0] = output;
}

/* ---------------------------------------------------------------- states */

static bool writes_state(const Node *node, const Tensor *state)
{
    const bool has_effect = (node_operator(node)->traits & TRAIT_EFFECT) && node->op != OP_READ_STATE;
    if (has_effect && is_listed(node->inputs, node->input_count, state))
        return true;
    for (int k = 0; k < node->region_count; ++k)
        for (int i = 0; i < node->regions[k]->node_count; ++i)
            if (writes_state(node->regions[k]->nodes[i], state))
                return true;
    return false;
}

/* The position of the last node that reads `tensor` or a view of it; node_count when it gets out of sight: into an output or
 * a region. */
static int last_reader(const Graph *graph, const Tensor *tensor)
{
    int last = -1;
    if (is_graph_output(graph, tensor))
        return graph->node_count;
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        if (!is_listed(node->inputs, node->input_count, tensor))
            continue;
        const int reader = node->region_count > 0 ? graph->node_count
                           : is_view(node)        ? last_reader(graph, node->outputs[0])
                                                  : i;
        last = reader > last ? reader : last;
    }
    return last;
}

/* A state that is read before it is written again needs no copy. */
static void read_in_place(Graph *graph, int position)
{
    const Node *node = graph->nodes[position];
    Tensor *state = node->inputs[0], *copy = node->outputs[0];
    int writer = position + 1;
    while (writer < graph->node_count && !writes_state(graph->nodes[writer], state))
        ++writer;
    const int last = last_reader(graph, copy);
    if (last >= writer || last == graph->node_count)
        return;
    if (!tensor_is_quantised(state))
        state->quantisation = copy->quantisation;
    if (same_meaning(state, copy))
        graph_replace_uses(graph, copy, state);
}

/* ---------------------------------------------------------------- dead nodes */

static bool has_effect(const Node *node)
{
    if ((node_operator(node)->traits & TRAIT_EFFECT) && node->op != OP_READ_STATE)
        return true;
    for (int k = 0; k < node->region_count; ++k)
        for (int i = 0; i < node->regions[k]->node_count; ++i)
            if (has_effect(node->regions[k]->nodes[i]))
                return true;
    return false;
}

static bool is_dead(const Node *node)
{
    return node->mark;
}

/* tensor->mark: somebody reads it */
static void remove_dead_nodes(Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; ++i)
        graph->tensors[i]->mark = is_graph_output(graph, graph->tensors[i]);
    for (int i = graph->node_count - 1; i >= 0; --i) {
        Node *node = graph->nodes[i];
        bool alive = has_effect(node);
        for (int k = 0; k < node->output_count; ++k)
            alive = alive || (node->outputs[k] != NULL && node->outputs[k]->mark);
        node->mark = !alive;
        for (int k = 0; alive && k < node->input_count; ++k)
            if (node->inputs[k] != NULL)
                node->inputs[k]->mark = 1;
    }
    graph_remove_nodes(graph, is_dead);
}

/* ---------------------------------------------------------------- outputs */

static void copy_output(Graph *graph, int index)
{
    Tensor *source = graph->outputs[index];
    const bool is_free =
        source->kind != TENSOR_INPUT && source->kind != TENSOR_STATE && !is_listed(graph->outputs, index, source);
    Tensor *copy = graph_add_tensor(
        graph, is_free ? arena_format(graph->model->arena, "%s/source", source->name) : source->name, source->dtype);
    Node *node = graph_add_node(graph, OP_COPY, NULL, 1, 1);
    if (is_free) { /* the interface keeps the output's name */
        const char *name = source->name;
        source->name = copy->name;
        copy->name = name;
    }
    copy->shape = source->shape;
    copy->shape_known = true;
    copy->quantisation = source->quantisation;
    copy->is_output = source->is_output;
    source->is_output = is_listed(graph->outputs, index, source) && source->is_output;
    node->inputs[0] = source;
    node->outputs[0] = copy;
    graph->outputs[index] = copy;
}

/* tensor->mark: an output has these bytes already */
static void own_outputs(Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; ++i)
        graph->tensors[i]->mark = 0;
    for (int i = 0; i < graph->output_count; ++i) {
        Tensor *root = viewed_tensor(graph, graph->outputs[i]);
        if (root->kind != TENSOR_TEMPORARY || root->mark)
            copy_output(graph, i);
        else
            root->mark = 1;
    }
}

/* A loop's variables are updated one after the other: one that becomes another one is copied before. */
static void own_loop_results(Graph *body)
{
    for (int i = 0; i < body->output_count; ++i) {
        const Tensor *root = viewed_tensor(body, body->outputs[i]);
        if (root->kind == TENSOR_INPUT && root != body->inputs[i])
            copy_output(body, i);
    }
}

/* ---------------------------------------------------------------- tensors */

static void mark_list(Tensor *const *list, int count)
{
    for (int i = 0; i < count; ++i)
        if (list[i] != NULL)
            list[i]->mark = 1;
}

static void mark_used(const Graph *graph)
{
    mark_list(graph->inputs, graph->input_count);
    mark_list(graph->outputs, graph->output_count);
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        mark_list(node->inputs, node->input_count);
        mark_list(node->outputs, node->output_count);
        for (int k = 0; k < node->region_count; ++k)
            mark_used(node->regions[k]);
    }
}

static void remove_unused_tensors(Graph *graph)
{
    int kept = 0;
    for (int i = 0; i < graph->tensor_count; ++i) {
        if (!graph->tensors[i]->mark)
            continue;
        graph->tensors[i]->index = kept;
        graph->tensors[kept++] = graph->tensors[i];
    }
    graph->tensor_count = kept;
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->region_count; ++k)
            remove_unused_tensors(graph->nodes[i]->regions[k]);
}

/* ---------------------------------------------------------------- the pass */

static void simplify_graph(Graph *graph)
{
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->region_count; ++k)
            simplify_graph(graph->nodes[i]->regions[k]);
    remove_noops(graph);
    for (int i = 0; i < graph->node_count; ++i)
        absorb_padding(graph, graph->nodes[i]);
    for (int i = 0; i < graph->node_count; ++i)
        absorb_activation(graph, graph->nodes[i]);
    for (int i = 0; i < graph->node_count; ++i)
        if (graph->nodes[i]->op == OP_READ_STATE)
            read_in_place(graph, i);
    for (int i = 0; i < graph->node_count; ++i)
        if (graph->nodes[i]->op == OP_WHILE)
            own_loop_results(graph->nodes[i]->regions[1]);
    remove_dead_nodes(graph);
}

bool pass_simplify(Model *model)
{
    simplify_graph(model->main);
    own_outputs(model->main);
    graph_clear_marks(model->main);
    mark_used(model->main);
    remove_unused_tensors(model->main);
    return true;
}
