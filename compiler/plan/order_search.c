/* SPDX-License-Identifier: MIT
 *
 * The search for an order of execution with the least peak: a shortest path over the sets of executed nodes (downsets), where a
 * path is as long as its highest step. What follows from a set, the bytes alive above all, does not depend on the path to it,
 * so that each set is visited once, by the path of the least peak (as in Ahn et al., "Ordering chaos", MLSys 2020).
 *
 * Two rules keep the number of sets small. A step at or above the ceiling is never taken. And a ready node v is executed at
 * once where that is safe: nothing grows by it, and its step stays within the path's peak or is the lowest of all steps that
 * could follow. Proof: take any completion and move v to its front. What v ends, it ends later, too, and maybe more; so with v
 * done earlier, no step has more alive than before; and v's own step is not above the path's peak, or not above the completion's
 * former first step.
 *
 * Where the budget is spent, the lowest of the open sets is a bound, and a beam search over the same sets gives the order.
 */
#include "order.h"

#include <stdlib.h>
#include <string.h>

enum { WORD_BITS = 64,
    LEAST_BUCKET_BITS = 6,
    MOST_BUCKET_BITS = 16,
    WIDEST_BEAM = 64,
    BEAM_WORDS = 1 << 21,
    BRANCHES = 8,
    MOST_MOVES = 256 };

/* ---------------------------------------------------------------- executing nodes */

static bool has(const uint64_t *set, int node)
{
    return set[node / WORD_BITS] >> (node % WORD_BITS) & 1;
}

static void flip(uint64_t *set, int node)
{
    set[node / WORD_BITS] ^= (uint64_t)1 << (node % WORD_BITS);
}

/* The finaliser of SplitMix64: a set's hash is the sum of its nodes' keys. */
static uint64_t key_of(int node)
{
    uint64_t key = ((uint64_t)node + 1) * UINT64_C(0x9e3779b97f4a7c15);
    key = (key ^ key >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    key = (key ^ key >> 27) * UINT64_C(0x94d049bb133111eb);
    return key ^ key >> 31;
}

Progress *progress_new(Arena *arena, const OrderProblem *problem)
{
    Progress *progress = arena_alloc(arena, sizeof *progress);
    const size_t words = (size_t)problem->count / WORD_BITS + 1;
    progress->problem = problem;
    progress->live = problem->live;
    progress->done = arena_array(arena, words, sizeof *progress->done);
    progress->ready = arena_array(arena, words, sizeof *progress->ready);
    progress->waits = arena_array(arena, (size_t)problem->count, sizeof *progress->waits);
    progress->left = arena_array(arena, (size_t)problem->group_count, sizeof *progress->left);
    for (int i = 0; i < problem->count; ++i) {
        progress->waits[i] = problem->nodes[i].before_count;
        if (progress->waits[i] == 0)
            flip(progress->ready, i);
    }
    for (int i = 0; i < problem->group_count; ++i)
        progress->left[i] = problem->groups[i].readers;
    return progress;
}

static bool ends(const Progress *progress, int group)
{
    return progress->left[group] == 0 && !progress->problem->groups[group].kept;
}

static bool ends_with_next(const Progress *progress, int group)
{
    return progress->left[group] == 1 && !progress->problem->groups[group].kept;
}

int64_t step_cost(const Progress *progress, int node)
{
    const OrderNode *step = &progress->problem->nodes[node];
    int64_t saved = 0;
    for (int i = 0; i < step->overwrite_count; ++i)
        if (step->overwrites[i].bytes > saved && ends_with_next(progress, step->overwrites[i].group))
            saved = step->overwrites[i].bytes;
    return progress->live + step->made + step->inner - saved;
}

/* By how much more is alive after the node than before it. */
static int64_t growth(const Progress *progress, int node)
{
    const OrderNode *step = &progress->problem->nodes[node];
    int64_t bytes = 0;
    for (int i = 0; i < step->make_count; ++i)
        bytes += ends(progress, step->makes[i]) ? 0 : progress->problem->groups[step->makes[i]].bytes;
    for (int i = 0; i < step->read_count; ++i)
        bytes -= ends_with_next(progress, step->reads[i]) ? progress->problem->groups[step->reads[i]].bytes : 0;
    return bytes;
}

void perform(Progress *progress, int node)
{
    const OrderNode *step = &progress->problem->nodes[node];
    progress->live += growth(progress, node);
    for (int i = 0; i < step->read_count; ++i)
        --progress->left[step->reads[i]];
    for (int i = 0; i < step->after_count; ++i)
        if (--progress->waits[step->after[i]] == 0)
            flip(progress->ready, step->after[i]);
    flip(progress->done, node);
    flip(progress->ready, node);
    progress->hash += key_of(node);
}

void take_back(Progress *progress, int node)
{
    const OrderNode *step = &progress->problem->nodes[node];
    for (int i = 0; i < step->read_count; ++i)
        ++progress->left[step->reads[i]];
    for (int i = 0; i < step->after_count; ++i)
        if (progress->waits[step->after[i]]++ == 0)
            flip(progress->ready, step->after[i]);
    flip(progress->done, node);
    flip(progress->ready, node);
    progress->hash -= key_of(node);
    progress->live -= growth(progress, node);
}

/* ---------------------------------------------------------------- the sets seen so far */

typedef struct Visit {
    uint64_t *done; /* the words of the set that hold the part's nodes */
    uint64_t hash;
    int64_t peak; /* of the best path known */
    int64_t live;
    int parent, via; /* that path's last branch: the set that it comes from, the node executed there; -1 at the root */
    int depth; /* how many of the part's nodes are done */
    int next; /* in the same bucket */
} Visit;

typedef struct Open {
    int64_t peak;
    int depth, visit;
} Open;

typedef struct Search {
    Progress *progress;
    int first, end; /* the part's nodes */
    int first_word, words; /* where they stand in sets */
    int64_t ceiling;
    int64_t work; /* left */
    Arena *arena;
    Visit *visits;
    int visit_count, visit_capacity;
    int *buckets; /* first visit + 1 */
    uint64_t bucket_mask;
    int *trail; /* nodes executed since the last branch */
    int trail_count;
    Open *open; /* a heap: lowest peak first, then the deepest, then the eldest */
    int open_count, open_capacity;
} Search;

static void search_start(Search *search, Progress *progress, int first, int count, int64_t ceiling, int64_t work)
{
    *search = (Search){.progress = progress, .first = first, .end = first + count, .ceiling = ceiling, .work = work};
    search->first_word = first / WORD_BITS;
    search->words = (search->end - 1) / WORD_BITS + 1 - search->first_word;
    const int bits = count < LEAST_BUCKET_BITS ? LEAST_BUCKET_BITS : count < MOST_BUCKET_BITS ? count
                                                                                              : MOST_BUCKET_BITS;
    search->bucket_mask = ((uint64_t)1 << bits) - 1;
    search->arena = arena_new(0);
    search->buckets = arena_array(search->arena, (size_t)1 << bits, sizeof *search->buckets);
    search->trail = arena_array(search->arena, (size_t)count, sizeof *search->trail);
}

/* The visit of the set that the search stands at; -1 when it is new. */
static int find_visit(const Search *search)
{
    const Progress *progress = search->progress;
    int index = search->buckets[progress->hash & search->bucket_mask] - 1;
    for (; index >= 0; index = search->visits[index].next) {
        const Visit *visit = &search->visits[index];
        if (visit->hash == progress->hash &&
            memcmp(visit->done, progress->done + search->first_word, (size_t)search->words * sizeof *visit->done) == 0)
            break;
    }
    return index;
}

/* Records the set that the search stands at and the path to it; -1 when a path as good is known. */
static int record(Search *search, int64_t peak, int parent, int via, int depth)
{
    const Progress *progress = search->progress;
    int index = find_visit(search);
    if (index >= 0 && search->visits[index].peak <= peak)
        return -1;
    if (index < 0) {
        ARENA_PUSH(search->arena, search->visits, search->visit_count, search->visit_capacity);
        index = search->visit_count++;
        int *bucket = &search->buckets[progress->hash & search->bucket_mask];
        const size_t bytes = (size_t)search->words * sizeof *progress->done;
        search->visits[index] = (Visit){
            .done = arena_copy(search->arena, progress->done + search->first_word, bytes),
            .hash = progress->hash,
            .live = progress->live,
            .depth = depth,
            .next = *bucket - 1,
        };
        *bucket = index + 1;
        search->work -= search->words + (int)(sizeof(Visit) / sizeof(uint64_t));
    }
    search->visits[index].peak = peak;
    search->visits[index].parent = parent;
    search->visits[index].via = via;
    return index;
}

/* ---------------------------------------------------------------- the heap of open sets */

static bool is_before(const Open *a, const Open *b)
{
    if (a->peak != b->peak)
        return a->peak < b->peak;
    return a->depth != b->depth ? a->depth > b->depth : a->visit < b->visit;
}

static void push_open(Search *search, int visit)
{
    ARENA_PUSH(search->arena, search->open, search->open_count, search->open_capacity);
    const Open open = {search->visits[visit].peak, search->visits[visit].depth, visit};
    int hole = search->open_count++;
    for (; hole > 0 && is_before(&open, &search->open[(hole - 1) / 2]); hole = (hole - 1) / 2)
        search->open[hole] = search->open[(hole - 1) / 2];
    search->open[hole] = open;
}

static Open pop_open(Search *search)
{
    const Open top = search->open[0], last = search->open[--search->open_count];
    int hole = 0;
    for (int child = 1; child < search->open_count; child = 2 * hole + 1) {
        if (child + 1 < search->open_count && is_before(&search->open[child + 1], &search->open[child]))
            ++child;
        if (!is_before(&search->open[child], &last))
            break;
        search->open[hole] = search->open[child];
        hole = child;
    }
    search->open[hole] = last;
    return top;
}

/* ---------------------------------------------------------------- from one set to the next */

static int lowest_bit(uint64_t word)
{
    int bit = 0;
    for (int step = WORD_BITS / 2; step > 0; step /= 2)
        if ((word & (((uint64_t)1 << step) - 1)) == 0) {
            word >>= step;
            bit += step;
        }
    return bit;
}

/* The first ready node from `node` on; search->end when there is none. */
static int next_ready(const Search *search, int node)
{
    const uint64_t *ready = search->progress->ready;
    if (node >= search->end)
        return search->end;
    int word = node / WORD_BITS;
    uint64_t bits = ready[word] & ~(uint64_t)0 << (node % WORD_BITS);
    while (bits == 0 && ++word < search->first_word + search->words)
        bits = ready[word];
    if (bits == 0)
        return search->end;
    const int found = word * WORD_BITS + lowest_bit(bits);
    return found < search->end ? found : search->end;
}

static void execute(Search *search, int node)
{
    const OrderNode *step = &search->progress->problem->nodes[node];
    perform(search->progress, node);
    search->trail[search->trail_count++] = node;
    search->work -= 2 + step->read_count + step->make_count + step->after_count;
}

static void take_back_trail(Search *search)
{
    while (search->trail_count > 0)
        take_back(search->progress, search->trail[--search->trail_count]);
}

/* A ready node that is safe to execute at once; -1: there is none. *least: the lowest step that can follow. */
static int find_safe(Search *search, int64_t peak, int64_t *least)
{
    int candidate = -1;
    int64_t candidate_cost = INT64_MAX;
    *least = INT64_MAX;
    for (int node = next_ready(search, search->first); node < search->end; node = next_ready(search, node + 1)) {
        const int64_t cost = step_cost(search->progress, node);
        --search->work;
        *least = cost < *least ? cost : *least;
        if (cost >= candidate_cost || growth(search->progress, node) > 0)
            continue;
        candidate = node;
        candidate_cost = cost;
        if (cost <= peak)
            return node;
    }
    return candidate_cost == *least ? candidate : -1;
}

/* Executes what is safe. Returns the path's peak, or the ceiling when every way on leads there. */
static int64_t execute_safe(Search *search, int64_t peak)
{
    for (;;) {
        int64_t least;
        const int node = find_safe(search, peak, &least);
        if (least != INT64_MAX && least >= search->ceiling)
            return search->ceiling;
        if (node < 0)
            return peak;
        const int64_t cost = step_cost(search->progress, node);
        peak = cost > peak ? cost : peak;
        execute(search, node);
    }
}

/* Executes a ready node and what is safe behind it; returns the path's peak. */
static int64_t branch(Search *search, int64_t peak, int node)
{
    const int64_t cost = step_cost(search->progress, node);
    if (cost >= search->ceiling)
        return search->ceiling;
    execute(search, node);
    return execute_safe(search, cost > peak ? cost : peak);
}

/* Turns the state into that of the visit. Last nodes are taken back first, and first ones executed first: every set on the way
 * is closed, because the model's own order is one. */
static void go_to(Search *search, const Visit *visit)
{
    uint64_t *done = search->progress->done + search->first_word;
    for (int i = search->words - 1; i >= 0; --i)
        for (uint64_t extra = done[i] & ~visit->done[i]; extra != 0; extra = done[i] & ~visit->done[i]) {
            int bit = WORD_BITS - 1;
            while (!(extra >> bit & 1))
                --bit;
            take_back(search->progress, (search->first_word + i) * WORD_BITS + bit);
        }
    for (int i = 0; i < search->words; ++i)
        for (uint64_t missing = visit->done[i] & ~done[i]; missing != 0; missing = visit->done[i] & ~done[i]) {
            execute(search, (search->first_word + i) * WORD_BITS + lowest_bit(missing));
            search->trail_count = 0;
        }
    search->work -= search->words;
}

/* From one set to the next: `via` is -1 where nothing but what is safe was executed. */
static int64_t follow(Search *search, int64_t peak, int via)
{
    return via < 0 ? execute_safe(search, peak) : branch(search, peak, via);
}

/* The order that leads to the visit, by going the way again; returns its length. */
static int trace(Search *search, int visit, int *order)
{
    int count = 0, length = 0;
    for (int i = visit; i >= 0; i = search->visits[i].parent)
        ++length;
    int *path = arena_array(search->arena, (size_t)length, sizeof *path);
    for (int i = visit, k = length; i >= 0; i = search->visits[i].parent)
        path[--k] = i;
    for (int i = 1; i < length; ++i) {
        go_to(search, &search->visits[path[i - 1]]);
        follow(search, search->visits[path[i - 1]].peak, search->visits[path[i]].via);
        for (int k = 0; k < search->trail_count; ++k)
            order[count++] = search->trail[k];
        search->trail_count = 0;
    }
    return count;
}

/* Records the state at hand, nothing of the part done, then what is safe to do there; the visit to go on from, or -1 when
 * there is no way below the ceiling. */
static int record_root(Search *search, int64_t floor)
{
    const int root = record(search, floor, -1, -1, 0);
    const int64_t peak = execute_safe(search, floor);
    int visit = -1;
    if (peak < search->ceiling) {
        visit = record(search, peak, root, -1, search->trail_count);
        visit = visit < 0 ? root : visit;
    }
    take_back_trail(search);
    return visit;
}

/* ---------------------------------------------------------------- lowest first: exact */

static void expand(Search *search, int index)
{
    go_to(search, &search->visits[index]);
    const int64_t before = search->visits[index].peak;
    const int depth = search->visits[index].depth;
    for (int node = next_ready(search, search->first); node < search->end; node = next_ready(search, node + 1)) {
        const int64_t peak = branch(search, before, node);
        const int visit = peak < search->ceiling ? record(search, peak, index, node, depth + search->trail_count) : -1;
        take_back_trail(search);
        if (visit >= 0)
            push_open(search, visit);
    }
}

/* The visit of the whole part, by its lowest path; -1: there is none below the ceiling, or the budget is spent. *bound: no
 * order has a lower peak. */
static int search_lowest_first(Search *search, int root, int64_t *bound)
{
    push_open(search, root);
    while (search->open_count > 0) {
        const Open open = pop_open(search);
        if (search->visits[open.visit].peak < open.peak)
            continue; /* a lower path was found and followed since */
        *bound = open.peak;
        if (open.depth == search->end - search->first)
            return open.visit;
        if (search->work <= 0)
            return -1;
        expand(search, open.visit);
    }
    *bound = search->ceiling;
    return -1;
}

/* ---------------------------------------------------------------- a beam: what the budget allows */

/* By depth: the sets to go on from, `width` at most. */
typedef struct Beam {
    int *visits, *counts;
    int width;
} Beam;

static bool is_worse(const Visit *a, int64_t peak, int64_t live)
{
    return a->peak != peak ? a->peak > peak : a->live > live;
}

/* The place for a set of this depth: the next free one, or that of the worst; -1 when the set is no better. */
static int beam_place(const Search *search, const Beam *beam, int depth, int64_t peak)
{
    const int *row = beam->visits + (size_t)depth * (size_t)beam->width;
    if (beam->counts[depth] < beam->width)
        return beam->counts[depth];
    int worst = 0;
    for (int i = 1; i < beam->width; ++i)
        if (is_worse(&search->visits[row[i]], search->visits[row[worst]].peak, search->visits[row[worst]].live))
            worst = i;
    return is_worse(&search->visits[row[worst]], peak, search->progress->live) ? worst : -1;
}

/* A branch, and what it promises. */
typedef struct Choice {
    int64_t peak, live;
    int node;
} Choice;

/* The most promising ready nodes, best first, the model's order among equals; their number. */
static int choose(Search *search, int64_t before, Choice choices[BRANCHES])
{
    int count = 0;
    for (int node = next_ready(search, search->first); node < search->end; node = next_ready(search, node + 1)) {
        const int64_t cost = step_cost(search->progress, node);
        const Choice choice = {cost > before ? cost : before, growth(search->progress, node), node};
        --search->work;
        if (cost >= search->ceiling)
            continue;
        int place = count < BRANCHES ? count++ : BRANCHES;
        for (; place > 0; --place) {
            const Choice *left = &choices[place - 1];
            if (left->peak < choice.peak || (left->peak == choice.peak && left->live <= choice.live))
                break;
            if (place < BRANCHES)
                choices[place] = *left;
        }
        if (place < BRANCHES)
            choices[place] = choice;
    }
    return count;
}

static void widen(Search *search, const Beam *beam, int index)
{
    Choice choices[BRANCHES];
    go_to(search, &search->visits[index]);
    const int64_t before = search->visits[index].peak;
    const int depth = search->visits[index].depth, count = choose(search, before, choices);
    for (int i = 0; i < count; ++i) {
        const int64_t peak = branch(search, before, choices[i].node);
        const int reached = depth + search->trail_count;
        const int place = peak < search->ceiling ? beam_place(search, beam, reached, peak) : -1;
        const bool known = place >= 0 && find_visit(search) >= 0;
        const int visit = place >= 0 ? record(search, peak, index, choices[i].node, reached) : -1;
        take_back_trail(search);
        if (visit < 0 || known)
            continue;
        beam->visits[(size_t)reached * (size_t)beam->width + (size_t)place] = visit;
        beam->counts[reached] += place == beam->counts[reached];
    }
}

/* The deepest visit that the beam reaches within the budget, by the lowest of its paths; -1: it does not start. */
static int search_beam(Search *search, int root)
{
    const int count = search->end - search->first;
    Beam beam = {.width = BEAM_WORDS / count / search->words};
    beam.width = beam.width < 1 ? 1 : beam.width > WIDEST_BEAM ? WIDEST_BEAM
                                                               : beam.width;
    beam.visits = arena_array(search->arena, ((size_t)count + 1) * (size_t)beam.width, sizeof *beam.visits);
    beam.counts = arena_array(search->arena, (size_t)count + 1, sizeof *beam.counts);
    beam.visits[(size_t)search->visits[root].depth * (size_t)beam.width] = root;
    beam.counts[search->visits[root].depth] = 1;
    int deepest = root;
    for (int depth = 0; depth <= count; ++depth) {
        const int *row = beam.visits + (size_t)depth * (size_t)beam.width;
        for (int i = 0; i < beam.counts[depth]; ++i) {
            const Visit *best = &search->visits[deepest], *visit = &search->visits[row[i]];
            if (visit->depth > best->depth || is_worse(best, visit->peak, visit->live))
                deepest = row[i];
            if (depth < count && search->work > 0)
                widen(search, &beam, row[i]);
        }
    }
    return deepest;
}

/* ---------------------------------------------------------------- the part's order */

/* Executes the node of an order that is complete up to there; its cost. */
static int64_t step_on(Progress *progress, int node)
{
    const int64_t cost = step_cost(progress, node);
    perform(progress, node);
    return cost;
}

/* Nothing of the part is done. Adds the nodes that `order` lacks as the model has them; the peak of all, which are done then. */
static int64_t complete(Search *search, int *order, int count)
{
    int64_t peak = 0;
    for (int i = 0; i < count; ++i) {
        const int64_t cost = step_on(search->progress, order[i]);
        peak = cost > peak ? cost : peak;
    }
    for (int node = search->first; node < search->end; ++node) {
        if (has(search->progress->done, node))
            continue;
        const int64_t cost = step_on(search->progress, node);
        peak = cost > peak ? cost : peak;
        order[count++] = node;
    }
    return peak;
}

/* The visit's order, completed; its peak. Nothing of the part is done afterwards. */
static int64_t order_of(Search *search, int visit, int *order)
{
    const int count = trace(search, visit, order);
    go_to(search, &search->visits[0]);
    const int64_t peak = complete(search, order, count);
    go_to(search, &search->visits[0]);
    return peak;
}

static int64_t try_search(Search *search, bool exact, int64_t floor, int *order, int64_t *bound)
{
    const int root = record_root(search, floor);
    *bound = search->ceiling;
    if (root < 0)
        return search->ceiling;
    const int visit = exact ? search_lowest_first(search, root, bound) : search_beam(search, root);
    if (visit >= 0)
        return order_of(search, visit, order);
    go_to(search, &search->visits[0]);
    return search->ceiling;
}

int64_t search_order(Progress *progress, int first, int count, int64_t floor, int64_t ceiling, int64_t *work, int *order, int64_t *bound)
{
    Search search;
    int64_t peak = ceiling;
    for (int exact = 1; exact >= 0; --exact) {
        const int64_t share = *work / 2;
        int64_t beam_bound;
        search_start(&search, progress, first, count, ceiling, share);
        const int64_t found = try_search(&search, exact, floor, order, exact ? bound : &beam_bound);
        *work -= share - search.work;
        arena_free(search.arena);
        peak = found < peak ? found : peak;
        if (peak < ceiling || *bound >= ceiling)
            break;
    }
    return peak;
}

/* Whether `node` can be executed before `other`, which is next, without a step above the limit. `other` is not done, and stays so. */
static bool may_precede(Progress *progress, int node, int other, int64_t limit)
{
    if (!has(progress->ready, node) || step_cost(progress, node) > limit)
        return false;
    perform(progress, node);
    const bool fits = step_cost(progress, other) <= limit;
    take_back(progress, node);
    return fits;
}

void settle_order(Progress *progress, int count, int64_t limit, int *order)
{
    for (int i = 0; i < count; ++i) {
        const int node = order[i];
        int place = i;
        for (int moves = MOST_MOVES; place > 0 && moves > 0 && order[place - 1] > node; --moves, --place) {
            take_back(progress, order[place - 1]);
            if (!may_precede(progress, node, order[place - 1], limit)) {
                perform(progress, order[place - 1]);
                break;
            }
            order[place] = order[place - 1];
        }
        order[place] = node;
        for (int k = place; k <= i; ++k)
            perform(progress, order[k]);
    }
    for (int i = count - 1; i >= 0; --i)
        take_back(progress, order[i]);
}
