/* SPDX-License-Identifier: MIT
 *
 * Placement along the steps: buffers are placed in the order in which they begin, each at the floor, under the ceiling or
 * flush with one that is alive, and a layout of what is alive that led nowhere is not tried again. On graphs that are nearly
 * chains few layouts are ever alive, so that thousands of tight steps cost little; where much is alive at once, search.c is
 * the better one. The positions are not all that a placement may need: not to find one proves nothing.
 */
#include "plan.h"

#include <stdlib.h>

enum { MEMO_BITS = 18 };

typedef struct Live {
    int buffer;
    int64_t above, below; /* how far above it the next buffer starts at least, and the other way */
} Live;

typedef struct Sweep {
    PlannedBuffer *buffers;
    int *order; /* by first step, then size */
    int count;
    int *first_separation, *next_separation; /* lists, per buffer and per side of a separation */
    const Separation *separations;
    int64_t capacity, nodes;
    uint64_t *memo; /* hashes of layouts that led nowhere */
} Sweep;

static void *allocate(size_t count, size_t bytes)
{
    void *memory = calloc(count > 0 ? count : 1, bytes);
    if (memory == NULL)
        fatal(EXIT_WORK_FAILED, "out of memory");
    return memory;
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static const PlannedBuffer *sorting; /* qsort has no context */

static int by_begin(const void *left, const void *right)
{
    const int a = *(const int *)left, b = *(const int *)right;
    if (sorting[a].first != sorting[b].first)
        return sorting[a].first < sorting[b].first ? -1 : 1;
    if (sorting[a].bytes != sorting[b].bytes)
        return sorting[a].bytes > sorting[b].bytes ? -1 : 1;
    return a - b;
}

static void sweep_open(Sweep *sweep, int separation_count)
{
    sweep->order = allocate((size_t)sweep->count, sizeof *sweep->order);
    sweep->first_separation = allocate((size_t)sweep->count, sizeof *sweep->first_separation);
    sweep->next_separation = allocate(2 * (size_t)separation_count, sizeof *sweep->next_separation);
    sweep->memo = allocate((size_t)1 << MEMO_BITS, sizeof *sweep->memo);
    for (int i = 0; i < sweep->count; ++i) {
        sweep->order[i] = i;
        sweep->first_separation[i] = -1;
    }
    for (int k = 0; k < 2 * separation_count; ++k) {
        const Separation *separation = &sweep->separations[k / 2];
        const int buffer = k % 2 == 0 ? separation->upper : separation->lower;
        sweep->next_separation[k] = sweep->first_separation[buffer];
        sweep->first_separation[buffer] = k;
    }
    sorting = sweep->buffers;
    qsort(sweep->order, (size_t)sweep->count, sizeof *sweep->order, by_begin);
}

static void sweep_close(Sweep *sweep)
{
    free(sweep->order);
    free(sweep->first_separation);
    free(sweep->next_separation);
    free(sweep->memo);
}

static Live live_of(const Sweep *sweep, int buffer, int next)
{
    for (int k = sweep->first_separation[buffer]; k >= 0; k = sweep->next_separation[k]) {
        const Separation *separation = &sweep->separations[k / 2];
        if (separation->upper == buffer && separation->lower == next)
            return (Live){buffer, separation->reverse, separation->clearance};
        if (separation->lower == buffer && separation->upper == next)
            return (Live){buffer, separation->clearance, separation->reverse};
    }
    return (Live){buffer, sweep->buffers[buffer].bytes, sweep->buffers[next].bytes};
}

/* What is alive where the buffer begins, without those that end before; the hash tells this layout from others. */
static int find_live(const Sweep *sweep, const int *before, int before_count, int position, Live *live, uint64_t *hash)
{
    const int next = sweep->order[position];
    int count = 0;
    *hash = mix((uint64_t)position + 1);
    for (int k = 0; k < before_count; ++k) {
        const PlannedBuffer *buffer = &sweep->buffers[before[k]];
        if (buffer->last < sweep->buffers[next].first)
            continue;
        live[count++] = live_of(sweep, before[k], next);
        *hash += mix((uint64_t)before[k] * 0x9e3779b97f4a7c15u + (uint64_t)buffer->offset);
    }
    return count;
}

static bool is_free(const Sweep *sweep, const Live *live, int count, int64_t offset, int64_t bytes)
{
    if (offset < 0 || offset + bytes > sweep->capacity)
        return false;
    for (int k = 0; k < count; ++k) {
        const int64_t other = sweep->buffers[live[k].buffer].offset;
        if (offset < other + live[k].above && other < offset + live[k].below)
            return false;
    }
    return true;
}

static void add_position(const Sweep *sweep, const Live *live, int live_count, int64_t offset, int64_t bytes, int64_t *positions, int *count)
{
    if (!is_free(sweep, live, live_count, offset, bytes))
        return;
    for (int k = 0; k < *count; ++k)
        if (positions[k] == offset)
            return;
    positions[(*count)++] = offset;
}

static int find_positions(const Sweep *sweep, const Live *live, int live_count, int64_t bytes, int64_t *positions)
{
    int count = 0;
    add_position(sweep, live, live_count, 0, bytes, positions, &count);
    add_position(sweep, live, live_count, sweep->capacity - bytes, bytes, positions, &count);
    for (int k = 0; k < live_count; ++k) {
        const int64_t other = sweep->buffers[live[k].buffer].offset;
        add_position(sweep, live, live_count, other - live[k].below, bytes, positions, &count);
        add_position(sweep, live, live_count, other + live[k].above, bytes, positions, &count);
    }
    return count;
}

static bool place_from(Sweep *sweep, const int *before, int before_count, int position)
{
    if (position == sweep->count)
        return true;
    if (sweep->nodes <= 0)
        return false;
    --sweep->nodes;
    Live *live = allocate((size_t)before_count + 1, sizeof *live);
    uint64_t hash;
    const int live_count = find_live(sweep, before, before_count, position, live, &hash);
    uint64_t *slot = &sweep->memo[hash & (((uint64_t)1 << MEMO_BITS) - 1)];
    bool placed = false;
    if (*slot != hash) {
        PlannedBuffer *buffer = &sweep->buffers[sweep->order[position]];
        int64_t *positions = allocate(2 * (size_t)live_count + 2, sizeof *positions);
        int *alive = allocate((size_t)live_count + 1, sizeof *alive);
        for (int k = 0; k < live_count; ++k)
            alive[k] = live[k].buffer;
        alive[live_count] = sweep->order[position];
        const int found = find_positions(sweep, live, live_count, buffer->bytes, positions);
        for (int k = 0; k < found && !placed; ++k) {
            buffer->offset = positions[k];
            placed = place_from(sweep, alive, live_count + 1, position + 1);
        }
        if (!placed && sweep->nodes > 0)
            *slot = hash;
        free(positions);
        free(alive);
    }
    free(live);
    return placed;
}

bool sweep_placement(PlannedBuffer *buffers, int count, const Separation *separations, int separation_count, int64_t capacity,
    int64_t *nodes_left)
{
    Sweep sweep = {.buffers = buffers, .count = count, .separations = separations, .capacity = capacity, .nodes = *nodes_left};
    sweep_open(&sweep, separation_count);
    const bool placed = place_from(&sweep, NULL, 0, 0);
    *nodes_left = sweep.nodes;
    sweep_close(&sweep);
    return placed;
}
