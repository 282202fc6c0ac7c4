/* SPDX-License-Identifier: MIT
 *
 * Tensors, nodes, graphs, the model: building them, walking them, printing them.
 */
#include "compiler.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- data types */

static const struct {
    const char *name, *ctype;
    int bits;
} dtype_info[DTYPE_COUNT] = {
    [DTYPE_NONE] = {"none", "void", 0},
    [DTYPE_F32] = {"float32", "float", 32},
    [DTYPE_F64] = {"float64", "double", 64},
    [DTYPE_F16] = {"float16", "uint16_t", 16},
    [DTYPE_BF16] = {"bfloat16", "uint16_t", 16},
    [DTYPE_BOOL] = {"bool", "uint8_t", 8},
    [DTYPE_I4] = {"int4", "uint8_t", 4},
    [DTYPE_I8] = {"int8", "int8_t", 8},
    [DTYPE_I16] = {"int16", "int16_t", 16},
    [DTYPE_I32] = {"int32", "int32_t", 32},
    [DTYPE_I64] = {"int64", "int64_t", 64},
    [DTYPE_U8] = {"uint8", "uint8_t", 8},
    [DTYPE_U16] = {"uint16", "uint16_t", 16},
    [DTYPE_U32] = {"uint32", "uint32_t", 32},
    [DTYPE_U64] = {"uint64", "uint64_t", 64},
};

const char *dtype_name(DType dtype)
{
    return dtype_info[dtype].name;
}

const char *dtype_ctype(DType dtype)
{
    return dtype_info[dtype].ctype;
}

DType dtype_from_name(const char *name)
{
    for (int dtype = 1; dtype < DTYPE_COUNT; ++dtype)
        if (strcmp(dtype_info[dtype].name, name) == 0)
            return (DType)dtype;
    return DTYPE_NONE;
}

size_t dtype_bits(DType dtype)
{
    return (size_t)dtype_info[dtype].bits;
}

bool dtype_is_integer(DType dtype)
{
    return dtype >= DTYPE_I4 && dtype <= DTYPE_U64;
}

bool dtype_is_float(DType dtype)
{
    return dtype >= DTYPE_F32 && dtype <= DTYPE_BF16;
}

bool dtype_is_signed(DType dtype)
{
    return dtype_is_float(dtype) || (dtype >= DTYPE_I4 && dtype <= DTYPE_I64);
}

int64_t dtype_min(DType dtype)
{
    return dtype >= DTYPE_I4 && dtype <= DTYPE_I64 ? -(int64_t)((1ULL << (dtype_info[dtype].bits - 1)) - 1) - 1 : 0;
}

int64_t dtype_max(DType dtype)
{
    if (dtype == DTYPE_BOOL)
        return 1;
    if (dtype >= DTYPE_U8 && dtype < DTYPE_U64)
        return (int64_t)((1ULL << dtype_info[dtype].bits) - 1);
    return dtype == DTYPE_U64 ? INT64_MAX : dtype_is_integer(dtype) ? (int64_t)((1ULL << (dtype_info[dtype].bits - 1)) - 1) : 0;
}

/* ---------------------------------------------------------------- shapes */

Shape shape_of(int rank, ...)
{
    Shape shape = {.rank = rank};
    va_list arguments;
    va_start(arguments, rank);
    for (int i = 0; i < rank && i < MAX_RANK; ++i)
        shape.dim[i] = va_arg(arguments, int32_t);
    va_end(arguments);
    return shape;
}

Shape shape_from(int rank, const int32_t *dim)
{
    Shape shape = {.rank = rank};
    for (int i = 0; i < rank && i < MAX_RANK; ++i)
        shape.dim[i] = dim[i];
    return shape;
}

bool shape_equal(const Shape *a, const Shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; ++i)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

int64_t shape_elements(const Shape *shape)
{
    int64_t elements = 1;
    for (int i = 0; i < shape->rank; ++i)
        elements *= shape->dim[i];
    return elements;
}

bool shape_is_valid(const Shape *shape)
{
    if (shape->rank < 0 || shape->rank > MAX_RANK)
        return false;
    int64_t elements = 1;
    for (int i = 0; i < shape->rank; ++i) {
        if (shape->dim[i] < 0 || elements > INT32_MAX)
            return false;
        elements *= shape->dim[i];
    }
    return elements <= INT32_MAX;
}

char *shape_text(const Shape *shape, char *text)
{
    char *end = text;
    *end++ = '[';
    for (int i = 0; i < shape->rank; ++i)
        end += snprintf(end, 16, i == 0 ? "%d" : ", %d", (int)shape->dim[i]);
    *end++ = ']';
    *end = '\0';
    return text;
}

/* ---------------------------------------------------------------- tensors */

int64_t tensor_elements(const Tensor *tensor)
{
    return shape_elements(&tensor->shape);
}

int64_t tensor_bytes(const Tensor *tensor)
{
    return (tensor_elements(tensor) * (int64_t)dtype_bits(tensor->dtype) + 7) / 8;
}

bool tensor_is_constant(const Tensor *tensor)
{
    return tensor != NULL && tensor->kind == TENSOR_CONSTANT;
}

bool tensor_is_quantised(const Tensor *tensor)
{
    return tensor->quantisation.count > 0;
}

float tensor_scale(const Tensor *tensor)
{
    return tensor->quantisation.count > 0 ? tensor->quantisation.scale[0] : 0.0f;
}

int32_t tensor_zero_point(const Tensor *tensor)
{
    return tensor->quantisation.count > 0 ? tensor->quantisation.zero_point[0] : 0;
}

void tensor_quantise(Graph *graph, Tensor *tensor, float scale, int32_t zero_point)
{
    Arena *arena = graph->model->arena;
    tensor->quantisation = (Quantisation){
        .count = 1,
        .scale = arena_copy(arena, &scale, sizeof scale),
        .zero_point = arena_copy(arena, &zero_point, sizeof zero_point),
    };
}

float half_to_float(uint16_t half)
{
    const int exponent = (half >> 10) & 31;
    const int fraction = half & 1023;
    float value;
    if (exponent == 31)
        value = fraction != 0 ? NAN : INFINITY;
    else if (exponent == 0)
        value = ldexpf((float)fraction, -24);
    else
        value = ldexpf((float)(fraction + 1024), exponent - 25);
    return half & 0x8000 ? -value : value;
}

/* Rounds to nearest, ties to even, as IEEE 754 asks. */
uint16_t float_to_half(float value)
{
    const uint16_t sign = signbit(value) ? 0x8000 : 0;
    const float magnitude = fabsf(value);
    if (isnan(value))
        return sign | 0x7e00;
    if (magnitude >= 65520.0f)
        return sign | 0x7c00;
    int exponent;
    frexpf(magnitude, &exponent);
    if (exponent < -13)
        exponent = -13;
    const long fraction = lrintf(ldexpf(magnitude, 11 - exponent));
    const long bits = fraction < 1024 ? fraction : ((long)(exponent + 13) << 10) + fraction;
    return (uint16_t)(sign | bits);
}

static float bfloat_to_float(uint16_t bits)
{
    const uint32_t word = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

int64_t element_int(DType dtype, const void *data, int64_t index)
{
    switch (dtype) {
    case DTYPE_BOOL:
    case DTYPE_U8:
        return ((const uint8_t *)data)[index];
    case DTYPE_I4: {
        const int nibble = (((const uint8_t *)data)[index / 2] >> (index % 2 * 4)) & 15;
        return nibble >= 8 ? nibble - 16 : nibble;
    }
    case DTYPE_I8:
        return ((const int8_t *)data)[index];
    case DTYPE_I16:
        return ((const int16_t *)data)[index];
    case DTYPE_U16:
        return ((const uint16_t *)data)[index];
    case DTYPE_I32:
        return ((const int32_t *)data)[index];
    case DTYPE_U32:
        return ((const uint32_t *)data)[index];
    case DTYPE_I64:
    case DTYPE_U64:
        return ((const int64_t *)data)[index];
    default:
        return (int64_t)element_float(dtype, data, index);
    }
}

double element_float(DType dtype, const void *data, int64_t index)
{
    switch (dtype) {
    case DTYPE_F32:
        return ((const float *)data)[index];
    case DTYPE_F64:
        return ((const double *)data)[index];
    case DTYPE_F16:
        return half_to_float(((const uint16_t *)data)[index]);
    case DTYPE_BF16:
        return bfloat_to_float(((const uint16_t *)data)[index]);
    case DTYPE_U64:
        return (double)((const uint64_t *)data)[index];
    case DTYPE_NONE:
    case DTYPE_COUNT:
        return 0.0;
    default:
        return (double)element_int(dtype, data, index);
    }
}

void element_set_int(DType dtype, void *data, int64_t index, int64_t value)
{
    switch (dtype) {
    case DTYPE_BOOL:
        ((uint8_t *)data)[index] = value != 0;
        break;
    case DTYPE_I4: {
        uint8_t *byte = (uint8_t *)data + index / 2;
        const int shift = (int)(index % 2) * 4;
        *byte = (uint8_t)((*byte & ~(15 << shift)) | ((int)(value & 15) << shift));
        break;
    }
    case DTYPE_I8:
    case DTYPE_U8:
        ((uint8_t *)data)[index] = (uint8_t)value;
        break;
    case DTYPE_I16:
    case DTYPE_U16:
        ((uint16_t *)data)[index] = (uint16_t)value;
        break;
    case DTYPE_I32:
    case DTYPE_U32:
        ((uint32_t *)data)[index] = (uint32_t)value;
        break;
    case DTYPE_I64:
    case DTYPE_U64:
        ((int64_t *)data)[index] = value;
        break;
    default:
        element_set_float(dtype, data, index, (double)value);
    }
}

void element_set_float(DType dtype, void *data, int64_t index, double value)
{
    switch (dtype) {
    case DTYPE_F32:
        ((float *)data)[index] = (float)value;
        break;
    case DTYPE_F64:
        ((double *)data)[index] = value;
        break;
    case DTYPE_F16:
        ((uint16_t *)data)[index] = float_to_half((float)value);
        break;
    case DTYPE_BF16: {
        const float single = (float)value;
        uint32_t word;
        memcpy(&word, &single, sizeof word);
        ((uint16_t *)data)[index] = (uint16_t)((word + 0x7fff + ((word >> 16) & 1)) >> 16);
        break;
    }
    case DTYPE_NONE:
    case DTYPE_COUNT:
        break;
    default:
        element_set_int(dtype, data, index, (int64_t)value);
    }
}

/* ---------------------------------------------------------------- model and graph */

Model *model_new(const char *path, size_t arena_limit)
{
    Arena *arena = arena_new(arena_limit);
    Model *model = arena_alloc(arena, sizeof *model);
    model->arena = arena;
    model->path = arena_string(arena, path);
    model->name = path_stem(arena, path);
    model->format = "";
    model->main = graph_new(model, "invoke");
    return model;
}

/* The one place where a compile's memory ends. */
void model_free(Model *model)
{
    if (model != NULL)
        arena_free(model->arena);
}

Graph *graph_new(Model *model, const char *name)
{
    Graph *graph = arena_alloc(model->arena, sizeof *graph);
    graph->model = model;
    graph->name = arena_string(model->arena, name);
    return graph;
}

/* Names are made unique with "#2" per model: a hash set beside the arena's strings. */
static uint32_t text_hash(const char *text)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *text != '\0'; ++text)
        hash = (hash ^ (uint8_t)*text) * 16777619u;
    return hash;
}

typedef struct NameSet {
    const char **slots;
    int *next_suffix;
    int count, capacity; /* a power of two */
} NameSet;

static int find_slot(const NameSet *set, const char *name)
{
    int slot = (int)(text_hash(name) & (uint32_t)(set->capacity - 1));
    while (set->slots[slot] != NULL && strcmp(set->slots[slot], name) != 0)
        slot = (slot + 1) & (set->capacity - 1);
    return slot;
}

static void name_set_grow(Arena *arena, NameSet *set)
{
    NameSet bigger = {.capacity = set->capacity > 0 ? set->capacity * 2 : 64};
    bigger.slots = arena_array(arena, (size_t)bigger.capacity, sizeof *bigger.slots);
    bigger.next_suffix = arena_array(arena, (size_t)bigger.capacity, sizeof *bigger.next_suffix);
    for (int i = 0; i < set->capacity; ++i) {
        if (set->slots[i] == NULL)
            continue;
        int slot = find_slot(&bigger, set->slots[i]);
        bigger.slots[slot] = set->slots[i];
        bigger.next_suffix[slot] = set->next_suffix[i];
    }
    bigger.count = set->count;
    *set = bigger;
}

static const char *unique_name(Model *model, NameSet **pointer, const char *name)
{
    Arena *arena = model->arena;
    if (*pointer == NULL)
        *pointer = arena_alloc(arena, sizeof **pointer);
    NameSet *set = *pointer;
    if (set->count * 2 >= set->capacity)
        name_set_grow(arena, set);
    int slot = find_slot(set, name);
    if (set->slots[slot] == NULL) {
        set->slots[slot] = arena_string(arena, name);
        set->next_suffix[slot] = 2;
        ++set->count;
        return set->slots[slot];
    }
    return unique_name(model, pointer, arena_format(arena, "%s#%d", name, set->next_suffix[slot]++));
}

Tensor *graph_add_tensor(Graph *graph, const char *name, DType dtype)
{
    Model *model = graph->model;
    Tensor *tensor = arena_alloc(model->arena, sizeof *tensor);
    tensor->name = unique_name(model, (NameSet **)&model->tensor_names, name != NULL && name[0] != '\0' ? name : "tensor");
    tensor->dtype = dtype;
    tensor->index = graph->tensor_count;
    ARENA_PUSH(model->arena, graph->tensors, graph->tensor_count, graph->tensor_capacity);
    graph->tensors[graph->tensor_count++] = tensor;
    return tensor;
}

Tensor *graph_add_constant(Graph *graph, const char *name, DType dtype, Shape shape, const void *data)
{
    Tensor *tensor = graph_add_tensor(graph, name, dtype);
    tensor->kind = TENSOR_CONSTANT;
    tensor->shape = shape;
    tensor->shape_known = true;
    tensor->data = data;
    tensor->data_bytes = (size_t)tensor_bytes(tensor);
    return tensor;
}

/* "DepthwiseConv2D" -> "depthwise_conv2d"; "BatchMatMul" -> "batch_mat_mul" */
static char *snake_case(Arena *arena, const char *text)
{
    char *result = arena_alloc(arena, 2 * strlen(text) + 1), *end = result;
    for (const char *c = text; *c != '\0'; ++c) {
        const bool upper = *c >= 'A' && *c <= 'Z';
        const bool after_lower = c > text && c[-1] >= 'a' && c[-1] <= 'z';
        const bool before_lower = upper && c > text && c[-1] >= 'A' && c[-1] <= 'Z' && c[1] >= 'a' && c[1] <= 'z';
        if (upper && (after_lower || before_lower))
            *end++ = '_';
        *end++ = upper ? (char)(*c - 'A' + 'a') : *c;
    }
    return result;
}

Node *node_new(Graph *graph, OpKind op, const char *name, int inputs, int outputs)
{
    Model *model = graph->model;
    Arena *arena = model->arena;
    Node *node = arena_alloc(arena, sizeof *node);
    if (name == NULL || name[0] == '\0') {
        const char *stem = snake_case(arena, operators[op].name);
        name = arena_format(arena, "%s_%d", stem, ++model->op_counts[op]);
    }
    node->name = unique_name(model, (NameSet **)&model->node_names, name);
    node->op = op;
    node->model = model;
    node->graph = graph;
    node->input_count = inputs;
    node->output_count = outputs;
    node->inputs = arena_array(arena, (size_t)inputs + 1, sizeof *node->inputs);
    node->outputs = arena_array(arena, (size_t)outputs + 1, sizeof *node->outputs);
    return node;
}

void graph_insert_node(Graph *graph, int position, Node *node)
{
    ARENA_PUSH(graph->model->arena, graph->nodes, graph->node_count, graph->node_capacity);
    memmove(graph->nodes + position + 1, graph->nodes + position, (size_t)(graph->node_count - position) * sizeof *graph->nodes);
    graph->nodes[position] = node;
    ++graph->node_count;
}

Node *graph_add_node(Graph *graph, OpKind op, const char *name, int inputs, int outputs)
{
    Node *node = node_new(graph, op, name, inputs, outputs);
    graph_insert_node(graph, graph->node_count, node);
    return node;
}

void graph_remove_nodes(Graph *graph, bool (*dead)(const Node *node))
{
    int kept = 0;
    for (int i = 0; i < graph->node_count; ++i)
        if (!dead(graph->nodes[i]))
            graph->nodes[kept++] = graph->nodes[i];
    graph->node_count = kept;
}

void graph_replace_uses(Graph *graph, Tensor *old_tensor, Tensor *new_tensor)
{
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->input_count; ++k)
            if (graph->nodes[i]->inputs[k] == old_tensor)
                graph->nodes[i]->inputs[k] = new_tensor;
    for (int i = 0; i < graph->output_count; ++i)
        if (graph->outputs[i] == old_tensor)
            graph->outputs[i] = new_tensor;
}

void graph_clear_marks(const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; ++i)
        graph->tensors[i]->mark = 0;
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->region_count; ++k)
            graph_clear_marks(graph->nodes[i]->regions[k]);
}

static void dump_tensor(const Tensor *tensor, FILE *file)
{
    static const char *const kinds[] = {"", " input", " constant", " state"};
    char text[128];
    if (tensor == NULL) {
        fputs(" -", file);
        return;
    }
    fprintf(file, " %s:%s%s%s", tensor->name, dtype_name(tensor->dtype), tensor->shape_known ? shape_text(&tensor->shape, text) : "[?]",
        kinds[tensor->kind]);
    if (tensor->quantisation.count == 1)
        fprintf(file, " {%.6g, %d}", (double)tensor_scale(tensor), (int)tensor_zero_point(tensor));
    else if (tensor->quantisation.count > 1)
        fprintf(file, " {%d scales, axis %d}", tensor->quantisation.count, tensor->quantisation.axis);
}

static void dump_indented(const Graph *graph, FILE *file, int indent)
{
    fprintf(file, "%*sgraph %s\n", indent, "", graph->name);
    for (int i = 0; i < graph->input_count; ++i) {
        fprintf(file, "%*s  input", indent, "");
        dump_tensor(graph->inputs[i], file);
        fputc('\n', file);
    }
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        fprintf(file, "%*s  %s = %s\n", indent, "", node->name, node_operator(node)->name);
        for (int k = 0; k < node->input_count; ++k) {
            fprintf(file, "%*s    <-", indent, "");
            dump_tensor(node->inputs[k], file);
            fputc('\n', file);
        }
        for (int k = 0; k < node->output_count; ++k) {
            fprintf(file, "%*s    ->", indent, "");
            dump_tensor(node->outputs[k], file);
            fputc('\n', file);
        }
        for (int k = 0; k < node->region_count; ++k)
            dump_indented(node->regions[k], file, indent + 4);
    }
    for (int i = 0; i < graph->output_count; ++i) {
        fprintf(file, "%*s  output", indent, "");
        dump_tensor(graph->outputs[i], file);
        fputc('\n', file);
    }
}

void graph_dump(const Graph *graph, FILE *file)
{
    dump_indented(graph, file, 0);
}

/* ---------------------------------------------------------------- attributes */

static Attribute *attribute_slot(Node *node, const char *name, AttributeType type)
{
    Arena *arena = node->model->arena;
    Attribute *attribute = (Attribute *)(uintptr_t)node_attribute(node, name);
    if (attribute == NULL) {
        ARENA_PUSH(arena, node->attributes, node->attribute_count, node->attribute_capacity);
        attribute = &node->attributes[node->attribute_count++];
    }
    *attribute = (Attribute){.name = arena_string(arena, name), .type = type};
    return attribute;
}

void node_set_int(Node *node, const char *name, int64_t value)
{
    attribute_slot(node, name, ATTRIBUTE_INT)->integer = value;
}

void node_set_float(Node *node, const char *name, double value)
{
    attribute_slot(node, name, ATTRIBUTE_FLOAT)->real = value;
}

void node_set_string(Node *node, const char *name, const char *text)
{
    attribute_slot(node, name, ATTRIBUTE_STRING)->text = arena_string(node->model->arena, text);
}

void node_set_ints(Node *node, const char *name, int count, const int64_t *values)
{
    const int64_t *copy = arena_copy(node->model->arena, values, (size_t)count * sizeof *values);
    Attribute *attribute = attribute_slot(node, name, ATTRIBUTE_INTS);
    attribute->count = count;
    attribute->integers = copy;
}

void node_set_floats(Node *node, const char *name, int count, const double *values)
{
    const double *copy = arena_copy(node->model->arena, values, (size_t)count * sizeof *values);
    Attribute *attribute = attribute_slot(node, name, ATTRIBUTE_FLOATS);
    attribute->count = count;
    attribute->reals = copy;
}

const Attribute *node_attribute(const Node *node, const char *name)
{
    for (int i = 0; i < node->attribute_count; ++i)
        if (strcmp(node->attributes[i].name, name) == 0)
            return &node->attributes[i];
    return NULL;
}

bool node_has(const Node *node, const char *name)
{
    return node_attribute(node, name) != NULL;
}

int64_t node_int(const Node *node, const char *name, int64_t otherwise)
{
    const Attribute *attribute = node_attribute(node, name);
    return attribute != NULL && attribute->type == ATTRIBUTE_INT ? attribute->integer : otherwise;
}

double node_float(const Node *node, const char *name, double otherwise)
{
    const Attribute *attribute = node_attribute(node, name);
    if (attribute != NULL && attribute->type == ATTRIBUTE_INT)
        return (double)attribute->integer;
    return attribute != NULL && attribute->type == ATTRIBUTE_FLOAT ? attribute->real : otherwise;
}

const char *node_string(const Node *node, const char *name, const char *otherwise)
{
    const Attribute *attribute = node_attribute(node, name);
    return attribute != NULL && attribute->type == ATTRIBUTE_STRING ? attribute->text : otherwise;
}

int64_t node_ints(const Node *node, const char *name, int index, int64_t otherwise)
{
    const Attribute *attribute = node_attribute(node, name);
    return attribute != NULL && attribute->type == ATTRIBUTE_INTS && index < attribute->count ? attribute->integers[index] : otherwise;
}

Tensor *node_input(const Node *node, int index)
{
    return index < node->input_count ? node->inputs[index] : NULL;
}

bool node_take_ints(Node *node, int index, const char *name)
{
    const Tensor *operand = node_input(node, index);
    if (operand == NULL)
        return true;
    if (!tensor_is_constant(operand))
        return node_error(node, "%s is \"%s\", computed at run time; it decides a shape and must be a constant", name, operand->name);
    if (!dtype_is_integer(operand->dtype))
        return node_error(node, "%s has type %s; it must be an integer type", name, dtype_name(operand->dtype));
    const int64_t count = tensor_elements(operand);
    if (count > 4 * MAX_RANK && count > 4096)
        return node_error(node, "%s has %" PRId64 " values, more than any shape needs", name, count);
    int64_t *values = arena_array(node->model->arena, (size_t)count + 1, sizeof *values);
    for (int64_t i = 0; i < count; ++i)
        values[i] = element_int(operand->dtype, operand->data, i);
    node_set_ints(node, name, (int)count, values);
    node->inputs[index] = NULL;
    return true;
}
