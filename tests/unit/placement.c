/* SPDX-License-Identifier: MIT
 *
 * Placement on random problems: nothing overlaps, offsets are aligned, the peak is what it says and not below the bound. On
 * small ones, of up to 15 buffers, the least peak is that of an enumeration of all offsets. An argument gives their number.
 */
#include "compiler.h"
#include "plan/plan.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 60,
    MOST_SMALL = 15 };

static void check_placement(const PlannedBuffer *buffers, int count, int64_t stated, int64_t bound)
{
    int64_t peak = 0;
    for (int i = 0; i < count; ++i) {
        const PlannedBuffer *a = &buffers[i];
        CHECK_EQUAL(a->offset % a->alignment, 0);
        CHECK(a->offset >= 0);
        if (a->offset + a->bytes > peak)
            peak = a->offset + a->bytes;
        for (int k = 0; k < i; ++k) {
            const PlannedBuffer *b = &buffers[k];
            const int apart = a->last < b->first || b->last < a->first || a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset;
            CHECK(apart);
        }
    }
    CHECK_EQUAL(stated, peak);
    CHECK(bound <= peak);
}

static void check_problem(int count)
{
    PlannedBuffer buffers[MOST] = {{0}};
    for (int i = 0; i < count; ++i) {
        buffers[i].alignment = unit_random() % 4 == 0 ? 8 : 4;
        buffers[i].bytes = (int64_t)(unit_random() % 200 + 1) * 8;
        buffers[i].first = (int)(unit_random() % 30);
        buffers[i].last = buffers[i].first + (int)(unit_random() % 8);
        buffers[i].id = i;
    }
    int64_t bound = 0;
    const int64_t greedy = place_buffers(buffers, count, 0, &bound);
    check_placement(buffers, count, greedy, bound);
    const int64_t searched = place_buffers(buffers, count, 2000, &bound);
    check_placement(buffers, count, searched, bound);
    CHECK(searched <= greedy);
}

/* ---------------------------------------------------------------- enumeration */

/* Buffers in the order of their first steps, each at every offset; what is alive and where tells all that matters later on. */
typedef struct Enumeration {
    const PlannedBuffer *buffers; /* by first step */
    int count, capacity;
    unsigned char offsets[MOST_SMALL];
    struct {
        unsigned char key[MOST_SMALL + 1];
    } dead[1 << 16]; /* layouts that led nowhere */
} Enumeration;

static void layout_key(const Enumeration *all, int next, unsigned char *key)
{
    memset(key, 0, MOST_SMALL + 1);
    key[MOST_SMALL] = (unsigned char)(next + 1);
    for (int i = 0; i < next; ++i)
        if (all->buffers[i].last >= all->buffers[next].first)
            key[i] = (unsigned char)(all->offsets[i] + 1);
}

static unsigned key_slot(const unsigned char *key)
{
    unsigned hash = 2166136261u;
    for (int i = 0; i <= MOST_SMALL; ++i)
        hash = (hash ^ key[i]) * 16777619u;
    return (hash ^ hash >> 16) & 0xffff;
}

static bool is_free(const Enumeration *all, int next, int offset)
{
    for (int i = 0; i < next; ++i) {
        const PlannedBuffer *other = &all->buffers[i];
        const bool lives = other->last >= all->buffers[next].first;
        if (lives && offset < all->offsets[i] + other->bytes && all->offsets[i] < offset + all->buffers[next].bytes)
            return false;
    }
    return true;
}

static bool fits_from(Enumeration *all, int next)
{
    if (next == all->count)
        return true;
    unsigned char key[MOST_SMALL + 1];
    layout_key(all, next, key);
    unsigned char *dead = all->dead[key_slot(key)].key;
    if (memcmp(dead, key, sizeof key) == 0)
        return false;
    for (int offset = 0; offset + all->buffers[next].bytes <= all->capacity; ++offset) {
        all->offsets[next] = (unsigned char)offset;
        if (is_free(all, next, offset) && fits_from(all, next + 1))
            return true;
    }
    memcpy(dead, key, sizeof key);
    return false;
}

static int by_first(const void *left, const void *right)
{
    const PlannedBuffer *a = left, *b = right;
    return a->first != b->first ? a->first - b->first : a->id - b->id;
}

static int enumerate(const PlannedBuffer *buffers, int count, int capacity)
{
    static Enumeration all;
    PlannedBuffer sorted[MOST_SMALL];
    memcpy(sorted, buffers, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, by_first);
    for (;; ++capacity) {
        memset(&all, 0, sizeof all);
        all.buffers = sorted;
        all.count = count;
        all.capacity = capacity;
        if (fits_from(&all, 0))
            return capacity;
    }
}

/* ---------------------------------------------------------------- small problems */

enum { STEPS = 9 };

static int load_of(const PlannedBuffer *buffers, int count, int step)
{
    int load = 0;
    for (int i = 0; i < count; ++i)
        if (buffers[i].first <= step && buffers[i].last >= step)
            load += (int)buffers[i].bytes;
    return load;
}

static int largest_load(const PlannedBuffer *buffers, int count)
{
    int largest = 0;
    for (int step = 0; step < STEPS; ++step)
        if (load_of(buffers, count, step) > largest)
            largest = load_of(buffers, count, step);
    return largest;
}

/* Steps that are all equally full are the hard ones: buffers fill up what is missing, over as many steps as miss as much. */
static int fill_up(PlannedBuffer *buffers, int count)
{
    const int full = largest_load(buffers, count);
    for (int step = 0; step < STEPS && count < MOST_SMALL; ++step) {
        const int missing = full - load_of(buffers, count, step);
        if (missing == 0)
            continue;
        int last = step;
        while (last + 1 < STEPS && full - load_of(buffers, count, last + 1) == missing)
            ++last;
        buffers[count] = (PlannedBuffer){.bytes = missing, .alignment = 1, .first = step, .last = last, .id = count};
        ++count;
    }
    return count;
}

static int above_load;

static void check_small_problem(void)
{
    PlannedBuffer buffers[MOST_SMALL] = {{0}};
    const bool full = unit_random() % 4 != 0;
    int count = (int)(unit_random() % (full ? 10 : MOST_SMALL)) + 1;
    for (int i = 0; i < count; ++i) {
        const int first = (int)(unit_random() % STEPS), life = (int)(unit_random() % 4);
        buffers[i] = (PlannedBuffer){.bytes = (int)(unit_random() % 5) + 1, .alignment = 1, .id = i};
        buffers[i].first = first;
        buffers[i].last = first + life < STEPS ? first + life : STEPS - 1;
    }
    if (full)
        count = fill_up(buffers, count);
    int64_t bound;
    const int64_t peak = place_buffers(buffers, count, 1000000, &bound);
    const int load = largest_load(buffers, count), least = enumerate(buffers, count, load);
    check_placement(buffers, count, peak, bound);
    CHECK_EQUAL(peak, least);
    CHECK_EQUAL(bound, least);
    above_load += least > load;
}

int main(int argc, char **argv)
{
    for (int i = 0; i < 300; ++i)
        check_problem((int)(unit_random() % MOST) + 1);
    const int small = argc > 1 ? atoi(argv[1]) : 4000;
    for (int i = 0; i < small; ++i)
        check_small_problem();
    if (argc > 1)
        printf("%d small problems, %d of them with a least peak above the largest load\n", small, above_load);
    return unit_result();
}
