/* SPDX-License-Identifier: MIT
 *
 * Sparse weights: of every output channel those that are not zero, with the distances between the inputs that they multiply. Pruned
 * networks have mostly zeros, anywhere or in blocks.
 */
#include "compiler.h"


enum { MOST_DISTANCE = 255,
    MOST_COUNT = 65535 };

/* What is packed of a channel; without `data` it is only counted. */
typedef struct Entries {
    uint8_t *data;
    int64_t count; /* of the channel */
    int64_t total; /* of all channels */
    int64_t zeros; /* weights */
    int64_t bytes;
} Entries;

static void put(Entries *entries, int64_t first, int64_t second)
{
    if (entries->data != NULL) {
        entries->data[entries->bytes] = (uint8_t)first;
        entries->data[entries->bytes + 1] = (uint8_t)second;
    }
    entries->bytes += 2;
}

static void put_entry(Entries *entries, int64_t distance, int64_t weight)
{
    put(entries, distance, weight);
    ++entries->count;
}

/* Where the weight's input lies, counted from the window's first one */
static int64_t input_position(const SparsePacking *packing, int64_t index)
{
    int64_t position = 0;
    for (int i = packing->dim_count - 1; i >= 0; --i) {
        position += index % packing->dim[i] * packing->stride[i];
        index /= packing->dim[i];
    }
    return position;
}

/* A channel: how many times `multiple` entries, in two bytes, then the entries. False where they cannot be stated so. */
static bool pack_channel(const Tensor *weights, const SparsePacking *packing, int64_t first, int64_t count, Entries *entries)
{
    const int64_t start = entries->bytes;
    int64_t last = 0;
    entries->count = 0;
    put(entries, 0, 0);
    for (int64_t i = first; i < first + count; ++i) {
        const int64_t weight = element_int(weights->dtype, weights->data, i) - tensor_zero_point(weights);
        if (weight == 0) {
            ++entries->zeros;
            continue;
        }
        const int64_t position = input_position(packing, i);
        if (position < last || weight < INT8_MIN || weight > INT8_MAX)
            return false;
        for (; position - last > MOST_DISTANCE; last += MOST_DISTANCE)
            put_entry(entries, MOST_DISTANCE, 0);
        put_entry(entries, position - last, weight);
        last = position;
    }
    while (entries->count % packing->multiple != 0)
        put_entry(entries, 0, 0);
    entries->total += entries->count;
    const int64_t stated = entries->count / packing->multiple;
    if (entries->data != NULL) {
        entries->data[start] = (uint8_t)stated;
        entries->data[start + 1] = (uint8_t)(stated >> 8);
    }
    return stated <= MOST_COUNT;
}

static bool pack_all(const Tensor *weights, const SparsePacking *packing, Entries *entries)
{
    const int64_t elements = tensor_elements(weights);
    int64_t channels = 1;
    for (int i = 0; i < packing->channel_axes; ++i)
        channels *= packing->dim[i];
    for (int64_t channel = 0; channel < channels; ++channel)
        if (!pack_channel(weights, packing, channel * (elements / channels), elements / channels, entries))
            return false;
    return entries->bytes <= INT32_MAX;
}

static bool is_packable(const Tensor *weights, const SparsePacking *packing)
{
    int64_t elements = 1;
    for (int i = 0; i < packing->dim_count; ++i)
        elements *= packing->dim[i];
    return weights != NULL && tensor_is_constant(weights) && dtype_is_integer(weights->dtype) && dtype_bits(weights->dtype) <= 8 &&
           elements == tensor_elements(weights) && elements > 0 && packing->multiple > 0;
}

int64_t fact_sparse(const Node *node, Facts *facts, const SparsePacking *packing)
{
    const Tensor *weights = node_input(node, packing->input);
    Entries entries = {0};
    if (!is_packable(weights, packing) || !pack_all(weights, packing, &entries))
        return -1;
    const long long percent = (long long)(entries.zeros * 100 / tensor_elements(weights));
    fact_replace(facts, "zero_percent", percent);
    fact_remark(facts, arena_format(facts->arena, "%lld %% of the weights are zero and skipped", percent));
    fact_hide(facts, packing->input);
    if (facts->numbers_only)
        return entries.total;
    Entries packed = {.data = arena_array(facts->arena, (size_t)entries.bytes, 1)};
    pack_all(weights, packing, &packed);
    fact_table(facts, packing->name, DTYPE_U8, (int)packed.bytes, packed.data, true);
    return packed.total;
}
