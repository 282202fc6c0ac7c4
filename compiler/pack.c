/* SPDX-License-Identifier: MIT
 *
 * Packing: constant operands in the order in which a kernel reads them. A kernel's description names the axes of the packed
 * array; here the bytes are moved. Axes of the source may be split, padded with zeros and interleaved at will.
 */
#include "compiler.h"

#include <string.h>

static int64_t packed_elements(const Packing *packing)
{
    int64_t count = 1;
    for (int i = 0; i < packing->axis_count; ++i)
        count *= packing->axes[i].extent;
    return count;
}

/* What is packed: a constant input, or a table. */
typedef struct Source {
    DType dtype;
    const void *data;
    int64_t elements;
} Source;

static bool find_source(const Node *node, const Facts *facts, const Packing *packing, Source *source)
{
    const Fact *table = packing->table != NULL ? fact_find(facts, packing->table) : NULL;
    const Tensor *input = packing->table == NULL ? node_input(node, packing->input) : NULL;
    if (table != NULL && table->kind == FACT_TABLE)
        *source = (Source){table->dtype, table->data, table->count};
    else if (input != NULL && tensor_is_constant(input))
        *source = (Source){input->dtype, input->data, tensor_elements(input)};
    else
        return node_error(node, "input %d cannot be packed: it is no constant, or there is no such table", packing->input);
    return true;
}

static bool is_sound(const Node *node, const Packing *packing, const Source *source)
{
    int64_t elements = 1, packed = 1;
    if (packing->dim_count > MAX_RANK || packing->axis_count > MAX_PACK_AXES)
        return node_error(node, "input %d cannot be packed: too many axes", packing->input);
    for (int i = 0; i < packing->dim_count; ++i)
        elements *= packing->dim[i];
    if (elements != source->elements)
        return node_error(node, "input %d cannot be packed: it has %lld elements, the description %lld", packing->input,
            (long long)source->elements, (long long)elements);
    for (int i = 0; i < packing->axis_count; ++i) {
        const PackAxis *axis = &packing->axes[i];
        if (axis->extent < 1 || axis->axis < 0 || axis->axis >= packing->dim_count || (packed *= axis->extent) > INT32_MAX)
            return node_error(node, "input %d cannot be packed: axis %d of the description is out of range", packing->input, i);
    }
    return true;
}

/* The source's element at the packed array's `index`; -1 beyond its extents. `order`: of the last dimension, if any */
static int64_t source_of(const Packing *packing, const int32_t *order, int64_t index)
{
    int64_t coordinate[MAX_RANK] = {0}, position = 0;
    for (int i = packing->axis_count - 1; i >= 0; --i) {
        const PackAxis *axis = &packing->axes[i];
        coordinate[axis->axis] += index % axis->extent * axis->step + axis->offset;
        index /= axis->extent;
    }
    for (int i = 0; i < packing->dim_count; ++i) {
        if (coordinate[i] < 0 || coordinate[i] >= packing->dim[i])
            return -1;
        position = position * packing->dim[i] + (order != NULL && i == packing->dim_count - 1 ? order[coordinate[i]] : coordinate[i]);
    }
    return position;
}

static int channel_of(const Packing *packing, int64_t source)
{
    int64_t inner = 1;
    for (int i = packing->channel_axis + 1; i < packing->dim_count; ++i)
        inner *= packing->dim[i];
    return (int)(source / inner % packing->dim[packing->channel_axis]);
}

bool fact_packed(const Node *node, Facts *facts, const Packing *packing)
{
    Source source = {DTYPE_NONE, NULL, 0};
    if (facts->numbers_only && packing->table != NULL)
        return true; /* tables are not made then, either */
    if (!find_source(node, facts, packing, &source) || !is_sound(node, packing, &source))
        return false;
    if (facts->numbers_only)
        return true;
    const int32_t *const order = packing->order != NULL ? fact_find(facts, packing->order)->data : NULL;
    const int64_t count = packed_elements(packing);
    void *data = arena_array(facts->arena, (size_t)count, (dtype_bits(packing->dtype) + 7) / 8);
    for (int64_t i = 0; i < count; ++i) {
        const int64_t from = source_of(packing, order, i);
        if (from < 0)
            continue;
        if (dtype_is_float(packing->dtype)) {
            element_set_float(packing->dtype, data, i, element_float(source.dtype, source.data, from));
            continue;
        }
        int64_t value = element_int(source.dtype, source.data, from) - packing->zero_point;
        if (packing->shift_count > 0)
            value *= INT64_C(1) << packing->shift[packing->shift_count > 1 ? channel_of(packing, from) : 0];
        if (value < dtype_min(packing->dtype) || value > dtype_max(packing->dtype))
            return node_error(node, "weight %lld does not fit the packed %s", (long long)value, dtype_name(packing->dtype));
        element_set_int(packing->dtype, data, i, value);
    }
    fact_table(facts, packing->name, packing->dtype, (int)count, data, true);
    if (packing->table == NULL)
        fact_hide(facts, packing->input);
    return true;
}

/* ---------------------------------------------------------------- tables made of tables */

static Fact *table_named(const Node *node, Facts *facts, const char *name)
{
    for (int i = 0; i < facts->count; ++i)
        if (facts->facts[i].kind == FACT_TABLE && strcmp(facts->facts[i].name, name) == 0)
            return &facts->facts[i];
    node_error(node, "there is no table \"%s\" to pack", name);
    return NULL;
}

/* The bytes that a block has of a table, once. */
static int64_t share_bytes(const Interleaved *part, const Fact *table, int64_t blocks)
{
    return (part->per > 0 ? part->per : table->count / blocks) * (int64_t)dtype_bits(table->dtype) / 8;
}

static uint8_t *append_share(const Interleaved *part, const Fact *table, int64_t blocks, int64_t block, uint8_t *out)
{
    const int64_t bytes = share_bytes(part, table, blocks), total = (int64_t)table->count * (int64_t)dtype_bits(table->dtype) / 8;
    for (int i = 0; i < part->times; ++i)
        for (int64_t k = block * bytes; k < (block + 1) * bytes; ++k)
            *out++ = k < total ? ((const uint8_t *)table->data)[k] : 0;
    return out;
}

bool fact_interleaved(const Node *node, Facts *facts, const char *name, int64_t blocks, const Interleaved *parts, int count)
{
    if (facts->numbers_only)
        return true;
    int64_t bytes = 0;
    for (int i = 0; i < count; ++i) {
        const Fact *table = table_named(node, facts, parts[i].table);
        if (table == NULL)
            return false;
        bytes += share_bytes(&parts[i], table, blocks) * parts[i].times;
    }
    if (bytes % 4 != 0)
        return node_error(node, "blocks of %lld bytes are no words", (long long)bytes);
    uint8_t *data = arena_array(facts->arena, (size_t)(bytes * blocks) + 1, 1), *end = data;
    for (int64_t block = 0; block < blocks; ++block)
        for (int i = 0; i < count; ++i)
            end = append_share(&parts[i], fact_find(facts, parts[i].table), blocks, block, end);
    fact_table(facts, name, DTYPE_I32, (int)(bytes * blocks / 4), data, true);
    return true;
}

bool fact_borrowed(const Node *node, Facts *facts, const char *packed, const char *start, int run, int channels, int shift)
{
    if (facts->numbers_only)
        return true;
    Fact *weights = table_named(node, facts, packed), *sums = table_named(node, facts, start);
    if (weights == NULL || sums == NULL)
        return false;
    int8_t *weight = arena_copy(facts->arena, weights->data, (size_t)weights->count);
    int32_t *sum = arena_copy(facts->arena, sums->data, (size_t)sums->count * sizeof *sum);
    const int block = weights->count / ((sums->count + channels - 1) / channels);
    for (int i = 1; i < weights->count; i += 2) {
        const int channel = i / block * channels + i / run % channels;
        if (channel < sums->count)
            sum[channel] = (int32_t)((uint32_t)sum[channel] + ((uint32_t)(127 * weight[i]) << shift));
        if (weight[i] == -128)
            return node_error(node, "a weight of -128 cannot be packed in pairs");
        weight[i] = (int8_t)(weight[i] - (weight[i - 1] < 0));
    }
    weights->data = weight;
    sums->data = sum;
    return true;
}

bool fact_paired(const Node *node, Facts *facts, const char *packed, const char *start)
{
    if (facts->numbers_only)
        return true;
    Fact *weights = table_named(node, facts, packed), *sums = table_named(node, facts, start);
    if (weights == NULL || sums == NULL)
        return false;
    int16_t *weight = arena_copy(facts->arena, weights->data, (size_t)weights->count * sizeof *weight);
    uint32_t *sum = arena_copy(facts->arena, sums->data, (size_t)sums->count * sizeof *sum);
    for (int i = 1; i < weights->count; i += 2)
        weight[i] = (int16_t)(weight[i] - (weight[i - 1] < 0));
    for (int i = 1; i < sums->count; i += 2)
        sum[i - 1] += sum[i] << 16;
    weights->data = weight;
    sums->data = sum;
    return true;
}

/* ---------------------------------------------------------------- Winograd's transform of filters */

/* Element (a, b) of G g G^T for F(2x2, 3x3), without its halves: four times the usual one. */
static int64_t transformed_weight(const Tensor *weights, int64_t filter, int32_t channels, int32_t channel, int a, int b)
{
    static const int factors[4][3] = {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
    int64_t sum = 0;
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j)
            sum += factors[a][i] * factors[b][j] * element_int(weights->dtype, weights->data, filter + (i * 3 + j) * channels + channel);
    return sum;
}

bool fact_winograd(const Node *node, Facts *facts, const char *name)
{
    const Tensor *weights = node->inputs[1];
    const int32_t filters = weights->shape.dim[0], channels = weights->shape.dim[3];
    if (weights->shape.dim[1] != 3 || weights->shape.dim[2] != 3 || channels % 4 != 0 || filters % 2 != 0)
        return false;
    if (facts->numbers_only)
        return true;
    const int64_t count = (int64_t)filters * 16 * channels;
    int16_t *packed = arena_array(facts->arena, (size_t)count, sizeof *packed), *next = packed;
    for (int32_t pair = 0; pair < filters; pair += 2)
        for (int element = 0; element < 16; ++element)
            for (int32_t group = 0; group < channels; group += 4)
                for (int k = 0; k < 8; ++k) /* filter 0: (0, 2), (1, 3); filter 1 alike */
                    *next++ = (int16_t)transformed_weight(weights, (int64_t)(pair + k / 4) * 9 * channels, channels, group + k % 2 * 2 + k / 2 % 2, element / 4, element % 4);
    fact_table(facts, name, DTYPE_I16, (int)count, packed, true);
    fact_hide(facts, 1);
    return true;
}
