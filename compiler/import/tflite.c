/* SPDX-License-Identifier: MIT
 *
 * The TFLite importer: a FlatBuffer's subgraphs become graphs of canonical operators. The main subgraph is the entry; the
 * others are regions of control flow, the meaning of a composite operator, or the initialisation of variables.
 *
 * The file is untrusted: indices and extents are checked where they are used, recursion is limited, and what gets built is paid
 * from budgets in proportion to the file's size, since tables and vectors may be shared.
 */
#include "tflite.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST_NESTING = 16,
    SMALLEST_OPERATOR_BYTES = 24,
    ALLOWANCE = 1024 };

bool is_tflite(const uint8_t *data, size_t bytes)
{
    return bytes >= 8 && memcmp(data + 4, "TFL3", 4) == 0;
}

/* ---------------------------------------------------------------- subgraphs */

static bool check_index(const Scope *scope, int32_t index, const char *what)
{
    if (index >= 0 && (uint32_t)index < scope->tensor_tables.count)
        return true;
    return error_at(scope->importer->model->path, "%s of subgraph %d is tensor %d; the subgraph has %u tensors", what, scope->index, (int)index,
        (unsigned)scope->tensor_tables.count);
}

static bool charge_operands(Scope *scope, uint32_t operands)
{
    scope->importer->operands_left -= operands;
    if (scope->importer->operands_left < 0)
        return error_at(scope->importer->model->path, "the file describes more operands than its size allows");
    return true;
}

/* Which tensors are inputs of the subgraph and which are results of its operators. */
static bool mark_sources(Scope *scope)
{
    const FlatVector inputs = flat_vector(scope->table, SUBGRAPH_INPUTS, 4);
    const FlatVector listed = flat_vector(scope->table, SUBGRAPH_OPERATORS, 4);
    if (!charge_operands(scope, inputs.count) || !charge_operands(scope, listed.count))
        return false;
    for (uint32_t i = 0; i < inputs.count; ++i) {
        const int32_t index = flat_vector_i32(inputs, i);
        if (!check_index(scope, index, "an input"))
            return false;
        if (scope->is_input[index])
            return error_at(scope->importer->model->path, "tensor %d is twice an input of subgraph %d", (int)index, scope->index);
        scope->is_input[index] = scope->is_written[index] = true;
    }
    for (uint32_t i = 0; i < listed.count; ++i) {
        const FlatVector outputs = flat_vector(flat_vector_table(listed, i), OPERATOR_OUTPUTS, 4);
        if (!charge_operands(scope, outputs.count))
            return false;
        for (uint32_t k = 0; k < outputs.count; ++k) {
            const int32_t index = flat_vector_i32(outputs, k);
            if (!check_index(scope, index, "an operator's output"))
                return false;
            scope->is_produced[index] = true;
        }
    }
    return true;
}

/* Subgraphs may refer to each other: nesting is limited, and a cycle is an error. */
static bool enter_scope(Importer *importer, int32_t index, Graph *graph, Scope *scope)
{
    Arena *arena = importer->model->arena;
    const char *path = importer->model->path;
    if (index < 0 || (uint32_t)index >= importer->subgraphs.count)
        return error_at(path, "there is no subgraph %d; the file has %u", (int)index, (unsigned)importer->subgraphs.count);
    if (importer->active[index])
        return error_at(path, "subgraph %d contains itself", (int)index);
    if (importer->depth == DEEPEST_NESTING)
        return error_at(path, "subgraphs are nested deeper than %d", DEEPEST_NESTING);
    *scope = (Scope){.importer = importer, .graph = graph, .index = index};
    scope->table = flat_vector_table(importer->subgraphs, (uint32_t)index);
    scope->tensor_tables = flat_vector(scope->table, SUBGRAPH_TENSORS, 4);
    const size_t count = scope->tensor_tables.count;
    importer->tensors_left -= (int64_t)count;
    if (importer->tensors_left < 0)
        return error_at(path, "the file describes more tensors than its size allows");
    scope->tensors = arena_array(arena, count + 1, sizeof *scope->tensors);
    scope->handles = arena_array(arena, count + 1, sizeof *scope->handles);
    scope->refusals = arena_array(arena, count + 1, sizeof *scope->refusals);
    scope->is_input = arena_alloc(arena, count + 1);
    scope->is_produced = arena_alloc(arena, count + 1);
    scope->is_written = arena_alloc(arena, count + 1);
    importer->active[index] = true;
    ++importer->depth;
    return mark_sources(scope);
}

static void leave_scope(Scope *scope)
{
    scope->importer->active[scope->index] = false;
    --scope->importer->depth;
}

static bool read_operators(Scope *scope)
{
    const FlatVector listed = flat_vector(scope->table, SUBGRAPH_OPERATORS, 4);
    for (uint32_t i = 0; i < listed.count; ++i)
        if (!lower_operator(scope, (int)i))
            return false;
    return true;
}

static Tensor *written_tensor(Scope *scope, int32_t index)
{
    Tensor *tensor = scope_tensor(scope, index);
    if (tensor == NULL)
        return NULL;
    if (scope->handles[index] != NULL) {
        error_at(scope->importer->model->path, "output \"%s\" of subgraph %d is a resource; only tensors can be outputs", tensor->name, scope->index);
        return NULL;
    }
    if (!scope->is_written[index]) {
        error_at(scope->importer->model->path, "nothing writes output \"%s\" of subgraph %d", tensor->name, scope->index);
        return NULL;
    }
    return tensor;
}

/* An output that is the handle of the variable which came in at the same place is no tensor; any other handle is an error. */
static bool is_bound_output(const Scope *scope, int32_t index, uint32_t position, Variable *const *bound)
{
    const FlatVector inputs = flat_vector(scope->table, SUBGRAPH_INPUTS, 4);
    const bool in_range = index >= 0 && (uint32_t)index < scope->tensor_tables.count;
    return bound != NULL && in_range && position < inputs.count && bound[position] != NULL && scope->handles[index] == bound[position];
}

/* The whole subgraph, with inputs and outputs of the graph's own. `bound` gives the variables that inputs are handles of. */
static bool read_graph(Scope *scope, Variable *const *bound)
{
    Graph *graph = scope->graph;
    Arena *arena = graph->model->arena;
    const FlatVector inputs = flat_vector(scope->table, SUBGRAPH_INPUTS, 4), outputs = flat_vector(scope->table, SUBGRAPH_OUTPUTS, 4);
    if (!charge_operands(scope, outputs.count))
        return false;
    graph->inputs = arena_array(arena, (size_t)inputs.count + 1, sizeof *graph->inputs);
    graph->outputs = arena_array(arena, (size_t)outputs.count + 1, sizeof *graph->outputs);
    for (uint32_t i = 0; i < inputs.count; ++i) {
        const int32_t index = flat_vector_i32(inputs, i);
        if (bound != NULL && bound[i] != NULL)
            scope->handles[index] = bound[i];
        else if ((graph->inputs[graph->input_count++] = scope_tensor(scope, index)) == NULL)
            return false;
    }
    if (!read_operators(scope))
        return false;
    for (uint32_t i = 0; i < outputs.count; ++i) {
        const int32_t index = flat_vector_i32(outputs, i);
        if (!is_bound_output(scope, index, i, bound) && (graph->outputs[graph->output_count++] = written_tensor(scope, index)) == NULL)
            return false;
    }
    return true;
}

bool import_region(Operation *operation, int32_t index, const char *name, Graph **region)
{
    Scope scope;
    *region = graph_new(operation->scope->importer->model, name);
    if (!enter_scope(operation->scope->importer, index, *region, &scope))
        return false;
    const uint32_t inputs = flat_vector(scope.table, SUBGRAPH_INPUTS, 4).count;
    if (inputs != operation->bound_count)
        return error_at(operation->place, "it hands %u values to subgraph %d, which takes %u", (unsigned)operation->bound_count, (int)index, (unsigned)inputs);
    if (!read_graph(&scope, operation->bound))
        return false;
    leave_scope(&scope);
    return true;
}

/* ---------------------------------------------------------------- a subgraph in place of an operator */

static bool bind_inputs(Scope *scope, const Operation *operation, const Node *node)
{
    const FlatVector inputs = flat_vector(scope->table, SUBGRAPH_INPUTS, 4);
    if (inputs.count != (uint32_t)node->input_count)
        return error_at(operation->place, "it has %d inputs, but its subgraph %u", node->input_count, (unsigned)inputs.count);
    for (int i = 0; i < node->input_count; ++i)
        scope->tensors[flat_vector_i32(inputs, (uint32_t)i)] = node->inputs[i];
    return true;
}

/* The subgraph's results are the operator's outputs themselves, unless it hands on a tensor that it did not make. */
static bool bind_outputs(Scope *scope, const Operation *operation, const Node *node)
{
    const FlatVector outputs = flat_vector(scope->table, SUBGRAPH_OUTPUTS, 4);
    if (outputs.count != (uint32_t)node->output_count)
        return error_at(operation->place, "it has %d outputs, but its subgraph %u", node->output_count, (unsigned)outputs.count);
    for (int i = 0; i < node->output_count; ++i) {
        const int32_t index = flat_vector_i32(outputs, (uint32_t)i);
        if (!check_index(scope, index, "an output"))
            return false;
        if (scope->tensors[index] == NULL && scope->is_produced[index])
            scope->tensors[index] = node->outputs[i];
    }
    return true;
}

static bool copy_other_outputs(Scope *scope, const Node *node)
{
    const FlatVector outputs = flat_vector(scope->table, SUBGRAPH_OUTPUTS, 4);
    for (int i = 0; i < node->output_count; ++i) {
        Tensor *tensor = written_tensor(scope, flat_vector_i32(outputs, (uint32_t)i));
        if (tensor == NULL)
            return false;
        if (tensor == node->outputs[i])
            continue;
        Node *copy = graph_add_node(scope->graph, OP_COPY, NULL, 1, 1);
        copy->inputs[0] = tensor;
        copy->outputs[0] = node->outputs[i];
    }
    return true;
}

bool import_inline(Operation *operation, int32_t index, const Node *node)
{
    Scope scope;
    if (!enter_scope(operation->scope->importer, index, operation->scope->graph, &scope))
        return false;
    scope.is_inlined = true;
    if (!bind_inputs(&scope, operation, node) || !bind_outputs(&scope, operation, node) || !read_operators(&scope) || !copy_other_outputs(&scope, node))
        return false;
    leave_scope(&scope);
    return true;
}

/* ---------------------------------------------------------------- initial values of variables */

static void set_initial_value(Importer *importer, Tensor *state, const Tensor *value)
{
    state->data = value->data;
    state->data_bytes = value->data_bytes;
    for (int i = 0; i < importer->variable_count; ++i)
        if (importer->variables[i]->state == state)
            importer->variables[i]->initialised = true;
}

/* Evaluates a node whose operands are constants; anything larger has no place in an initialisation. */
static bool evaluate_now(Node *node)
{
    enum { LARGEST_BYTES = 16 << 20,
        MOST_MACS = 16 << 20 };
    for (int i = 0; i < node->input_count; ++i)
        if (node->inputs[i] != NULL && !tensor_is_constant(node->inputs[i]))
            return node_error(node, "the initial value of a variable must be computable from constants");
    if (node->region_count > 0 || !op_check_arity(node) || !node_operator(node)->shape(node))
        return node_error(node, "it cannot be part of an initialisation");
    int64_t bytes = 0;
    for (int i = 0; i < node->output_count; ++i)
        bytes += tensor_bytes(node->outputs[i]);
    if (bytes > LARGEST_BYTES || node_macs(node) > MOST_MACS)
        return node_error(node, "it is too large for an initialisation");
    return evaluate_constant(node);
}

/* CallOnce runs before anything else does: what its subgraph assigns is what the states start with. */
bool import_initialiser(Operation *operation, int32_t index)
{
    Importer *importer = operation->scope->importer;
    Scope scope;
    Graph *graph = graph_new(importer->model, "initialisation");
    if (!enter_scope(importer, index, graph, &scope) || !read_graph(&scope, NULL))
        return false;
    for (int i = 0; i < graph->node_count; ++i) {
        Node *node = graph->nodes[i];
        if (node->op == OP_ASSIGN_STATE && tensor_is_constant(node->inputs[1]))
            set_initial_value(importer, node->inputs[0], node->inputs[1]);
        else if (!evaluate_now(node))
            return false;
    }
    leave_scope(&scope);
    return true;
}

/* ---------------------------------------------------------------- the file */

static bool read_main(Importer *importer)
{
    Model *model = importer->model;
    Scope scope;
    if (importer->subgraphs.count == 0 && importer->file.error == NULL)
        return error_at(model->path, "the model has no subgraph: there is nothing to compute");
    if (!enter_scope(importer, 0, model->main, &scope) || !read_graph(&scope, NULL))
        return false;
    leave_scope(&scope);
    if (importer->file.error != NULL)
        return false;
    if (model->main->node_count == 0)
        return error_at(model->path, "the model has no operators: there is nothing to compute");
    if (model->main->output_count == 0)
        return error_at(model->path, "the model has no outputs: there is nothing to compute");
    for (int i = 0; i < model->main->output_count; ++i)
        model->main->outputs[i]->is_output = true;
    return true;
}

bool import_tflite(Model *model, const uint8_t *data, size_t bytes)
{
    Importer importer = {.model = model};
    model->format = "tflite";
    if (!flat_open(&importer.file, data, bytes))
        return error_at(model->path, "not a FlatBuffer: %zu bytes", bytes);
    const FlatTable root = flat_root(&importer.file);
    importer.operator_codes = flat_vector(root, MODEL_OPERATOR_CODES, 4);
    importer.subgraphs = flat_vector(root, MODEL_SUBGRAPHS, 4);
    importer.buffers = flat_vector(root, MODEL_BUFFERS, 4);
    importer.buffer_data = arena_array(model->arena, (size_t)importer.buffers.count + 1, sizeof *importer.buffer_data);
    importer.active = arena_alloc(model->arena, (size_t)importer.subgraphs.count + 1);
    importer.tensors_left = importer.operands_left = (int64_t)bytes + ALLOWANCE;
    importer.nodes_left = (int64_t)bytes / SMALLEST_OPERATOR_BYTES + ALLOWANCE;
    const bool ok = read_main(&importer);
    if (importer.file.error != NULL)
        return error_at(model->path, "damaged file: %s (at byte %u)", importer.file.error, (unsigned)importer.file.error_position);
    if (ok)
        read_labels(model, data, bytes);
    return ok;
}
