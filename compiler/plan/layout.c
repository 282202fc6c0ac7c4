/* SPDX-License-Identifier: MIT
 *
 * Placement of buffers that may overlap: the output of a node over the input that ends there, as far as one of the forms of
 * its kernel allows.
 *
 * For a given capacity each pair's forms are cut down to those whose step fits at all, and so much scratch is set aside for
 * the pair as one of them needs: its *level*. What needs no more scratch than that stays open in both directions, so the
 * exact search (search.c) sees two clearances instead of a list of forms. Several choices of levels are tried, cheap ones
 * first; what was found is then made cheaper, pair by pair, at the same peak.
 *
 * The exact search takes a clearance below zero for zero, so it knows not every placement where a distance is negative; the
 * walk along the steps (sweep.c) and the greedy one do. The lower bound rises only through searches that are complete: with
 * the weakest demands of all forms at once, where a negative distance demands nothing.
 */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

/* How the level is taken from the forms that are left. */
typedef enum Policy { LEAST_LOAD,
    MOST_SCRATCH,
    LEAST_SCRATCH,
    POLICY_COUNT } Policy;

typedef struct Choice {
    uint32_t forms; /* a set of positions in the pair's forms */
    int64_t scratch; /* the level */
} Choice;

typedef struct Layout {
    PlannedBuffer *buffers; /* the caller's; after them, in `work`, one buffer of scratch per pair that needs any */
    int count;
    OverlapPair *pairs;
    int pair_count;
    int64_t alignment;
    int64_t unit; /* what divides all sizes, distances and scratch */
    int64_t *loads; /* per pair: what lives in its step, its own two buffers apart and without its scratch */
    Choice *choices; /* per pair: what the next search may use */
    PlannedBuffer *work; /* rounded up to the alignment */
    int *scratch; /* per pair: the position of its scratch in `work`, or -1 */
    int work_count;
    Separation *separations;
    int separation_count;
    bool exact; /* rounding changed nothing: a refutation holds for the problem as it is */
    int64_t nodes; /* what is left */
    /* The best placement so far: */
    int64_t *offsets, *scratch_offsets;
    int *chosen;
    int64_t peak, cost;
    int64_t enough;         /* peaks up to it are as good as one another; 0: none is */
} Layout;

static void *allocate(int count, size_t bytes)
{
    void *memory = calloc(count > 0 ? (size_t)count : 1, bytes);
    if (memory == NULL)
        fatal(EXIT_WORK_FAILED, "out of memory");
    return memory;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t round_up(const Layout *layout, int64_t bytes)
{
    return (bytes + layout->alignment - 1) / layout->alignment * layout->alignment;
}

/* ---------------------------------------------------------------- what forms demand */

static bool can_overlap(const Layout *layout, const OverlapPair *pair)
{
    return pair->input != pair->output && layout->buffers[pair->input].last == pair->step && layout->buffers[pair->output].first == pair->step;
}

/* The clearances that a set of forms leaves, those with at most `scratch`: each direction by the form that demands least. */
static Separation clearances(const Layout *layout, const OverlapPair *pair, Choice choice)
{
    Separation separation = {pair->input, pair->output, round_up(layout, layout->buffers[pair->output].bytes),
        round_up(layout, layout->buffers[pair->input].bytes)};
    for (int f = 0; f < pair->form_count; ++f) {
        const OverlapForm *form = &pair->forms[f];
        if ((choice.forms >> f & 1) == 0 || form->scratch > choice.scratch || form->distance == OVERLAP_NEVER)
            continue;
        int64_t *clearance = form->backwards ? &separation.reverse : &separation.clearance;
        *clearance = least(*clearance, round_up(layout, form->distance));
    }
    return separation;
}

/* The weakest demands of all forms at once: no placement that obeys one of them is lost. */
static Separation weakest_clearances(const Layout *layout, const OverlapPair *pair, uint32_t forms)
{
    Separation separation = clearances(layout, pair, (Choice){forms, INT64_MAX}); /* where one is negative, none holds */
    for (int f = 0; f < pair->form_count; ++f)
        if ((forms >> f & 1) != 0 && pair->forms[f].distance < 0)
            separation.clearance = separation.reverse = 0;
    return separation;
}

/* What the pair saves against lying apart without scratch; negative where the scratch is larger. */
static int64_t form_saving(const Layout *layout, const OverlapPair *pair, int form)
{
    const int64_t input = layout->buffers[pair->input].bytes, output = layout->buffers[pair->output].bytes;
    const OverlapForm *kernel = &pair->forms[form];
    if (!can_overlap(layout, pair) || kernel->distance == OVERLAP_NEVER)
        return -kernel->scratch;
    const int64_t upper = kernel->backwards ? output : input, lower = kernel->backwards ? input : output;
    const int64_t span = most(upper + least(most(kernel->distance, 0), lower), lower);
    return input + output - span - kernel->scratch;
}

static int64_t most_saving(const Layout *layout, const OverlapPair *pair)
{
    int64_t saving = INT64_MIN;
    for (int f = 0; f < pair->form_count; ++f)
        saving = most(saving, form_saving(layout, pair, f));
    return saving;
}

static int64_t step_load(const Layout *layout, int step)
{
    int64_t load = 0;
    for (int i = 0; i < layout->count; ++i)
        if (layout->buffers[i].first <= step && layout->buffers[i].last >= step)
            load += layout->buffers[i].bytes;
    for (int p = 0; p < layout->pair_count; ++p)
        if (layout->pairs[p].step == step)
            load -= most_saving(layout, &layout->pairs[p]);
    return load;
}

/* The largest load of any step, every pair at its best. Where more is alive than before, a buffer begins; where less is
 * saved, a pair's step has gone by. */
static int64_t largest_load(Layout *layout)
{
    int64_t largest = 0;
    for (int i = 0; i < layout->count; ++i)
        largest = most(largest, step_load(layout, layout->buffers[i].first));
    for (int p = 0; p < layout->pair_count; ++p) {
        const OverlapPair *pair = &layout->pairs[p];
        layout->loads[p] = step_load(layout, pair->step) + most_saving(layout, pair);
        largest = most(largest, most(layout->loads[p] - most_saving(layout, pair), step_load(layout, pair->step + 1)));
    }
    return largest;
}

/* The forms whose step fits the capacity. */
static uint32_t fitting_forms(const Layout *layout, int pair, int64_t capacity)
{
    uint32_t forms = 0;
    for (int f = 0; f < layout->pairs[pair].form_count; ++f)
        if (layout->loads[pair] - form_saving(layout, &layout->pairs[pair], f) <= capacity)
            forms |= (uint32_t)1 << f;
    return forms;
}

static uint32_t cheapest_forms(const OverlapPair *pair, uint32_t forms)
{
    uint32_t cheapest = 0;
    int64_t cost = INT64_MAX;
    for (int f = 0; f < pair->form_count; ++f)
        if ((forms >> f & 1) != 0) {
            if (pair->forms[f].cost < cost)
                cheapest = 0;
            cost = least(cost, pair->forms[f].cost);
            cheapest |= (uint32_t)(pair->forms[f].cost == cost) << f;
        }
    return cheapest;
}

/* The scratch to set aside: that of one of the forms. */
static int64_t level(const Layout *layout, const OverlapPair *pair, uint32_t forms, Policy policy)
{
    int best = -1;
    for (int f = 0; f < pair->form_count; ++f) {
        if ((forms >> f & 1) == 0)
            continue;
        const int64_t scratch = pair->forms[f].scratch, kept = best >= 0 ? pair->forms[best].scratch : 0;
        const bool better = policy == LEAST_LOAD ? best >= 0 && form_saving(layout, pair, f) > form_saving(layout, pair, best)
                                                 : (policy == MOST_SCRATCH ? scratch > kept : scratch < kept);
        if (best < 0 || better)
            best = f;
    }
    return best >= 0 ? pair->forms[best].scratch : 0;
}

/* ---------------------------------------------------------------- one problem for the search */

static void add_scratch(Layout *layout, int pair, int64_t bytes)
{
    layout->scratch[pair] = -1;
    if (bytes == 0)
        return;
    const int step = layout->pairs[pair].step;
    layout->scratch[pair] = layout->work_count;
    layout->work[layout->work_count] = (PlannedBuffer){
        .bytes = round_up(layout, bytes), .alignment = layout->alignment, .first = step, .last = step, .id = layout->work_count};
    ++layout->work_count;
}

static void add_separation(Layout *layout, Separation separation)
{
    const int64_t upper = layout->work[separation.upper].bytes, lower = layout->work[separation.lower].bytes;
    if (separation.clearance < lower || separation.reverse < upper)
        layout->separations[layout->separation_count++] = separation;
}

static void start_work(Layout *layout)
{
    memcpy(layout->work, layout->buffers, (size_t)layout->count * sizeof *layout->work);
    for (int i = 0; i < layout->count; ++i) {
        layout->work[i].bytes = round_up(layout, layout->work[i].bytes);
        layout->work[i].alignment = layout->alignment;
        layout->work[i].id = i;
    }
    layout->work_count = layout->count;
    layout->separation_count = 0;
}

static void build_choices(Layout *layout)
{
    start_work(layout);
    for (int p = 0; p < layout->pair_count; ++p) {
        const OverlapPair *pair = &layout->pairs[p];
        add_scratch(layout, p, layout->choices[p].scratch);
        if (can_overlap(layout, pair))
            add_separation(layout, clearances(layout, pair, layout->choices[p]));
    }
}

/* A problem that every placement within the capacity solves. */
static void build_weakest(Layout *layout, int64_t capacity)
{
    start_work(layout);
    for (int p = 0; p < layout->pair_count; ++p) {
        const OverlapPair *pair = &layout->pairs[p];
        const uint32_t forms = fitting_forms(layout, p, capacity);
        add_scratch(layout, p, level(layout, pair, forms, LEAST_SCRATCH));
        if (can_overlap(layout, pair))
            add_separation(layout, weakest_clearances(layout, pair, forms));
    }
}

/* ---------------------------------------------------------------- from a placement to forms */

static bool lies_apart(const Layout *layout, const OverlapPair *pair)
{
    if (pair->input == pair->output)
        return true; /* only the scratch is to be chosen */
    const PlannedBuffer *input = &layout->work[pair->input], *output = &layout->work[pair->output];
    return input->offset + input->bytes <= output->offset || output->offset + output->bytes <= input->offset;
}

static bool form_holds(const Layout *layout, const OverlapPair *pair, int form)
{
    const OverlapForm *kernel = &pair->forms[form];
    if (lies_apart(layout, pair))
        return true;
    const int64_t above = layout->work[pair->input].offset - layout->work[pair->output].offset;
    return kernel->distance != OVERLAP_NEVER && (kernel->backwards ? -above : above) >= kernel->distance;
}

/* The lowest gap of the pair's step that takes so much scratch within the capacity, or -1. */
static int64_t find_gap(const Layout *layout, int pair, int64_t bytes, int64_t capacity)
{
    const int step = layout->pairs[pair].step;
    int64_t offset = 0;
    for (bool moved = true; moved && offset + bytes <= capacity;) {
        moved = false;
        for (int i = 0; i < layout->work_count; ++i) {
            const PlannedBuffer *other = &layout->work[i];
            if (i == layout->scratch[pair] || other->first > step || other->last < step)
                continue;
            if (offset < other->offset + other->bytes && other->offset < offset + bytes) {
                offset = other->offset + other->bytes;
                moved = true;
            }
        }
    }
    return offset + bytes <= capacity ? offset : -1;
}

static bool is_cheaper(const OverlapPair *pair, int form, int than)
{
    const OverlapForm *a = &pair->forms[form], *b = &pair->forms[than];
    return a->cost != b->cost ? a->cost < b->cost : a->scratch < b->scratch;
}

/* The cheapest form that holds where the pair lies, its scratch in a gap of the step. */
static int choose_form(Layout *layout, int p, int64_t capacity)
{
    const OverlapPair *pair = &layout->pairs[p];
    const int own = layout->scratch[p];
    int64_t offset = 0;
    int best = -1;
    for (int f = 0; f < pair->form_count; ++f) {
        if ((best >= 0 && !is_cheaper(pair, f, best)) || !form_holds(layout, pair, f))
            continue;
        const int64_t bytes = round_up(layout, pair->forms[f].scratch);
        const bool fits = bytes == 0 || (own >= 0 && bytes <= layout->work[own].bytes);
        const int64_t gap = fits ? (bytes > 0 ? layout->work[own].offset : 0) : find_gap(layout, p, bytes, capacity);
        if (gap >= 0) {
            best = f;
            offset = gap;
        }
    }
    if (own >= 0) {
        layout->work[own].offset = offset;
        layout->work[own].bytes = best >= 0 ? round_up(layout, pair->forms[best].scratch) : 0;
    } else if (best >= 0 && pair->forms[best].scratch > 0) {
        add_scratch(layout, p, pair->forms[best].scratch);
        layout->work[layout->scratch[p]].offset = offset;
    }
    return best;
}

/* What a placement may take where only its cost counts. */
static int64_t room(const Layout *layout)
{
    return most(layout->peak, layout->enough);
}

/* Keeps what lies in `work` if it is better than the best so far. `capacity` is what its scratch may grow to. */
static bool keep_if_better(Layout *layout, int64_t capacity)
{
    int64_t cost = 0;
    int *chosen = allocate(layout->pair_count, sizeof *chosen);
    bool valid = true;
    for (int p = 0; p < layout->pair_count && valid; ++p) {
        chosen[p] = choose_form(layout, p, capacity);
        valid = chosen[p] >= 0;
        cost += valid ? layout->pairs[p].forms[chosen[p]].cost : 0;
    }
    const int64_t peak = peak_of_buffers(layout->work, layout->work_count);
    const int64_t level = most(peak, layout->enough), best = most(layout->peak, layout->enough);
    const bool better = valid && (level < best || (level == best && (cost < layout->cost || (cost == layout->cost && peak < layout->peak))));
    if (better) {
        layout->peak = peak;
        layout->cost = cost;
        memcpy(layout->chosen, chosen, (size_t)layout->pair_count * sizeof *chosen);
        for (int i = 0; i < layout->count; ++i)
            layout->offsets[i] = layout->work[i].offset;
        for (int p = 0; p < layout->pair_count; ++p)
            layout->scratch_offsets[p] = layout->scratch[p] >= 0 ? layout->work[layout->scratch[p]].offset : 0;
    }
    free(chosen);
    return better;
}

/* ---------------------------------------------------------------- greedy */

typedef struct Joint {
    int next; /* in the list of the buffer, or -1 */
    int other;
    int64_t above, below; /* how far above the buffer the other starts at least, and the other way */
} Joint;

typedef struct Joints {
    int *first; /* per buffer of `work` */
    Joint *list;
} Joints;

static Joints joints_of(const Layout *layout)
{
    Joints joints = {allocate(layout->work_count, sizeof *joints.first), allocate(2 * layout->separation_count, sizeof *joints.list)};
    for (int i = 0; i < layout->work_count; ++i)
        joints.first[i] = -1;
    for (int k = 0; k < layout->separation_count; ++k) {
        const Separation *separation = &layout->separations[k];
        joints.list[2 * k] = (Joint){joints.first[separation->upper], separation->lower, separation->reverse, separation->clearance};
        joints.first[separation->upper] = 2 * k;
        joints.list[2 * k + 1] = (Joint){joints.first[separation->lower], separation->upper, separation->clearance, separation->reverse};
        joints.first[separation->lower] = 2 * k + 1;
    }
    return joints;
}

static Joint joint_of(const Joints *joints, const PlannedBuffer *buffer, const PlannedBuffer *other)
{
    Joint joint = {-1, other->id, buffer->bytes, other->bytes};
    for (int k = joints->first[buffer->id]; k >= 0; k = joints->list[k].next)
        if (joints->list[k].other == other->id)
            joint = joints->list[k];
    return joint;
}

/* The lowest place that the placed buffers leave; `placed` is sorted by offset. */
static int64_t first_fit(const Joints *joints, const PlannedBuffer *buffer, PlannedBuffer *const *placed, int count)
{
    int64_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < count && placed[i]->offset < offset + buffer->bytes; ++i) {
            const PlannedBuffer *other = placed[i];
            if (other->last < buffer->first || other->first > buffer->last || other->offset + other->bytes <= offset)
                continue;
            const Joint joint = joint_of(joints, buffer, other);
            if (other->offset < offset + joint.above && offset < other->offset + joint.below) {
                offset = other->offset + joint.below;
                moved = joints->first[buffer->id] >= 0; /* what it may lie under closely must be looked at again */
            }
        }
    }
    return offset;
}

static void place_greedily(Layout *layout, int order)
{
    const Joints joints = joints_of(layout);
    PlannedBuffer **list = allocate(2 * layout->work_count, sizeof *list), **placed = list + layout->work_count;
    for (int i = 0; i < layout->work_count; ++i)
        list[i] = &layout->work[i];
    sort_buffers(list, layout->work_count, order);
    for (int i = 0; i < layout->work_count; ++i) {
        list[i]->offset = first_fit(&joints, list[i], placed, i);
        int position = i;
        for (; position > 0 && placed[position - 1]->offset > list[i]->offset; --position)
            placed[position] = placed[position - 1];
        placed[position] = list[i];
    }
    free(list);
    free(joints.first);
    free(joints.list);
}

/* ---------------------------------------------------------------- one layout */

static void add_to_unit(Layout *layout, int64_t bytes)
{
    layout->exact &= bytes % layout->alignment == 0;
    layout->unit = greatest_common_divisor(layout->unit, round_up(layout, bytes > 0 ? bytes : 0));
}

static int64_t total_life(const Layout *layout)
{
    int64_t steps = 0;
    for (int i = 0; i < layout->count; ++i)
        steps += layout->buffers[i].last - layout->buffers[i].first + 1;
    return steps;
}

/* The alignment, and what every offset and peak is a multiple of. */
static void find_units(Layout *layout)
{
    for (int i = 0; i < layout->count; ++i)
        layout->alignment = most(layout->alignment, layout->buffers[i].alignment);
    for (int i = 0; i < layout->count; ++i)
        add_to_unit(layout, layout->buffers[i].bytes);
    for (int p = 0; p < layout->pair_count; ++p)
        for (int f = 0; f < layout->pairs[p].form_count; ++f) {
            const OverlapForm *form = &layout->pairs[p].forms[f];
            add_to_unit(layout, form->scratch);
            add_to_unit(layout, form->distance == OVERLAP_NEVER ? 0 : form->distance);
        }
    layout->unit = layout->exact && layout->unit > 0 ? layout->unit : 1;
}

static void layout_open(Layout *layout)
{
    const int most_buffers = layout->count + layout->pair_count;
    layout->alignment = 1;
    layout->exact = true;
    layout->peak = layout->cost = INT64_MAX;
    layout->loads = allocate(layout->pair_count, sizeof *layout->loads);
    layout->choices = allocate(layout->pair_count, sizeof *layout->choices);
    layout->work = allocate(most_buffers, sizeof *layout->work);
    layout->scratch = allocate(layout->pair_count, sizeof *layout->scratch);
    layout->separations = allocate(layout->pair_count, sizeof *layout->separations);
    layout->offsets = allocate(layout->count, sizeof *layout->offsets);
    layout->scratch_offsets = allocate(layout->pair_count, sizeof *layout->scratch_offsets);
    layout->chosen = allocate(layout->pair_count, sizeof *layout->chosen);
    find_units(layout);
}

static void layout_close(Layout *layout)
{
    free(layout->loads);
    free(layout->choices);
    free(layout->work);
    free(layout->scratch);
    free(layout->separations);
    free(layout->offsets);
    free(layout->scratch_offsets);
    free(layout->chosen);
}

/* ---------------------------------------------------------------- searches */

static void open_forms(Layout *layout, int64_t capacity, bool cheapest, Policy policy)
{
    for (int p = 0; p < layout->pair_count; ++p) {
        const OverlapPair *pair = &layout->pairs[p];
        const uint32_t fitting = fitting_forms(layout, p, capacity), forms = cheapest ? cheapest_forms(pair, fitting) : fitting;
        layout->choices[p] = (Choice){forms, level(layout, pair, forms, policy)};
    }
}

/* A share of the nodes that lets a search reach the last buffer. */
static int64_t enough_nodes(const Layout *layout, int64_t share)
{
    return least(most(share, 4 * (int64_t)layout->work_count), layout->nodes);
}

/* One search of the problem in `work`. */
static SearchResult search_work(Layout *layout, int64_t capacity, int64_t share)
{
    int64_t left = enough_nodes(layout, share);
    Separation *separations = allocate(layout->separation_count, sizeof *separations);
    for (int k = 0; k < layout->separation_count; ++k) {
        separations[k] = layout->separations[k];
        separations[k].clearance = most(separations[k].clearance, 0);
        separations[k].reverse = most(separations[k].reverse, 0);
    }
    layout->nodes -= left;
    const SearchResult result =
        search_separated(layout->work, layout->work_count, separations, layout->separation_count, capacity, &left);
    layout->nodes += left;
    free(separations);
    return result;
}

/* The same along the steps. */
static bool sweep_work(Layout *layout, int64_t capacity, int64_t share)
{
    int64_t left = enough_nodes(layout, share);
    layout->nodes -= left;
    const bool placed =
        sweep_placement(layout->work, layout->work_count, layout->separations, layout->separation_count, capacity, &left);
    layout->nodes += left;
    if (placed)
        keep_if_better(layout, peak_of_buffers(layout->work, layout->work_count));
    return placed;
}

static SearchResult search_choices(Layout *layout, int64_t capacity, int64_t share)
{
    build_choices(layout);
    const SearchResult result = search_work(layout, capacity, share);
    if (result == SEARCH_FITS)
        keep_if_better(layout, peak_of_buffers(layout->work, layout->work_count));
    return result;
}

/* Makes `choices` the next of all combinations of levels; false after the last. */
static bool next_levels(Layout *layout, int64_t capacity)
{
    for (int p = 0; p < layout->pair_count; ++p) {
        const OverlapPair *pair = &layout->pairs[p];
        Choice *choice = &layout->choices[p];
        int64_t next = INT64_MAX;
        for (int f = 0; f < pair->form_count; ++f)
            if ((choice->forms >> f & 1) != 0 && pair->forms[f].scratch > choice->scratch)
                next = least(next, pair->forms[f].scratch);
        if (next != INT64_MAX) {
            choice->scratch = next;
            return true;
        }
        choice->scratch = level(layout, pair, fitting_forms(layout, p, capacity), LEAST_SCRATCH);
    }
    return false;
}

static bool has_negative_distance(const Layout *layout, int64_t capacity)
{
    for (int p = 0; p < layout->pair_count; ++p) {
        const uint32_t forms = fitting_forms(layout, p, capacity);
        for (int f = 0; f < layout->pairs[p].form_count; ++f)
            if ((forms >> f & 1) != 0 && layout->pairs[p].forms[f].distance < 0)
                return true;
    }
    return false;
}

enum { MOST_COMBINATIONS = 4096 };

/* Every combination of levels, as far as the budget goes: complete where no distance is negative. */
static SearchResult search_combinations(Layout *layout, int64_t capacity, int64_t share)
{
    bool complete = !has_negative_distance(layout, capacity);
    open_forms(layout, capacity, false, LEAST_SCRATCH);
    const int64_t stop = layout->nodes - least(share, layout->nodes);
    for (int k = 0; k < MOST_COMBINATIONS && layout->nodes > stop; ++k) {
        const SearchResult result = search_choices(layout, capacity, layout->nodes - stop);
        if (result == SEARCH_FITS)
            return result;
        complete &= result == SEARCH_INFEASIBLE;
        if (!next_levels(layout, capacity))
            return complete ? SEARCH_INFEASIBLE : SEARCH_BUDGET_SPENT;
    }
    return SEARCH_BUDGET_SPENT;
}

/* Whether anything fits the capacity. SEARCH_BUDGET_SPENT: not known. */
static SearchResult search_policies(Layout *layout, int64_t capacity, int64_t share)
{
    open_forms(layout, capacity, true, LEAST_LOAD);
    if (search_choices(layout, capacity, share / 8) == SEARCH_FITS)
        return SEARCH_FITS;
    for (Policy policy = LEAST_LOAD; policy < POLICY_COUNT; ++policy) {
        open_forms(layout, capacity, false, policy);
        if (search_choices(layout, capacity, share / 8) == SEARCH_FITS)
            return SEARCH_FITS;
    }
    build_weakest(layout, capacity);
    SearchResult result = search_work(layout, capacity, share / 4);
    if (result == SEARCH_FITS && keep_if_better(layout, capacity) && layout->peak <= capacity)
        return SEARCH_FITS;
    if (result != SEARCH_INFEASIBLE)
        result = search_combinations(layout, capacity, share / 4);
    return result == SEARCH_INFEASIBLE && !layout->exact ? SEARCH_BUDGET_SPENT : result;
}

static bool sweep_policies(Layout *layout, int64_t capacity, int64_t share)
{
    open_forms(layout, capacity, true, LEAST_LOAD);
    build_choices(layout);
    bool placed = sweep_work(layout, capacity, share / 8);
    for (Policy policy = LEAST_LOAD; policy < POLICY_COUNT && !placed; ++policy) {
        open_forms(layout, capacity, false, policy);
        build_choices(layout);
        placed = sweep_work(layout, capacity, share / 8);
    }
    return placed;
}

/* What lives in some steps, alone, cannot take more room than it does among all: a refutation of it refutes the whole. */
static bool window_is_refuted(Layout *layout, int first, int last, int64_t capacity, int64_t share)
{
    Layout window = {.nodes = share};
    int *position = allocate(layout->count, sizeof *position);
    window.buffers = allocate(layout->count, sizeof *window.buffers);
    window.pairs = allocate(layout->pair_count, sizeof *window.pairs);
    for (int i = 0; i < layout->count; ++i) {
        position[i] = window.count;
        if (layout->buffers[i].first <= last && layout->buffers[i].last >= first)
            window.buffers[window.count++] = layout->buffers[i];
    }
    for (int p = 0; p < layout->pair_count; ++p) {
        OverlapPair pair = layout->pairs[p];
        if (pair.step < first || pair.step > last || !can_overlap(layout, &pair))
            continue;
        pair.input = position[pair.input];
        pair.output = position[pair.output];
        window.pairs[window.pair_count++] = pair;
    }
    bool refuted = false;
    if (window.count < layout->count) {
        layout_open(&window);
        refuted = largest_load(&window) > capacity || search_policies(&window, capacity, share) == SEARCH_INFEASIBLE;
        layout->nodes -= share - window.nodes + window.work_count;
        layout_close(&window);
    }
    free(position);
    free(window.buffers);
    free(window.pairs);
    return refuted;
}

enum { LEAST_WINDOW = 6,
    MOST_WINDOW = 48 };

/* Long graphs are refuted by some of their steps, if at all: windows of growing length over all of them. */
static bool windows_refute(Layout *layout, int64_t capacity, int64_t share)
{
    int end = 0;
    const int64_t stop = layout->nodes - least(share, layout->nodes);
    for (int i = 0; i < layout->count; ++i)
        end = layout->buffers[i].last > end ? layout->buffers[i].last : end;
    for (int steps = LEAST_WINDOW; steps <= MOST_WINDOW; steps *= 2)
        for (int first = 0; first <= end && layout->nodes > stop; first += steps / 2)
            if (window_is_refuted(layout, first, first + steps - 1, capacity, 50 * (int64_t)steps))
                return true;
    return false;
}

static SearchResult search_capacity(Layout *layout, int64_t capacity, int64_t share)
{
    if (sweep_policies(layout, capacity, share / 4))
        return SEARCH_FITS;
    if (layout->exact && windows_refute(layout, capacity, share / 4))
        return SEARCH_INFEASIBLE;
    return search_policies(layout, capacity, share / 2);
}

/* Halves the gap between what is placed and what is not known to fit, the lower bound itself first. All that can matter are
 * multiples of the unit. */
static void bisect_peak(Layout *layout, int64_t share, int64_t *lower_bound)
{
    int64_t capacity = *lower_bound, hard = capacity - layout->unit;
    while (layout->peak > hard + layout->unit && layout->nodes > 0) {
        const SearchResult result = search_capacity(layout, capacity, share);
        if (result == SEARCH_INFEASIBLE)
            *lower_bound = capacity + layout->unit;
        if (result != SEARCH_FITS)
            hard = capacity;
        capacity = hard + (layout->peak - hard) / 2 / layout->unit * layout->unit;
        capacity = most(capacity, hard + layout->unit);
    }
}

static void search_peak(Layout *layout, int64_t *lower_bound)
{
    for (int64_t share = layout->nodes / 8; layout->peak > *lower_bound && layout->nodes > 0; share *= 2)
        bisect_peak(layout, share, lower_bound);
}

/* ---------------------------------------------------------------- costs */

static int64_t least_cost(const OverlapPair *pair, uint32_t forms)
{
    int64_t cost = INT64_MAX;
    for (int f = 0; f < pair->form_count; ++f)
        if ((forms >> f & 1) != 0)
            cost = least(cost, pair->forms[f].cost);
    return cost;
}

static int64_t cost_gain(const Layout *layout, int p)
{
    const OverlapPair *pair = &layout->pairs[p];
    return pair->forms[layout->chosen[p]].cost - least_cost(pair, fitting_forms(layout, p, room(layout)));
}

/* The pairs that could be cheaper, most first; their number. */
static int list_gains(const Layout *layout, int *list)
{
    int count = 0;
    for (int p = 0; p < layout->pair_count; ++p) {
        if (cost_gain(layout, p) <= 0)
            continue;
        int position = count++;
        for (; position > 0 && cost_gain(layout, list[position - 1]) < cost_gain(layout, p); --position)
            list[position] = list[position - 1];
        list[position] = p;
    }
    return count;
}

/* What the best placement so far used, or cheaper. */
static void open_chosen(Layout *layout)
{
    for (int p = 0; p < layout->pair_count; ++p) {
        const OverlapPair *pair = &layout->pairs[p];
        const OverlapForm *chosen = &pair->forms[layout->chosen[p]];
        layout->choices[p] = (Choice){0, chosen->scratch};
        for (int f = 0; f < pair->form_count; ++f)
            layout->choices[p].forms |= (uint32_t)(pair->forms[f].cost <= chosen->cost) << f;
    }
}

/* With all pairs of the list at no more than `cost`. */
static bool search_cheaper(Layout *layout, const int *list, int count, int64_t cost)
{
    open_chosen(layout);
    for (int k = 0; k < count; ++k) {
        const OverlapPair *pair = &layout->pairs[list[k]];
        const uint32_t fitting = fitting_forms(layout, list[k], room(layout));
        uint32_t forms = cheapest_forms(pair, fitting);
        for (int f = 0; f < pair->form_count; ++f)
            forms |= (uint32_t)(pair->forms[f].cost <= cost) << f & fitting;
        layout->choices[list[k]] = (Choice){forms, level(layout, pair, forms, LEAST_LOAD)};
    }
    layout->nodes -= layout->work_count; /* opening a problem is work, too */
    build_choices(layout);
    return sweep_work(layout, room(layout), 0) ||
           search_choices(layout, room(layout), 4 * (int64_t)layout->work_count + 1000) == SEARCH_FITS;
}

/* The next cost of the pair's forms above `cost`. */
static int64_t next_cost(const OverlapPair *pair, int64_t cost)
{
    int64_t next = INT64_MAX;
    for (int f = 0; f < pair->form_count; ++f)
        if (pair->forms[f].cost > cost)
            next = least(next, pair->forms[f].cost);
    return next;
}

/* Makes as many of the list cheaper as it finds: all at once, or each half on its own. */
static void lower_costs(Layout *layout, const int *list, int count)
{
    if (count == 0 || layout->nodes <= 0 || search_cheaper(layout, list, count, -1))
        return;
    if (count > 1) {
        lower_costs(layout, list, count / 2);
        lower_costs(layout, list + count / 2, count - count / 2);
        return;
    }
    const OverlapPair *pair = &layout->pairs[*list];
    int64_t cost = next_cost(pair, least_cost(pair, fitting_forms(layout, *list, room(layout))));
    while (cost < pair->forms[layout->chosen[*list]].cost && layout->nodes > 0 && !search_cheaper(layout, list, 1, cost))
        cost = next_cost(pair, cost);
}

static void search_costs(Layout *layout)
{
    int *list = allocate(layout->pair_count, sizeof *list);
    lower_costs(layout, list, list_gains(layout, list));
    free(list);
}

/* ---------------------------------------------------------------- all of it */

/* Every pair apart, in its form of least scratch. Returns the lower bound of such placements. */
static int64_t place_apart(Layout *layout, int64_t nodes)
{
    int64_t bound;
    open_forms(layout, INT64_MAX, false, LEAST_SCRATCH);
    build_choices(layout);
    place_buffers(layout->work, layout->work_count, nodes, &bound);
    keep_if_better(layout, peak_of_buffers(layout->work, layout->work_count));
    return bound;
}

static void place_forms_greedily(Layout *layout, int64_t capacity, bool cheapest)
{
    for (int order = 0; order < GREEDY_ORDERS; ++order) {
        open_forms(layout, capacity, cheapest, LEAST_LOAD);
        build_choices(layout);
        place_greedily(layout, order);
        keep_if_better(layout, peak_of_buffers(layout->work, layout->work_count));
    }
}

/* No form is left out, for addresses wander far in little room; then only those that cost least. */
static void place_overlapping_greedily(Layout *layout, int64_t lower_bound)
{
    place_forms_greedily(layout, INT64_MAX, false);
    place_forms_greedily(layout, lower_bound, false);
    place_forms_greedily(layout, layout->peak, true);
    place_forms_greedily(layout, lower_bound, true);
}

/* Writes the best placement to the caller's buffers and pairs; returns its peak, without what sizes were rounded up by. */
static int64_t write_results(const Layout *layout)
{
    for (int i = 0; i < layout->count; ++i)
        layout->buffers[i].offset = layout->offsets[i];
    int64_t peak = peak_of_buffers(layout->buffers, layout->count);
    for (int p = 0; p < layout->pair_count; ++p) {
        OverlapPair *pair = &layout->pairs[p];
        const PlannedBuffer *input = &layout->buffers[pair->input], *output = &layout->buffers[pair->output];
        pair->chosen = layout->chosen[p];
        pair->scratch_offset = layout->scratch_offsets[p];
        pair->overlapped = input != output && input->offset < output->offset + output->bytes && output->offset < input->offset + input->bytes;
        peak = most(peak, pair->scratch_offset + pair->forms[pair->chosen].scratch);
    }
    return peak;
}

int64_t place_overlapping(
    PlannedBuffer *buffers, int count, OverlapPair *pairs, int pair_count, int64_t nodes, int64_t slack, int64_t *lower_bound)
{
    if (pair_count == 0)
        return place_buffers(buffers, count, nodes, lower_bound);
    Layout layout = {.buffers = buffers, .count = count, .pairs = pairs, .pair_count = pair_count};
    layout_open(&layout);
    *lower_bound = largest_load(&layout);
    const int64_t apart_bound = place_apart(&layout, 0);
    place_overlapping_greedily(&layout, *lower_bound);
    if (count <= MAX_SEARCHED_BUFFERS) {
        const int64_t budget = nodes * 6000 / most(total_life(&layout), 6000); /* a node's work grows with the graph */
        layout.nodes = budget;
        search_peak(&layout, lower_bound);
        if (layout.peak > most(*lower_bound, apart_bound))
            place_apart(&layout, nodes);
        layout.nodes = budget / 2;
        layout.enough = slack > 0 ? layout.peak + least(slack, layout.peak / 32) : 0;
        search_costs(&layout);
    }
    const int64_t peak = write_results(&layout);
    layout_close(&layout);
    return peak;
}
