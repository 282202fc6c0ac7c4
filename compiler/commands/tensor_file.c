/* SPDX-License-Identifier: MIT
 *
 * Tensors in files: raw little-endian, or NumPy's .npy (format versions 1 to 3: a magic string, a header with a Python
 * dictionary, the data; numpy.lib.format documents it).
 */
#include "compiler.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char npy_magic[] = "\x93NUMPY";

/* NumPy's type codes; those of one byte may come with any byte order. */
static const struct {
    const char *code;
    DType dtype;
} npy_types[] = {
    {"b1", DTYPE_BOOL},
    {"i1", DTYPE_I8},
    {"u1", DTYPE_U8},
    {"i2", DTYPE_I16},
    {"u2", DTYPE_U16},
    {"i4", DTYPE_I32},
    {"u4", DTYPE_U32},
    {"i8", DTYPE_I64},
    {"u8", DTYPE_U64},
    {"f2", DTYPE_F16},
    {"f4", DTYPE_F32},
    {"f8", DTYPE_F64},
};
enum { NPY_TYPE_COUNT = sizeof npy_types / sizeof *npy_types };

static const char *npy_code(DType dtype)
{
    for (int i = 0; i < NPY_TYPE_COUNT; ++i)
        if (npy_types[i].dtype == dtype)
            return npy_types[i].code;
    return NULL;
}

/* ---------------------------------------------------------------- reading */

/* The text behind 'key': in the header's dictionary; NULL when it is not there. */
static const char *header_value(const char *header, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s':", key);
    const char *found = strstr(header, quoted);
    return found != NULL ? found + strlen(quoted) + strspn(found + strlen(quoted), " ") : NULL;
}

static bool read_npy_dtype(const char *path, const char *header, TensorFile *file)
{
    const char *text = header_value(header, "descr");
    if (text == NULL || text[0] != '\'' || strlen(text) < 5)
        return error_at(path, "its element type is not a plain number; save an array of numbers");
    const char order = text[1];
    for (int i = 0; i < NPY_TYPE_COUNT; ++i)
        if (strncmp(npy_types[i].code, text + 2, 2) == 0 && text[4] == '\'')
            file->dtype = npy_types[i].dtype;
    if (file->dtype == DTYPE_NONE || strchr("<>|=", order) == NULL)
        return error_at(path, "element type %.6s is not supported", text);
    if (order == '>' && dtype_bits(file->dtype) > 8)
        return error_at(path, "big-endian; save it little-endian: a.astype(a.dtype.newbyteorder('<'))");
    return true;
}

static bool read_npy_shape(const char *path, const char *header, TensorFile *file)
{
    const char *text = header_value(header, "shape");
    if (text == NULL || *text++ != '(')
        return error_at(path, "malformed .npy header: no shape");
    while (text += strspn(text, " ,"), *text != ')') {
        char *end;
        const long extent = strtol(text, &end, 10);
        if (end == text || extent < 0 || extent > INT32_MAX || file->shape.rank == MAX_RANK)
            return error_at(path, "malformed .npy header: shape with a bad extent or more than %d dimensions", MAX_RANK);
        file->shape.dim[file->shape.rank++] = (int32_t)extent;
        text = end + (*end == 'L');
    }
    return true;
}

static bool read_npy_order(const char *path, const char *header, const TensorFile *file)
{
    const char *text = header_value(header, "fortran_order");
    if (text == NULL)
        return error_at(path, "malformed .npy header: no fortran_order");
    return strncmp(text, "True", 4) != 0 || file->shape.rank < 2 ||
           error_at(path, "in Fortran order; save it in C order: numpy.ascontiguousarray(a)");
}

static bool read_npy(Arena *arena, const char *path, TensorFile *file)
{
    const uint8_t *data = file->data;
    const bool long_header = file->bytes > 6 && data[6] >= 2;
    const size_t start = long_header ? 12 : 10;
    if (file->bytes < start || data[6] > 3)
        return error_at(path, "malformed .npy file");
    size_t length = data[8] | (size_t)data[9] << 8;
    if (long_header)
        length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    if (length > file->bytes - start)
        return error_at(path, "malformed .npy file: the header passes its end");
    char *header = arena_alloc(arena, length + 1);
    memcpy(header, data + start, length);
    if (!read_npy_dtype(path, header, file) || !read_npy_shape(path, header, file) || !read_npy_order(path, header, file))
        return false;
    const size_t bytes = file->bytes - start - length;
    if (!shape_is_valid(&file->shape) || (uint64_t)shape_elements(&file->shape) * (dtype_bits(file->dtype) / 8) != bytes)
        return error_at(path, "malformed .npy file: %zu bytes of data do not fit its shape", bytes);
    file->data = arena_copy(arena, data + start + length, bytes); /* the header's length leaves any alignment */
    file->bytes = bytes;
    file->is_npy = true;
    return true;
}

bool tensor_file_read(Arena *arena, const char *path, TensorFile *file)
{
    *file = (TensorFile){0};
    file->data = read_file(arena, path, &file->bytes);
    if (file->data == NULL)
        return false;
    if (file->bytes < 8 || memcmp(file->data, npy_magic, 6) != 0)
        return true;
    return read_npy(arena, path, file);
}

/* ---------------------------------------------------------------- fitting a tensor */

/* Without extents of 1, which say nothing about the order of elements. */
static Shape squeezed(const Shape *shape)
{
    Shape result = {0};
    for (int i = 0; i < shape->rank; ++i)
        if (shape->dim[i] != 1)
            result.dim[result.rank++] = shape->dim[i];
    return result;
}

static bool same_tail(const Shape *a, int from_a, const Shape *b, int from_b)
{
    const Shape tail_a = shape_from(a->rank - from_a, a->dim + from_a);
    const Shape tail_b = shape_from(b->rank - from_b, b->dim + from_b);
    return shape_equal(&tail_a, &tail_b);
}

/* The tensor's shape, or N of them along a new or the first axis. */
static bool npy_shape_fits(const Shape *file, const Shape *tensor)
{
    const Shape a = squeezed(file), b = squeezed(tensor);
    if (shape_equal(&a, &b))
        return true;
    if (a.rank == b.rank + 1)
        return same_tail(&a, 1, &b, 0);
    return a.rank == b.rank && a.rank > 0 && b.dim[0] > 0 && a.dim[0] % b.dim[0] == 0 && same_tail(&a, 1, &b, 1);
}

int64_t tensor_file_calls(const char *path, const TensorFile *file, const Tensor *tensor)
{
    char wanted[128], given[128];
    const int64_t bytes = tensor_bytes(tensor);
    if (file->is_npy && file->dtype != tensor->dtype) {
        error_at(path, "holds %s, but \"%s\" is %s", dtype_name(file->dtype), tensor->name, dtype_name(tensor->dtype));
        return -1;
    }
    if (file->is_npy && !npy_shape_fits(&file->shape, &tensor->shape)) {
        error_at(path, "has shape %s, but \"%s\" has %s; give that shape, or N of them stacked for N calls", shape_text(&file->shape, given),
            tensor->name, shape_text(&tensor->shape, wanted));
        return -1;
    }
    if (bytes == 0 && file->bytes == 0)
        return 1;
    if (bytes == 0 || file->bytes == 0 || file->bytes % (size_t)bytes != 0) {
        error_at(path, "has %zu bytes, but \"%s\" (%s %s) has %" PRId64 "; give that many, or N times as many for N calls", file->bytes,
            tensor->name, dtype_name(tensor->dtype), shape_text(&tensor->shape, wanted), bytes);
        return -1;
    }
    return (int64_t)file->bytes / bytes;
}

/* ---------------------------------------------------------------- writing */

static bool ends_with(const char *text, const char *suffix)
{
    const size_t length = strlen(text), size = strlen(suffix);
    return length >= size && strcmp(text + length - size, suffix) == 0;
}

/* Version 1, padded so that the data begin at a multiple of 64. */
static void put_npy_header(Buffer *buffer, const Tensor *tensor, int64_t calls)
{
    Buffer text = {0};
    const Shape *shape = &tensor->shape;
    const bool stack = calls != 1 && !(shape->rank > 0 && shape->dim[0] == 1);
    buffer_printf(&text, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", dtype_bits(tensor->dtype) == 8 ? '|' : '<',
        npy_code(tensor->dtype));
    const int rank = shape->rank + stack;
    for (int i = 0; i < rank; ++i) {
        const int64_t extent = i >= stack ? shape->dim[i - stack] : calls;
        buffer_printf(&text, i > 0 ? ", %" PRId64 : "%" PRId64, i == 0 && !stack ? calls * extent : extent);
    }
    buffer_printf(&text, rank == 1 ? ",), }" : "), }");
    while ((text.length + 11) % 64 != 0)
        buffer_printf(&text, " ");
    buffer_printf(&text, "\n");
    const uint8_t fixed[4] = {1, 0, (uint8_t)(text.length & 255), (uint8_t)(text.length >> 8)};
    buffer_append(buffer, npy_magic, 6);
    buffer_append(buffer, fixed, sizeof fixed);
    buffer_append(buffer, text.data, text.length);
    buffer_free(&text);
}

bool tensor_file_write(const char *path, const Tensor *tensor, const void *data, int64_t calls)
{
    Buffer buffer = {0};
    const bool npy = ends_with(path, ".npy");
    if (npy && npy_code(tensor->dtype) == NULL)
        return error_at(path, "NumPy has no type for %s; write it as .bin", dtype_name(tensor->dtype));
    if (npy)
        put_npy_header(&buffer, tensor, calls);
    buffer_append(&buffer, data, (size_t)(calls * tensor_bytes(tensor)));
    const bool written = write_file(path, buffer.data, buffer.length);
    buffer_free(&buffer);
    return written;
}
