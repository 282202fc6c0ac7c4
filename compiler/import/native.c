/* SPDX-License-Identifier: MIT
 *
 * The native format: NAME.json for the graph, NAME.bin for the tensors. The only user of cJSON.
 *
 * A file is untrusted: every key, name, number, extent, offset, size and checksum is looked at before it is believed, and
 * what is wrong is said with its place. cJSON's numbers are doubles, so integers beyond 2^53 are written as strings.
 */
#include "compiler.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REGION_DEPTH = 32 };
enum { MAX_NAME_LENGTH = 16384 }; /* TFLite's fused tensors carry the names of all their parts */
enum { BLOB_ALIGNMENT = 16 };

typedef struct Reader {
    Model *model;
    Arena *arena;
    const uint8_t *blob; /* NULL: no "weights" section */
    size_t blob_bytes;
} Reader;

/* What is known under a tensor's name in one graph. */
typedef struct Name {
    const char *text;
    Tensor *tensor;
    bool available; /* input, state, constant, or written by a node already read */
} Name;

typedef struct Scope {
    Name *slots;
    size_t capacity; /* a power of two, over twice the number of names */
    const struct Scope *outer; /* where states are found */
} Scope;

/* The first element of a list or object; NULL for an empty one, an absent one, or a number. */
static const cJSON *first_of(const cJSON *json)
{
    return json != NULL ? json->child : NULL;
}

/* ---------------------------------------------------------------- names */

static Name *scope_slot(const Scope *scope, const char *text)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *c = text; *c != '\0'; ++c)
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    size_t slot = hash & (scope->capacity - 1);
    while (scope->slots[slot].text != NULL && strcmp(scope->slots[slot].text, text) != 0)
        slot = (slot + 1) & (scope->capacity - 1);
    return &scope->slots[slot];
}

static Name *scope_find(const Scope *scope, const char *text)
{
    Name *name = scope_slot(scope, text);
    return name->text != NULL ? name : NULL;
}

/* A region sees its own tensors and the model's states. */
static const Name *find_operand(const Scope *scope, const char *text)
{
    const Name *name = scope_find(scope, text);
    for (const Scope *outer = scope->outer; name == NULL && outer != NULL; outer = outer->outer) {
        name = scope_find(outer, text);
        if (name != NULL && name->tensor->kind != TENSOR_STATE)
            return NULL;
    }
    return name;
}

/* Room for every name that the graph can mention. */
static void scope_init(Reader *reader, Scope *scope, const cJSON *graph)
{
    static const char *const sections[] = {"inputs", "states", "tensors"};
    size_t names = 8;
    for (size_t i = 0; i < sizeof sections / sizeof *sections; ++i)
        names += (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(graph, sections[i]));
    const cJSON *node;
    for (node = first_of(cJSON_GetObjectItemCaseSensitive(graph, "nodes")); node != NULL; node = node->next)
        names += (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(node, "outputs"));
    scope->capacity = 16;
    while (scope->capacity < 2 * names)
        scope->capacity *= 2;
    scope->slots = arena_array(reader->arena, scope->capacity, sizeof *scope->slots);
}

static bool check_name(const char *place, const cJSON *json)
{
    if (!cJSON_IsString(json))
        return error_at(place, "a name is missing or not a string");
    if (json->valuestring[0] == '\0' || strlen(json->valuestring) > MAX_NAME_LENGTH)
        return error_at(place, "a name must have 1 to %d bytes", MAX_NAME_LENGTH);
    for (const char *c = json->valuestring; *c != '\0'; ++c)
        if (iscntrl((unsigned char)*c))
            return error_at(place, "a name holds the control character %d; use printable text", *c);
    return true;
}

/* NULL when the name is taken. */
static Name *add_tensor(Scope *scope, Graph *graph, const char *text)
{
    if (scope_find(scope, text) != NULL)
        return NULL;
    Tensor *tensor = graph_add_tensor(graph, text, DTYPE_NONE);
    if (strcmp(tensor->name, text) != 0)
        return NULL;
    Name *name = scope_slot(scope, text);
    *name = (Name){.text = tensor->name, .tensor = tensor};
    return name;
}

/* ---------------------------------------------------------------- keys and numbers */

static bool has_word(const char *words, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = words; length > 0 && (at = strstr(at, word)) != NULL; at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

/* Unknown keys are refused: a misspelt one would be ignored silently. */
static bool check_keys(const char *place, const cJSON *object, const char *known)
{
    if (!cJSON_IsObject(object))
        return error_at(place, "an object {...} is expected here");
    const cJSON *item, *earlier;
    for (item = first_of(object); item != NULL; item = item->next) {
        if (has_word("group codebook tokenizer", item->string))
            return error_at(place, "\"%s\" is not in this version of the tool", item->string);
        if (!has_word(known, item->string))
            return error_at(place, "unknown key \"%s\"; known here: %s", item->string, known);
        for (earlier = object->child; earlier != item; earlier = earlier->next)
            if (strcmp(earlier->string, item->string) == 0)
                return error_at(place, "key \"%s\" appears twice; keep one", item->string);
    }
    return true;
}

static const cJSON *get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* An absent section counts as empty. */
static bool check_list(const char *place, const cJSON *object, const char *key)
{
    const cJSON *list = get(object, key);
    return list == NULL || cJSON_IsArray(list) || error_at(place, "\"%s\" must be a list [...]", key);
}

/* Decimal text; values above INT64_MAX (uint64) keep their bits. */
static bool parse_integer(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    *value = text[0] == '-' ? strtoll(text, &end, 10) : (int64_t)strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && (isdigit((unsigned char)text[0]) || text[0] == '-');
}

static bool get_integer(const cJSON *item, int64_t *value)
{
    const double exact = 9007199254740992.0; /* 2^53: beyond it doubles skip integers */
    if (cJSON_IsString(item))
        return parse_integer(item->valuestring, value);
    if (cJSON_IsBool(item)) {
        *value = cJSON_IsTrue(item);
        return true;
    }
    if (!cJSON_IsNumber(item) || !(fabs(item->valuedouble) <= exact) || item->valuedouble != floor(item->valuedouble))
        return false;
    *value = (int64_t)item->valuedouble;
    return true;
}

/* JSON has no infinities: they are the strings "inf", "-inf" and "nan". */
static bool get_real(const cJSON *item, double *value)
{
    if (cJSON_IsNumber(item))
        *value = item->valuedouble;
    else if (cJSON_IsString(item) && strcmp(item->valuestring, "inf") == 0)
        *value = INFINITY;
    else if (cJSON_IsString(item) && strcmp(item->valuestring, "-inf") == 0)
        *value = -INFINITY;
    else if (cJSON_IsString(item) && strcmp(item->valuestring, "nan") == 0)
        *value = NAN;
    else
        return false;
    return true;
}

static int list_size(const cJSON *item)
{
    return cJSON_IsArray(item) ? cJSON_GetArraySize(item) : 1;
}

/* A scalar stands for a list of one. */
static const cJSON *list_first(const cJSON *item)
{
    return cJSON_IsArray(item) ? item->child : item;
}

/* ---------------------------------------------------------------- tensors */

static bool read_dtype(Reader *reader, const char *place, const cJSON *json, Tensor *tensor)
{
    if (json == NULL)
        return true;
    tensor->dtype = cJSON_IsString(json) ? dtype_from_name(json->valuestring) : DTYPE_NONE;
    if (tensor->dtype != DTYPE_NONE)
        return true;
    const char *known = "";
    for (int dtype = 1; dtype < DTYPE_COUNT; ++dtype)
        known = arena_format(reader->arena, "%s %s", known, dtype_name((DType)dtype));
    return error_at(place, "unknown dtype \"%s\"; known:%s", cJSON_IsString(json) ? json->valuestring : "", known);
}

static bool read_shape(const char *place, const cJSON *json, Tensor *tensor)
{
    if (json == NULL)
        return true;
    if (!cJSON_IsArray(json))
        return error_at(place, "\"shape\" must be a list of extents");
    const cJSON *item;
    for (item = first_of(json); item != NULL; item = item->next) {
        int64_t extent;
        if (tensor->shape.rank == MAX_RANK)
            return error_at(place, "shape has more than %d dimensions", MAX_RANK);
        if (!get_integer(item, &extent) || extent < 0 || extent > INT32_MAX)
            return error_at(place, "extent %d of the shape is not an integer from 0 to 2147483647", tensor->shape.rank);
        tensor->shape.dim[tensor->shape.rank++] = (int32_t)extent;
    }
    if (!shape_is_valid(&tensor->shape))
        return error_at(place, "shape has 2^31 elements or more");
    tensor->shape_known = true;
    return true;
}

static bool read_scales(Reader *reader, const char *place, const cJSON *json, int count, const float **scales)
{
    float *values = arena_array(reader->arena, (size_t)count, sizeof *values);
    const cJSON *item = list_first(json);
    for (int i = 0; i < count; ++i, item = item->next) {
        const double value = cJSON_IsNumber(item) ? item->valuedouble : 0.0;
        values[i] = (float)value;
        if (!(values[i] > 0.0f) || !isfinite(values[i]))
            return error_at(place, "scale %d is not a positive float32 number", i);
    }
    *scales = values;
    return true;
}

static bool read_zero_points(Reader *reader, const char *place, const cJSON *json, int count, Tensor *tensor)
{
    int32_t *values = arena_array(reader->arena, (size_t)count, sizeof *values);
    tensor->quantisation.zero_point = values;
    if (json == NULL)
        return true;
    const bool narrow = dtype_is_integer(tensor->dtype) && dtype_bits(tensor->dtype) < 32;
    const int64_t low = narrow ? dtype_min(tensor->dtype) : INT32_MIN, high = narrow ? dtype_max(tensor->dtype) : INT32_MAX;
    const int given = list_size(json);
    if (given != 1 && given != count)
        return error_at(place, "%d zero points for %d scales; give one, or as many as scales", given, count);
    const cJSON *item = list_first(json);
    for (int i = 0; i < count; ++i) {
        int64_t value;
        if (!get_integer(item, &value) || value < low || value > high)
            return error_at(place, "zero point %d is not an integer from %" PRId64 " to %" PRId64, i, low, high);
        values[i] = (int32_t)value;
        item = given > 1 ? item->next : item;
    }
    return true;
}

static bool read_quantisation(Reader *reader, const char *place, const cJSON *json, Tensor *tensor)
{
    const cJSON *scale = get(json, "scale"), *axis = get(json, "axis");
    if (scale == NULL)
        return get(json, "zero_point") == NULL || error_at(place, "\"zero_point\" without \"scale\"; give the scale too");
    Quantisation *quantisation = &tensor->quantisation;
    const int count = list_size(scale);
    int64_t position = 0;
    if (count == 0)
        return error_at(place, "\"scale\" is an empty list");
    if (axis != NULL && (!get_integer(axis, &position) || position < -MAX_RANK || position >= MAX_RANK))
        return error_at(place, "\"axis\" is not an axis number");
    if (tensor->shape_known && position < 0)
        position += tensor->shape.rank;
    if (count > 1 && (!tensor->shape_known || position < 0 || position >= tensor->shape.rank))
        return error_at(place, "%d scales need a shape with axis %" PRId64, count, position);
    if (count > 1 && tensor->shape.dim[position] != count)
        return error_at(place, "%d scales, but axis %" PRId64 " has extent %d; give one scale per index of the axis", count, position,
            (int)tensor->shape.dim[position]);
    if (!read_scales(reader, place, scale, count, &quantisation->scale) ||
        !read_zero_points(reader, place, get(json, "zero_point"), count, tensor))
        return false;
    quantisation->count = count;
    quantisation->axis = (int)position;
    return true;
}

static bool read_declaration(Reader *reader, const char *place, const cJSON *json, Tensor *tensor)
{
    return read_dtype(reader, place, get(json, "dtype"), tensor) && read_shape(place, get(json, "shape"), tensor) &&
           read_quantisation(reader, place, json, tensor);
}

static bool require_declaration(const char *place, const Tensor *tensor)
{
    if (tensor->dtype == DTYPE_NONE)
        return error_at(place, "\"dtype\" is missing");
    return tensor->shape_known || error_at(place, "\"shape\" is missing");
}

/* ---------------------------------------------------------------- tensor data */

static bool set_element(const char *place, const cJSON *item, Tensor *tensor, uint8_t *data, int64_t index)
{
    int64_t integer;
    double real;
    if (dtype_is_float(tensor->dtype)) {
        if (!get_real(item, &real))
            return error_at(place, "value %" PRId64 " is not a number", index);
        element_set_float(tensor->dtype, data, index, real);
        return true;
    }
    if (!get_integer(item, &integer))
        return error_at(place, "value %" PRId64 " is not an integer (beyond 2^53 write it as a string)", index);
    const bool wide = tensor->dtype == DTYPE_U64 && cJSON_IsString(item) && item->valuestring[0] != '-';
    if (!wide && (integer < dtype_min(tensor->dtype) || integer > dtype_max(tensor->dtype)))
        return error_at(place, "value %" PRId64 " is %" PRId64 ", which %s cannot hold", index, integer, dtype_name(tensor->dtype));
    element_set_int(tensor->dtype, data, index, integer);
    return true;
}

/* Nested lists are read in row-major order; only the number of values counts. */
static bool set_elements(const char *place, const cJSON *json, Tensor *tensor, uint8_t *data, int64_t *index)
{
    if (!cJSON_IsArray(json)) {
        if (*index >= tensor_elements(tensor)) {
            ++*index;
            return true;
        }
        return set_element(place, json, tensor, data, (*index)++);
    }
    const cJSON *item;
    for (item = first_of(json); item != NULL; item = item->next)
        if (!set_elements(place, item, tensor, data, index))
            return false;
    return true;
}

static bool read_values(Reader *reader, const char *place, const cJSON *json, Tensor *tensor)
{
    if (!tensor->shape_known) {
        const int count = list_size(json);
        tensor->shape = cJSON_IsArray(json) ? shape_of(1, count) : shape_of(0);
        tensor->shape_known = true;
    }
    if (!require_declaration(place, tensor))
        return false;
    /* Ask for the list's own length first: a huge shape with few values must not cost memory. */
    int64_t count = 0;
    Tensor none = *tensor;
    none.shape = shape_of(1, 0);
    set_elements(place, json, &none, NULL, &count);
    if (count != tensor_elements(tensor))
        return error_at(place, "%" PRId64 " values, but the shape has %" PRId64 " elements", count, tensor_elements(tensor));
    tensor->data_bytes = (size_t)tensor_bytes(tensor);
    uint8_t *data = arena_alloc(reader->arena, tensor->data_bytes);
    tensor->data = data;
    count = 0;
    return set_elements(place, json, tensor, data, &count);
}

static bool read_blob_data(Reader *reader, const char *place, const cJSON *json, Tensor *tensor)
{
    int64_t offset, bytes;
    if (!require_declaration(place, tensor))
        return false;
    const int64_t expected = tensor_bytes(tensor);
    if (!get_integer(get(json, "offset"), &offset) || offset < 0)
        return error_at(place, "\"offset\" is missing or not a byte position");
    if (!get_integer(get(json, "bytes"), &bytes) || bytes < 0)
        return error_at(place, "\"bytes\" is missing or not a size; it must be %" PRId64, expected);
    char shape[128];
    if (bytes != expected)
        return error_at(place, "\"bytes\" is %" PRId64 ", but %s %s has %" PRId64, bytes, dtype_name(tensor->dtype),
            shape_text(&tensor->shape, shape), expected);
    if (offset % BLOB_ALIGNMENT != 0)
        return error_at(place, "offset %" PRId64 " is not a multiple of %d", offset, BLOB_ALIGNMENT);
    if (reader->blob == NULL)
        return error_at(place, "it has an offset, but the model has no \"weights\" section");
    if ((uint64_t)offset > reader->blob_bytes || (uint64_t)bytes > reader->blob_bytes - (uint64_t)offset)
        return error_at(place, "bytes %" PRId64 " to %" PRId64 " lie outside of the weights file, which has %zu", offset, offset + bytes,
            reader->blob_bytes);
    tensor->data = reader->blob + offset;
    tensor->data_bytes = (size_t)bytes;
    return true;
}

/* Sets *given when the declaration comes with data. */
static bool read_data(Reader *reader, const char *place, const cJSON *json, Tensor *tensor, bool *given)
{
    const bool inline_values = get(json, "values") != NULL;
    const bool in_blob = get(json, "offset") != NULL || get(json, "bytes") != NULL;
    *given = inline_values || in_blob;
    if (inline_values && in_blob)
        return error_at(place, "both \"values\" and \"offset\"; keep one");
    if (inline_values)
        return read_values(reader, place, get(json, "values"), tensor);
    return !in_blob || read_blob_data(reader, place, json, tensor);
}

/* ---------------------------------------------------------------- sections of a graph */

static const char *tensor_place(Reader *reader, const char *name)
{
    return arena_format(reader->arena, "%s: tensor \"%s\"", reader->model->path, name);
}

static bool read_inputs(Reader *reader, Scope *scope, Graph *graph, const char *place, const cJSON *json)
{
    const cJSON *list = get(json, "inputs"), *item;
    if (!check_list(place, json, "inputs"))
        return false;
    graph->inputs = arena_array(reader->arena, (size_t)cJSON_GetArraySize(list) + 1, sizeof *graph->inputs);
    for (item = first_of(list); item != NULL; item = item->next) {
        const char *where = arena_format(reader->arena, "%s: input %d", place, graph->input_count);
        if (!check_keys(where, item, "name dtype shape scale zero_point axis") || !check_name(where, get(item, "name")))
            return false;
        Name *name = add_tensor(scope, graph, get(item, "name")->valuestring);
        if (name == NULL)
            return error_at(where, "the name \"%s\" is taken; names are unique in a model", get(item, "name")->valuestring);
        where = tensor_place(reader, name->text);
        name->tensor->kind = TENSOR_INPUT;
        name->available = true;
        if (!read_declaration(reader, where, item, name->tensor) || !require_declaration(where, name->tensor))
            return false;
        graph->inputs[graph->input_count++] = name->tensor;
    }
    return true;
}

static bool read_state(Reader *reader, Scope *scope, Graph *graph, const cJSON *item)
{
    const char *place = tensor_place(reader, item->string);
    bool given;
    if (!check_keys(place, item, "dtype shape offset bytes values scale zero_point axis"))
        return false;
    Name *name = add_tensor(scope, graph, item->string);
    if (name == NULL)
        return error_at(place, "the name is taken; names are unique in a model");
    name->tensor->kind = TENSOR_STATE;
    name->available = true;
    return read_declaration(reader, place, item, name->tensor) && require_declaration(place, name->tensor) &&
           read_data(reader, place, item, name->tensor, &given);
}

/* A tensor with data is a constant; one without is written by a node further down. */
static bool read_tensor(Reader *reader, Scope *scope, Graph *graph, const cJSON *item)
{
    const char *place = tensor_place(reader, item->string);
    if (!check_keys(place, item, "dtype shape offset bytes values scale zero_point axis"))
        return false;
    Name *name = add_tensor(scope, graph, item->string);
    if (name == NULL)
        return error_at(place, "the name is taken; names are unique in a model");
    if (!read_declaration(reader, place, item, name->tensor) || !read_data(reader, place, item, name->tensor, &name->available))
        return false;
    if (name->available)
        name->tensor->kind = TENSOR_CONSTANT;
    return true;
}

typedef bool ReadNamed(Reader *reader, Scope *scope, Graph *graph, const cJSON *item);

static bool read_section(Reader *reader, Scope *scope, Graph *graph, const char *place, const cJSON *section, ReadNamed *read)
{
    if (section == NULL)
        return true;
    if (!cJSON_IsObject(section))
        return error_at(place, "\"%s\" must be an object {name: {...}}", section->string);
    const cJSON *item;
    for (item = first_of(section); item != NULL; item = item->next) {
        const cJSON key = {.type = cJSON_String, .valuestring = item->string};
        if (!check_name(place, &key) || !read(reader, scope, graph, item))
            return false;
    }
    return true;
}

static bool read_outputs(Reader *reader, const Scope *scope, Graph *graph, const char *place, const cJSON *json)
{
    const cJSON *list = get(json, "outputs"), *item;
    if (!check_list(place, json, "outputs"))
        return false;
    if (cJSON_GetArraySize(list) == 0)
        return error_at(place, "\"outputs\" is missing or empty; name at least one tensor");
    graph->outputs = arena_array(reader->arena, (size_t)cJSON_GetArraySize(list), sizeof *graph->outputs);
    for (item = first_of(list); item != NULL; item = item->next) {
        const char *where = arena_format(reader->arena, "%s: output %d", place, graph->output_count);
        if (!check_name(where, item))
            return false;
        const Name *name = scope_find(scope, item->valuestring);
        if (name == NULL || !name->available)
            return error_at(where, "nothing provides \"%s\"; name an input, a constant or the output of a node", item->valuestring);
        name->tensor->is_output = graph == graph->model->main;
        graph->outputs[graph->output_count++] = name->tensor;
    }
    return true;
}

/* ---------------------------------------------------------------- attributes */

static bool read_ints(Reader *reader, Node *node, const cJSON *item)
{
    const int count = list_size(item);
    int64_t *values = arena_array(reader->arena, (size_t)count + 1, sizeof *values);
    const cJSON *element = list_first(item);
    for (int i = 0; i < count; ++i, element = element->next)
        if (!get_integer(element, &values[i]))
            return node_error(node, "attribute \"%s\": value %d is not an integer", item->string, i);
    node_set_ints(node, item->string, count, values);
    return true;
}

static bool read_floats(Reader *reader, Node *node, const cJSON *item)
{
    const int count = list_size(item);
    double *values = arena_array(reader->arena, (size_t)count + 1, sizeof *values);
    const cJSON *element = list_first(item);
    for (int i = 0; i < count; ++i, element = element->next)
        if (!get_real(element, &values[i]))
            return node_error(node, "attribute \"%s\": value %d is not a number", item->string, i);
    node_set_floats(node, item->string, count, values);
    return true;
}

static bool read_attribute(Reader *reader, Node *node, const cJSON *item, AttributeType type)
{
    int64_t integer;
    double real;
    switch (type) {
    case ATTRIBUTE_INT:
        if (!get_integer(item, &integer))
            return node_error(node, "attribute \"%s\" must be an integer or a boolean", item->string);
        node_set_int(node, item->string, integer);
        return true;
    case ATTRIBUTE_FLOAT:
        if (!get_real(item, &real))
            return node_error(node, "attribute \"%s\" must be a number", item->string);
        node_set_float(node, item->string, real);
        return true;
    case ATTRIBUTE_STRING:
        if (!cJSON_IsString(item))
            return node_error(node, "attribute \"%s\" must be a string", item->string);
        node_set_string(node, item->string, item->valuestring);
        return true;
    case ATTRIBUTE_INTS:
        return read_ints(reader, node, item);
    case ATTRIBUTE_FLOATS:
        return read_floats(reader, node, item);
    }
    return false;
}

static bool read_attributes(Reader *reader, Node *node, const cJSON *json)
{
    if (json == NULL)
        return true;
    if (!cJSON_IsObject(json))
        return node_error(node, "\"attributes\" must be an object {name: value}");
    const cJSON *item;
    for (item = first_of(json); item != NULL; item = item->next) {
        AttributeType type;
        const char *known = node_operator(node)->attributes;
        if (!op_attribute_type(node->op, item->string, &type))
            return node_error(node, "unknown attribute \"%s\"; the operator's are: %s", item->string, known[0] != '\0' ? known : "none");
        if (node_has(node, item->string))
            return node_error(node, "attribute \"%s\" appears twice; keep one", item->string);
        if (!read_attribute(reader, node, item, type))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- nodes */

static bool read_graph(Reader *reader, Graph *graph, const Scope *outer, const char *place, const cJSON *json, int depth);

static bool written_later(const cJSON *node, const char *name)
{
    for (; node != NULL; node = node->next) {
        const cJSON *output;
        for (output = first_of(get(node, "outputs")); output != NULL; output = output->next)
            if (cJSON_IsString(output) && strcmp(output->valuestring, name) == 0)
                return true;
    }
    return false;
}

/* Optional operands that are absent: null or "". */
static bool read_node_inputs(const Scope *scope, Node *node, const cJSON *json)
{
    const cJSON *item;
    int index = 0;
    for (item = first_of(get(json, "inputs")); item != NULL; item = item->next) {
        if (!cJSON_IsString(item) && !cJSON_IsNull(item))
            return node_error(node, "input %d must be a tensor's name, or null for an absent one", index);
        const char *text = cJSON_IsString(item) ? item->valuestring : "";
        const Name *name = text[0] != '\0' ? find_operand(scope, text) : NULL;
        const bool found = text[0] == '\0' || (name != NULL && name->available);
        if (!found && written_later(json, text))
            return node_error(node, "input %d (\"%s\") is written by this or a later node; put nodes in the order of execution", index, text);
        if (!found)
            return node_error(node, "input %d: nothing provides \"%s\"; it is no input, constant, state or output of a node", index, text);
        node->inputs[index++] = name != NULL ? name->tensor : NULL;
    }
    return true;
}

static bool read_node_outputs(Reader *reader, Scope *scope, Node *node, const cJSON *json)
{
    const cJSON *item;
    int index = 0;
    for (item = first_of(get(json, "outputs")); item != NULL; item = item->next) {
        if (cJSON_IsNull(item) || (cJSON_IsString(item) && item->valuestring[0] == '\0')) {
            node->outputs[index++] = NULL;
            continue;
        }
        const char *place = arena_format(reader->arena, "%s: node \"%s\" (%s)", node->model->path, node->name, node_operator(node)->name);
        if (!check_name(place, item))
            return false;
        Name *name = scope_find(scope, item->valuestring);
        if (name != NULL && name->available)
            return node_error(node, "output %d: \"%s\" already has a value; a tensor is written once", index, item->valuestring);
        if (name == NULL)
            name = add_tensor(scope, node->graph, item->valuestring);
        if (name == NULL)
            return node_error(node, "output %d: the name \"%s\" is taken; names are unique in a model", index, item->valuestring);
        name->available = true;
        node->outputs[index++] = name->tensor;
    }
    return true;
}

static bool read_regions(Reader *reader, const Scope *scope, Node *node, const cJSON *json, int depth)
{
    const cJSON *list = get(json, "regions"), *item;
    const bool expected = node_operator(node)->traits & TRAIT_REGIONS;
    const int count = cJSON_GetArraySize(list);
    if (list == NULL && !expected)
        return true;
    if (!expected || !cJSON_IsArray(list) || count != 2)
        return node_error(node, expected ? "it needs two \"regions\" (If: then, else; While: condition, body)" : "it takes no \"regions\"");
    if (depth >= MAX_REGION_DEPTH)
        return node_error(node, "regions are nested more than %d deep", MAX_REGION_DEPTH);
    node->regions = arena_array(reader->arena, (size_t)count, sizeof *node->regions);
    for (item = first_of(list); item != NULL; item = item->next) {
        const char *place = arena_format(reader->arena, "%s: node \"%s\": region %d", node->model->path, node->name, node->region_count);
        const cJSON *title = get(item, "name");
        const char *fallback = arena_format(reader->arena, "%s_%d", node->name, node->region_count);
        if (!check_keys(place, item, "name inputs outputs nodes tensors") || (title != NULL && !check_name(place, title)))
            return false;
        Graph *region = graph_new(node->model, title != NULL ? title->valuestring : fallback);
        node->regions[node->region_count++] = region;
        if (!read_graph(reader, region, scope, place, item, depth + 1))
            return false;
    }
    return true;
}

static bool read_node(Reader *reader, Scope *scope, Graph *graph, const char *place, const cJSON *json, int depth)
{
    const char *where = arena_format(reader->arena, "%s: node %d", place, graph->node_count);
    if (!check_keys(where, json, "name op inputs outputs attributes regions"))
        return false;
    const cJSON *title = get(json, "name"), *kind = get(json, "op");
    if (title != NULL && !check_name(where, title))
        return false;
    if (title != NULL)
        where = arena_format(reader->arena, "%s: node \"%s\"", reader->model->path, title->valuestring);
    if (!cJSON_IsString(kind))
        return error_at(where, "\"op\" is missing; it names the operator");
    const OpKind op = op_from_name(kind->valuestring);
    if (op == OP_COUNT)
        return error_at(where, "unknown operator \"%s\"; `etch ops` lists the known ones", kind->valuestring);
    if (!check_list(where, json, "inputs") || !check_list(where, json, "outputs"))
        return false;
    Node *node = graph_add_node(graph, op, title != NULL ? title->valuestring : NULL, cJSON_GetArraySize(get(json, "inputs")),
        cJSON_GetArraySize(get(json, "outputs")));
    if (title != NULL && strcmp(node->name, title->valuestring) != 0)
        return error_at(where, "a node of that name came before; names are unique in a model");
    return read_node_inputs(scope, node, json) && read_node_outputs(reader, scope, node, json) &&
           read_attributes(reader, node, get(json, "attributes")) && read_regions(reader, scope, node, json, depth) && op_check_arity(node);
}

static bool read_nodes(Reader *reader, Scope *scope, Graph *graph, const char *place, const cJSON *json, int depth)
{
    const cJSON *item;
    if (!check_list(place, json, "nodes"))
        return false;
    for (item = first_of(get(json, "nodes")); item != NULL; item = item->next)
        if (!read_node(reader, scope, graph, place, item, depth))
            return false;
    for (size_t i = 0; i < scope->capacity; ++i)
        if (scope->slots[i].text != NULL && !scope->slots[i].available)
            return error_at(tensor_place(reader, scope->slots[i].text), "nothing writes it; give it \"values\" or an \"offset\", or remove it");
    return true;
}

static bool read_graph(Reader *reader, Graph *graph, const Scope *outer, const char *place, const cJSON *json, int depth)
{
    Scope scope = {.outer = outer};
    scope_init(reader, &scope, json);
    return read_inputs(reader, &scope, graph, place, json) &&
           read_section(reader, &scope, graph, place, get(json, "states"), read_state) &&
           read_section(reader, &scope, graph, place, get(json, "tensors"), read_tensor) &&
           read_nodes(reader, &scope, graph, place, json, depth) && read_outputs(reader, &scope, graph, place, json);
}

/* ---------------------------------------------------------------- sections of the model */

static bool read_weights(Reader *reader, const cJSON *json)
{
    Model *model = reader->model;
    const char *place = arena_format(reader->arena, "%s: weights", model->path);
    if (json == NULL)
        return true;
    if (!check_keys(place, json, "file bytes crc32"))
        return false;
    const cJSON *file = get(json, "file"), *crc = get(json, "crc32");
    int64_t bytes;
    if (!cJSON_IsString(file) || file->valuestring[0] == '\0' || strchr(file->valuestring, '/') != NULL)
        return error_at(place, "\"file\" must be the name of a file in the model's folder");
    if (!get_integer(get(json, "bytes"), &bytes) || bytes < 0)
        return error_at(place, "\"bytes\" is missing or not a size");
    if (!cJSON_IsString(crc) || strlen(crc->valuestring) != 8 || strspn(crc->valuestring, "0123456789abcdefABCDEF") != 8)
        return error_at(place, "\"crc32\" must be a string of 8 hexadecimal digits");
    const char *path = path_join(reader->arena, path_directory(reader->arena, model->path), file->valuestring);
    reader->blob = read_file(reader->arena, path, &reader->blob_bytes);
    if (reader->blob == NULL)
        return error_at(place, "the weights file could not be read; it belongs beside the model");
    if (reader->blob_bytes != (uint64_t)bytes)
        return error_at(path, "it has %zu bytes, the model says %" PRId64 "; the files do not belong together", reader->blob_bytes, bytes);
    const uint32_t actual = crc32_of(reader->blob, reader->blob_bytes);
    if (actual != (uint32_t)strtoul(crc->valuestring, NULL, 16))
        return error_at(path, "its CRC-32 is %08" PRIx32 ", the model says %s; the files do not belong together", actual, crc->valuestring);
    model->file_bytes += bytes;
    const uint32_t both[2] = {model->digest, actual};
    model->digest = crc32_of(both, sizeof both);
    return true;
}

static bool read_labels(Reader *reader, const cJSON *json)
{
    Model *model = reader->model;
    if (json == NULL)
        return true;
    if (!cJSON_IsArray(json))
        return error_at(model->path, "\"labels\" must be a list of strings");
    model->labels = arena_array(reader->arena, (size_t)cJSON_GetArraySize(json) + 1, sizeof *model->labels);
    const cJSON *item;
    for (item = first_of(json); item != NULL; item = item->next) {
        if (!cJSON_IsString(item))
            return error_at(model->path, "label %d is not a string", model->label_count);
        model->labels[model->label_count++] = arena_string(reader->arena, item->valuestring);
    }
    return true;
}

/* Kept as text: the compiler does not look into it. cJSON indents with tabs, which strings never hold unescaped. */
static const char *section_text(Reader *reader, const cJSON *json)
{
    if (json == NULL)
        return NULL;
    const char *printed = cJSON_Print(json);
    char *text = arena_alloc(reader->arena, 3 * strlen(printed) + 1), *end = text;
    for (const char *c = printed; *c != '\0'; ++c) {
        const bool separator = *c == '\t' && c[-1] == ':';
        *end++ = *c == '\t' ? ' ' : *c;
        if (*c == '\n' || (*c == '\t' && !separator))
            *end++ = ' ';
        if (*c == '\n')
            *end++ = ' ';
    }
    return text;
}

static bool check_version(const Model *model, const cJSON *root)
{
    int64_t version;
    if (!get_integer(get(root, "etch"), &version))
        return error_at(model->path, "not an Etch model: \"etch\": 1 is missing");
    return version == 1 || error_at(model->path, "format version %" PRId64 "; this tool reads version 1", version);
}

/* The one entry of this version may be written as a section of its own: its parts become the model's. */
static bool merge_entry(const Model *model, cJSON *root)
{
    cJSON *entries = cJSON_DetachItemFromObjectCaseSensitive(root, "entries");
    if (entries == NULL)
        return true;
    const char *place = arena_format(model->arena, "%s: entries", model->path);
    const cJSON *entry = get(entries, "invoke");
    if (!cJSON_IsObject(entries) || entry == NULL || entries->child->next != NULL)
        return error_at(place, "this version reads models with the one entry \"invoke\"");
    if (get(root, "inputs") != NULL || get(root, "outputs") != NULL || get(root, "nodes") != NULL)
        return error_at(place, "inputs, outputs and nodes stand both in the model and in the entry; keep one");
    if (!check_keys(place, entry, "inputs outputs nodes"))
        return false;
    for (cJSON *item = entry->child; item != NULL; item = item->next)
        cJSON_AddItemReferenceToObject(root, item->string, item);
    return true;
}

static bool read_model(Reader *reader, cJSON *root)
{
    Model *model = reader->model;
    if (!check_version(model, root) ||
        !check_keys(model->path, root, "etch name inputs outputs nodes tensors weights labels preprocess entries states provenance") ||
        !merge_entry(model, root))
        return false;
    const cJSON *name = get(root, "name");
    if (name != NULL && !check_name(model->path, name))
        return false;
    if (name != NULL)
        model->name = arena_string(reader->arena, name->valuestring);
    model->preprocess = section_text(reader, get(root, "preprocess"));
    model->provenance = section_text(reader, get(root, "provenance"));
    return read_weights(reader, get(root, "weights")) && read_labels(reader, get(root, "labels")) &&
           read_graph(reader, model->main, NULL, model->path, root, 0);
}

/* ---------------------------------------------------------------- parsing */

/* What cJSON allocates lives and dies with the model, so that no way out of this file has anything to free. */
static Arena *json_arena;

static void *json_allocate(size_t bytes)
{
    return arena_alloc(json_arena, bytes);
}

static void json_free(void *memory)
{
    (void)memory;
}

static bool syntax_error(const Model *model, const char *text, const char *end)
{
    int line = 1, column = 1;
    for (const char *c = text; c < end; ++c) {
        column = *c == '\n' ? 1 : column + 1;
        line += *c == '\n';
    }
    const char *place = arena_format(model->arena, "%s:%d:%d", model->path, line, column);
    return error_at(place, "not valid JSON here");
}

static cJSON *parse_json(Model *model, const char *text, size_t bytes)
{
    const char *end = text;
    cJSON *root = cJSON_ParseWithLengthOpts(text, bytes + 1, &end, true);
    if (root == NULL || strlen(text) != bytes) {
        syntax_error(model, text, root != NULL ? text + strlen(text) : end);
        return NULL;
    }
    return root;
}

bool is_native(const uint8_t *data, size_t bytes)
{
    size_t start = bytes >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (start < bytes && isspace(data[start]))
        ++start;
    return start < bytes && data[start] == '{';
}

bool import_native(Model *model, const uint8_t *data, size_t bytes)
{
    cJSON_Hooks hooks = {json_allocate, json_free};
    Reader reader = {.model = model, .arena = model->arena};
    char *text = arena_alloc(model->arena, bytes + 1); /* terminated by 0, as cJSON wants it */
    memcpy(text, data, bytes);
    model->format = "etch";
    model->digest = crc32_of(data, bytes);
    model->file_bytes = (int64_t)bytes;
    json_arena = model->arena;
    cJSON_InitHooks(&hooks);
    cJSON *root = parse_json(model, text, bytes);
    const bool read = root != NULL && read_model(&reader, root);
    cJSON_InitHooks(NULL);
    return read;
}
