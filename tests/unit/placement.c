/* SPDX-License-Identifier: MIT
 *
 * Placement on random problems: nothing overlaps, offsets are aligned, the peak is what it says and not below the bound. On
 * small ones the exact search agrees with plain enumeration.
 */
#include "compiler.h"
#include "plan/plan.h"

#include "unit.h"

enum { MOST = 60 };

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

int main(void)
{
    for (int i = 0; i < 300; ++i)
        check_problem((int)(unit_random() % MOST) + 1);
    return unit_result();
}
