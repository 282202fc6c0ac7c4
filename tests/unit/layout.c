/* SPDX-License-Identifier: MIT
 *
 * Placement with overlap on small random problems, against plain enumeration of all offsets and forms: chains of nodes whose
 * outputs may run over their inputs, with scratch, bystanders and distances below zero. Every result is checked by itself.
 * An argument gives the number of problems.
 */
#include "compiler.h"
#include "plan/plan.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_BUFFERS = 7,
    MOST_PAIRS = 5,
    MOST_KERNEL_FORMS = 4,
    MOST_BLOCKS = MOST_BUFFERS + MOST_PAIRS };

typedef struct Problem {
    PlannedBuffer buffers[MOST_BUFFERS];
    OverlapPair pairs[MOST_PAIRS];
    OverlapForm forms[MOST_PAIRS][MOST_KERNEL_FORMS];
    int pair_of[MOST_BUFFERS][MOST_BUFFERS]; /* counted from 1; 0: none */
    bool meet[MOST_BUFFERS][MOST_BUFFERS];   /* are alive together */
    int count, pair_count;
} Problem;

static int below(int limit)
{
    return (int)(unit_random() >> 33) % limit;
}

static void make_forms(Problem *problem, OverlapPair *pair, bool negative)
{
    OverlapForm *forms = problem->forms[pair - problem->pairs];
    pair->forms = forms;
    pair->form_count = below(MOST_KERNEL_FORMS) + 1;
    for (int f = 0; f < pair->form_count; ++f)
        forms[f] = (OverlapForm){
            .backwards = below(3) == 0,
            .distance = below(8) == 0 ? OVERLAP_NEVER : below(5) - 2 * (negative && below(2) == 0),
            .scratch = below(2) * below(3),
            .cost = below(4),
        };
}

/* A chain in which buffer k + 1 is made where buffer k ends; some buffers are bystanders. */
static void make_problem(Problem *problem, int count)
{
    const bool negative = below(2) == 0;
    memset(problem, 0, sizeof *problem);
    problem->count = count;
    int step = 0, last = -1;
    for (int i = 0; i < count; ++i) {
        PlannedBuffer *buffer = &problem->buffers[i];
        *buffer = (PlannedBuffer){.bytes = below(4) + 1, .alignment = 1, .first = step, .last = step + below(2) + 1, .id = i};
        const bool bystander = last >= 0 && below(4) == 0;
        if (bystander) {
            buffer->first = below(step + 1);
            buffer->last = buffer->first + below(3);
            continue;
        }
        for (int k = 0; k < i; ++k) /* bystanders that end here are inputs, too */
            if (problem->buffers[k].last == step && problem->buffers[k].first < step && problem->pair_count < MOST_PAIRS) {
                OverlapPair *pair = &problem->pairs[problem->pair_count++];
                *pair = (OverlapPair){.input = k, .output = i, .step = step};
                make_forms(problem, pair, negative);
            }
        step = buffer->last;
        last = i;
    }
}

/* ---------------------------------------------------------------- what is right */

static bool alive_together(const PlannedBuffer *a, const PlannedBuffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static bool lives_in(const PlannedBuffer *buffer, int step)
{
    return buffer->first <= step && buffer->last >= step;
}

/* What has no bytes is apart from everything. */
static bool apart(int64_t a, int64_t a_bytes, int64_t b, int64_t b_bytes)
{
    return a_bytes == 0 || b_bytes == 0 || a + a_bytes <= b || b + b_bytes <= a;
}

static bool form_allows(const OverlapForm *form, int64_t input, int64_t output)
{
    return form->distance != OVERLAP_NEVER && (form->backwards ? output - input : input - output) >= form->distance;
}

static bool buffers_agree(const Problem *problem, const int64_t *offsets, const int *chosen, int a, int b)
{
    const PlannedBuffer *first = &problem->buffers[a], *second = &problem->buffers[b];
    if (!problem->meet[a][b] || apart(offsets[a], first->bytes, offsets[b], second->bytes))
        return true;
    const int p = problem->pair_of[a][b] - 1;
    return p >= 0 && form_allows(&problem->pairs[p].forms[chosen[p]], offsets[problem->pairs[p].input], offsets[problem->pairs[p].output]);
}

/* What the enumeration asks for all the time */
static void find_meetings(Problem *problem)
{
    for (int a = 0; a < problem->count; ++a)
        for (int b = 0; b < problem->count; ++b)
            problem->meet[a][b] = alive_together(&problem->buffers[a], &problem->buffers[b]);
    for (int p = problem->pair_count - 1; p >= 0; --p) {
        const OverlapPair *pair = &problem->pairs[p];
        problem->pair_of[pair->input][pair->output] = problem->pair_of[pair->output][pair->input] = p + 1;
    }
}

static void check_result(const Problem *problem, int64_t peak, int64_t bound)
{
    int64_t offsets[MOST_BUFFERS], top = 0;
    int chosen[MOST_PAIRS] = {0};
    for (int p = 0; p < problem->pair_count; ++p)
        chosen[p] = problem->pairs[p].chosen;
    for (int i = 0; i < problem->count; ++i) {
        const PlannedBuffer *buffer = &problem->buffers[i];
        offsets[i] = buffer->offset;
        CHECK(offsets[i] >= 0);
        top = offsets[i] + buffer->bytes > top ? offsets[i] + buffer->bytes : top;
        for (int k = 0; k < i; ++k)
            CHECK(buffers_agree(problem, offsets, chosen, i, k));
    }
    for (int p = 0; p < problem->pair_count; ++p) {
        const OverlapPair *pair = &problem->pairs[p];
        const int64_t scratch = pair->forms[pair->chosen].scratch, offset = pair->scratch_offset;
        CHECK(pair->overlapped == !apart(offsets[pair->input], problem->buffers[pair->input].bytes, offsets[pair->output],
                                      problem->buffers[pair->output].bytes));
        for (int i = 0; i < problem->count; ++i)
            CHECK(!lives_in(&problem->buffers[i], pair->step) || apart(offset, scratch, offsets[i], problem->buffers[i].bytes));
        for (int k = 0; k < p; ++k) {
            const OverlapPair *other = &problem->pairs[k];
            CHECK(other->step != pair->step || apart(offset, scratch, other->scratch_offset, other->forms[other->chosen].scratch));
        }
        top = offset + scratch > top ? offset + scratch : top;
    }
    CHECK_EQUAL(peak, top);
    CHECK(bound <= peak);
}

/* ---------------------------------------------------------------- plain enumeration */

/* Buffers, then one block of scratch per pair. */
static bool fits_from(const Problem *problem, const int *chosen, int64_t capacity, int64_t *offsets, int block)
{
    if (block == problem->count + problem->pair_count)
        return true;
    const int p = block - problem->count;
    const int64_t bytes = p < 0 ? problem->buffers[block].bytes : problem->pairs[p].forms[chosen[p]].scratch;
    const int64_t end = bytes > 0 ? capacity - bytes : 0;
    for (offsets[block] = 0; offsets[block] <= end; ++offsets[block]) {
        bool fits = true;
        for (int i = 0; fits && i < block && i < problem->count; ++i)
            fits = p < 0 ? buffers_agree(problem, offsets, chosen, i, block)
                         : !lives_in(&problem->buffers[i], problem->pairs[p].step) ||
                               apart(offsets[i], problem->buffers[i].bytes, offsets[block], bytes);
        for (int k = 0; fits && k < p; ++k)
            fits = problem->pairs[k].step != problem->pairs[p].step ||
                   apart(offsets[problem->count + k], problem->pairs[k].forms[chosen[k]].scratch, offsets[block], bytes);
        if (fits && fits_from(problem, chosen, capacity, offsets, block + 1))
            return true;
    }
    return false;
}

/* The least cost of what fits the capacity, or -1. */
static int64_t enumerate_forms(const Problem *problem, int64_t capacity, int *chosen, int p, int64_t cost, int64_t best)
{
    if (best >= 0 && cost >= best)
        return best;
    if (p == problem->pair_count) {
        int64_t offsets[MOST_BLOCKS];
        return fits_from(problem, chosen, capacity, offsets, 0) ? cost : best;
    }
    for (chosen[p] = 0; chosen[p] < problem->pairs[p].form_count; ++chosen[p])
        best = enumerate_forms(problem, capacity, chosen, p + 1, cost + problem->pairs[p].forms[chosen[p]].cost, best);
    return best;
}

static int64_t enumerate(const Problem *problem, int64_t *cost)
{
    int64_t capacity = 0;
    int chosen[MOST_PAIRS] = {0};
    for (int i = 0; i < problem->count; ++i)
        capacity = problem->buffers[i].bytes > capacity ? problem->buffers[i].bytes : capacity;
    while ((*cost = enumerate_forms(problem, capacity, chosen, 0, 0, -1)) < 0)
        ++capacity;
    return capacity;
}

/* ---------------------------------------------------------------- the tests */

static struct {
    int problems, optimal, proved, cheapest, overlapped, above_load;
} figures;

static bool is_negative(const Problem *problem)
{
    for (int p = 0; p < problem->pair_count; ++p)
        for (int f = 0; f < problem->pairs[p].form_count; ++f)
            if (problem->pairs[p].forms[f].distance < 0)
                return true;
    return false;
}

static void check_problem(int count)
{
    Problem problem;
    make_problem(&problem, count);
    find_meetings(&problem);
    int64_t bound, least_cost, cost = 0;
    const int64_t greedy = place_overlapping(problem.buffers, problem.count, problem.pairs, problem.pair_count, 0, 0, &bound);
    check_result(&problem, greedy, bound);
    const int64_t load = bound;
    const int64_t peak = place_overlapping(problem.buffers, problem.count, problem.pairs, problem.pair_count, 50000, 0, &bound);
    check_result(&problem, peak, bound);
    CHECK(peak <= greedy);
    for (int p = 0; p < problem.pair_count; ++p) {
        cost += problem.pairs[p].forms[problem.pairs[p].chosen].cost;
        figures.overlapped += problem.pairs[p].overlapped;
    }
    const int64_t least_peak = enumerate(&problem, &least_cost);
    CHECK(bound <= least_peak);
    CHECK(peak >= least_peak);
    CHECK(peak > least_peak || cost >= least_cost);
    if (!is_negative(&problem))
        CHECK_EQUAL(peak, least_peak);
    ++figures.problems;
    figures.optimal += peak == least_peak;
    figures.proved += peak == bound;
    figures.above_load += least_peak > load;
    figures.cheapest += peak == least_peak && cost == least_cost;
}

int main(int argc, char **argv)
{
    const int problems = argc > 1 ? atoi(argv[1]) : 2000;
    for (int k = 0; k < problems; ++k)
        check_problem(below(MOST_BUFFERS - 1) + 2);
    CHECK(figures.optimal >= problems - problems / 200);
    CHECK(figures.cheapest >= problems - problems / 50);
    if (argc > 1)
        printf("%d problems: %d of least peak (%d proved), %d of least cost, %d above the load, %d overlaps\n", figures.problems,
            figures.optimal, figures.proved, figures.cheapest, figures.above_load, figures.overlapped);
    return unit_result();
}
