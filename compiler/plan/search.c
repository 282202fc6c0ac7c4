/* SPDX-License-Identifier: MIT
 *
 * Exact placement: a branch and bound over canonical solutions, in the manner of MiniMalloc (Moffitt, "MiniMalloc: A
 * Lightweight Memory Allocator for Hardware-Accelerated Machine Learning", ASPLOS 2023), with further rules of our own.
 *
 * A *section* is a maximal set of buffers that live together; two buffers meet if they share one. Every feasible placement
 * can be pressed down until each buffer rests on the floor or on another one, and then be built by placing buffers in
 * increasing (offset, rank), each at the lowest offset that the placed ones leave: `lowest`. The search walks that tree.
 * Every rule keeps one and the same solution S*: the feasible one that minimises the sum of weight * offset, where a
 * buffer's weight is its size times a positive function that falls with its rank. Lowering any buffer improves it, so S* is
 * canonical; and since all rules keep the same solution, they may be combined.
 *
 * Buffers that may overlap are *joined*: the upper one of the two starts at least a clearance above the lower one's offset,
 * where others must clear all its bytes. Clearances are never negative, so a placement still grows upwards; sums of sizes in
 * a section count what joined buffers can share only once.
 *
 * No clock takes part: the same problem and budget give the same placement on every machine.
 */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

enum { NOT_PLACED = -1,
    NEVER = INT32_MAX,
    LEAST_MEMO_BITS = 8,
    MOST_MEMO_BITS = 20 };

/* What ranks buffers, most important first; always descending. */
typedef enum Criterion { END_OF_CRITERIA,
    LOAD,
    LIFE,
    AREA,
    SECTIONS,
    START,
    CHANCE } Criterion;

typedef struct RankOrder {
    Criterion criteria[4];
    bool renewed; /* ranks are made anew from the unplaced loads whenever the problem falls apart */
} RankOrder;

static const RankOrder rank_orders[] = {
    {{LOAD, LIFE, AREA}, true}, {{LOAD, SECTIONS, AREA}, true}, {{LOAD, LIFE, SECTIONS}, true}, {{LOAD, AREA, LIFE}, false},
    {{LOAD, LIFE, START}, true}, {{LOAD, CHANCE}, true}, {{LOAD, SECTIONS, CHANCE}, true}, {{LOAD, LIFE, CHANCE}, true}};
/* The time to a solution is heavy-tailed, and which order is lucky cannot be told beforehand: long searches try more of them,
 * those with chance in several runs. */
enum { ORDER_COUNT = sizeof rank_orders / sizeof *rank_orders,
    SHORT_ORDER_COUNT = 4,
    FIRST_CHANCE = 5,
    LONG_RUN = 8000 };

typedef struct Neighbour {
    int32_t item;
    int32_t above; /* how far above this one's offset it starts, if it is the upper one */
    int32_t below; /* how far above its offset this one starts, if this is the upper one */
} Neighbour;

typedef struct Join {
    int32_t item, above, below; /* as in Neighbour */
    int32_t first, end; /* the sections that both are in */
    int32_t shared; /* the most bytes that both can have at once */
} Join;

typedef struct Item {
    int32_t size; /* in units of the sizes' greatest common divisor */
    int32_t first, end; /* sections, half-open */
    int64_t life; /* in steps */
    Neighbour *neighbours; /* buffers that it meets */
    int32_t neighbour_count;
    Join *joins; /* those that it may overlap */
    int32_t join_count;
    int32_t *twins; /* buffers with the same sections; none where there are joins */
    int32_t twin_count;
    int32_t rank, initial_rank;
    int64_t load; /* the largest load of its sections, for ranking */
    int32_t lowest; /* the lowest offset that the placed buffers leave */
    int32_t offset; /* or NOT_PLACED */
    int32_t effective; /* a lower bound of its offset in S*, at least `lowest` */
} Item;

/* Scratch per section. */
typedef struct Section {
    int64_t load, makespan;
    int32_t least_top, second_top, least_item;
    int32_t cover;
} Section;

typedef struct Search {
    Item *items;
    int32_t count;
    Section *sections;
    int32_t section_count;
    int64_t capacity;
    int64_t nodes, node_limit;
    const RankOrder *order;
    uint64_t *memo; /* hashes of states that are proved dead; survives restarts */
    int memo_bits;
    int64_t chance; /* which run of an order with CHANCE it is */
    uint64_t salt; /* what the ranks depend on */
} Search;

/* The last placement: buffers follow in increasing (offset, rank). */
typedef struct Last {
    int32_t offset, rank;
} Last;

static uint64_t mix(uint64_t x)
{
    x ^= x >> 31;
    x *= 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9u;
    return x ^ (x >> 32);
}

static void *allocate(size_t count, size_t bytes)
{
    void *memory = calloc(count > 0 ? count : 1, bytes);
    if (memory == NULL)
        fatal(EXIT_WORK_FAILED, "out of memory");
    return memory;
}

/* ---------------------------------------------------------------- the problem */

typedef struct Event {
    int32_t step, item;
    bool starts;
} Event;

static int by_step(const void *left, const void *right)
{
    const Event *a = left, *b = right;
    if (a->step != b->step)
        return a->step < b->step ? -1 : 1;
    if (a->starts != b->starts)
        return a->starts ? 1 : -1; /* lives are half-open: ends come first */
    return a->item - b->item;
}

/* A section closes at an end that follows a start: only maximal sets are kept. */
static void find_sections(Search *search, const PlannedBuffer *buffers)
{
    Event *events = allocate(2 * (size_t)search->count, sizeof *events);
    for (int32_t i = 0; i < search->count; ++i) {
        events[2 * i] = (Event){buffers[i].first, i, true};
        events[2 * i + 1] = (Event){buffers[i].last + 1, i, false};
    }
    qsort(events, 2 * (size_t)search->count, sizeof *events, by_step);
    bool open = false;
    for (int32_t k = 0; k < 2 * search->count; ++k) {
        Item *item = &search->items[events[k].item];
        if (events[k].starts) {
            item->first = search->section_count;
            open = true;
        } else {
            search->section_count += open;
            open = false;
            item->end = search->section_count;
        }
    }
    free(events);
}

static bool meet(const Item *a, const Item *b)
{
    return a->first < b->end && b->first < a->end;
}

static void find_neighbours(Search *search)
{
    Neighbour *met = allocate((size_t)search->count, sizeof *met);
    int32_t *twins = allocate((size_t)search->count, sizeof *twins);
    for (int32_t i = 0; i < search->count; ++i) {
        Item *item = &search->items[i];
        for (int32_t k = 0; k < search->count; ++k) {
            const Item *other = &search->items[k];
            if (k == i || !meet(item, other))
                continue;
            met[item->neighbour_count++] = (Neighbour){k, item->size, other->size};
            if (item->first == other->first && item->end == other->end && item->joins == NULL && other->joins == NULL)
                twins[item->twin_count++] = k;
        }
        item->neighbours = allocate((size_t)item->neighbour_count, sizeof *met);
        item->twins = allocate((size_t)item->twin_count, sizeof *twins);
        memcpy(item->neighbours, met, (size_t)item->neighbour_count * sizeof *met);
        memcpy(item->twins, twins, (size_t)item->twin_count * sizeof *twins);
    }
    free(met);
    free(twins);
}

/* ---------------------------------------------------------------- joins */

static void add_join(Search *search, const Separation *separation, int32_t shared, int64_t unit)
{
    const int32_t upper = separation->upper, lower = separation->lower;
    Item *a = &search->items[upper], *b = &search->items[lower];
    const int32_t first = a->first > b->first ? a->first : b->first, end = a->end < b->end ? a->end : b->end;
    const int32_t clearance = (int32_t)(separation->clearance / unit), reverse = (int32_t)(separation->reverse / unit);
    a->joins[a->join_count++] = (Join){lower, reverse, clearance, first, end, shared};
    b->joins[b->join_count++] = (Join){upper, clearance, reverse, first, end, shared};
}

/* The most bytes two buffers can have in common: with clearances a and b, the least span of both is
 * min(max(a + |upper|, |lower|), max(b + |lower|, |upper|)). */
int64_t shared_bytes(int64_t upper, int64_t lower, const Separation *separation)
{
    const int64_t above = separation->clearance + upper > lower ? separation->clearance + upper : lower;
    const int64_t below = separation->reverse + lower > upper ? separation->reverse + lower : upper;
    return upper + lower - (above < below ? above : below);
}

static void find_joins(Search *search, const Separation *separations, int count, int64_t unit)
{
    for (int k = 0; k < count; ++k) {
        ++search->items[separations[k].upper].join_count;
        ++search->items[separations[k].lower].join_count;
    }
    for (int32_t i = 0; i < search->count; ++i) {
        Item *item = &search->items[i];
        item->joins = item->join_count > 0 ? allocate((size_t)item->join_count, sizeof *item->joins) : NULL;
        item->join_count = 0;
    }
    for (int k = 0; k < count; ++k) {
        const Item *upper = &search->items[separations[k].upper], *lower = &search->items[separations[k].lower];
        const int64_t shared = shared_bytes(upper->size * unit, lower->size * unit, &separations[k]);
        add_join(search, &separations[k], (int32_t)(shared / unit), unit);
    }
}

static Neighbour *find_neighbour(const Item *item, int32_t index)
{
    Neighbour *neighbour = item->neighbours;
    while (neighbour->item != index)
        ++neighbour;
    return neighbour;
}

static void loosen_joined(Search *search)
{
    for (int32_t i = 0; i < search->count; ++i)
        for (int32_t k = 0; k < search->items[i].join_count; ++k) {
            const Join *join = &search->items[i].joins[k];
            find_neighbour(&search->items[i], join->item)->below = join->below;
            find_neighbour(&search->items[join->item], i)->above = join->below;
        }
}

static bool comes_before(const Item *a, const Item *b)
{
    if (a->effective != b->effective)
        return a->effective < b->effective;
    return a->rank != b->rank ? a->rank < b->rank : a < b;
}

/* What of the item's size the unplaced buffers that come before it cannot share. */
static int32_t unshared_size(const Search *search, const Item *item, int32_t section)
{
    int32_t size = item->size;
    for (int32_t k = 0; k < item->join_count; ++k) {
        const Join *join = &item->joins[k];
        const Item *other = &search->items[join->item];
        if (other->offset == NOT_PLACED && join->first <= section && section < join->end && comes_before(other, item))
            size -= join->shared;
    }
    return size > 0 ? size : 0;
}

static int64_t common_unit(const PlannedBuffer *buffers, int count, const Separation *separations, int separation_count)
{
    int64_t unit = 0;
    for (int i = 0; i < count; ++i)
        unit = greatest_common_divisor(unit, buffers[i].bytes);
    for (int k = 0; k < separation_count; ++k)
        unit = greatest_common_divisor(greatest_common_divisor(unit, separations[k].clearance), separations[k].reverse);
    return unit > 0 ? unit : 1;
}

static void search_open(Search *search, const PlannedBuffer *buffers, int count, const Separation *separations, int separation_count,
    int64_t unit)
{
    *search = (Search){.count = count, .items = allocate((size_t)count, sizeof(Item))};
    for (int i = 0; i < count; ++i) {
        search->items[i].size = (int32_t)(buffers[i].bytes / unit);
        search->items[i].life = buffers[i].last - buffers[i].first + 1;
    }
    find_sections(search, buffers);
    find_joins(search, separations, separation_count, unit);
    find_neighbours(search);
    loosen_joined(search);
    search->sections = allocate((size_t)search->section_count + 1, sizeof(Section));
    search->memo_bits = LEAST_MEMO_BITS;
    search->memo = allocate((size_t)1 << LEAST_MEMO_BITS, sizeof *search->memo);
}

static void search_close(Search *search)
{
    for (int32_t i = 0; i < search->count; ++i) {
        free(search->items[i].neighbours);
        free(search->items[i].joins);
        free(search->items[i].twins);
    }
    free(search->items);
    free(search->sections);
    free(search->memo);
}

/* ---------------------------------------------------------------- ranks */

static const Search *ranking; /* qsort has no context */

static int64_t criterion_value(const Item *item, Criterion criterion)
{
    switch (criterion) {
    case LOAD:
        return item->load;
    case LIFE:
        return item->life;
    case AREA:
        return item->life * item->size;
    case START:
        return item->first;
    case CHANCE:
        return (int64_t)(mix((uint64_t)(item - ranking->items) + (uint64_t)ranking->chance * 0x100000000u) >> 40);
    default:
        return item->end - item->first;
    }
}

static int by_criteria(const void *left, const void *right)
{
    const int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    for (const Criterion *criterion = ranking->order->criteria; *criterion != END_OF_CRITERIA; ++criterion) {
        const int64_t value_a = criterion_value(&ranking->items[a], *criterion);
        const int64_t value_b = criterion_value(&ranking->items[b], *criterion);
        if (value_a != value_b)
            return value_a > value_b ? -1 : 1;
    }
    return a - b;
}

static void section_range(const Search *search, const int32_t *list, int32_t count, int32_t *first, int32_t *end)
{
    *first = search->section_count;
    *end = 0;
    for (int32_t k = 0; k < count; ++k) {
        const Item *item = &search->items[list[k]];
        *first = item->first < *first ? item->first : *first;
        *end = item->end > *end ? item->end : *end;
    }
}

/* Ranks for the unplaced buffers of one part, from the loads that they make themselves. */
static void rank_part(Search *search, int32_t *list, int32_t count)
{
    int32_t first, end;
    section_range(search, list, count, &first, &end);
    for (int32_t s = first; s < end; ++s)
        search->sections[s].load = 0;
    for (int32_t k = 0; k < count; ++k)
        for (int32_t s = search->items[list[k]].first; s < search->items[list[k]].end; ++s)
            search->sections[s].load += unshared_size(search, &search->items[list[k]], s);
    for (int32_t k = 0; k < count; ++k) {
        Item *item = &search->items[list[k]];
        item->load = 0;
        for (int32_t s = item->first; s < item->end; ++s)
            item->load = search->sections[s].load > item->load ? search->sections[s].load : item->load;
    }
    ranking = search;
    qsort(list, (size_t)count, sizeof *list, by_criteria);
    for (int32_t k = 0; k < count; ++k)
        search->items[list[k]].rank = k;
}

/* ---------------------------------------------------------------- bounds */

/* Lifted to its place by a joined buffer at the same offset: it follows that one, whatever the ranks. */
static bool is_tied(const Search *search, const Item *item)
{
    for (int32_t k = 0; k < item->join_count; ++k)
        if (item->joins[k].below == 0 && search->items[item->joins[k].item].offset == item->lowest)
            return true;
    return false;
}

/* A *low* buffer comes before the last placement: in S* it cannot stay where it is, it will rest on one that is unplaced. */
static bool is_low(const Search *search, const Item *item, Last last)
{
    return item->lowest < last.offset || (item->lowest == last.offset && item->rank < last.rank && !is_tied(search, item));
}

/* The lowest place on top of an unplaced neighbour; none of those starts below `next`. NEVER: there is none. */
static int32_t support(const Search *search, const Item *item, int32_t next)
{
    int32_t best = NEVER;
    for (int32_t k = 0; k < item->neighbour_count; ++k) {
        const Item *other = &search->items[item->neighbours[k].item];
        if (other->offset != NOT_PLACED)
            continue;
        const int32_t top = (other->lowest > next ? other->lowest : next) + item->neighbours[k].below;
        best = top < best ? top : best;
    }
    return best;
}

/* Sets every item's `effective` from the support rule and the state's hash. False: the state is dead. */
static bool raise_low(Search *search, const int32_t *list, int32_t count, Last last, uint64_t *hash)
{
    int32_t next = NEVER; /* the next placement cannot start below the least offset that is not low */
    for (int32_t k = 0; k < count; ++k) {
        const Item *item = &search->items[list[k]];
        if (item->lowest < next && !is_low(search, item, last))
            next = item->lowest;
    }
    if (next == NEVER)
        return false;
    *hash = search->salt;
    for (int32_t k = 0; k < count; ++k) {
        Item *item = &search->items[list[k]];
        const bool low = is_low(search, item, last);
        *hash += mix((uint64_t)list[k] * 0xd6e8feb86659fd93u + (uint64_t)item->lowest * 2 + low);
        if (item->joins != NULL && is_tied(search, item))
            *hash += mix((uint64_t)list[k] + 0x7a1ed5u);
        item->effective = low ? support(search, item, next) : item->lowest;
        if (item->effective == NEVER || (int64_t)item->effective + item->size > search->capacity)
            return false;
    }
    return true;
}

/* How far above it another buffer starts at least. */
static int32_t least_clearance(const Item *item)
{
    int32_t least = item->size;
    for (int32_t k = 0; k < item->join_count; ++k)
        least = item->joins[k].above < least ? item->joins[k].above : least;
    return least;
}

static void collect_tops(Search *search, const int32_t *list, int32_t count, int32_t first, int32_t end)
{
    for (int32_t s = first; s < end; ++s)
        search->sections[s] = (Section){.least_top = NEVER, .second_top = NEVER, .least_item = -1};
    for (int32_t k = 0; k < count; ++k) {
        const Item *item = &search->items[list[k]];
        const int32_t top = item->effective + least_clearance(item);
        for (int32_t s = item->first; s < item->end; ++s) {
            Section *section = &search->sections[s];
            section->load += unshared_size(search, item, s);
            if (top < section->least_top) {
                section->second_top = section->least_top;
                section->least_top = top;
                section->least_item = list[k];
            } else if (top < section->second_top)
                section->second_top = top;
        }
    }
}

/* Not first: where a section's load does not fit above a buffer, the buffer is not that section's lowest, so it lies on
 * another one of it. Sets *changed. False: dead. */
static bool raise_not_first(Search *search, const int32_t *list, int32_t count, bool *changed)
{
    for (int32_t k = 0; k < count; ++k) {
        Item *item = &search->items[list[k]];
        int32_t effective = item->effective;
        for (int32_t s = item->first; s < item->end; ++s) {
            const Section *section = &search->sections[s];
            if (effective + section->load <= search->capacity)
                continue;
            const int32_t top = section->least_item == list[k] ? section->second_top : section->least_top;
            if (top == NEVER)
                return false;
            if (top > effective) {
                effective = top;
                *changed = true;
            }
        }
        item->effective = effective;
        if ((int64_t)effective + item->size > search->capacity)
            return false;
    }
    return true;
}

static void sort_by_effective(const Search *search, int32_t *list, int32_t count)
{
    for (int32_t k = 1; k < count; ++k) { /* nearly sorted already: the order hardly changes from node to node */
        const int32_t moved = list[k];
        int32_t position = k;
        for (; position > 0 && comes_before(&search->items[moved], &search->items[list[position - 1]]); --position)
            list[position] = list[position - 1];
        list[position] = moved;
    }
}

/* Per section: the makespan of one machine whose jobs are released at `effective`. False: it does not fit. */
static bool heads_fit(Search *search, const int32_t *list, int32_t count, int32_t first, int32_t end)
{
    for (int32_t s = first; s < end; ++s)
        search->sections[s].makespan = 0;
    for (int32_t k = 0; k < count; ++k) {
        const Item *item = &search->items[list[k]];
        for (int32_t s = item->first; s < item->end; ++s) {
            int64_t *makespan = &search->sections[s].makespan;
            *makespan = (*makespan > item->effective ? *makespan : item->effective) + unshared_size(search, item, s);
            if (*makespan > search->capacity)
                return false;
        }
    }
    return true;
}

static uint64_t *memo_slot(const Search *search, uint64_t hash)
{
    return &search->memo[(hash >> 8) & (((uint64_t)1 << search->memo_bits) - 1)];
}

static void grow_memo(Search *search)
{
    const size_t count = (size_t)1 << search->memo_bits;
    uint64_t *old = search->memo;
    search->memo = allocate(2 * count, sizeof *old);
    ++search->memo_bits;
    for (size_t i = 0; i < count; ++i)
        if (old[i] != 0)
            *memo_slot(search, old[i]) = old[i];
    free(old);
}

/* Grows rather than forget a state, up to its largest size: what it remembers does not depend on the size that it begins with. */
static void remember_dead(Search *search, uint64_t hash)
{
    const uint64_t state = hash | 1;
    while (search->memo_bits < MOST_MEMO_BITS && *memo_slot(search, state) != 0 && *memo_slot(search, state) != state)
        grow_memo(search);
    *memo_slot(search, state) = state;
}

/* False: proved that nothing below this state fits. Sorts the list by (effective, rank). */
static bool may_fit(Search *search, int32_t *list, int32_t count, Last last, uint64_t *hash)
{
    if (!raise_low(search, list, count, last, hash) || *memo_slot(search, *hash) == (*hash | 1))
        return false;
    int32_t first, end;
    section_range(search, list, count, &first, &end);
    bool changed = true;
    for (int round = 0; round < 2 && changed; ++round) {
        changed = false;
        collect_tops(search, list, count, first, end);
        if (!raise_not_first(search, list, count, &changed))
            return false;
    }
    sort_by_effective(search, list, count);
    return heads_fit(search, list, count, first, end);
}

/* ---------------------------------------------------------------- the tree */

static SearchResult visit(Search *search, int32_t *list, int32_t count, Last last);

/* Symmetries: of twins of one size the lower rank goes first; of two buffers with the same sections that lie directly on each
 * other, the lower rank lies below (swapping them would improve S*). */
static bool is_symmetric(const Search *search, const Item *item)
{
    for (int32_t k = 0; k < item->twin_count; ++k) {
        const Item *twin = &search->items[item->twins[k]];
        if (twin->offset == NOT_PLACED ? twin->size == item->size && twin->initial_rank < item->initial_rank
                                       : twin->offset + twin->size == item->lowest && twin->initial_rank > item->initial_rank)
            return true;
    }
    return false;
}

/* Where the next placement may start: not low, not lifted, and not above a place where another one would fit below. */
static int32_t find_candidates(const Search *search, const int32_t *list, int32_t count, Last last, int32_t *candidates)
{
    int32_t lid = NEVER, found = 0;
    for (int32_t k = 0; k < count; ++k) {
        const Item *item = &search->items[list[k]];
        lid = item->lowest + item->size < lid ? item->lowest + item->size : lid;
    }
    for (int32_t k = 0; k < count; ++k) {
        const Item *item = &search->items[list[k]];
        if (item->effective == item->lowest && !is_low(search, item, last) && item->lowest < lid && !is_symmetric(search, item))
            candidates[found++] = list[k];
    }
    return found;
}

typedef struct Part {
    int32_t start, count; /* in the list that is sorted by parts */
} Part;

static int by_part_size(const void *left, const void *right)
{
    const Part *a = left, *b = right;
    return a->count != b->count ? a->count - b->count : a->start - b->start;
}

/* Sorts `list` into parts that share no section; returns their number. */
static int32_t find_parts(Search *search, const int32_t *list, int32_t count, int32_t *sorted, Part *parts)
{
    int32_t first, end, open = 0, part_count = 0;
    section_range(search, list, count, &first, &end);
    for (int32_t s = first; s < end; ++s)
        search->sections[s].cover = 0;
    for (int32_t k = 0; k < count; ++k) {
        ++search->sections[search->items[list[k]].first].cover;
        --search->sections[search->items[list[k]].end - 1].cover;
    }
    for (int32_t s = first; s < end; ++s) { /* a section's cover becomes the number of its part */
        open += search->sections[s].cover;
        search->sections[s].cover = part_count;
        part_count += open == 0;
    }
    memset(parts, 0, (size_t)part_count * sizeof *parts);
    for (int32_t k = 0; k < count; ++k)
        ++parts[search->sections[search->items[list[k]].first].cover].count;
    for (int32_t p = 1; p < part_count; ++p)
        parts[p].start = parts[p - 1].start + parts[p - 1].count;
    for (int32_t p = 0; p < part_count; ++p)
        parts[p].count = 0;
    for (int32_t k = 0; k < count; ++k) {
        Part *part = &parts[search->sections[search->items[list[k]].first].cover];
        sorted[part->start + part->count++] = list[k];
    }
    return part_count;
}

/* One part on its own, with ranks of its own where the order says so. */
static SearchResult visit_part(Search *search, const int32_t *members, int32_t count, Last last)
{
    int32_t *list = allocate(2 * (size_t)count, sizeof *list), *ranks = list + count;
    const uint64_t salt = search->salt;
    memcpy(list, members, (size_t)count * sizeof *list);
    for (int32_t k = 0; k < count; ++k)
        ranks[k] = search->items[members[k]].rank;
    if (search->order->renewed) {
        for (int32_t k = 0; k < count; ++k)
            search->salt += mix((uint64_t)list[k] + 0x51ed270bu);
        search->salt = mix(search->salt);
        rank_part(search, list, count);
        last.rank = 0;
    }
    const SearchResult result = visit(search, list, count, last);
    for (int32_t k = 0; k < count; ++k)
        search->items[members[k]].rank = ranks[k];
    search->salt = salt;
    free(list);
    return result;
}

/* Parts are independent: the smallest first, since it fails soonest. */
static SearchResult visit_parts(Search *search, int32_t *list, int32_t count, Last last)
{
    if (count < 2)
        return visit(search, list, count, last);
    int32_t *sorted = allocate(2 * (size_t)count, sizeof *sorted), *lowest = sorted + count;
    Part *parts = allocate((size_t)search->section_count + 1, sizeof *parts); /* sections between parts make empty ones */
    const int32_t part_count = find_parts(search, list, count, sorted, parts);
    SearchResult result = SEARCH_FITS;
    if (part_count == 1)
        result = visit(search, list, count, last);
    else {
        for (int32_t k = 0; k < count; ++k)
            lowest[k] = search->items[sorted[k]].lowest;
        qsort(parts, (size_t)part_count, sizeof *parts, by_part_size);
        int32_t done = 0;
        for (; done < part_count; ++done) {
            result = visit_part(search, sorted + parts[done].start, parts[done].count, last);
            if (result != SEARCH_FITS)
                break;
        }
        for (int32_t p = 0; result != SEARCH_FITS && p < done; ++p)
            for (int32_t k = parts[p].start; k < parts[p].start + parts[p].count; ++k) {
                search->items[sorted[k]].offset = NOT_PLACED;
                search->items[sorted[k]].lowest = lowest[k];
            }
    }
    free(sorted);
    free(parts);
    return result;
}

typedef struct Raised {
    int32_t item, lowest;
} Raised;

/* Lifts the unplaced neighbours above the new placement, remembering what they had. */
static int32_t raise_neighbours(Search *search, const Item *item, Raised *raised, bool *meets_unplaced)
{
    int32_t count = 0;
    *meets_unplaced = false;
    for (int32_t k = 0; k < item->neighbour_count; ++k) {
        const Neighbour *neighbour = &item->neighbours[k];
        Item *other = &search->items[neighbour->item];
        if (other->offset != NOT_PLACED)
            continue;
        *meets_unplaced = true;
        const int32_t top = item->lowest + neighbour->above;
        if (other->lowest < top) {
            raised[count++] = (Raised){neighbour->item, other->lowest};
            other->lowest = top;
        }
    }
    return count;
}

static int32_t list_without(const int32_t *list, int32_t count, int32_t removed, int32_t *rest)
{
    int32_t kept = 0;
    for (int32_t k = 0; k < count; ++k)
        if (list[k] != removed)
            rest[kept++] = list[k];
    return kept;
}

static SearchResult visit(Search *search, int32_t *list, int32_t count, Last last)
{
    if (count == 0)
        return SEARCH_FITS;
    if (search->nodes >= search->node_limit)
        return SEARCH_BUDGET_SPENT;
    ++search->nodes;
    uint64_t hash = 0;
    if (!may_fit(search, list, count, last, &hash))
        return SEARCH_INFEASIBLE;
    int32_t *candidates = allocate(2 * (size_t)count, sizeof *candidates), *rest = candidates + count;
    Raised *raised = allocate((size_t)count, sizeof *raised);
    const int32_t found = find_candidates(search, list, count, last, candidates);
    SearchResult result = SEARCH_INFEASIBLE;
    for (int32_t k = 0; k < found; ++k) {
        Item *item = &search->items[candidates[k]];
        bool meets_unplaced;
        const int32_t raised_count = raise_neighbours(search, item, raised, &meets_unplaced);
        item->offset = item->lowest;
        const int32_t rest_count = list_without(list, count, candidates[k], rest);
        result = visit_parts(search, rest, rest_count, (Last){item->offset, item->rank});
        if (result == SEARCH_FITS)
            break;
        item->offset = NOT_PLACED;
        for (int32_t r = 0; r < raised_count; ++r)
            search->items[raised[r].item].lowest = raised[r].lowest;
        /* What it does not touch failed without it, too: its siblings cannot help. */
        if (result == SEARCH_BUDGET_SPENT || !meets_unplaced)
            break;
    }
    free(candidates);
    free(raised);
    if (result == SEARCH_INFEASIBLE)
        remember_dead(search, hash);
    return result;
}

/* ---------------------------------------------------------------- restarts */

static SearchResult search_once(Search *search, int order, int64_t node_limit)
{
    int32_t *list = allocate((size_t)search->count, sizeof *list);
    for (int32_t i = 0; i < search->count; ++i) {
        list[i] = i;
        search->items[i].lowest = 0;
        search->items[i].offset = NOT_PLACED;
    }
    search->order = &rank_orders[order];
    search->nodes = 0;
    search->node_limit = node_limit;
    rank_part(search, list, search->count);
    for (int32_t i = 0; i < search->count; ++i)
        search->items[i].initial_rank = search->items[i].rank;
    search->salt = mix((uint64_t)order * 131 + (uint64_t)search->chance * 0x9e3779b97f4a7c15u + (uint64_t)search->capacity * 0x1000193u);
    const SearchResult result = visit_parts(search, list, search->count, (Last){0, 0});
    free(list);
    return result;
}

/* Runs of one order, up to `limit` nodes in all. */
static SearchResult search_order(Search *search, int order, int64_t limit, int64_t *nodes_left)
{
    static const int parts[] = {8, 8, 8, 8, 2}; /* of the limit */
    const bool whole = order < FIRST_CHANCE;
    SearchResult result = SEARCH_BUDGET_SPENT;
    for (int run = 0; run < (whole ? 1 : 5) && result == SEARCH_BUDGET_SPENT && *nodes_left > 0; ++run) {
        const int64_t share = whole ? limit : limit / parts[run];
        search->chance = whole ? 0 : limit * 8 + run;
        result = search_once(search, order, share < *nodes_left ? share : *nodes_left);
        *nodes_left -= search->nodes;
    }
    return result;
}

SearchResult search_placement(PlannedBuffer *buffers, int count, int64_t capacity, int64_t *nodes_left)
{
    return search_separated(buffers, count, NULL, 0, capacity, nodes_left);
}

SearchResult search_separated(PlannedBuffer *buffers, int count, const Separation *separations, int separation_count, int64_t capacity,
    int64_t *nodes_left)
{
    const int64_t unit = common_unit(buffers, count, separations, separation_count);
    if (capacity / unit > INT32_MAX / 4)
        return SEARCH_BUDGET_SPENT;
    Search search;
    search_open(&search, buffers, count, separations, separation_count, unit);
    search.capacity = capacity / unit;
    SearchResult result = SEARCH_BUDGET_SPENT;
    /* Every order gets a short run, then each of them twice as much: a lucky order is found early, a proof in the end. */
    for (int64_t limit = 2 * (int64_t)count; result == SEARCH_BUDGET_SPENT && *nodes_left > 0; limit *= 2)
        for (int order = 0; order < (limit < LONG_RUN ? SHORT_ORDER_COUNT : ORDER_COUNT) && result == SEARCH_BUDGET_SPENT && *nodes_left > 0; ++order)
            result = search_order(&search, order, limit, nodes_left);
    for (int i = 0; result == SEARCH_FITS && i < count; ++i)
        buffers[i].offset = search.items[i].offset * unit;
    search_close(&search);
    return result;
}
