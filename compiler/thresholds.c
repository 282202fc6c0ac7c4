/* SPDX-License-Identifier: MIT
 *
 * What proofs of scaling forms know of an int8 layer's channels: what their sums can be, and from which sums on outputs are larger.
 *
 * TensorFlow Lite's two roundings, with z = sum * multiplier / 2^31 and h = floor(z + 1/2), give
 * R = (h + 2^(right - 1) - (h < 0)) >> right. Nested floors collapse: R = floor(z / 2^right + 1/2 + 2^-(right + 1)) for sums of 0
 * and more, and the same with - 2^-(right + 1) for those below. R never falls as the sum rises, so a formula that never falls
 * either is equal everywhere when it is so on both sides of every threshold that the channel's sums can cross.
 */
#include "compiler.h"

#include <string.h>

int64_t channel_result(const ScaledChannel *c, int64_t sum)
{
    const int64_t result = requantise((int32_t)sum, c->multiplier, -c->right, false);
    return result < c->low ? c->low : result > c->high ? c->high
                                                       : result;
}

static int64_t ceiling_quotient(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

int64_t channel_threshold(const ScaledChannel *c, int64_t k)
{
    const int64_t one = INT64_C(1) << (31 + c->right), half = one / 2, quarter = INT64_C(1) << 30;
    return ceiling_quotient(k * one - half + (k > 0 ? -quarter : quarter), c->multiplier);
}

static bool is_threshold(const ScaledChannel *c, int64_t k, int64_t sum)
{
    return channel_result(c, sum) >= k && channel_result(c, sum - 1) < k;
}

bool channel_proven_threshold(const ScaledChannel *c, int64_t k, int64_t *sum)
{
    *sum = channel_threshold(c, k);
    return is_threshold(c, k, *sum);
}

bool channel_ends(const ScaledChannel *c, int64_t *first, int64_t *last)
{
    const int64_t limit = INT64_C(1) << 30;
    if (c->least < -limit || c->most >= limit || c->right < 1 || c->right > MOST_SCALED_RIGHT)
        return false;
    *first = c->least;
    *last = c->most;
    if (channel_result(c, c->least) == c->low && !channel_proven_threshold(c, c->low + 1, first))
        return false;
    if (channel_result(c, c->most) == c->high) {
        int64_t end;
        if (!channel_proven_threshold(c, c->high, &end))
            return false;
        *last = end > *first ? end - 1 : *first;
    }
    return true;
}

bool scales_int8_range(const Node *node, const Facts *facts)
{
    const Fact *scaling = fact_find(facts, "scaling"), *low = fact_find(facts, "low"), *high = fact_find(facts, "high");
    return scaling != NULL && strcmp(scaling->text, "right") == 0 && fact_find(facts, "folded_bias") != NULL &&
           node->inputs[0]->dtype == DTYPE_I8 && node->outputs[0]->dtype == DTYPE_I8 &&
           node->inputs[1]->quantisation.zero_point[0] == 0 && low->integer == -128 && high->integer == 127;
}

/* ---------------------------------------------------------------- the node's channels */

static int32_t per_channel_value(const Facts *facts, const char *name, int channel)
{
    const Fact *fact = fact_find(facts, name);
    return (int32_t)(fact->kind == FACT_INT ? fact->integer : element_int(fact->dtype, fact->data, channel));
}

/* Inputs are any int8. */
static void add_reach(const Node *node, ScaledChannel *channels, int count)
{
    const Tensor *weights = node->inputs[1];
    const int64_t elements = tensor_elements(weights), inner = node->op == OP_DEPTHWISE_CONV_2D ? 1 : elements / count;
    for (int64_t i = 0; i < elements; ++i) {
        ScaledChannel *c = &channels[i / inner % count];
        const int64_t weight = element_int(weights->dtype, weights->data, i);
        c->weight_sum += weight;
        c->least += weight * (weight > 0 ? -128 : 127);
        c->most += weight * (weight > 0 ? 127 : -128);
    }
}

ScaledChannel *scaled_channels(const Node *node, const Facts *facts, int count)
{
    ScaledChannel *channels = arena_array(facts->arena, (size_t)count, sizeof *channels);
    const int64_t zero = fact_find(facts, "output_zero_point")->integer;
    for (int i = 0; i < count; ++i) {
        ScaledChannel *c = &channels[i];
        *c = (ScaledChannel){.multiplier = per_channel_value(facts, "multiplier", i), .right = per_channel_value(facts, "shift", i)};
        c->bias = c->least = c->most = per_channel_value(facts, "folded_bias", i);
        c->low = fact_find(facts, "low")->integer - zero;
        c->high = fact_find(facts, "high")->integer - zero;
    }
    add_reach(node, channels, count);
    return channels;
}
