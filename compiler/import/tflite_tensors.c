/* SPDX-License-Identifier: MIT
 *
 * TFLite tensors: type, shape, quantisation, and constant data, which stay in the file's bytes where they are aligned.
 *
 * The declared `shape` is taken as it stands, as TFLM does; `shape_signature`, with -1 for the extents that were unknown to the
 * converter, is not read. pass_infer computes the shapes of everything that operators produce anyway.
 */
#include "tflite.h"

#include <math.h>
#include <string.h>

enum { DATA_ALIGNMENT = 16,
    LONGEST_NAME = 1000 };

static const struct {
    const char *name;
    DType dtype; /* DTYPE_NONE: not supported */
} tensor_types[] = {
    {"FLOAT32", DTYPE_F32},
    {"FLOAT16", DTYPE_F16},
    {"INT32", DTYPE_I32},
    {"UINT8", DTYPE_U8},
    {"INT64", DTYPE_I64},
    {"STRING", DTYPE_NONE},
    {"BOOL", DTYPE_BOOL},
    {"INT16", DTYPE_I16},
    {"COMPLEX64", DTYPE_NONE},
    {"INT8", DTYPE_I8},
    {"FLOAT64", DTYPE_F64},
    {"COMPLEX128", DTYPE_NONE},
    {"UINT64", DTYPE_U64},
    {"RESOURCE", DTYPE_NONE},
    {"VARIANT", DTYPE_NONE},
    {"UINT32", DTYPE_U32},
    {"UINT16", DTYPE_U16},
    {"INT4", DTYPE_I4},
    {"BFLOAT16", DTYPE_BF16},
    {"INT2", DTYPE_NONE},
    {"UINT4", DTYPE_NONE},
    {"FLOAT8_E4M3FN", DTYPE_NONE},
    {"FLOAT8_E5M2", DTYPE_NONE},
};

char *flat_text(Arena *arena, FlatVector string)
{
    const uint32_t length = string.count < LONGEST_NAME ? string.count : LONGEST_NAME;
    char *text = arena_alloc(arena, length + 1);
    const uint8_t *bytes = flat_vector_data(string);
    for (uint32_t i = 0; i < length; ++i)
        text[i] = bytes[i] < 32 || bytes[i] == 127 ? '_' : (char)bytes[i];
    return text;
}

static const char *tensor_place(const Scope *scope, const Tensor *tensor)
{
    return arena_format(scope->importer->model->arena, "%s: tensor \"%s\"", scope->importer->model->path, tensor->name);
}

static void refuse_tensor(Scope *scope, int32_t index, const char *reason)
{
    if (scope->refusals[index] == NULL)
        scope->refusals[index] = reason;
    scope->tensors[index]->dtype = DTYPE_NONE;
}

/* An absent shape is that of a scalar, or not known. */
static void read_shape(Scope *scope, int32_t index, FlatTable table)
{
    Arena *arena = scope->importer->model->arena;
    Tensor *tensor = scope->tensors[index];
    const FlatVector extents = flat_vector(table, TENSOR_SHAPE, 4);
    if (extents.count > MAX_RANK) {
        refuse_tensor(scope, index, arena_format(arena, "tensor \"%s\" has rank %u; at most %d is supported", tensor->name, (unsigned)extents.count, MAX_RANK));
        return;
    }
    Shape shape = {.rank = (int)extents.count};
    for (int i = 0; i < shape.rank; ++i)
        shape.dim[i] = flat_vector_i32(extents, (uint32_t)i);
    for (int i = 0; i < shape.rank; ++i)
        if (shape.dim[i] < 0)
            return;
    if (!shape_is_valid(&shape)) {
        refuse_tensor(scope, index, arena_format(arena, "tensor \"%s\" has 2^31 elements or more", tensor->name));
        return;
    }
    tensor->shape = shape;
    tensor->shape_known = flat_has(table, TENSOR_SHAPE) || !scope->is_produced[index];
}

static const float *read_scales(Importer *importer, FlatVector scales)
{
    const uint8_t *bytes = flat_vector_data(scales);
    if ((uintptr_t)bytes % sizeof(float) == 0)
        return (const float *)(const void *)bytes;
    return arena_copy(importer->model->arena, bytes, (size_t)scales.count * sizeof(float));
}

static bool all_zero(FlatVector points)
{
    for (uint32_t i = 0; i < points.count; ++i)
        if (flat_vector_i64(points, i) != 0)
            return false;
    return true;
}

static const int32_t *zeros(Importer *importer, int count)
{
    if (count > importer->zero_count) {
        importer->zeros = arena_array(importer->model->arena, (size_t)count, sizeof *importer->zeros);
        importer->zero_count = count;
    }
    return importer->zeros;
}

/* One zero point may serve all channels. NULL after an error. */
static const int32_t *read_zero_points(Scope *scope, const Tensor *tensor, FlatVector points, int count)
{
    Importer *importer = scope->importer;
    if (points.count > 1 && points.count != (uint32_t)count) {
        error_at(tensor_place(scope, tensor), "it has %d scales but %u zero points", count, (unsigned)points.count);
        return NULL;
    }
    if (all_zero(points))
        return zeros(importer, count);
    const bool narrow = dtype_bits(tensor->dtype) <= 16;
    const int64_t low = narrow ? dtype_min(tensor->dtype) : INT32_MIN;
    const int64_t high = narrow ? dtype_max(tensor->dtype) : INT32_MAX;
    int32_t *values = arena_array(importer->model->arena, (size_t)count, sizeof *values);
    for (int i = 0; i < count; ++i) {
        const int64_t value = flat_vector_i64(points, points.count == 1 ? 0 : (uint32_t)i);
        if (value < low || value > high) {
            error_at(tensor_place(scope, tensor), "zero point %lld is outside of %s", (long long)value, dtype_name(tensor->dtype));
            return NULL;
        }
        values[i] = (int32_t)value;
    }
    return values;
}

/* Scales that TFLite itself ignores (none, or a single 0, or those of a float tensor) leave the tensor unquantised. */
static bool read_quantisation(Scope *scope, int32_t index, FlatTable table)
{
    Importer *importer = scope->importer;
    Tensor *tensor = scope->tensors[index];
    const FlatTable parameters = flat_table(table, TENSOR_QUANTIZATION);
    const FlatVector scales = flat_vector(parameters, QUANTIZATION_SCALE, 4);
    const FlatVector points = flat_vector(parameters, QUANTIZATION_ZERO_POINT, 8);
    int32_t axis = flat_i32(parameters, QUANTIZATION_DIMENSION, 0);
    if (flat_u8(parameters, QUANTIZATION_DETAILS_TYPE, 0) != 0) {
        refuse_tensor(scope, index, arena_format(importer->model->arena, "tensor \"%s\" has block-wise or custom quantisation", tensor->name));
        return true;
    }
    if (scales.count == 0 || !dtype_is_integer(tensor->dtype) || (scales.count == 1 && flat_vector_float(scales, 0) == 0.0f))
        return true;
    for (uint32_t i = 0; i < scales.count; ++i) {
        const float scale = flat_vector_float(scales, i);
        const bool may_vanish = !scope->is_produced[index] && !scope->is_input[index]; /* a channel of zeros */
        if (!(scale > 0.0f || (scale == 0.0f && may_vanish)) || isinf(scale))
            return error_at(tensor_place(scope, tensor), "scale %u is %g; it must be a positive number", (unsigned)i, (double)scale);
    }
    const int count = (int)scales.count;
    if (tensor->shape.rank == 1)
        axis = 0; /* converters give a bias its weights' axis */
    if (count > 1 && (axis < 0 || axis >= tensor->shape.rank || tensor->shape.dim[axis] != count)) {
        char text[112];
        return error_at(tensor_place(scope, tensor), "it has %d scales along axis %d, but its shape is %s", count, (int)axis, shape_text(&tensor->shape, text));
    }
    const int32_t *zero_points = read_zero_points(scope, tensor, points, count);
    if (zero_points == NULL)
        return false;
    tensor->quantisation = (Quantisation){count, count > 1 ? axis : 0, read_scales(importer, scales), zero_points};
    return true;
}

/* ---------------------------------------------------------------- constant data */

/* The bytes of a buffer: inside the FlatBuffer, or anywhere in the file (offset above 1) for files over 2 GB. */
static bool buffer_extent(Importer *importer, uint32_t index, uint64_t *position, uint64_t *bytes)
{
    const FlatTable table = flat_vector_table(importer->buffers, index);
    const FlatVector data = flat_vector(table, BUFFER_DATA, 1);
    const uint64_t offset = flat_u64(table, BUFFER_OFFSET, 0), size = flat_u64(table, BUFFER_SIZE, 0);
    if (offset <= 1) {
        *position = data.position;
        *bytes = data.count;
        return true;
    }
    *position = offset;
    *bytes = size;
    return offset <= importer->file.bytes && size <= importer->file.bytes - offset;
}

/* Evaluators and generated code count on aligned data: misaligned bytes are copied, once per buffer. */
static const uint8_t *aligned_data(Importer *importer, uint32_t index, uint64_t position, uint64_t bytes)
{
    if (importer->buffer_data[index] == NULL) {
        const uint8_t *data = importer->file.data + position;
        const bool aligned = (uintptr_t)data % DATA_ALIGNMENT == 0;
        importer->buffer_data[index] = aligned ? data : arena_copy(importer->model->arena, data, (size_t)bytes);
    }
    return importer->buffer_data[index];
}

/* Booleans are 0 or 1 to everything behind the importer; a file may hold any byte. */
static const uint8_t *clean_booleans(Arena *arena, const uint8_t *data, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        if (data[i] > 1) {
            uint8_t *clean = arena_alloc(arena, count);
            for (size_t k = 0; k < count; ++k)
                clean[k] = data[k] != 0;
            return clean;
        }
    }
    return data;
}

static bool read_sparse(Scope *scope, int32_t index, FlatTable sparsity, const uint8_t *values, uint64_t bytes)
{
    Tensor *tensor = scope->tensors[index];
    Importer *importer = scope->importer;
    tensor->data = densify(importer, sparsity, tensor->dtype, &tensor->shape, values, bytes);
    if (tensor->data == NULL)
        refuse_tensor(scope, index, arena_format(importer->model->arena, "tensor \"%s\" is sparse in a layout that is not supported", tensor->name));
    return true;
}

static bool read_data(Scope *scope, int32_t index, FlatTable table, uint32_t buffer)
{
    Importer *importer = scope->importer;
    Tensor *tensor = scope->tensors[index];
    uint64_t position, bytes;
    if (!buffer_extent(importer, buffer, &position, &bytes))
        return error_at(tensor_place(scope, tensor), "its buffer %u lies outside of the file", (unsigned)buffer);
    tensor->kind = TENSOR_CONSTANT;
    tensor->shape_known = true;
    if (tensor->dtype == DTYPE_NONE)
        return true;
    const FlatVector extents = flat_vector(table, TENSOR_SHAPE, 4);
    for (uint32_t i = 0; i < extents.count; ++i)
        if (flat_vector_i32(extents, i) < 0)
            return error_at(tensor_place(scope, tensor), "it is a constant of negative extent");
    const FlatTable sparsity = flat_table(table, TENSOR_SPARSITY);
    const uint8_t *data = aligned_data(importer, buffer, position, bytes);
    const uint64_t needed = (uint64_t)tensor_bytes(tensor);
    tensor->data_bytes = (size_t)needed;
    if (!flat_is_absent(sparsity))
        return read_sparse(scope, index, sparsity, data, bytes);
    if (bytes < needed)
        return error_at(tensor_place(scope, tensor), "its buffer holds %llu bytes, but its shape and type need %llu",
            (unsigned long long)bytes, (unsigned long long)needed);
    tensor->data = tensor->dtype == DTYPE_BOOL ? clean_booleans(importer->model->arena, data, (size_t)needed) : data;
    return true;
}

/* Variables start as TFLM's MicroInterpreterGraph::ResetTensorData leaves them: all bytes 0, or the zero point when int8. */
void reset_variable(Importer *importer, Tensor *tensor)
{
    tensor->kind = TENSOR_STATE;
    if (tensor->dtype != DTYPE_I8 || tensor_zero_point(tensor) == 0)
        return;
    tensor->data_bytes = (size_t)tensor_bytes(tensor);
    uint8_t *data = arena_alloc(importer->model->arena, tensor->data_bytes);
    memset(data, tensor_zero_point(tensor), tensor->data_bytes);
    tensor->data = data;
}

/* A tensor that nobody writes is a variable, a constant, or, with no bytes at all, an empty constant. Otherwise it stays
 * unwritten, and reading it is an error. Buffer 0 is empty by convention. */
static bool read_contents(Scope *scope, int32_t index, FlatTable table)
{
    Importer *importer = scope->importer;
    Tensor *tensor = scope->tensors[index];
    const uint32_t buffer = flat_u32(table, TENSOR_BUFFER, 0);
    if (scope->is_input[index])
        tensor->kind = TENSOR_INPUT;
    if (scope->is_input[index] || scope->is_produced[index])
        return true;
    if (flat_u32(table, TENSOR_EXTERNAL_BUFFER, 0) != 0)
        refuse_tensor(scope, index, arena_format(importer->model->arena, "tensor \"%s\" is stored in another file", tensor->name));
    if (buffer != 0 && buffer >= importer->buffers.count)
        return error_at(tensor_place(scope, tensor), "its buffer %u does not exist; the file has %u", (unsigned)buffer, (unsigned)importer->buffers.count);
    scope->is_written[index] = true;
    if (flat_u8(table, TENSOR_IS_VARIABLE, 0) != 0 && tensor->shape_known && tensor->dtype != DTYPE_NONE) {
        reset_variable(importer, tensor);
        return true;
    }
    uint64_t position, bytes;
    if (buffer != 0 && !(buffer_extent(importer, buffer, &position, &bytes) && bytes == 0))
        return read_data(scope, index, table, buffer);
    scope->is_written[index] = tensor->dtype == DTYPE_NONE || (tensor->shape_known && tensor_elements(tensor) == 0);
    if (scope->is_written[index]) {
        tensor->kind = TENSOR_CONSTANT;
        tensor->data = arena_alloc(importer->model->arena, 1); /* no bytes, but an address */
    }
    return true;
}

static void name_and_type(Scope *scope, int32_t index, FlatTable table)
{
    Arena *arena = scope->importer->model->arena;
    const unsigned type = flat_u8(table, TENSOR_TYPE, 0);
    const bool known = type < sizeof tensor_types / sizeof *tensor_types;
    const FlatVector text = flat_string(table, TENSOR_NAME);
    const char *name = text.count > 0 ? flat_text(arena, text) : arena_format(arena, "tensor_%d", (int)index);
    const bool is_state = flat_u8(table, TENSOR_IS_VARIABLE, 0) != 0 && !scope->is_input[index] && !scope->is_produced[index];
    Graph *graph = is_state ? scope->importer->model->main : scope->graph; /* states belong to the entry's graph */
    Tensor *tensor = graph_add_tensor(graph, name, known ? tensor_types[type].dtype : DTYPE_NONE);
    scope->tensors[index] = tensor;
    if (tensor->dtype == DTYPE_NONE)
        refuse_tensor(scope, index, arena_format(arena, "tensor \"%s\" has type %s, which is not supported", tensor->name, known ? tensor_types[type].name : "unknown"));
}

Tensor *scope_tensor(Scope *scope, int32_t index)
{
    Importer *importer = scope->importer;
    if (index < 0 || (uint32_t)index >= scope->tensor_tables.count) {
        error_at(importer->model->path, "subgraph %d refers to tensor %d; it has %u tensors", scope->index, (int)index, (unsigned)scope->tensor_tables.count);
        return NULL;
    }
    if (scope->tensors[index] != NULL)
        return scope->tensors[index];
    const FlatTable table = flat_vector_table(scope->tensor_tables, (uint32_t)index);
    name_and_type(scope, index, table);
    read_shape(scope, index, table);
    if (!read_quantisation(scope, index, table) || !read_contents(scope, index, table))
        return NULL;
    return scope->tensors[index];
}
