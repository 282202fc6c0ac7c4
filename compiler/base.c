/* SPDX-License-Identifier: MIT
 *
 * The ground everything stands on: the region allocator, diagnostics, text buffers, files and paths.
 */
#include "compiler.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- memory */

enum { CHUNK_BYTES = 1 << 16, ALIGNMENT = 16 };

typedef struct Chunk {
    struct Chunk *next;
    size_t used, capacity;
} Chunk;

struct Arena {
    Chunk *chunks;
    size_t total, limit;
};

static size_t round_up(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

Arena *arena_new(size_t limit_bytes)
{
    Arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL)
        fatal(EXIT_WORK_FAILED, "out of memory");
    arena->limit = limit_bytes;
    return arena;
}

void arena_free(Arena *arena)
{
    if (arena == NULL)
        return;
    for (Chunk *chunk = arena->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(arena);
}

static Chunk *chunk_new(Arena *arena, size_t bytes)
{
    size_t capacity = bytes > CHUNK_BYTES / 4 ? bytes : CHUNK_BYTES;
    if (arena->limit != 0 && arena->total + capacity > arena->limit)
        fatal(EXIT_BAD_INPUT, "the model needs more than %zu MB of the compiler's memory; it is malformed or too large", arena->limit >> 20);
    Chunk *chunk = calloc(1, round_up(sizeof *chunk) + capacity);
    if (chunk == NULL)
        fatal(EXIT_WORK_FAILED, "out of memory (%zu bytes)", capacity);
    chunk->capacity = capacity;
    arena->total += capacity;
    return chunk;
}

void *arena_alloc(Arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        fatal(EXIT_BAD_INPUT, "an allocation of %zu bytes is out of range", bytes);
    bytes = round_up(bytes > 0 ? bytes : 1);
    Chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->capacity - chunk->used < bytes) {
        Chunk *fresh = chunk_new(arena, bytes);
        /* A large block gets a chunk of its own behind the current one, whose rest stays in use. */
        if (chunk != NULL && bytes > CHUNK_BYTES / 4) {
            fresh->next = chunk->next;
            chunk->next = fresh;
        } else {
            fresh->next = chunk;
            arena->chunks = fresh;
        }
        chunk = fresh;
    }
    void *result = (char *)chunk + round_up(sizeof *chunk) + chunk->used;
    chunk->used += bytes;
    return result;
}

void *arena_array(Arena *arena, size_t count, size_t element_bytes)
{
    if (element_bytes != 0 && count > SIZE_MAX / 2 / element_bytes)
        fatal(EXIT_BAD_INPUT, "an array of %zu elements is out of range", count);
    return arena_alloc(arena, count * element_bytes);
}

void *arena_copy(Arena *arena, const void *data, size_t bytes)
{
    void *copy = arena_alloc(arena, bytes);
    if (bytes > 0)
        memcpy(copy, data, bytes);
    return copy;
}

char *arena_string(Arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text) + 1);
}

char *arena_format(Arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = arena_alloc(arena, (size_t)(length < 0 ? 0 : length) + 1);
    if (length >= 0)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void *arena_grow(Arena *arena, void *array, size_t element_bytes, int count, int *capacity)
{
    int bigger = *capacity > 0 ? *capacity * 2 : 8;
    void *grown = arena_array(arena, (size_t)bigger, element_bytes);
    if (count > 0)
        memcpy(grown, array, (size_t)count * element_bytes);
    *capacity = bigger;
    return grown;
}

/* ---------------------------------------------------------------- diagnostics */

void (*fatal_hook)(int status);
bool diagnostics_quiet;
unsigned long diagnostics_count;

static void print_diagnostic(const char *kind, const char *place, const char *format, va_list arguments)
{
    ++diagnostics_count;
    if (diagnostics_quiet)
        return;
    fflush(stdout);
    fprintf(stderr, "%s%s%s", place != NULL ? place : "etch", place != NULL || kind[0] == '\0' ? ": " : ": ", kind);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

bool error_at(const char *place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_diagnostic("", place, format, arguments);
    va_end(arguments);
    return false;
}

void warning_at(const char *place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_diagnostic("warning: ", place, format, arguments);
    va_end(arguments);
}

bool node_error(const Node *node, const char *format, ...)
{
    char place[512];
    snprintf(place, sizeof place, "%s: node \"%s\" (%s)", node->model->path, node->name, node_operator(node)->name);
    va_list arguments;
    va_start(arguments, format);
    print_diagnostic("", place, format, arguments);
    va_end(arguments);
    return false;
}

void fatal(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_diagnostic("", NULL, format, arguments);
    va_end(arguments);
    if (fatal_hook != NULL)
        fatal_hook(status);
    exit(status);
}

/* ---------------------------------------------------------------- text buffers */

static void buffer_reserve(Buffer *buffer, size_t more)
{
    size_t needed = buffer->length + more + 1;
    if (needed <= buffer->capacity)
        return;
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : 4096;
    while (capacity < needed)
        capacity *= 2;
    char *data = realloc(buffer->data, capacity);
    if (data == NULL)
        fatal(EXIT_WORK_FAILED, "out of memory (%zu bytes)", capacity);
    buffer->data = data;
    buffer->capacity = capacity;
}

void buffer_append(Buffer *buffer, const void *data, size_t bytes)
{
    buffer_reserve(buffer, bytes);
    if (bytes > 0)
        memcpy(buffer->data + buffer->length, data, bytes);
    buffer->length += bytes;
    buffer->data[buffer->length] = '\0';
}

void buffer_printf(Buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length > 0) {
        buffer_reserve(buffer, (size_t)length);
        vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
}

void buffer_free(Buffer *buffer)
{
    free(buffer->data);
    *buffer = (Buffer){0};
}

/* ---------------------------------------------------------------- files and paths */

uint8_t *read_file(Arena *arena, const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        error_at(path, "cannot open: %s", strerror(errno));
        if (file != NULL)
            fclose(file);
        return NULL;
    }
    uint8_t *data = NULL;
    if (!S_ISREG(status.st_mode))
        error_at(path, "not a regular file; give the path of a file");
    else if (status.st_size > (off_t)UINT32_MAX)
        error_at(path, "larger than 4 GiB");
    else {
        size_t size = (size_t)status.st_size;
        data = arena_alloc(arena, size + 1);
        if (fread(data, 1, size, file) != size) {
            error_at(path, "cannot read: %s", ferror(file) ? strerror(errno) : "it got shorter while being read");
            data = NULL;
        } else
            *bytes = size;
    }
    fclose(file);
    return data;
}

/* A device or a pipe is written to; a file is put in its place only when it is complete. */
static bool is_special(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

bool write_file(const char *path, const void *data, size_t bytes)
{
    const bool special = is_special(path);
    size_t length = strlen(path) + 8;
    char *temporary = malloc(length);
    if (temporary == NULL)
        fatal(EXIT_WORK_FAILED, "out of memory");
    snprintf(temporary, length, special ? "%s" : "%s.tmp", path);
    FILE *file = fopen(temporary, "wb");
    bool written = file != NULL && (bytes == 0 || fwrite(data, 1, bytes, file) == bytes);
    int error = errno;
    if (file != NULL && fclose(file) != 0 && written) {
        written = false;
        error = errno;
    }
    if (written && !special && rename(temporary, path) != 0) {
        written = false;
        error = errno;
    }
    if (!written) {
        if (!special)
            unlink(temporary);
        error_at(path, "cannot write: %s", strerror(error));
    }
    free(temporary);
    return written;
}

/* Half a byte at a time: 16 entries instead of 256, and still 200 MB/s. The polynomial is zlib's, bit-reversed. */
uint32_t crc32_of(const void *data, size_t bytes)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    const uint8_t *byte = data;
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < bytes; ++i) {
        crc ^= byte[i];
        crc = (crc >> 4) ^ table[crc & 15];
        crc = (crc >> 4) ^ table[crc & 15];
    }
    return ~crc;
}

char *path_join(Arena *arena, const char *folder, const char *name)
{
    if (name[0] == '/' || folder[0] == '\0' || strcmp(folder, ".") == 0)
        return arena_string(arena, name);
    size_t length = strlen(folder);
    return arena_format(arena, "%s%s%s", folder, folder[length - 1] == '/' ? "" : "/", name);
}

char *path_directory(Arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return arena_string(arena, ".");
    return arena_format(arena, "%.*s", (int)(slash > path ? slash - path : 1), path);
}

char *path_stem(Arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    return arena_format(arena, "%.*s", (int)(dot != NULL && dot > name ? (size_t)(dot - name) : strlen(name)), name);
}

char *identifier_from(Arena *arena, const char *text)
{
    char *identifier = arena_alloc(arena, strlen(text) + 2);
    size_t length = 0;
    if (!isalpha((unsigned char)text[0]))
        identifier[length++] = 'm';
    for (const char *c = text; *c != '\0'; ++c) {
        if (isalnum((unsigned char)*c))
            identifier[length++] = (char)tolower((unsigned char)*c);
        else if (length > 0 && identifier[length - 1] != '_')
            identifier[length++] = '_';
    }
    while (length > 1 && identifier[length - 1] == '_')
        --length;
    identifier[length] = '\0';
    return identifier;
}

/* ---------------------------------------------------------------- arithmetic */

int64_t greatest_common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}
