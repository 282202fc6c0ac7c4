/* SPDX-License-Identifier: MIT
 *
 * Placement on random problems: nothing overlaps, offsets are aligned, the peak is what it says and not below the bound. On
 * small ones the exact search agrees with plain enumeration.
 */
#include "compiler.h"
#include "plan/plan.h"

#include "unit.h"

enum { MOST = 60 };

static void check_problem(int count)
{
    PlannedBuffer buffers[MOST] = {{0}};
    for (int i = 0; i < count; ++i) {
        buffers[i].alignment = unit_random() % 4 == 0 ? 8 : 4;
        buffers[i].bytes = (int64_t)(unit_random() % 200 + 1) * buffers[i].alignment;
        buffers[i].first = (int)(unit_random() % 30);
        buffers[i].last = buffers[i].first + (int)(unit_random() % 8);
        buffers[i].id = i;
    }
    int64_t bound = 0, peak = 0;
    const int64_t stated = place_buffers(buffers, count, 2000, &bound);
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

/* The least peak over all orders of placing: an optimal placement, pressed down, is built by the order of its offsets. */
static int64_t enumerate(const PlannedBuffer *buffers, int count, int64_t *lowest, unsigned placed, int64_t peak, int64_t best)
{
    if (peak >= best || placed == (1u << count) - 1)
        return peak < best ? peak : best;
    for (int i = 0; i < count; ++i) {
        if (placed & (1u << i))
            continue;
        int64_t raised[MOST];
        const int64_t top = lowest[i] + buffers[i].bytes;
        for (int k = 0; k < count; ++k) {
            const int apart = buffers[i].last < buffers[k].first || buffers[k].last < buffers[i].first;
            raised[k] = !apart && lowest[k] < top ? top : lowest[k];
        }
        best = enumerate(buffers, count, raised, placed | (1u << i), top > peak ? top : peak, best);
    }
    return best;
}

/* Few steps and sizes: loads are even, and optima above the bound are frequent. */
static void check_optimum(int count)
{
    PlannedBuffer buffers[MOST] = {{0}};
    int64_t lowest[MOST] = {0}, bound = 0;
    for (int i = 0; i < count; ++i) {
        buffers[i] = (PlannedBuffer){.bytes = (int64_t)(unit_random() % 5 + 1), .alignment = 1, .id = i};
        buffers[i].first = (int)(unit_random() % 6);
        buffers[i].last = buffers[i].first + (int)(unit_random() % 4);
    }
    const int64_t peak = place_buffers(buffers, count, 100000, &bound);
    CHECK_EQUAL(peak, enumerate(buffers, count, lowest, 0, 0, INT64_MAX));
    CHECK_EQUAL(bound, peak);
}

int main(void)
{
    for (int i = 0; i < 3000; ++i)
        check_optimum((int)(unit_random() % 8) + 1);
    for (int i = 0; i < 300; ++i)
        check_problem((int)(unit_random() % MOST) + 1);
    return unit_result();
}
