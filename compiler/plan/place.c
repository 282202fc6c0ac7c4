/* SPDX-License-Identifier: MIT
 *
 * Placement: first fit, in several orders, the best one kept. The lower bound is the largest sum of live bytes.
 */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

typedef struct Order {
    int (*compare)(const void *a, const void *b);
} Order;

static int64_t area(const PlannedBuffer *buffer)
{
    return buffer->bytes * (buffer->last - buffer->first + 1);
}

/* Every order ends with first step and tensor index: total, so the result never depends on qsort. */
static int break_tie(const PlannedBuffer *a, const PlannedBuffer *b)
{
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static int descending(int64_t a, int64_t b)
{
    return a > b ? -1 : a < b;
}

static int by_size(const void *left, const void *right)
{
    const PlannedBuffer *a = *(PlannedBuffer *const *)left, *b = *(PlannedBuffer *const *)right;
    return a->bytes != b->bytes ? descending(a->bytes, b->bytes) : break_tie(a, b);
}

static int by_area(const void *left, const void *right)
{
    const PlannedBuffer *a = *(PlannedBuffer *const *)left, *b = *(PlannedBuffer *const *)right;
    return area(a) != area(b) ? descending(area(a), area(b)) : break_tie(a, b);
}

static int by_life(const void *left, const void *right)
{
    const PlannedBuffer *a = *(PlannedBuffer *const *)left, *b = *(PlannedBuffer *const *)right;
    const int life_a = a->last - a->first, life_b = b->last - b->first;
    return life_a != life_b ? descending(life_a, life_b) : by_size(left, right);
}

static int by_start(const void *left, const void *right)
{
    return break_tie(*(PlannedBuffer *const *)left, *(PlannedBuffer *const *)right);
}

static const Order orders[GREEDY_ORDERS] = {{by_size}, {by_area}, {by_life}, {by_start}};

void sort_buffers(PlannedBuffer **list, int count, int order)
{
    qsort(list, (size_t)count, sizeof *list, orders[order].compare);
}

static int by_offset(const void *left, const void *right)
{
    const PlannedBuffer *a = *(PlannedBuffer *const *)left, *b = *(PlannedBuffer *const *)right;
    return a->offset != b->offset ? -descending(a->offset, b->offset) : break_tie(a, b);
}

static int64_t align_up(int64_t offset, int64_t alignment)
{
    return (offset + alignment - 1) / alignment * alignment;
}

/* The lowest gap among the placed buffers that live at the same time; `placed` is sorted by offset. */
static int64_t first_fit(const PlannedBuffer *buffer, PlannedBuffer *const *placed, int count)
{
    int64_t offset = 0;
    for (int i = 0; i < count; ++i) {
        const PlannedBuffer *other = placed[i];
        if (other->last < buffer->first || other->first > buffer->last)
            continue;
        if (other->offset >= offset + buffer->bytes)
            break;
        if (other->offset + other->bytes > offset)
            offset = align_up(other->offset + other->bytes, buffer->alignment);
    }
    return offset;
}

static int64_t place_in_order(PlannedBuffer **order, PlannedBuffer **placed, int count)
{
    int64_t peak = 0;
    for (int i = 0; i < count; ++i) {
        PlannedBuffer *buffer = order[i];
        buffer->offset = first_fit(buffer, placed, i);
        int position = i;
        while (position > 0 && by_offset(&placed[position - 1], &buffer) > 0) {
            placed[position] = placed[position - 1];
            --position;
        }
        placed[position] = buffer;
        if (buffer->offset + buffer->bytes > peak)
            peak = buffer->offset + buffer->bytes;
    }
    return peak;
}

static int64_t largest_load(const PlannedBuffer *buffers, int count)
{
    int64_t largest = 0;
    for (int i = 0; i < count; ++i) { /* the load only rises where a buffer starts */
        int64_t load = 0;
        for (int k = 0; k < count; ++k)
            if (buffers[k].first <= buffers[i].first && buffers[k].last >= buffers[i].first)
                load += buffers[k].bytes;
        if (load > largest)
            largest = load;
    }
    return largest;
}

static int64_t place_greedily(PlannedBuffer *buffers, int count, int64_t enough)
{
    PlannedBuffer **order = malloc(2 * (size_t)count * sizeof *order);
    int64_t *best_offsets = malloc((size_t)count * sizeof *best_offsets);
    if (order == NULL || best_offsets == NULL)
        fatal(EXIT_WORK_FAILED, "out of memory");
    int64_t best = INT64_MAX;
    for (int k = 0; k < GREEDY_ORDERS && best > enough; ++k) {
        for (int i = 0; i < count; ++i)
            order[i] = &buffers[i];
        sort_buffers(order, count, k);
        const int64_t peak = place_in_order(order, order + count, count);
        if (peak < best) {
            best = peak;
            for (int i = 0; i < count; ++i)
                best_offsets[i] = buffers[i].offset;
        }
    }
    for (int i = 0; i < count; ++i)
        buffers[i].offset = best_offsets[i];
    free(order);
    free(best_offsets);
    return best;
}

int64_t peak_of_buffers(const PlannedBuffer *buffers, int count)
{
    int64_t peak = 0;
    for (int i = 0; i < count; ++i)
        if (buffers[i].offset + buffers[i].bytes > peak)
            peak = buffers[i].offset + buffers[i].bytes;
    return peak;
}

/* The search knows no alignment: it needs sizes that keep every offset aligned by themselves. */
static bool is_self_aligned(const PlannedBuffer *buffers, int count)
{
    int64_t alignment = 1;
    for (int i = 0; i < count; ++i)
        alignment = buffers[i].alignment > alignment ? buffers[i].alignment : alignment;
    for (int i = 0; i < count; ++i)
        if (buffers[i].bytes % alignment != 0)
            return false;
    return true;
}

/* Halves the gap between what is placed and what is proved impossible, the lower bound itself first. */
int64_t place_buffers(PlannedBuffer *buffers, int count, int64_t nodes, int64_t *lower_bound)
{
    *lower_bound = largest_load(buffers, count);
    if (count == 0)
        return 0;
    int64_t peak = place_greedily(buffers, count, *lower_bound);
    if (count > MAX_SEARCHED_BUFFERS || !is_self_aligned(buffers, count))
        return peak;
    int64_t capacity = *lower_bound, share = nodes / 4;
    while (peak > *lower_bound && nodes > 0) {
        int64_t left = share < nodes ? share : nodes;
        nodes -= left;
        const SearchResult result = search_placement(buffers, count, capacity, &left);
        nodes += left;
        if (result == SEARCH_FITS)
            peak = peak_of_buffers(buffers, count);
        else if (result == SEARCH_INFEASIBLE)
            *lower_bound = capacity + 1;
        else if (share >= nodes)
            break;
        else if (capacity > peak - (peak - *lower_bound) / 8 - 1)
            share *= 2; /* even an easy capacity was too hard */
        const int64_t hard = result == SEARCH_BUDGET_SPENT ? capacity : *lower_bound;
        capacity = hard + (peak - hard) / 2;
        capacity = capacity >= peak ? peak - 1 : capacity;
    }
    return peak;
}
