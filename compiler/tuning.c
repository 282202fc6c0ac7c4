/* SPDX-License-Identifier: MIT
 *
 * Tuning files: which kernel each layer gets, as `etch tune` measured it. A layer is named by what its kernels can see of it
 * (operator, types, shapes, attributes), so that the file survives renamed nodes and serves every model with such a layer.
 */
#include "compiler.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static const char first_line[] = "# etch tuning: kernels chosen by measurement; made by `etch tune`, read with --tuning";
static const char kernel_word[] = "kernel ";

const char *optimize_name(Optimize optimize)
{
    static const char *const levels[] = {"speed", "balanced", "size", "ram"};
    return levels[optimize];
}

/* ---------------------------------------------------------------- layers */

enum { MOST_LISTED = 16 }; /* values of one attribute; of longer lists, the checksum */

/* Text of the model in one line without blanks. */
static void append_word(Buffer *text, const char *word)
{
    for (; *word != '\0'; ++word) {
        const char c = *word;
        buffer_append(text, isgraph((unsigned char)c) && c != ';' ? &c : "_", 1);
    }
}

static void append_operands(Buffer *text, Tensor *const *tensors, int count)
{
    char shape[112];
    for (int i = 0; i < count; ++i) {
        buffer_append(text, ", ", i > 0 ? 2 : 0);
        if (tensors[i] == NULL)
            buffer_printf(text, "none");
        else
            buffer_printf(text, "%s%s %s", tensor_is_constant(tensors[i]) ? "const " : "", dtype_name(tensors[i]->dtype),
                shape_text(&tensors[i]->shape, shape));
    }
}

static void append_values(Buffer *text, const Attribute *attribute)
{
    const bool whole = attribute->type == ATTRIBUTE_INTS;
    const size_t width = whole ? sizeof *attribute->integers : sizeof *attribute->reals;
    const void *values = whole ? (const void *)attribute->integers : (const void *)attribute->reals;
    if (attribute->count > MOST_LISTED)
        buffer_printf(text, "%d:%08" PRIx32, attribute->count, crc32_of(values, (size_t)attribute->count * width));
    for (int i = 0; attribute->count <= MOST_LISTED && i < attribute->count; ++i) {
        buffer_append(text, ",", i > 0);
        if (whole)
            buffer_printf(text, "%" PRId64, attribute->integers[i]);
        else
            buffer_printf(text, "%.9g", attribute->reals[i]);
    }
}

static void append_attribute(Buffer *text, const Attribute *attribute)
{
    buffer_append(text, " ", 1);
    append_word(text, attribute->name);
    buffer_append(text, "=", 1);
    if (attribute->type == ATTRIBUTE_INT)
        buffer_printf(text, "%" PRId64, attribute->integer);
    else if (attribute->type == ATTRIBUTE_FLOAT)
        buffer_printf(text, "%.9g", attribute->real);
    else if (attribute->type == ATTRIBUTE_STRING)
        append_word(text, attribute->text);
    else
        append_values(text, attribute);
}

/* Readers of different formats set them in different orders. */
static void append_attributes(Buffer *text, const Node *node)
{
    const Attribute *last = NULL;
    for (int done = 0; done < node->attribute_count; ++done) {
        const Attribute *next = NULL;
        for (int i = 0; i < node->attribute_count; ++i) {
            const Attribute *other = &node->attributes[i];
            if ((last == NULL || strcmp(other->name, last->name) > 0) && (next == NULL || strcmp(other->name, next->name) < 0))
                next = other;
        }
        if (next == NULL)
            return;
        append_attribute(text, next);
        last = next;
    }
}

const char *layer_signature(Arena *arena, const Node *node)
{
    Buffer text = {0};
    buffer_printf(&text, "%s(", node_operator(node)->name);
    append_operands(&text, node->inputs, node->input_count);
    buffer_printf(&text, ") -> ");
    append_operands(&text, node->outputs, node->output_count);
    append_attributes(&text, node);
    char *signature = arena_alloc(arena, text.length + 1);
    memcpy(signature, text.data, text.length);
    buffer_free(&text);
    return signature;
}

/* ---------------------------------------------------------------- entries */

Tuning *tuning_new(Arena *arena)
{
    Tuning *tuning = arena_alloc(arena, sizeof *tuning);
    tuning->arena = arena;
    return tuning;
}

TuningEntry *tuning_find(const Tuning *tuning, const char *signature)
{
    for (int i = 0; i < tuning->count; ++i)
        if (strcmp(tuning->entries[i].signature, signature) == 0)
            return &tuning->entries[i];
    return NULL;
}

void tuning_add(Tuning *tuning, const char *signature, const char *kernel, int line)
{
    ARENA_PUSH(tuning->arena, tuning->entries, tuning->count, tuning->capacity);
    tuning->entries[tuning->count++] = (TuningEntry){signature, kernel, line, false};
}

void tuning_warn(Tuning *tuning)
{
    if (tuning == NULL || tuning->path == NULL)
        return;
    for (int i = 0; i < tuning->count; ++i) {
        TuningEntry *entry = &tuning->entries[i];
        if (!entry->used)
            warning_at(arena_format(tuning->arena, "%s:%d", tuning->path, entry->line), "the model has no such layer: %s", entry->signature);
        entry->used = true; /* once is enough */
    }
}

/* ---------------------------------------------------------------- reading */

static bool line_error(const Tuning *tuning, int line, const char *message)
{
    return error_at(arena_format(tuning->arena, "%s:%d", tuning->path, line), "%s", message);
}

/* "kernel NAME: SIGNATURE" */
static bool read_kernel(Tuning *tuning, char *text, int line)
{
    char *colon = strstr(text, ": ");
    if (colon == NULL || colon == text || colon[2] == '\0')
        return line_error(tuning, line, "not \"kernel NAME: LAYER\"; repair the line or run `etch tune` again");
    *colon = '\0';
    const TuningEntry *before = tuning_find(tuning, colon + 2);
    if (before != NULL)
        return line_error(tuning, line, arena_format(tuning->arena, "the layer of line %d again; delete one of the two", before->line));
    tuning_add(tuning, colon + 2, text, line);
    return true;
}

/* What it was measured with must be what it is used with: other targets have other kernels, other levels allow others. */
static bool check_setting(const Tuning *tuning, int line, const char *name, const char *made, const char *now)
{
    return strcmp(made, now) == 0 || line_error(tuning, line, arena_format(tuning->arena, "made with --%s=%s, used with --%s=%s; give the same, or a file of `etch tune --%s=%s`", name, made, name, now, name, now));
}

static bool read_line(Tuning *tuning, const CompileOptions *options, char *text, int line)
{
    text[strcspn(text, "\r")] = '\0';
    if (text[0] == '\0' || text[0] == '#')
        return true;
    if (strncmp(text, kernel_word, strlen(kernel_word)) == 0)
        return read_kernel(tuning, text + strlen(kernel_word), line);
    if (strncmp(text, "target ", 7) == 0)
        return check_setting(tuning, line, "target", text + 7, options->target);
    if (strncmp(text, "optimize ", 9) == 0)
        return check_setting(tuning, line, "optimize", text + 9, optimize_name(options->optimize));
    return line_error(tuning, line, "neither \"target\", \"optimize\" nor \"kernel\"; repair the line or run `etch tune` again");
}

Tuning *tuning_read(Arena *arena, const CompileOptions *options)
{
    size_t bytes;
    Tuning *tuning = tuning_new(arena);
    tuning->path = options->tuning_path;
    char *text = (char *)read_file(arena, tuning->path, &bytes);
    if (text == NULL)
        return NULL;
    const size_t length = strcspn(text, "\r\n");
    if (length != strlen(first_line) || memcmp(text, first_line, length) != 0) {
        error_at(tuning->path, "not a tuning file: its first line is not the one that `etch tune` writes; give another name");
        return NULL;
    }
    for (int number = 1; *text != '\0'; ++number) {
        char *line = text;
        text += strcspn(text, "\n");
        if (*text != '\0')
            *text++ = '\0';
        if (!read_line(tuning, options, line, number))
            return NULL;
    }
    return tuning;
}

/* ---------------------------------------------------------------- writing */

void tuning_print_head(Buffer *out, const CompileOptions *options)
{
    buffer_printf(out, "%s\ntarget %s\noptimize %s\n", first_line, options->target, optimize_name(options->optimize));
}

void tuning_print_entry(Buffer *out, const char *signature, const char *kernel)
{
    buffer_printf(out, "%s%s: %s\n", kernel_word, kernel, signature);
}
