/* SPDX-License-Identifier: MIT
 *
 * Sparse constants of TFLite files, made dense. The layout is that of TACO: a tensor of `rank` dimensions, some of them split
 * into blocks, is walked in `traversal_order`; a level of the walk is dense (all indices) or compressed (segments[parent] to
 * segments[parent + 1] of a list of indices). What is not stored is 0. Source: tensorflow/lite/schema/schema.fbs,
 * SparsityParameters.
 */
#include "tflite.h"

#include <string.h>

enum { LEVELS = 2 * MAX_RANK };

typedef struct Level {
    bool compressed;
    int dimension; /* in the expanded space: 0..rank-1 outer, then the blocks */
    int64_t extent;
    FlatVector segments, indices; /* compressed */
} Level;

typedef struct SparseWalk {
    int rank, level_count;
    Level levels[LEVELS];
    int64_t stride[LEVELS]; /* elements of the dense tensor per step along an expanded dimension */
    const uint8_t *values;
    uint64_t value_count;
    size_t element_bytes;
    uint8_t *dense;
} SparseWalk;

static int64_t vector_number(FlatVector vector, uint64_t index)
{
    if (index >= vector.count)
        return -1;
    const uint8_t *bytes = flat_vector_data(vector) + index * vector.element_bytes;
    switch (vector.element_bytes) {
    case 1:
        return bytes[0];
    case 2:
        return bytes[0] | bytes[1] << 8;
    default:
        return flat_vector_i32(vector, (uint32_t)index);
    }
}

/* union SparseIndexVector: 1 Int32Vector, 2 Uint16Vector, 3 Uint8Vector; each a table whose field 0 is the vector. */
static FlatVector index_vector(FlatTable dimension, int type_slot, int slot)
{
    static const uint32_t bytes[] = {4, 4, 2, 1};
    const unsigned type = flat_u8(dimension, type_slot, 0);
    return flat_vector(flat_table(dimension, slot), 0, bytes[type <= 3 ? type : 0]);
}

/* Segments that never go back keep the whole walk linear in the size of the indices. */
static bool check_segments(const Level *level)
{
    int64_t previous = 0;
    for (uint32_t i = 0; i < level->segments.count; ++i) {
        const int64_t segment = vector_number(level->segments, i);
        if (segment < previous || segment > (int64_t)level->indices.count)
            return false;
        previous = segment;
    }
    return level->segments.count > 0;
}

static bool read_levels(SparseWalk *walk, FlatTable sparsity, const Shape *shape)
{
    const FlatVector order = flat_vector(sparsity, SPARSITY_TRAVERSAL_ORDER, 4);
    const FlatVector blocks = flat_vector(sparsity, SPARSITY_BLOCK_MAP, 4);
    const FlatVector dimensions = flat_vector(sparsity, SPARSITY_DIMENSIONS, 4);
    walk->rank = shape->rank;
    walk->level_count = (int)order.count;
    if (order.count > LEVELS || order.count != (uint32_t)shape->rank + blocks.count || dimensions.count != order.count)
        return false;
    int64_t extent[LEVELS], row_stride[MAX_RANK];
    int64_t step = 1;
    for (int i = shape->rank - 1; i >= 0; step *= shape->dim[i--])
        row_stride[i] = walk->stride[i] = step, extent[i] = shape->dim[i];
    for (uint32_t i = 0; i < blocks.count; ++i) {
        const int32_t blocked = flat_vector_i32(blocks, i);
        const int32_t size = flat_i32(flat_vector_table(dimensions, (uint32_t)shape->rank + i), DIMENSION_DENSE_SIZE, 0);
        if (blocked < 0 || blocked >= shape->rank || size <= 0 || extent[blocked] % size != 0)
            return false;
        extent[blocked] /= size;
        walk->stride[blocked] *= size;
        extent[(uint32_t)shape->rank + i] = size;
        walk->stride[(uint32_t)shape->rank + i] = row_stride[blocked];
    }
    bool seen[LEVELS] = {false};
    for (uint32_t i = 0; i < order.count; ++i) {
        const FlatTable table = flat_vector_table(dimensions, i);
        Level *level = &walk->levels[i];
        level->dimension = flat_vector_i32(order, i);
        if (level->dimension < 0 || level->dimension >= walk->level_count || seen[level->dimension])
            return false;
        seen[level->dimension] = true;
        level->extent = extent[level->dimension];
        level->compressed = flat_u8(table, DIMENSION_FORMAT, 0) == 1;
        level->segments = index_vector(table, DIMENSION_SEGMENTS_TYPE, DIMENSION_SEGMENTS);
        level->indices = index_vector(table, DIMENSION_INDICES_TYPE, DIMENSION_INDICES);
        if (level->compressed ? !check_segments(level) : flat_i32(table, DIMENSION_DENSE_SIZE, 0) != level->extent)
            return false;
    }
    return true;
}

/* `position` counts the entries of the level above; `offset` is the element of the dense tensor reached so far. Recursion is
 * as deep as there are levels. */
static bool expand(const SparseWalk *walk, int depth, uint64_t position, int64_t offset)
{
    if (depth == walk->level_count) {
        if (position >= walk->value_count)
            return false;
        memcpy(walk->dense + (size_t)offset * walk->element_bytes, walk->values + position * walk->element_bytes, walk->element_bytes);
        return true;
    }
    const Level *level = &walk->levels[depth];
    int64_t first = 0, last = level->extent;
    if (level->compressed) {
        first = vector_number(level->segments, position);
        last = vector_number(level->segments, position + 1);
        if (first < 0 || last < 0)
            return false;
    }
    for (int64_t i = first; i < last; ++i) {
        const int64_t index = level->compressed ? vector_number(level->indices, (uint64_t)i) : i;
        const uint64_t below = level->compressed ? (uint64_t)i : position * (uint64_t)level->extent + (uint64_t)i;
        if (index < 0 || index >= level->extent || !expand(walk, depth + 1, below, offset + index * walk->stride[level->dimension]))
            return false;
    }
    return true;
}

const uint8_t *densify(Importer *importer, FlatTable sparsity, DType dtype, const Shape *shape, const uint8_t *values, uint64_t bytes)
{
    SparseWalk walk = {.values = values, .element_bytes = dtype_bits(dtype) / 8};
    if (walk.element_bytes == 0 || !read_levels(&walk, sparsity, shape))
        return NULL;
    walk.value_count = bytes / walk.element_bytes;
    walk.dense = arena_array(importer->model->arena, (size_t)shape_elements(shape), walk.element_bytes);
    return expand(&walk, 0, 0, 0) ? walk.dense : NULL;
}
