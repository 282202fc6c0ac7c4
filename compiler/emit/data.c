/* SPDX-License-Identifier: MIT
 *
 * Constant data in the generated file: declarations at the top (C99 tentative definitions), definitions at the end, in one of
 * five forms. Written here and not in templates, because megabytes pass through.
 */
#include "../plan/plan.h"
#include "emit.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- which constants */

static void add_constant(ConstantList *list, Arena *arena, Tensor *tensor)
{
    if (tensor == NULL || tensor->kind != TENSOR_CONSTANT || tensor->mark)
        return;
    tensor->mark = 1;
    ARENA_PUSH(arena, list->tensors, list->count, list->capacity);
    list->tensors[list->count++] = tensor;
}

/* Where there is no code, a constant is needed only for what lies in it. */
static bool is_read(const Node *node, Tensor *input)
{
    bool lies_in_it = false;
    for (int i = 0; input != NULL && i < node->output_count; ++i)
        lies_in_it = lies_in_it || storage_root(node->outputs[i]) == storage_root(input);
    return lies_in_it || !node_is_free(node);
}

static void collect_graph(ConstantList *list, const Graph *graph)
{
    Arena *arena = graph->model->arena;
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        for (int k = 0; k < node->input_count; ++k)
            if (!fact_hides(node->facts, k) && is_read(node, node->inputs[k]))
                add_constant(list, arena, node->inputs[k]);
        for (int k = 0; node->facts != NULL && k < node->facts->count; ++k)
            add_constant(list, arena, node->facts->facts[k].tensor);
        for (int k = 0; k < node->region_count; ++k)
            collect_graph(list, node->regions[k]);
    }
    for (int i = 0; i < graph->output_count; ++i) /* a region may hand out a constant */
        add_constant(list, arena, graph->outputs[i]);
}

/* States that do not start at one byte value everywhere have an image in flash. */
static bool needs_image(const Tensor *state)
{
    if (state->data == NULL)
        return false;
    for (size_t i = 1; i < state->data_bytes; ++i)
        if (state->data[i] != state->data[0])
            return true;
    return state->data_bytes > 0 && dtype_bits(state->dtype) > 8 && state->data[0] != 0;
}

static void collect_state_images(ConstantList *list, const Model *model)
{
    for (int i = 0; i < model->main->tensor_count; ++i) {
        Tensor *state = model->main->tensors[i];
        if (state->kind != TENSOR_STATE || !needs_image(state))
            continue;
        Tensor *image = arena_copy(model->arena, state, sizeof *state);
        image->kind = TENSOR_CONSTANT;
        image->mark = 0;
        image->identifier = arena_format(model->arena, "%s_initial", state->identifier);
        add_constant(list, model->arena, image);
    }
}

ConstantList collect_constants(const Model *model)
{
    ConstantList list = {0};
    graph_clear_marks(model->main);
    collect_graph(&list, model->main);
    collect_state_images(&list, model);
    return list;
}

bool is_weight(const Tensor *tensor)
{
    return tensor->is_weight || !tensor->is_table;
}

int emitted_constants(const Model *model, const Tensor *const **constants)
{
    const ConstantList list = collect_constants(model);
    *constants = list.tensors;
    return list.count;
}

int64_t constants_bytes(const ConstantList *constants, bool weights)
{
    int64_t bytes = 0;
    for (int i = 0; i < constants->count; ++i)
        if (is_weight(constants->tensors[i]) == weights)
            bytes += tensor_bytes(constants->tensors[i]);
    return bytes;
}

int64_t emitted_bytes(const Model *model, bool weights)
{
    const ConstantList list = collect_constants(model);
    return constants_bytes(&list, weights);
}

/* ---------------------------------------------------------------- names and sizes */

/* C arrays have at least one element. */
static int64_t array_length(const Tensor *tensor)
{
    const int64_t elements = tensor->dtype == DTYPE_I4 ? tensor_bytes(tensor) : tensor_elements(tensor);
    return elements > 0 ? elements : 1;
}

static int64_t padded_bytes(const Tensor *tensor)
{
    const int64_t bytes = array_length(tensor) * (int64_t)(tensor->dtype == DTYPE_I4 ? 1 : dtype_bits(tensor->dtype) / 8);
    return (bytes + 15) / 16 * 16;
}

const char *constant_expression(const Model *model, const Tensor *tensor, WeightsForm form)
{
    Arena *arena = model->arena;
    const char *ctype = dtype_ctype(tensor->dtype);
    switch (form) {
    case WEIGHTS_WORDS:
        return arena_format(arena, "(const %s *)(const void *)%s_%s", ctype, model->prefix, tensor->identifier);
    case WEIGHTS_STRING:
        return arena_format(arena, "(const %s *)(const void *)%s_%s.text", ctype, model->prefix, tensor->identifier);
    case WEIGHTS_EXTERN:
        return arena_format(arena, "weights->%s", tensor->identifier);
    default:
        return arena_format(arena, "%s_%s", model->prefix, tensor->identifier);
    }
}

/* ---------------------------------------------------------------- printing elements */

/* Two characters a call are too slow for millions of values: digits are written straight into the buffer's end. */
static char *print_int(char *end, int64_t value)
{
    char digits[24];
    int count = 0;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (value < 0)
        *end++ = '-';
    do
        digits[count++] = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    while (count > 0)
        *end++ = digits[--count];
    return end;
}

/* Limits have no literal of their own type in C: -2147483648 is minus a long. */
static char *print_wide(char *end, DType dtype, const void *data, int64_t index)
{
    const int64_t value = element_int(dtype, data, index);
    if (dtype == DTYPE_U64)
        return end + sprintf(end, "%" PRIu64 "u", (uint64_t)value);
    if (dtype == DTYPE_U32)
        return end + sprintf(end, "%" PRId64 "u", value);
    if (dtype == DTYPE_I64 && value == INT64_MIN)
        return end + sprintf(end, "-9223372036854775807 - 1");
    if (dtype == DTYPE_I32 && value == INT32_MIN)
        return end + sprintf(end, "-2147483647 - 1");
    return print_int(end, value);
}

static char *print_float(char *end, DType dtype, double value)
{
    const char *suffix = dtype == DTYPE_F32 ? "f" : "";
    if (isnan(value))
        return end + sprintf(end, "NAN");
    if (isinf(value))
        return end + sprintf(end, value > 0 ? "INFINITY" : "-INFINITY");
    char *start = end;
    end += sprintf(end, dtype == DTYPE_F32 ? "%.9g" : "%.17g", value);
    if (memchr(start, '.', (size_t)(end - start)) == NULL && memchr(start, 'e', (size_t)(end - start)) == NULL)
        end += sprintf(end, ".0");
    return end + sprintf(end, "%s", suffix);
}

static char *print_element(char *end, DType dtype, const void *data, int64_t index)
{
    switch (dtype) {
    case DTYPE_F32:
    case DTYPE_F64:
        return print_float(end, dtype, element_float(dtype, data, index));
    case DTYPE_F16:
    case DTYPE_BF16:
        return print_int(end, ((const uint16_t *)data)[index]);
    case DTYPE_I4:
        return print_int(end, ((const uint8_t *)data)[index]);
    case DTYPE_I32:
    case DTYPE_I64:
    case DTYPE_U32:
    case DTYPE_U64:
        return print_wide(end, dtype, data, index);
    default:
        return print_int(end, element_int(dtype, data, index));
    }
}

enum { LINE_WIDTH = 110, ELEMENT_WIDTH = 40 };

static void print_elements(Buffer *out, DType dtype, const void *data, int64_t count)
{
    char line[LINE_WIDTH + 2 * ELEMENT_WIDTH], *end = line;
    for (int64_t i = 0; i < count; ++i) {
        char text[ELEMENT_WIDTH];
        const size_t length = (size_t)(print_element(text, dtype, data, i) - text);
        if (end > line && (size_t)(end - line) + length + 3 > LINE_WIDTH) {
            *end++ = '\n';
            buffer_append(out, line, (size_t)(end - line));
            end = line;
        }
        if (end == line)
            end += sprintf(end, "   ");
        *end++ = ' ';
        memcpy(end, text, length);
        end += length;
        *end++ = ',';
    }
    if (end > line) {
        *end++ = '\n';
        buffer_append(out, line, (size_t)(end - line));
    }
}

static uint32_t word_at(const uint8_t *data, size_t bytes, size_t index)
{
    uint32_t word = 0;
    for (size_t i = 0; i < 4 && 4 * index + i < bytes; ++i)
        word |= (uint32_t)data[4 * index + i] << (8 * i);
    return word;
}

static void print_words(Buffer *out, const uint8_t *data, size_t bytes)
{
    const size_t words = (bytes + 3) / 4;
    for (size_t i = 0; i < words; ++i)
        buffer_printf(out, "%s0x%08" PRIx32 ",%s", i % 9 == 0 ? "    " : " ", word_at(data, bytes, i), i % 9 == 8 || i + 1 == words ? "\n" : "");
}

static bool is_plain(uint8_t byte)
{
    return byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\' && byte != '?' && !(byte >= '0' && byte <= '9');
}

/* Octal escapes of three digits end by themselves; '?' is escaped because of trigraphs. */
static void print_string(Buffer *out, const uint8_t *data, size_t bytes)
{
    static const char open[] = "    \"", close[] = "\"\n";
    for (size_t i = 0; i < bytes;) {
        buffer_append(out, open, 5);
        for (size_t column = 0; i < bytes && column < LINE_WIDTH - 10; ++i) {
            char text[8];
            const int length = is_plain(data[i]) ? sprintf(text, "%c", data[i]) : sprintf(text, "\\%03o", data[i]);
            buffer_append(out, text, (size_t)length);
            column += (size_t)length;
        }
        buffer_append(out, close, 2);
    }
    if (bytes == 0)
        buffer_printf(out, "    \"\"\n");
}

/* ---------------------------------------------------------------- declarations and definitions */

static void print_comment(Buffer *out, const Tensor *tensor)
{
    char shape[128];
    const int64_t elements = tensor_elements(tensor);
    buffer_printf(out, "/* ");
    for (const char *c = tensor->name; *c != '\0'; ++c) /* a name must not end the comment, nor nest one */
        buffer_append(out, (*c == '*' || *c == '/') && (c[1] == '*' || c[1] == '/') ? "." : (unsigned char)*c < ' ' ? "?" : c, 1);
    buffer_printf(out, ": %s %s", dtype_name(tensor->dtype), shape_text(&tensor->shape, shape));
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < elements; ++i) {
        const double value = element_float(tensor->dtype, tensor->data, i);
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    if (elements > 0)
        buffer_printf(out, ", values %.6g to %.6g", low, high);
    if (tensor->quantisation.count == 1)
        buffer_printf(out, ", scale %.6g, zero point %" PRId32, (double)tensor_scale(tensor), tensor_zero_point(tensor));
    else if (tensor->quantisation.count > 1)
        buffer_printf(out, ", %d scales along axis %d", tensor->quantisation.count, tensor->quantisation.axis);
    buffer_printf(out, ", crc32 %08" PRIx32 " */\n", crc32_of(tensor->data, (size_t)tensor_bytes(tensor)));
}

/* The macro prefix of a C prefix. */
void print_upper(Buffer *out, const char *prefix)
{
    for (const char *c = prefix; *c != '\0'; ++c)
        buffer_printf(out, "%c", *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
}

/* PREFIX_WEIGHTS_ATTRIBUTE is the includer's hook, e.g. a linker section; empty unless defined. */
static void print_declarator(Buffer *out, const Model *model, const Tensor *tensor, WeightsForm form)
{
    const char *prefix = model->prefix, *name = tensor->identifier;
    if (form == WEIGHTS_WORDS)
        buffer_printf(out, "static const uint32_t %s_%s[%" PRId64 "] ", prefix, name, padded_bytes(tensor) / 4);
    else if (form == WEIGHTS_STRING)
        buffer_printf(out, "static const union { char text[%" PRId64 "]; uint64_t align; } %s_%s ", tensor_bytes(tensor) + 1, prefix, name);
    else
        buffer_printf(out, "static const %s %s_%s[%" PRId64 "] ", dtype_ctype(tensor->dtype), prefix, name, array_length(tensor));
    print_upper(out, prefix);
    buffer_printf(out, "_WEIGHTS_ATTRIBUTE");
}

void print_constant_declarations(Buffer *out, const Model *model, const ConstantList *constants, WeightsForm form)
{
    for (int i = 0; i < constants->count && form != WEIGHTS_EXTERN; ++i) {
        const Tensor *tensor = constants->tensors[i];
        if (form == WEIGHTS_INCBIN)
            buffer_printf(out, "extern const %s %s_%s[%" PRId64 "];\n", dtype_ctype(tensor->dtype), model->prefix, tensor->identifier, array_length(tensor));
        else if (form != WEIGHTS_STRING) { /* an anonymous union has one declaration only: string data come first */
            print_declarator(out, model, tensor, form);
            buffer_printf(out, ";\n");
        }
    }
}

static void print_definition(Buffer *out, const Model *model, const Tensor *tensor, WeightsForm form)
{
    const size_t bytes = (size_t)tensor_bytes(tensor);
    const int64_t elements = tensor->dtype == DTYPE_I4 ? (int64_t)bytes : tensor_elements(tensor);
    print_comment(out, tensor);
    print_declarator(out, model, tensor, form);
    if (form == WEIGHTS_STRING) {
        buffer_printf(out, " = {__extension__\n");
        print_string(out, tensor->data, bytes);
        buffer_printf(out, "};\n\n");
        return;
    }
    buffer_printf(out, " = {\n");
    if (form == WEIGHTS_WORDS && bytes > 0)
        print_words(out, tensor->data, bytes);
    else if (elements > 0)
        print_elements(out, tensor->dtype, tensor->data, elements);
    else
        buffer_printf(out, "    0,\n");
    buffer_printf(out, "};\n\n");
}

void print_array(Buffer *out, const Model *model, const Tensor *tensor, const char *name, const void *values)
{
    buffer_printf(out, "static const %s %s_%s[%" PRId64 "] = {\n", dtype_ctype(tensor->dtype), model->prefix, name, array_length(tensor));
    if (tensor_elements(tensor) > 0)
        print_elements(out, tensor->dtype, values, tensor_elements(tensor));
    else
        buffer_printf(out, "    0,\n");
    buffer_printf(out, "};\n\n");
}

/* The assembler reads NAME.bin: the fastest form to compile, for GNU toolchains. */
static void print_incbin(Buffer *out, const Model *model, const ConstantList *constants)
{
    int64_t offset = 0;
    buffer_printf(out, "__asm__(\".pushsection .rodata\\n\"\n");
    for (int i = 0; i < constants->count; ++i) {
        const Tensor *tensor = constants->tensors[i];
        buffer_printf(out, "    \".balign 16\\n\"\n    \"%s_%s: .incbin \\\"%s.bin\\\", %" PRId64 ", %" PRId64 "\\n\"\n", model->prefix,
            tensor->identifier, model->prefix, offset, padded_bytes(tensor));
        offset += padded_bytes(tensor);
    }
    buffer_printf(out, "    \".popsection\\n\");\n");
}

void print_constant_definitions(Buffer *out, const Model *model, const ConstantList *constants, WeightsForm form)
{
    if (constants->count == 0 || form == WEIGHTS_EXTERN)
        return;
    buffer_printf(out, "/* clang-format off */\n\n");
    if (form == WEIGHTS_INCBIN)
        print_incbin(out, model, constants);
    else
        for (int i = 0; i < constants->count; ++i)
            print_definition(out, model, constants->tensors[i], form);
    buffer_printf(out, "/* clang-format on */\n");
}

void print_weights_image(Buffer *out, const ConstantList *constants)
{
    static const uint8_t zeros[16];
    for (int i = 0; i < constants->count; ++i) {
        const Tensor *tensor = constants->tensors[i];
        buffer_append(out, tensor->data, (size_t)tensor_bytes(tensor));
        for (int64_t rest = padded_bytes(tensor) - tensor_bytes(tensor); rest > 0; rest -= 16)
            buffer_append(out, zeros, (size_t)(rest < 16 ? rest : 16));
    }
}

/* Members are padded to 16 bytes, so that the struct is the file's image under every ABI. */
void print_weights_struct(Buffer *out, const Model *model, const ConstantList *constants)
{
    buffer_printf(out, "typedef struct %s_weights {\n", model->prefix);
    for (int i = 0; i < constants->count; ++i) {
        const Tensor *tensor = constants->tensors[i];
        const int64_t width = tensor->dtype == DTYPE_I4 ? 1 : (int64_t)dtype_bits(tensor->dtype) / 8;
        buffer_printf(out, "    %s %s[%" PRId64 "];\n", dtype_ctype(tensor->dtype), tensor->identifier, padded_bytes(tensor) / width);
    }
    buffer_printf(out, "} %s_weights;\n", model->prefix);
}
