/* SPDX-License-Identifier: MIT
 *
 * Labels of TFLite models with metadata: the files that the metadata mentions follow the FlatBuffer as a ZIP archive without
 * compression. The first text file with "label" in its name holds one label per line. Anything unexpected means no labels.
 * Layout: PKWARE's APPNOTE.TXT, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (its end).
 */
#include "tflite.h"

#include <string.h>

/* clang-format off */
enum {
    END_BYTES = 22, ENTRY_BYTES = 46, LOCAL_BYTES = 30, LONGEST_COMMENT = 65535, MOST_FILES = 64, MOST_LABELS = 65536
};
/* clang-format on */

typedef struct Archive {
    const uint8_t *data;
    size_t bytes;
} Archive;

static const uint8_t *part(const Archive *archive, uint64_t position, uint64_t bytes)
{
    return position <= archive->bytes && bytes <= archive->bytes - position ? archive->data + position : NULL;
}

static uint32_t number(const uint8_t *data, int bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; ++i)
        value |= (uint32_t)data[i] << (8 * i);
    return value;
}

/* The archive ends with this record and a comment of up to 64 kB. */
static const uint8_t *find_end(const Archive *archive)
{
    for (size_t back = END_BYTES; back <= archive->bytes && back <= END_BYTES + LONGEST_COMMENT; ++back) {
        const uint8_t *end = archive->data + archive->bytes - back;
        if (memcmp(end, "PK\5\6", 4) == 0)
            return end;
    }
    return NULL;
}

static bool names_labels(const uint8_t *name, size_t length)
{
    static const char word[] = "label", suffix[] = ".txt";
    if (length < strlen(suffix) || memcmp(name + length - strlen(suffix), suffix, strlen(suffix)) != 0)
        return false;
    for (size_t i = 0; i + strlen(word) <= length; ++i)
        if (memcmp(name + i, word, strlen(word)) == 0)
            return true;
    return false;
}

/* The bytes of the labels' file, or NULL. */
static const uint8_t *find_file(const Archive *archive, size_t *bytes)
{
    const uint8_t *end = find_end(archive);
    uint64_t position = end != NULL ? number(end + 16, 4) : archive->bytes;
    for (int i = 0; i < MOST_FILES; ++i) {
        const uint8_t *entry = part(archive, position, ENTRY_BYTES);
        if (entry == NULL || memcmp(entry, "PK\1\2", 4) != 0)
            return NULL;
        const uint32_t name_bytes = number(entry + 28, 2), local_position = number(entry + 42, 4);
        const uint8_t *name = part(archive, position + ENTRY_BYTES, name_bytes), *local = part(archive, local_position, LOCAL_BYTES);
        if (name != NULL && local != NULL && names_labels(name, name_bytes) && number(entry + 10, 2) == 0) {
            *bytes = number(entry + 24, 4);
            return part(archive, (uint64_t)local_position + LOCAL_BYTES + number(local + 26, 2) + number(local + 28, 2), *bytes);
        }
        position += ENTRY_BYTES + (uint64_t)name_bytes + number(entry + 30, 2) + number(entry + 32, 2);
    }
    return NULL;
}

static size_t line_length(const uint8_t *text, size_t bytes)
{
    const uint8_t *end = memchr(text, '\n', bytes);
    return end != NULL ? (size_t)(end - text) : bytes;
}

static int count_lines(const uint8_t *text, size_t bytes)
{
    int lines = 0;
    for (size_t i = 0; i < bytes && lines <= MOST_LABELS; i += line_length(text + i, bytes - i) + 1)
        ++lines;
    return lines;
}

static const char *label(Arena *arena, const uint8_t *line, size_t length)
{
    char *text = arena_alloc(arena, length + 1);
    while (length > 0 && (line[length - 1] == '\r' || line[length - 1] == ' '))
        --length;
    for (size_t i = 0; i < length; ++i)
        text[i] = line[i] < 32 || line[i] == 127 ? '_' : (char)line[i];
    return text;
}

/* Only labels that fit the first output, one per value, are of use. */
void read_labels(Model *model, const uint8_t *data, size_t bytes)
{
    const Archive archive = {data, bytes};
    size_t text_bytes = 0;
    const uint8_t *text = find_file(&archive, &text_bytes);
    const int count = text != NULL ? count_lines(text, text_bytes) : 0;
    const Tensor *output = model->main->outputs[0];
    if (count == 0 || count > MOST_LABELS || !output->shape_known || tensor_elements(output) != count)
        return;
    model->labels = arena_array(model->arena, (size_t)count, sizeof *model->labels);
    for (size_t i = 0; i < text_bytes; i += line_length(text + i, text_bytes - i) + 1)
        model->labels[model->label_count++] = label(model->arena, text + i, line_length(text + i, text_bytes - i));
}
