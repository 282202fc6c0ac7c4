/* SPDX-License-Identifier: MIT
 *
 * Writes the native format: NAME.json, made to be read by people, and NAME.bin. Reading it back gives the same graph: the
 * same order, names, attributes and quantisation, to the bit.
 */
#include "compiler.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_WIDTH = 120 };
enum { BLOB_ALIGNMENT = 16 };
enum { MOST_INLINE_VALUES = 16 };

/* Constants that share their bytes in memory share them in the file. */
typedef struct Placed {
    const uint8_t *data;
    size_t bytes, offset;
} Placed;

typedef struct Writer {
    const Model *model;
    Buffer json, blob, part;
    size_t line_start;
    int indent; /* of continuation lines */
    Placed *placed;
    int placed_count, placed_capacity;
} Writer;

/* ---------------------------------------------------------------- text */

static void put(Writer *writer, const char *text)
{
    buffer_append(&writer->json, text, strlen(text));
}

static void new_line(Writer *writer, int indent)
{
    put(writer, "\n");
    writer->line_start = writer->json.length;
    buffer_printf(&writer->json, "%*s", indent, "");
    writer->indent = indent + 1;
}

static void continue_line(Writer *writer)
{
    new_line(writer, writer->indent);
    --writer->indent;
}

static bool fits(const Writer *writer, size_t length)
{
    return writer->json.length - writer->line_start + length <= LINE_WIDTH;
}

/* Adds to the part of a line that is being put together: `"key": value`. */
static void say(Writer *writer, const char *text)
{
    buffer_append(&writer->part, text, strlen(text));
}

/* The length of the part's text up to and with its next comma outside of strings. */
static size_t item_length(const char *text)
{
    bool quoted = false;
    for (size_t i = 0; text[i] != '\0'; ++i) {
        if (text[i] == '\\')
            ++i;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (text[i] == ',' && !quoted)
            return i + 1;
    }
    return strlen(text);
}

/* Ends a part: it goes to the line, or to the next one when it does not fit; one longer than a line is broken at commas. */
static void end_part(Writer *writer, bool first)
{
    const char *text = writer->part.data;
    put(writer, first ? "" : ",");
    if (!first && !fits(writer, writer->part.length + 2))
        continue_line(writer);
    else
        put(writer, first ? "" : " ");
    while (*text != '\0') {
        const size_t length = item_length(text);
        buffer_append(&writer->json, text, length);
        text += length;
        const bool more = *text == ' ';
        if (more && !fits(writer, 1 + item_length(text + 1)))
            continue_line(writer);
        else if (more)
            put(writer, " ");
        text += more;
    }
    writer->part.length = 0;
}

static const char *quoted(Writer *writer, const char *text)
{
    Arena *arena = writer->model->arena;
    char *result = arena_alloc(arena, 6 * strlen(text) + 3), *end = result;
    *end++ = '"';
    for (const char *c = text; *c != '\0'; ++c) {
        if (*c == '"' || *c == '\\')
            *end++ = '\\';
        if ((unsigned char)*c < ' ')
            end += snprintf(end, 7, "\\u%04x", (unsigned char)*c);
        else
            *end++ = *c;
    }
    *end++ = '"';
    return result;
}

/* ", " before all but the first of a list. */
static void separate(Writer *writer, int index)
{
    say(writer, index > 0 ? ", " : "");
}

/* The fewest digits that read back as the same number. */
static const char *real_text(Writer *writer, double value, bool single)
{
    char text[40] = "\"nan\"";
    if (isinf(value))
        snprintf(text, sizeof text, value > 0 ? "\"inf\"" : "\"-inf\"");
    for (int digits = 1; isfinite(value) && digits <= 17; ++digits) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        const double again = strtod(text, NULL);
        if (single ? (float)again == (float)value : again == value)
            break;
    }
    return arena_string(writer->model->arena, text);
}

/* Doubles hold integers up to 2^53; beyond, strings. */
static const char *integer_text(Writer *writer, int64_t value, bool is_unsigned)
{
    const int64_t exact = (int64_t)1 << 53;
    Arena *arena = writer->model->arena;
    if (is_unsigned && value < 0)
        return arena_format(arena, "\"%" PRIu64 "\"", (uint64_t)value);
    return arena_format(arena, value > exact || value < -exact ? "\"%" PRId64 "\"" : "%" PRId64, value);
}

/* ---------------------------------------------------------------- tensors */

static size_t place_in_blob(Writer *writer, const uint8_t *data, size_t given, size_t bytes)
{
    static const uint8_t zeros[BLOB_ALIGNMENT];
    for (int i = 0; i < writer->placed_count; ++i)
        if (writer->placed[i].data == data && writer->placed[i].bytes == bytes)
            return writer->placed[i].offset;
    while (writer->blob.length % BLOB_ALIGNMENT != 0)
        buffer_append(&writer->blob, zeros, BLOB_ALIGNMENT - writer->blob.length % BLOB_ALIGNMENT);
    const size_t offset = writer->blob.length;
    buffer_append(&writer->blob, data, given < bytes ? given : bytes);
    while (writer->blob.length < offset + bytes) /* a state's initial bytes may stop early: the rest is zero */
        buffer_append(&writer->blob, zeros, 1);
    ARENA_PUSH(writer->model->arena, writer->placed, writer->placed_count, writer->placed_capacity);
    writer->placed[writer->placed_count++] = (Placed){data, bytes, offset};
    return offset;
}

static void put_list(Writer *writer, const char *key, const Quantisation *quantisation, bool zero_points, bool list)
{
    const int count = list ? quantisation->count : 1;
    say(writer, arena_format(writer->model->arena, "\"%s\": %s", key, list ? "[" : ""));
    for (int i = 0; i < count; ++i) {
        separate(writer, i);
        say(writer, zero_points ? integer_text(writer, quantisation->zero_point[i], false)
                                : real_text(writer, (double)quantisation->scale[i], true));
    }
    say(writer, list ? "]" : "");
    end_part(writer, false);
}

static void put_quantisation(Writer *writer, const Tensor *tensor)
{
    const Quantisation *quantisation = &tensor->quantisation;
    if (quantisation->count == 0)
        return;
    const bool list = quantisation->count > 1 || quantisation->axis != 0;
    bool same = true;
    for (int i = 1; i < quantisation->count; ++i)
        same = same && quantisation->zero_point[i] == quantisation->zero_point[0];
    put_list(writer, "scale", quantisation, false, list);
    put_list(writer, "zero_point", quantisation, true, !same);
    if (list) {
        say(writer, arena_format(writer->model->arena, "\"axis\": %d", quantisation->axis));
        end_part(writer, false);
    }
}

static void put_values(Writer *writer, const Tensor *tensor)
{
    say(writer, "\"values\": [");
    for (int64_t i = 0; i < tensor_elements(tensor); ++i) {
        separate(writer, (int)i);
        say(writer, integer_text(writer, element_int(tensor->dtype, tensor->data, i), tensor->dtype == DTYPE_U64));
    }
    say(writer, "]");
}

/* A few integers are easier to read in place; floats keep their exact bits in the blob. */
static void put_data(Writer *writer, const Tensor *tensor)
{
    if (tensor->kind != TENSOR_CONSTANT && tensor->data == NULL)
        return;
    const size_t bytes = (size_t)tensor_bytes(tensor);
    const bool readable = (dtype_is_integer(tensor->dtype) && tensor->dtype != DTYPE_I4) || tensor_elements(tensor) == 0;
    if (readable && tensor_elements(tensor) <= MOST_INLINE_VALUES && tensor->data_bytes >= bytes)
        put_values(writer, tensor);
    else {
        const size_t offset = place_in_blob(writer, tensor->data, tensor->data_bytes, bytes);
        say(writer, arena_format(writer->model->arena, "\"offset\": %zu, \"bytes\": %zu", offset, bytes));
    }
    end_part(writer, false);
}

/* dtype, shape, data, quantisation: what stands between a tensor's braces. `first`: nothing stands there yet. */
static void put_declaration(Writer *writer, const Tensor *tensor, bool first)
{
    char shape[128];
    if (tensor->dtype != DTYPE_NONE) {
        say(writer, arena_format(writer->model->arena, "\"dtype\": \"%s\"", dtype_name(tensor->dtype)));
        end_part(writer, first);
        first = false;
    }
    if (tensor->shape_known || tensor->kind != TENSOR_TEMPORARY) {
        say(writer, arena_format(writer->model->arena, "\"shape\": %s", shape_text(&tensor->shape, shape)));
        end_part(writer, first);
    }
    put_data(writer, tensor);
    put_quantisation(writer, tensor);
}

static void put_named(Writer *writer, const Tensor *tensor, int index, int indent)
{
    put(writer, index > 0 ? "," : "");
    new_line(writer, indent);
    put(writer, quoted(writer, tensor->name));
    put(writer, ": {");
    put_declaration(writer, tensor, true);
    put(writer, "}");
}

/* ---------------------------------------------------------------- nodes */

static void put_graph(Writer *writer, const Graph *graph, int indent);

static void put_operands(Writer *writer, const char *key, Tensor *const *tensors, int count)
{
    say(writer, arena_format(writer->model->arena, "\"%s\": [", key));
    for (int i = 0; i < count; ++i) {
        separate(writer, i);
        say(writer, tensors[i] != NULL ? quoted(writer, tensors[i]->name) : "null");
    }
    say(writer, "]");
    end_part(writer, false);
}

static void put_attribute(Writer *writer, const Attribute *attribute)
{
    const bool list = attribute->type == ATTRIBUTE_INTS || attribute->type == ATTRIBUTE_FLOATS;
    say(writer, arena_format(writer->model->arena, "%s: %s", quoted(writer, attribute->name), list ? "[" : ""));
    if (attribute->type == ATTRIBUTE_INT)
        say(writer, integer_text(writer, attribute->integer, false));
    else if (attribute->type == ATTRIBUTE_FLOAT)
        say(writer, real_text(writer, attribute->real, false));
    else if (attribute->type == ATTRIBUTE_STRING)
        say(writer, quoted(writer, attribute->text));
    for (int i = 0; list && i < attribute->count; ++i) {
        separate(writer, i);
        say(writer, attribute->type == ATTRIBUTE_INTS ? integer_text(writer, attribute->integers[i], false)
                                                      : real_text(writer, attribute->reals[i], false));
    }
    say(writer, list ? "]" : "");
}

static void put_attributes(Writer *writer, const Node *node)
{
    if (node->attribute_count == 0)
        return;
    say(writer, "\"attributes\": {");
    for (int i = 0; i < node->attribute_count; ++i) {
        separate(writer, i);
        put_attribute(writer, &node->attributes[i]);
    }
    say(writer, "}");
    end_part(writer, false);
}

static void put_regions(Writer *writer, const Node *node, int indent)
{
    if (node->region_count == 0)
        return;
    put(writer, ",");
    new_line(writer, indent + 1);
    put(writer, "\"regions\": [");
    for (int i = 0; i < node->region_count; ++i) {
        put(writer, i > 0 ? "," : "");
        new_line(writer, indent + 2);
        put(writer, "{\"name\": ");
        put(writer, quoted(writer, node->regions[i]->name));
        put(writer, ",");
        put_graph(writer, node->regions[i], indent + 3);
        put(writer, "}");
    }
    put(writer, "]");
}

static void put_node(Writer *writer, const Node *node, int index, int indent)
{
    put(writer, index > 0 ? "," : "");
    new_line(writer, indent);
    put(writer, "{\"name\": ");
    put(writer, quoted(writer, node->name));
    buffer_printf(&writer->json, ", \"op\": \"%s\"", node_operator(node)->name);
    put_operands(writer, "inputs", node->inputs, node->input_count);
    put_operands(writer, "outputs", node->outputs, node->output_count);
    put_attributes(writer, node);
    put_regions(writer, node, indent);
    put(writer, "}");
}

/* ---------------------------------------------------------------- sections */

static void put_inputs(Writer *writer, const Graph *graph, int indent)
{
    new_line(writer, indent);
    put(writer, "\"inputs\": [");
    for (int i = 0; i < graph->input_count; ++i) {
        put(writer, i > 0 ? "," : "");
        new_line(writer, indent + 2);
        put(writer, "{\"name\": ");
        put(writer, quoted(writer, graph->inputs[i]->name));
        put_declaration(writer, graph->inputs[i], false);
        put(writer, "}");
    }
    put(writer, "],");
}

static void put_outputs(Writer *writer, const Graph *graph, int indent)
{
    new_line(writer, indent);
    say(writer, "\"outputs\": [");
    for (int i = 0; i < graph->output_count; ++i) {
        separate(writer, i);
        say(writer, quoted(writer, graph->outputs[i]->name));
    }
    say(writer, "]");
    end_part(writer, true);
    put(writer, ",");
}

static void put_nodes(Writer *writer, const Graph *graph, int indent)
{
    new_line(writer, indent);
    put(writer, "\"nodes\": [");
    for (int i = 0; i < graph->node_count; ++i)
        put_node(writer, graph->nodes[i], i, indent + 2);
    put(writer, "]");
}

static void mark_written(const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; ++i)
        graph->tensors[i]->mark = 0;
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->output_count; ++k)
            if (graph->nodes[i]->outputs[k] != NULL)
                graph->nodes[i]->outputs[k]->mark = 1;
}

/* Temporaries that no node writes are left out, and those of which nothing is known. */
static bool is_worth_declaring(const Tensor *tensor)
{
    if (tensor->kind != TENSOR_TEMPORARY)
        return tensor->kind == TENSOR_CONSTANT;
    return tensor->mark && (tensor->dtype != DTYPE_NONE || tensor->shape_known || tensor->quantisation.count > 0);
}

/* The tensors of one kind, as a section. */
static void put_tensors(Writer *writer, const Graph *graph, const char *key, bool states, int indent)
{
    int count = 0;
    mark_written(graph);
    for (int i = 0; i < graph->tensor_count; ++i) {
        const Tensor *tensor = graph->tensors[i];
        if (states ? tensor->kind != TENSOR_STATE : !is_worth_declaring(tensor))
            continue;
        if (count == 0) {
            put(writer, ",");
            new_line(writer, indent);
            buffer_printf(&writer->json, "\"%s\": {", key);
        }
        put_named(writer, tensor, count++, indent + 2);
    }
    put(writer, count > 0 ? "}" : "");
}

static void put_graph(Writer *writer, const Graph *graph, int indent)
{
    put_inputs(writer, graph, indent);
    put_outputs(writer, graph, indent);
    put_nodes(writer, graph, indent);
    put_tensors(writer, graph, "states", true, indent);
    put_tensors(writer, graph, "tensors", false, indent);
}

static void put_labels(Writer *writer, const Model *model)
{
    if (model->labels == NULL)
        return;
    put(writer, ",");
    new_line(writer, 2);
    say(writer, "\"labels\": [");
    for (int i = 0; i < model->label_count; ++i) {
        separate(writer, i);
        say(writer, quoted(writer, model->labels[i]));
    }
    say(writer, "]");
    end_part(writer, true);
}

static void put_text_section(Writer *writer, const char *key, const char *json)
{
    if (json == NULL)
        return;
    put(writer, ",");
    new_line(writer, 2);
    buffer_printf(&writer->json, "\"%s\": %s", key, json);
}

static void put_weights(Writer *writer, const char *blob_name)
{
    if (writer->blob.length == 0)
        return;
    put(writer, ",");
    new_line(writer, 2);
    buffer_printf(&writer->json, "\"weights\": {\"file\": %s, \"bytes\": %zu, \"crc32\": \"%08" PRIx32 "\"}", quoted(writer, blob_name),
        writer->blob.length, crc32_of(writer->blob.data, writer->blob.length));
}

bool export_native(const Model *model, const char *json_path)
{
    Writer writer = {.model = model};
    Arena *arena = model->arena;
    const char *blob_name = arena_format(arena, "%s.bin", path_stem(arena, json_path));
    buffer_printf(&writer.json, "{ \"etch\": 1, \"name\": %s,", quoted(&writer, model->name));
    put_graph(&writer, model->main, 2);
    put_labels(&writer, model);
    put_text_section(&writer, "preprocess", model->preprocess);
    put_text_section(&writer, "provenance", model->provenance);
    put_weights(&writer, blob_name);
    put(&writer, " }\n");
    /* The blob first: the JSON that names it never stands alone. */
    const char *blob_path = path_join(arena, path_directory(arena, json_path), blob_name);
    bool written = writer.blob.length == 0 || write_file(blob_path, writer.blob.data, writer.blob.length);
    written = written && write_file(json_path, writer.json.data, writer.json.length);
    buffer_free(&writer.json);
    buffer_free(&writer.blob);
    buffer_free(&writer.part);
    return written;
}
