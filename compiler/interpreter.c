/* SPDX-License-Identifier: MIT
 *
 * The interpreter: runs each operator's reference meaning in graph order. It is the oracle of folding, verification and
 * every test; it shares no code with runtime/ or the templates.
 *
 * While it runs, a tensor's bytes are at tensor->value. Temporaries live from their node to their last reader.
 */
#include "compiler.h"

#include <stdlib.h>
#include <string.h>

struct Interpreter {
    Model *model;
    Tensor **states;
    void **state_bytes;
    int state_count;
    NodeObserver observer;
    void *context;
};

static Interpreter *running; /* so that control flow's regions are observed too */

/* Sixteen bytes of slack, so that zero-extent tensors have an address. */
static void *allocate(int64_t bytes)
{
    void *data = calloc(1, (size_t)bytes + 16);
    if (data == NULL)
        fatal(EXIT_WORK_FAILED, "out of memory: a tensor of %lld bytes", (long long)bytes);
    return data;
}

static void count_readers(const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; ++i)
        graph->tensors[i]->readers = 0;
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->input_count; ++k)
            if (graph->nodes[i]->inputs[k] != NULL)
                ++graph->nodes[i]->inputs[k]->readers;
    for (int i = 0; i < graph->output_count; ++i)
        ++graph->outputs[i]->readers;
}

static bool is_temporary(const Tensor *tensor)
{
    return tensor->kind == TENSOR_TEMPORARY;
}

static void release(Tensor *tensor)
{
    free(tensor->value);
    tensor->value = NULL;
}

static void bind_constants(const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; ++i)
        if (graph->tensors[i]->kind == TENSOR_CONSTANT)
            graph->tensors[i]->value = (void *)(uintptr_t)graph->tensors[i]->data;
}

static bool run_node(const Node *node)
{
    void **operands = allocate((int64_t)((size_t)(node->input_count + node->output_count) * sizeof *operands));
    void **in = operands, **out = operands + node->input_count;
    bool ok = true;
    for (int i = 0; i < node->input_count; ++i) {
        in[i] = node->inputs[i] != NULL ? node->inputs[i]->value : NULL;
        if (node->inputs[i] != NULL && in[i] == NULL && node->op != OP_SHAPE) /* Shape is folded whatever it reads */
            ok = node_error(node, "operand \"%s\" has no value here", node->inputs[i]->name);
    }
    for (int i = 0; i < node->output_count; ++i)
        if (node->outputs[i] != NULL)
            out[i] = node->outputs[i]->value = allocate(tensor_bytes(node->outputs[i]));
    const Evaluation evaluation = {.node = node, .in = in, .out = out};
    ok = ok && node_operator(node)->evaluate(&evaluation);
    if (ok && running != NULL && running->observer != NULL)
        running->observer(running->context, node, in, out);
    free(operands);
    return ok;
}

static void release_operands(const Node *node)
{
    for (int i = 0; i < node->input_count; ++i)
        if (node->inputs[i] != NULL && --node->inputs[i]->readers == 0 && is_temporary(node->inputs[i]))
            release(node->inputs[i]);
    for (int i = 0; i < node->output_count; ++i)
        if (node->outputs[i] != NULL && node->outputs[i]->readers == 0)
            release(node->outputs[i]);
}

static bool run_graph(const Graph *graph, const void *const *inputs, void *const *outputs)
{
    bind_constants(graph);
    count_readers(graph);
    for (int i = 0; i < graph->input_count; ++i)
        graph->inputs[i]->value = (void *)(uintptr_t)inputs[i];
    bool ok = true;
    for (int i = 0; ok && i < graph->node_count; ++i) {
        ok = run_node(graph->nodes[i]);
        release_operands(graph->nodes[i]);
    }
    for (int i = 0; ok && i < graph->output_count; ++i)
        memcpy(outputs[i], graph->outputs[i]->value, (size_t)tensor_bytes(graph->outputs[i]));
    for (int i = 0; i < graph->tensor_count; ++i)
        if (is_temporary(graph->tensors[i]))
            release(graph->tensors[i]);
    return ok;
}

bool evaluate_region(const Graph *region, void *const *inputs, void *const *outputs)
{
    return run_graph(region, (const void *const *)inputs, outputs);
}

bool evaluate_constant(Node *node)
{
    for (int i = 0; i < node->input_count; ++i)
        if (node->inputs[i] != NULL)
            node->inputs[i]->value = (void *)(uintptr_t)node->inputs[i]->data;
    const bool ok = run_node(node);
    for (int i = 0; !ok && i < node->output_count; ++i)
        if (node->outputs[i] != NULL)
            release(node->outputs[i]);
    for (int i = 0; ok && i < node->output_count; ++i) {
        Tensor *output = node->outputs[i];
        output->data_bytes = (size_t)tensor_bytes(output);
        output->data = arena_copy(node->model->arena, output->value, output->data_bytes);
        output->kind = TENSOR_CONSTANT;
        release(output);
    }
    return ok;
}

/* ---------------------------------------------------------------- whole models */

static void collect_states(Interpreter *interpreter, const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; ++i)
        if (graph->tensors[i]->kind == TENSOR_STATE)
            interpreter->states[interpreter->state_count++] = graph->tensors[i];
}

static int count_states(const Graph *graph)
{
    int count = 0;
    for (int i = 0; i < graph->tensor_count; ++i)
        count += graph->tensors[i]->kind == TENSOR_STATE;
    return count;
}

Interpreter *interpreter_new(Model *model)
{
    Interpreter *interpreter = allocate(sizeof *interpreter);
    const int count = count_states(model->main); /* states belong to the entry's graph, wherever they are used */
    interpreter->model = model;
    interpreter->states = allocate((int64_t)((size_t)count * sizeof *interpreter->states));
    interpreter->state_bytes = allocate((int64_t)((size_t)count * sizeof *interpreter->state_bytes));
    collect_states(interpreter, model->main);
    for (int i = 0; i < count; ++i)
        interpreter->state_bytes[i] = allocate(tensor_bytes(interpreter->states[i]));
    interpreter_reset(interpreter);
    return interpreter;
}

void interpreter_free(Interpreter *interpreter)
{
    if (interpreter == NULL)
        return;
    for (int i = 0; i < interpreter->state_count; ++i)
        free(interpreter->state_bytes[i]);
    free(interpreter->state_bytes);
    free(interpreter->states);
    free(interpreter);
}

void interpreter_reset(Interpreter *interpreter)
{
    for (int i = 0; i < interpreter->state_count; ++i) {
        const Tensor *state = interpreter->states[i];
        const size_t bytes = (size_t)tensor_bytes(state);
        memset(interpreter->state_bytes[i], 0, bytes);
        if (state->data != NULL)
            memcpy(interpreter->state_bytes[i], state->data, bytes < state->data_bytes ? bytes : state->data_bytes);
    }
}

bool interpreter_run(Interpreter *interpreter, const void *const *inputs, void *const *outputs)
{
    for (int i = 0; i < interpreter->state_count; ++i)
        interpreter->states[i]->value = interpreter->state_bytes[i];
    Interpreter *outer = running;
    running = interpreter;
    const bool ok = run_graph(interpreter->model->main, inputs, outputs);
    running = outer;
    return ok;
}

void interpreter_observe(Interpreter *interpreter, NodeObserver observer, void *context)
{
    interpreter->observer = observer;
    interpreter->context = context;
}
