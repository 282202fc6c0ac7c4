/* SPDX-License-Identifier: MIT
 *
 * Test vectors: read from a folder or made up, run through the interpreter, compared with the folder's outputs, written as C.
 */
#include "compiler.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/* ---------------------------------------------------------------- reading */

static size_t bytes_of(Tensor *const *tensors, int count)
{
    size_t bytes = 0;
    for (int i = 0; i < count; ++i)
        bytes += (size_t)tensor_bytes(tensors[i]);
    return bytes;
}

/* The path of FOLDER/STEM_K[_I].bin or .npy; NULL when there is neither. index -1: without _I. */
static const char *vector_path(Arena *arena, const char *folder, const char *stem, int k, int index)
{
    static const char *const extensions[] = {"bin", "npy"};
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; ++i) {
        const char *name = index < 0 ? arena_format(arena, "%s_%d.%s", stem, k, extensions[i])
                                     : arena_format(arena, "%s_%d_%d.%s", stem, k, index, extensions[i]);
        const char *path = path_join(arena, folder, name);
        if (access(path, R_OK) == 0)
            return path;
    }
    return NULL;
}

/* All tensors in one file, one after the other. */
static uint8_t *read_joined(Arena *arena, const char *path, Tensor *const *tensors, int count)
{
    TensorFile file;
    const size_t bytes = bytes_of(tensors, count);
    if (!tensor_file_read(arena, path, &file) || (count == 1 && tensor_file_calls(path, &file, tensors[0]) < 0))
        return NULL;
    if (file.bytes == bytes)
        return file.data;
    error_at(path, "has %zu bytes, but the model's tensors have %zu; one file holds one vector", file.bytes, bytes);
    return NULL;
}

/* One file per tensor. */
static uint8_t *read_separate(Arena *arena, const char *folder, const char *stem, int k, Tensor *const *tensors, int count)
{
    uint8_t *data = arena_alloc(arena, bytes_of(tensors, count) + 1), *end = data;
    for (int i = 0; i < count; ++i) {
        TensorFile file;
        const char *path = vector_path(arena, folder, stem, k, i);
        if (path == NULL) {
            error_at(folder, "%s_%d_%d.bin (or .npy) is missing: the model has %d tensors there", stem, k, i, count);
            return NULL;
        }
        if (!tensor_file_read(arena, path, &file) || tensor_file_calls(path, &file, tensors[i]) < 0)
            return NULL;
        if (file.bytes != (size_t)tensor_bytes(tensors[i])) {
            error_at(path, "holds several calls; a vector is one call");
            return NULL;
        }
        memcpy(end, file.data, file.bytes);
        end += file.bytes;
    }
    return data;
}

/* False after an error; *data stays NULL when there is no such vector. */
static bool read_vector(Arena *arena, const char *folder, const char *stem, int k, Tensor *const *tensors, int count, uint8_t **data)
{
    const char *joined = vector_path(arena, folder, stem, k, -1);
    *data = NULL;
    if (joined == NULL && vector_path(arena, folder, stem, k, 0) == NULL)
        return true;
    *data = joined != NULL ? read_joined(arena, joined, tensors, count) : read_separate(arena, folder, stem, k, tensors, count);
    return *data != NULL;
}

static void prepare(const Model *model, Vectors *vectors)
{
    const bool is_sequence = vectors->is_sequence;
    *vectors = (Vectors){.is_sequence = is_sequence};
    vectors->input_bytes = bytes_of(model->main->inputs, model->main->input_count);
    vectors->output_bytes = bytes_of(model->main->outputs, model->main->output_count);
}

bool vectors_load(const Model *model, const char *folder, Vectors *vectors)
{
    Arena *arena = model->arena;
    const Graph *graph = model->main;
    int input_capacity = 0, output_capacity = 0;
    prepare(model, vectors);
    for (;; ++vectors->count) {
        const int k = vectors->count;
        uint8_t *input, *output;
        if (!read_vector(arena, folder, "input", k, graph->inputs, graph->input_count, &input) ||
            !read_vector(arena, folder, "output", k, graph->outputs, graph->output_count, &output))
            return false;
        /* A model without inputs may have outputs only. */
        if (input == NULL && (output == NULL || graph->input_count > 0))
            break;
        ARENA_PUSH(arena, vectors->inputs, k, input_capacity);
        ARENA_PUSH(arena, vectors->reference, k, output_capacity);
        vectors->inputs[k] = input != NULL ? input : arena_alloc(arena, 1);
        vectors->reference[k] = output;
    }
    return vectors->count > 0 || error_at(folder, "holds no test vector: input_0.bin, input_0_0.bin or .npy");
}

/* ---------------------------------------------------------------- making up */

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled". */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D);
}

/* Values that a tensor of this type may well hold: integers without a scale are often indices or lengths, so they are small. */
static void fill_random(const Tensor *tensor, void *data, uint64_t *state)
{
    const int64_t count = tensor_elements(tensor);
    for (int64_t i = 0; i < count; ++i) {
        const uint64_t bits = next_random(state) >> 32;
        if (dtype_is_float(tensor->dtype))
            element_set_float(tensor->dtype, data, i, (double)bits / 2147483648.0 - 1.0);
        else if (tensor->dtype == DTYPE_BOOL)
            element_set_int(tensor->dtype, data, i, (int64_t)(bits & 1));
        else if (dtype_bits(tensor->dtype) >= 32 && !tensor_is_quantised(tensor))
            element_set_int(tensor->dtype, data, i, (int64_t)(bits & 1));
        else {
            const int64_t low = dtype_min(tensor->dtype), range = dtype_max(tensor->dtype) - low + 1;
            element_set_int(tensor->dtype, data, i, low + (int64_t)bits % range);
        }
    }
}

bool vectors_random(const Model *model, int count, Vectors *vectors)
{
    Arena *arena = model->arena;
    uint64_t state = UINT64_C(0x9E3779B97F4A7C15);
    prepare(model, vectors);
    vectors->count = count;
    vectors->inputs = arena_array(arena, (size_t)count + 1, sizeof *vectors->inputs);
    vectors->reference = arena_array(arena, (size_t)count + 1, sizeof *vectors->reference);
    for (int k = 0; k < count; ++k) {
        uint8_t *end = vectors->inputs[k] = arena_alloc(arena, vectors->input_bytes + 1);
        for (int i = 0; i < model->main->input_count; ++i) {
            fill_random(model->main->inputs[i], end, &state);
            end += tensor_bytes(model->main->inputs[i]);
        }
    }
    return true;
}

/* ---------------------------------------------------------------- the interpreter */

/* Each tensor's data apart from the others, aligned as operators expect. */
static void **separate_buffers(Arena *arena, Tensor *const *tensors, int count)
{
    void **buffers = arena_array(arena, (size_t)count + 1, sizeof *buffers);
    for (int i = 0; i < count; ++i)
        buffers[i] = arena_alloc(arena, (size_t)tensor_bytes(tensors[i]) + 1);
    return buffers;
}

static void copy_joined(Tensor *const *tensors, int count, void **separate, uint8_t *joined, bool join)
{
    for (int i = 0; i < count; ++i) {
        const size_t bytes = (size_t)tensor_bytes(tensors[i]);
        if (join)
            memcpy(joined, separate[i], bytes);
        else
            memcpy(separate[i], joined, bytes);
        joined += bytes;
    }
}

bool vectors_interpret(Model *model, Vectors *vectors)
{
    const Graph *graph = model->main;
    Interpreter *interpreter = interpreter_new(model);
    void **inputs = separate_buffers(model->arena, graph->inputs, graph->input_count);
    void **outputs = separate_buffers(model->arena, graph->outputs, graph->output_count);
    vectors->expected = arena_array(model->arena, (size_t)vectors->count + 1, sizeof *vectors->expected);
    bool ok = true;
    for (int k = 0; ok && k < vectors->count; ++k) {
        if (!vectors->is_sequence)
            interpreter_reset(interpreter);
        copy_joined(graph->inputs, graph->input_count, inputs, vectors->inputs[k], false);
        ok = interpreter_run(interpreter, (const void *const *)inputs, outputs);
        vectors->expected[k] = arena_alloc(model->arena, vectors->output_bytes + 1);
        copy_joined(graph->outputs, graph->output_count, outputs, vectors->expected[k], true);
    }
    interpreter_free(interpreter);
    return ok || error_at(model->path, "the interpreter could not run the model");
}

/* ---------------------------------------------------------------- comparing */

/* Relative to the range of the reference, or to its largest magnitude if that is more. */
static double allowed_difference(const Tensor *tensor, const uint8_t *reference, double tolerance)
{
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < tensor_elements(tensor); ++i) {
        const double value = element_float(tensor->dtype, reference, i);
        if (isfinite(value)) {
            low = fmin(low, value);
            high = fmax(high, value);
        }
    }
    return low > high ? 0 : tolerance * fmax(high - low, fmax(fabs(low), fabs(high)));
}

static bool element_matches(const Tensor *tensor, const uint8_t *got, const uint8_t *reference, int64_t index, double allowed)
{
    if (!dtype_is_float(tensor->dtype))
        return element_int(tensor->dtype, got, index) == element_int(tensor->dtype, reference, index);
    const double a = element_float(tensor->dtype, got, index), b = element_float(tensor->dtype, reference, index);
    return isnan(b) ? isnan(a) : a == b || fabs(a - b) <= allowed;
}

static bool tensor_matches(const Model *model, const Tensor *tensor, int k, const uint8_t *got, const uint8_t *reference, double tolerance)
{
    const double allowed = dtype_is_float(tensor->dtype) ? allowed_difference(tensor, reference, tolerance) : 0;
    const int64_t count = tensor_elements(tensor);
    int64_t differing = 0, first = -1;
    for (int64_t i = 0; i < count; ++i)
        if (!element_matches(tensor, got, reference, i, allowed) && differing++ == 0)
            first = i;
    if (first >= 0)
        error_at(model->path, "vector %d, output \"%s\", element %" PRId64 ": the interpreter has %.9g, the reference %.9g; %" PRId64 " of %" PRId64 " elements differ",
            k, tensor->name, first, element_float(tensor->dtype, got, first), element_float(tensor->dtype, reference, first), differing, count);
    return first < 0;
}

static bool vector_matches(const Model *model, int k, const uint8_t *got, const uint8_t *reference, double tolerance)
{
    const Graph *graph = model->main;
    for (int i = 0; i < graph->output_count; ++i) {
        /* element_float wants its data aligned, and the joined form leaves any alignment. */
        const size_t bytes = (size_t)tensor_bytes(graph->outputs[i]);
        const uint8_t *a = arena_copy(model->arena, got, bytes), *b = arena_copy(model->arena, reference, bytes);
        if (!tensor_matches(model, graph->outputs[i], k, a, b, tolerance))
            return false;
        got += bytes;
        reference += bytes;
    }
    return true;
}

int vectors_compare(const Model *model, const Vectors *vectors, double tolerance, int *differing)
{
    int compared = 0;
    *differing = 0;
    for (int k = 0; k < vectors->count; ++k) {
        if (vectors->reference[k] == NULL)
            continue;
        ++compared;
        *differing += !vector_matches(model, k, vectors->expected[k], vectors->reference[k], tolerance);
    }
    return compared;
}

/* ---------------------------------------------------------------- writing */

/* Strings compile many times faster than lists of numbers, in a fraction of the memory. Escapes have three digits, so that
 * they end by themselves. */
static void print_bytes(Buffer *out, const char *name, int k, const uint8_t *data, size_t bytes)
{
    enum { BYTES_PER_LINE = 26 };
    char line[8 + 4 * BYTES_PER_LINE];
    buffer_printf(out, "static const char %s_%d[] =", name, k);
    for (size_t i = 0; i < bytes || i == 0; i += BYTES_PER_LINE) {
        char *end = line + sprintf(line, "\n    \"");
        for (size_t j = i; j < bytes && j < i + BYTES_PER_LINE; ++j, end += 4) {
            end[0] = '\\';
            end[1] = (char)('0' + (data[j] >> 6));
            end[2] = (char)('0' + (data[j] >> 3 & 7));
            end[3] = (char)('0' + (data[j] & 7));
        }
        *end++ = '"';
        buffer_append(out, line, (size_t)(end - line));
    }
    buffer_printf(out, ";\n");
}

bool vectors_write(const Vectors *vectors, double tolerance, const char *path)
{
    Buffer out = {0};
    buffer_printf(&out, "/* Test vectors; written by etch. */\n#include \"vectors.h\"\n\n");
    for (int k = 0; k < vectors->count; ++k) {
        print_bytes(&out, "input", k, vectors->inputs[k], vectors->input_bytes);
        print_bytes(&out, "expected", k, vectors->expected[k], vectors->output_bytes);
    }
    buffer_printf(&out, "\nconst test_vector vectors[] = {\n");
    for (int k = 0; k < vectors->count; ++k)
        buffer_printf(&out, "    {input_%d, expected_%d},\n", k, k);
    buffer_printf(&out, "};\nconst int vector_count = %d;\nconst int vectors_are_sequence = %d;\nconst float vectors_tolerance = %.9gf;\n",
        vectors->count, vectors->is_sequence, tolerance < 1e-30 ? 1e-30 : tolerance);
    const bool written = write_file(path, out.data, out.length);
    buffer_free(&out);
    return written;
}
