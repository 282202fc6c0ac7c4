/* SPDX-License-Identifier: MIT
 *
 * C identifiers for what the generated pair declares: parameters, temporaries, states, constants. They come from the nodes
 * ("conv2d_1", "conv2d_1_weights"), which are shorter and steadier than tensor names, except for inputs, outputs and states.
 *
 * requires selected kernels (tables exist); sets tensor->identifier; model->prefix.
 */
#include "../compiler.h"

#include <stdlib.h>
#include <string.h>

/* C's keywords, and the names that the skeleton uses in the entry function. */
static const char *const reserved[] = {
    "arena", "state", "weights", "main", "int", "char", "float", "double", "short", "long", "signed", "unsigned", "void", "const",
    "static", "inline", "restrict", "volatile", "auto", "register", "extern", "struct", "union", "enum", "typedef", "if", "else",
    "for", "while", "do", "switch", "case", "default", "break", "continue", "return", "goto", "sizeof", "bool", "true", "false",
    "new", "delete", "class", "this", "template", "operator", "private", "public", "namespace", "and", "or", "not", "xor",
    "exp", "log", "sin", "cos", "tanh", "round", "floor", "ceil", "abs", "index", "memcpy", "memset", "y0", "y1", "j0", "j1", "linux", "unix"};

typedef struct NameTable {
    Arena *arena;
    const char **names;
    int count, capacity;
} NameTable;

static bool is_taken(const NameTable *table, const char *name)
{
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; ++i)
        if (strcmp(reserved[i], name) == 0)
            return true;
    for (int i = 0; i < table->count; ++i)
        if (strcmp(table->names[i], name) == 0)
            return true;
    return false;
}

static const char *claim(NameTable *table, const char *wanted)
{
    const char *name = wanted;
    for (int suffix = 2; is_taken(table, name); ++suffix)
        name = arena_format(table->arena, "%s_%d", wanted, suffix);
    ARENA_PUSH(table->arena, table->names, table->count, table->capacity);
    table->names[table->count++] = name;
    return name;
}

static void name_tensor(NameTable *table, Tensor *tensor, const char *wanted)
{
    if (tensor->identifier == NULL)
        tensor->identifier = claim(table, identifier_from(table->arena, wanted));
}

/* Frameworks name tensors by path, and fused ones by several ("a/conv/BiasAdd;a/conv/Conv2D"): the tail of the first path
 * says enough, and has to be typed by people. */
static const char *short_name(Arena *arena, const char *name)
{
    enum { COMFORTABLE = 48 };
    const char *path = arena_format(arena, "%.*s", (int)strcspn(name, ";"), name);
    for (const char *slash; strlen(path) > COMFORTABLE && (slash = strchr(path, '/')) != NULL && slash[1] != '\0';)
        path = slash + 1;
    return path;
}

static void name_interface(NameTable *table, Tensor *const *tensors, int count, const char *single)
{
    for (int i = 0; i < count; ++i)
        name_tensor(table, tensors[i], count == 1 ? single : short_name(table->arena, tensors[i]->name));
}

static void name_operands(NameTable *table, const Node *node)
{
    Arena *arena = table->arena;
    for (int i = 0; i < node->input_count; ++i)
        if (node->inputs[i] != NULL && node->inputs[i]->kind == TENSOR_CONSTANT)
            name_tensor(table, node->inputs[i], arena_format(arena, "%s_%s", node->name, op_input_role(arena, node->op, i)));
    for (int i = 0; node->facts != NULL && i < node->facts->count; ++i)
        if (node->facts->facts[i].tensor != NULL)
            name_tensor(table, node->facts->facts[i].tensor, arena_format(arena, "%s_%s", node->name, node->facts->facts[i].name));
    for (int i = 0; i < node->output_count; ++i) {
        const char *role = op_output_role(arena, node->op, i);
        if (node->outputs[i] != NULL)
            name_tensor(table, node->outputs[i], node->output_count == 1 ? node->name : arena_format(arena, "%s_%s", node->name, role));
    }
}

static void name_graph(NameTable *table, const Graph *graph)
{
    for (int i = 0; i < graph->node_count; ++i) {
        Node *node = graph->nodes[i];
        for (int k = 0; k < node->region_count; ++k) {
            const char *prefix = arena_format(table->arena, "%s_%s", node->name, node->regions[k]->name);
            for (int j = 0; j < node->regions[k]->input_count; ++j) {
                Tensor *input = node->regions[k]->inputs[j];
                name_tensor(table, input, node->op == OP_ROWS ? input->name : arena_format(table->arena, "%s_input_%d", prefix, j));
            }
            name_graph(table, node->regions[k]);
        }
        name_operands(table, node);
    }
    for (int i = 0; i < graph->output_count; ++i)
        name_tensor(table, graph->outputs[i], graph->outputs[i]->name);
}

bool pass_names(Model *model)
{
    NameTable table = {.arena = model->arena};
    Graph *main = model->main;
    model->prefix = identifier_from(model->arena, model->name);
    name_interface(&table, main->inputs, main->input_count, "input");
    name_interface(&table, main->outputs, main->output_count, "output");
    for (int i = 0; i < main->tensor_count; ++i)
        if (main->tensors[i]->kind == TENSOR_STATE)
            name_tensor(&table, main->tensors[i], short_name(model->arena, main->tensors[i]->name));
    name_graph(&table, main);
    return true;
}
