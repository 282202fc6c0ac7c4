/* SPDX-License-Identifier: MIT
 *
 * Placement: first fit, in several orders, the best one kept. The lower bound is the largest sum of live bytes. Where there are very
 * many buffers, first fit by first steps alone.
 */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

static void *allocate(int count, size_t bytes)
{
    void *memory = calloc(count > 0 ? (size_t)count : 1, bytes);
    if (memory == NULL)
        fatal(EXIT_WORK_FAILED, "out of memory");
    return memory;
}

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

/* ---------------------------------------------------------------- along the steps */

static int by_end(const void *left, const void *right)
{
    const PlannedBuffer *a = *(PlannedBuffer *const *)left, *b = *(PlannedBuffer *const *)right;
    return a->last != b->last ? (a->last < b->last ? -1 : 1) : break_tie(a, b);
}

/* The buffers by their first step, and behind them by their last one. */
static PlannedBuffer **starts_and_ends(PlannedBuffer *buffers, int count)
{
    PlannedBuffer **list = allocate(count, 2 * sizeof *list);
    for (int i = 0; i < count; ++i)
        list[i] = list[count + i] = &buffers[i];
    qsort(list, (size_t)count, sizeof *list, by_start);
    qsort(list + count, (size_t)count, sizeof *list, by_end);
    return list;
}

static int64_t largest_load(PlannedBuffer *buffers, int count)
{
    PlannedBuffer **starts = starts_and_ends(buffers, count), **ends = starts + count;
    int64_t load = 0, largest = 0;
    for (int i = 0; i < count; ++i) { /* the load only rises where a buffer starts */
        for (; (*ends)->last < starts[i]->first; ++ends)
            load -= (*ends)->bytes;
        load += starts[i]->bytes;
        largest = load > largest ? load : largest;
    }
    free(starts);
    return largest;
}

/* What lies free between the live buffers, by address; the last gap has no end. */
typedef struct Gap {
    int64_t start, end;
    int next; /* or -1 */
} Gap;

typedef struct Gaps {
    Gap *list; /* the first one is a sentinel below all addresses */
    int unused; /* list of entries to be used again, or -1 */
    int count;
} Gaps;

static void add_gap(Gaps *gaps, int before, int64_t start, int64_t end)
{
    const int added = gaps->unused >= 0 ? gaps->unused : gaps->count++;
    if (gaps->unused >= 0)
        gaps->unused = gaps->list[added].next;
    gaps->list[added] = (Gap){start, end, gaps->list[before].next};
    gaps->list[before].next = added;
}

static void remove_gap(Gaps *gaps, int before)
{
    const int removed = gaps->list[before].next;
    gaps->list[before].next = gaps->list[removed].next;
    gaps->list[removed].next = gaps->unused;
    gaps->unused = removed;
}

static int64_t take_lowest_gap(Gaps *gaps, const PlannedBuffer *buffer)
{
    int before = 0;
    for (;; before = gaps->list[before].next) {
        Gap *gap = &gaps->list[gaps->list[before].next];
        const int64_t offset = align_up(gap->start, buffer->alignment), end = offset + buffer->bytes;
        if (end > gap->end)
            continue;
        const int64_t rest = gap->end;
        gap->end = offset;
        if (rest > end)
            add_gap(gaps, gaps->list[before].next, end, rest);
        if (gaps->list[gaps->list[before].next].start == offset)
            remove_gap(gaps, before);
        return offset;
    }
}

static void give_back(Gaps *gaps, int64_t start, int64_t end)
{
    int before = 0;
    if (start == end)
        return;
    while (gaps->list[gaps->list[before].next].start < start)
        before = gaps->list[before].next;
    if (before == 0 || gaps->list[before].end < start) {
        add_gap(gaps, before, start, end);
        before = gaps->list[before].next;
    } else
        gaps->list[before].end = end;
    if (gaps->list[gaps->list[before].next].start == end) {
        gaps->list[before].end = gaps->list[gaps->list[before].next].end;
        remove_gap(gaps, before);
    }
}

/* First fit by first steps, as an allocator does it: its time grows with the gaps between live buffers, not with all buffers. */
static int64_t place_along_steps(PlannedBuffer *buffers, int count)
{
    PlannedBuffer **starts = starts_and_ends(buffers, count), **ends = starts + count;
    Gaps gaps = {.list = allocate(count + 3, sizeof *gaps.list), .unused = -1, .count = 1};
    gaps.list[0] = (Gap){-1, -1, -1};
    add_gap(&gaps, 0, 0, INT64_MAX);
    int64_t peak = 0;
    for (int i = 0; i < count; ++i) {
        for (; (*ends)->last < starts[i]->first; ++ends)
            give_back(&gaps, (*ends)->offset, (*ends)->offset + (*ends)->bytes);
        starts[i]->offset = take_lowest_gap(&gaps, starts[i]);
        peak = starts[i]->offset + starts[i]->bytes > peak ? starts[i]->offset + starts[i]->bytes : peak;
    }
    free(gaps.list);
    free(starts);
    return peak;
}

/* ---------------------------------------------------------------- greedy, then exact */

static int64_t place_greedily(PlannedBuffer *buffers, int count, int64_t enough)
{
    if (count > MAX_GREEDY_BUFFERS)
        return place_along_steps(buffers, count);
    PlannedBuffer **order = allocate(count, 2 * sizeof *order);
    int64_t *best_offsets = allocate(count, sizeof *best_offsets);
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
