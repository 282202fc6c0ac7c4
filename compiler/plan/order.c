/* SPDX-License-Identifier: MIT
 *
 * The order of execution: the main graph's nodes are put into an order with the least sum of live bytes. The graph becomes a
 * problem of nodes and groups of bytes; nodes that every other node comes before or after cut it into parts; a part whose peak
 * stands out is searched (order_search.c). The new order is taken only where the planner's bound for the arena falls by it.
 *
 * requires selected kernels, for their scratch; sets the model's order figures; breaks positions in graph->nodes and the plan.
 */
#include "order.h"
#include "plan.h"
#include "rows.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- groups of bytes */

typedef struct Edge {
    int from, to;
} Edge;

/* What a graph becomes while the problem is made of it; tensors by their index. */
typedef struct Draft {
    Arena *arena;
    const Graph *graph;
    int *onto; /* joined with this tensor; itself: the root of a group */
    StorageKind *storage; /* roots */
    bool *kept, *begun; /* roots */
    int *readers; /* roots: nodes that read a member */
    int *stamp; /* roots: the last node that has seen it */
    int *group; /* roots: number in the problem + 1; 0: its bytes are none of the arena's */
    int *producer; /* node + 1 */
    int *writer; /* states: the last node that wrote it + 1 */
    int *reading; /* states: the first of the list of those that read it since, + 1 */
    Edge *edges;
    int edge_count, edge_capacity;
    Edge *state_readers; /* lists: from is the node, to the next entry + 1 */
    int state_reader_count, state_reader_capacity;
} Draft;

/* -1: no tensor of this graph. A region's nodes may use the model's states. */
static int root_of(const Draft *draft, const Tensor *tensor)
{
    const Graph *graph = draft->graph;
    if (tensor == NULL || tensor->index >= graph->tensor_count || graph->tensors[tensor->index] != tensor)
        return -1;
    int root = tensor->index;
    while (draft->onto[root] != root)
        root = draft->onto[root];
    return root;
}

static StorageKind storage_of(const Tensor *tensor, bool input_in_arena)
{
    switch (tensor->kind) {
    case TENSOR_CONSTANT:
        return STORAGE_CONSTANT;
    case TENSOR_STATE:
        return STORAGE_STATE;
    case TENSOR_INPUT:
        return input_in_arena ? STORAGE_ARENA : STORAGE_INPUT;
    default:
        return STORAGE_ARENA;
    }
}

static void assign_storage(Draft *draft, bool is_main, bool io_in_arena)
{
    const Graph *graph = draft->graph;
    for (int i = 0; i < graph->tensor_count; ++i) {
        draft->onto[i] = i;
        draft->storage[i] = storage_of(graph->tensors[i], is_main && io_in_arena);
    }
    for (int i = 0; i < graph->output_count; ++i) {
        if (is_main && !io_in_arena)
            draft->storage[graph->outputs[i]->index] = STORAGE_OUTPUT;
        else
            draft->kept[graph->outputs[i]->index] = true;
    }
}

static void join(Draft *draft, int root, int onto)
{
    draft->onto[root] = onto;
    draft->kept[onto] |= draft->kept[root];
    draft->readers[onto] += draft->readers[root];
}

/* As plan/liveness.c does: a view of what is not in the arena copies it into an output. */
static void join_views(Draft *draft)
{
    for (int i = 0; i < draft->graph->node_count; ++i) {
        const Node *node = draft->graph->nodes[i];
        if (!(node_operator(node)->traits & TRAIT_VIEW) || tensor_bytes(node->inputs[0]) != tensor_bytes(node->outputs[0]))
            continue;
        const int in = root_of(draft, node->inputs[0]), out = root_of(draft, node->outputs[0]);
        if (in == out || in < 0)
            continue;
        if (draft->storage[out] == STORAGE_ARENA)
            join(draft, out, in);
        else if (draft->storage[out] == STORAGE_OUTPUT && draft->storage[in] == STORAGE_ARENA)
            join(draft, in, out);
    }
}

/* The group of operand `index` that the node has not seen before; -1: it has, or there is none. */
static int unseen(Draft *draft, const Tensor *tensor, int stamp)
{
    const int root = root_of(draft, tensor);
    if (root < 0 || draft->stamp[root] == stamp)
        return -1;
    draft->stamp[root] = stamp;
    return root;
}

static void count_readers(Draft *draft)
{
    for (int i = 0; i < draft->graph->node_count; ++i) {
        const Node *node = draft->graph->nodes[i];
        for (int k = 0; k < node->input_count; ++k) {
            const int root = unseen(draft, node->inputs[k], i + 1);
            if (root >= 0)
                ++draft->readers[root];
        }
    }
}

/* The node's output may lie on this operand, if that ends there. */
static bool can_overwrite(const Draft *draft, const Node *node, const Tensor *input)
{
    const Tensor *output = node->outputs[0];
    const int root = root_of(draft, input);
    if (!(node_operator(node)->traits & TRAIT_IN_PLACE) || root < 0)
        return false;
    return tensor_elements(input) == tensor_elements(output) && dtype_bits(input->dtype) == dtype_bits(output->dtype) &&
           draft->storage[root] == STORAGE_ARENA && !draft->kept[root];
}

/* What is updated in place to become an output lies in the caller's bytes from its beginning. */
static void join_outputs(Draft *draft)
{
    for (int i = draft->graph->node_count - 1; i >= 0; --i) {
        const Node *node = draft->graph->nodes[i];
        const int out = node->output_count > 0 ? root_of(draft, node->outputs[0]) : -1;
        if (out < 0 || draft->storage[out] != STORAGE_OUTPUT)
            continue;
        for (int k = 0; k < node->input_count; ++k) {
            if (!can_overwrite(draft, node, node->inputs[k]))
                continue;
            const int in = root_of(draft, node->inputs[k]);
            if (draft->readers[in] == 1)
                join(draft, in, out);
            break;
        }
    }
}

static int64_t planned_bytes(const Tensor *tensor)
{
    const int64_t alignment = dtype_bits(tensor->dtype) == 64 ? 8 : 4;
    return (tensor_bytes(tensor) + alignment - 1) / alignment * alignment;
}

static void number_groups(Draft *draft, OrderProblem *problem)
{
    problem->groups = arena_array(draft->arena, (size_t)draft->graph->tensor_count, sizeof *problem->groups);
    for (int i = 0; i < draft->graph->tensor_count; ++i) {
        const Tensor *tensor = draft->graph->tensors[i];
        if (draft->onto[i] != i || draft->storage[i] != STORAGE_ARENA || tensor_bytes(tensor) == 0)
            continue;
        OrderGroup *group = &problem->groups[problem->group_count++];
        *group = (OrderGroup){.bytes = planned_bytes(tensor), .readers = draft->readers[i], .kept = draft->kept[i]};
        draft->group[i] = problem->group_count;
        draft->begun[i] = tensor->kind == TENSOR_INPUT;
        if (draft->begun[i] && (group->readers > 0 || group->kept))
            problem->live += group->bytes;
    }
}

/* ---------------------------------------------------------------- what waits for what */

static void add_edge(Draft *draft, int from, int to)
{
    ARENA_PUSH(draft->arena, draft->edges, draft->edge_count, draft->edge_capacity);
    draft->edges[draft->edge_count++] = (Edge){from, to};
}

static void read_state(Draft *draft, int state, int node)
{
    if (draft->writer[state] > 0)
        add_edge(draft, draft->writer[state] - 1, node);
    ARENA_PUSH(draft->arena, draft->state_readers, draft->state_reader_count, draft->state_reader_capacity);
    draft->state_readers[draft->state_reader_count++] = (Edge){node, draft->reading[state]};
    draft->reading[state] = draft->state_reader_count;
}

static void write_state(Draft *draft, int state, int node)
{
    for (int i = draft->reading[state]; i > 0; i = draft->state_readers[i - 1].to)
        add_edge(draft, draft->state_readers[i - 1].from, node);
    draft->reading[state] = 0;
    draft->writer[state] = node + 1;
}

static bool uses_state(const Node *node)
{
    for (int i = 0; i < node->input_count; ++i)
        if (node->inputs[i] != NULL && node->inputs[i]->kind == TENSOR_STATE)
            return true;
    return (node_operator(node)->traits & TRAIT_EFFECT) != 0;
}

/* In its regions. */
static bool has_states(const Node *node)
{
    for (int k = 0; k < node->region_count; ++k) {
        const Graph *region = node->regions[k];
        for (int i = 0; i < region->node_count; ++i)
            if (uses_state(region->nodes[i]) || has_states(region->nodes[i]))
                return true;
    }
    return false;
}

/* Effects keep their order, and whoever reads a state stays between the same two writers of it. A region with states may touch
 * them all. */
static void order_effects(Draft *draft)
{
    const Graph *graph = draft->graph;
    int effect = -1;
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        const bool touches_all = has_states(node);
        const bool writes = touches_all || ((node_operator(node)->traits & TRAIT_EFFECT) && node->op != OP_READ_STATE);
        for (int k = 0; k < node->input_count; ++k) {
            const int root = root_of(draft, node->inputs[k]);
            if (root >= 0 && draft->storage[root] == STORAGE_STATE)
                writes ? write_state(draft, root, i) : read_state(draft, root, i);
        }
        for (int k = 0; touches_all && k < graph->tensor_count; ++k)
            if (draft->storage[k] == STORAGE_STATE && draft->onto[k] == k)
                write_state(draft, k, i);
        if (writes && effect >= 0)
            add_edge(draft, effect, i);
        effect = writes ? i : effect;
    }
}

static void order_data(Draft *draft)
{
    for (int i = 0; i < draft->graph->node_count; ++i) {
        const Node *node = draft->graph->nodes[i];
        for (int k = 0; k < node->input_count; ++k)
            if (root_of(draft, node->inputs[k]) >= 0 && draft->producer[node->inputs[k]->index] > 0)
                add_edge(draft, draft->producer[node->inputs[k]->index] - 1, i);
        for (int k = 0; k < node->output_count; ++k)
            if (root_of(draft, node->outputs[k]) >= 0)
                draft->producer[node->outputs[k]->index] = i + 1;
    }
}

static void link_nodes(Draft *draft, OrderProblem *problem)
{
    order_data(draft);
    order_effects(draft);
    for (int i = 0; i < draft->edge_count; ++i) {
        ++problem->nodes[draft->edges[i].from].after_count;
        ++problem->nodes[draft->edges[i].to].before_count;
    }
    int *after = arena_array(draft->arena, (size_t)draft->edge_count, sizeof *after);
    for (int i = 0; i < problem->count; ++i) {
        problem->nodes[i].after = after;
        after += problem->nodes[i].after_count;
        problem->nodes[i].after_count = 0;
    }
    for (int i = 0; i < draft->edge_count; ++i) {
        OrderNode *node = &problem->nodes[draft->edges[i].from];
        node->after[node->after_count++] = draft->edges[i].to;
    }
}

/* ---------------------------------------------------------------- what nodes cost */

static int64_t region_peak(Arena *arena, const Graph *region);

static int64_t inner_bytes(Arena *arena, const Node *node)
{
    int64_t bytes = 0;
    for (int k = 0; k < node->region_count; ++k) {
        const int64_t peak = region_peak(arena, node->regions[k]);
        bytes = peak > bytes ? peak : bytes;
    }
    for (int i = 0; node->facts != NULL && i < node->facts->count; ++i)
        if (node->facts->facts[i].kind == FACT_SCRATCH && node->facts->facts[i].tensor != NULL)
            bytes += planned_bytes(node->facts->facts[i].tensor);
    return bytes;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The forms of the node's kernel: the least scratch, and what the best of them saves by running over an input that ends here. */
static void weigh_forms(Draft *draft, const OrderProblem *problem, const Node *node, OrderNode *step)
{
    KernelForm forms[MAX_FORMS];
    const int count = overlap_forms(node, forms), root = count > 0 ? root_of(draft, node->inputs[0]) : -1;
    if (count == 0)
        return;
    const int64_t input = root >= 0 && draft->group[root] > 0 ? problem->groups[draft->group[root] - 1].bytes : 0;
    int64_t together = INT64_MAX;
    for (int i = 0; i < count; ++i) {
        if (!form_is_allowed(node, &forms[i]))
            continue;
        const int64_t scratch = form_scratch(node, &forms[i]), distance = (overlap_distance(node, &forms[i]) + 3) / 4 * 4;
        const int64_t span = larger(larger(input, step->made), distance + (forms[i].backwards ? step->made : input));
        step->inner = scratch < step->inner ? scratch : step->inner;
        together = span + scratch < together ? span + scratch : together;
    }
    if (input > 0 && together < input + step->made + step->inner)
        step->overwrites[step->overwrite_count++] = (Overwrite){draft->group[root] - 1, input + step->made + step->inner - together};
}

/* All that a chain keeps while it is executed row by row is alive at once: windows, rows and the scratch of its kernels. */
static int64_t bytes_of_rows(const Node *rows)
{
    int64_t bytes = 0;
    for (int i = 0; i < rows->rows->count; ++i) {
        const Node *node = rows->regions[0]->nodes[i];
        for (int k = 0; k < node->input_count; ++k)
            if (node->inputs[k] != NULL && node->inputs[k]->kind == TENSOR_INPUT && !node->inputs[k]->is_row)
                bytes += planned_bytes(node->inputs[k]);
        if (!node->outputs[0]->is_row)
            bytes += planned_bytes(node->outputs[0]);
        const KernelForm plain = {0}, lean = {.lean = true};
        const int64_t most = form_scratch(node, &plain), least = form_is_allowed(node, &lean) ? form_scratch(node, &lean) : most;
        bytes += least < most ? least : most;
    }
    return bytes;
}

/* Its output may run over any operand that ends here. */
static void weigh_rows(Draft *draft, const OrderProblem *problem, const Node *node, OrderNode *step)
{
    step->inner = bytes_of_rows(node);
    for (int k = 0; k < node->input_count; ++k) {
        const int root = root_of(draft, node->inputs[k]);
        const int64_t distance = rows_distance(node, k);
        if (root < 0 || draft->group[root] == 0 || draft->kept[root] || distance == INT64_MAX)
            continue;
        const int64_t input = problem->groups[draft->group[root] - 1].bytes;
        const int64_t span = larger(larger(input, step->made), (distance + 3) / 4 * 4 + input);
        if (span < input + step->made)
            step->overwrites[step->overwrite_count++] = (Overwrite){draft->group[root] - 1, input + step->made - span};
    }
}

static void weigh_node(Draft *draft, OrderProblem *problem, int index)
{
    const Node *node = draft->graph->nodes[index];
    OrderNode *step = &problem->nodes[index];
    const int stamp = -1 - index;
    step->reads = arena_array(draft->arena, (size_t)node->input_count, sizeof *step->reads);
    step->overwrites = arena_array(draft->arena, (size_t)node->input_count + 1, sizeof *step->overwrites);
    step->makes = arena_array(draft->arena, (size_t)node->output_count, sizeof *step->makes);
    for (int k = 0; k < node->input_count; ++k) {
        const int root = unseen(draft, node->inputs[k], stamp);
        if (root >= 0 && draft->group[root] > 0)
            step->reads[step->read_count++] = draft->group[root] - 1;
    }
    for (int k = 0; k < node->output_count; ++k) {
        const int root = root_of(draft, node->outputs[k]);
        if (root < 0 || draft->group[root] == 0 || draft->begun[root])
            continue;
        draft->begun[root] = true;
        step->makes[step->make_count++] = draft->group[root] - 1;
        step->made += problem->groups[draft->group[root] - 1].bytes;
    }
    if (node->op == OP_ROWS) {
        weigh_rows(draft, problem, node, step);
        return;
    }
    step->inner = inner_bytes(draft->arena, node);
    if (step->make_count == 0)
        return;
    for (int k = 0; k < node->input_count; ++k)
        if (can_overwrite(draft, node, node->inputs[k]))
            step->overwrites[step->overwrite_count++] = (Overwrite){draft->group[root_of(draft, node->inputs[k])] - 1, step->made};
    if (step->overwrite_count == 0)
        weigh_forms(draft, problem, node, step);
}

static OrderProblem *problem_of(Arena *arena, const Graph *graph, bool is_main, bool io_in_arena)
{
    const size_t tensors = (size_t)graph->tensor_count;
    Draft draft = {
        .arena = arena,
        .graph = graph,
        .onto = arena_array(arena, tensors, sizeof *draft.onto),
        .storage = arena_array(arena, tensors, sizeof *draft.storage),
        .kept = arena_array(arena, tensors, sizeof *draft.kept),
        .begun = arena_array(arena, tensors, sizeof *draft.begun),
        .readers = arena_array(arena, tensors, sizeof *draft.readers),
        .stamp = arena_array(arena, tensors, sizeof *draft.stamp),
        .group = arena_array(arena, tensors, sizeof *draft.group),
        .producer = arena_array(arena, tensors, sizeof *draft.producer),
        .writer = arena_array(arena, tensors, sizeof *draft.writer),
        .reading = arena_array(arena, tensors, sizeof *draft.reading),
    };
    OrderProblem *problem = arena_alloc(arena, sizeof *problem);
    problem->count = graph->node_count;
    problem->nodes = arena_array(arena, (size_t)graph->node_count, sizeof *problem->nodes);
    assign_storage(&draft, is_main, io_in_arena);
    join_views(&draft);
    count_readers(&draft);
    if (is_main && !io_in_arena)
        join_outputs(&draft);
    number_groups(&draft, problem);
    for (int i = 0; i < graph->node_count; ++i)
        weigh_node(&draft, problem, i);
    link_nodes(&draft, problem);
    return problem;
}

static int64_t region_peak(Arena *arena, const Graph *region)
{
    Progress *progress = progress_new(arena, problem_of(arena, region, false, false));
    int64_t peak = progress->live;
    for (int i = 0; i < region->node_count; ++i) {
        const int64_t cost = step_cost(progress, i);
        peak = cost > peak ? cost : peak;
        perform(progress, i);
    }
    return peak;
}

/* ---------------------------------------------------------------- parts */

/* Nodes between two cuts. A cut is a node that all others come before or after in every order. */
typedef struct Part {
    int first, count;
    int64_t own; /* peak in the model's order */
    int64_t bound; /* no order goes below it */
} Part;

typedef struct Parts {
    Part *list;
    int count;
    int64_t cut_peak; /* of the cuts' own steps */
} Parts;

/* cuts[i]: all nodes before i lead to it, and it leads to all nodes behind. */
static void find_cuts(const OrderProblem *problem, Arena *arena, bool *cuts)
{
    const int count = problem->count;
    int *first_after = arena_array(arena, (size_t)count, sizeof *first_after);
    int *last_before = arena_array(arena, (size_t)count, sizeof *last_before);
    for (int i = 0; i < count; ++i) {
        first_after[i] = count;
        last_before[i] = -1;
    }
    for (int i = 0; i < count; ++i)
        for (int k = 0; k < problem->nodes[i].after_count; ++k) {
            const int to = problem->nodes[i].after[k];
            first_after[i] = to < first_after[i] ? to : first_after[i];
            last_before[to] = i > last_before[to] ? i : last_before[to];
        }
    int reach = -1;
    for (int i = 0; i < count; ++i) {
        cuts[i] = reach <= i;
        reach = first_after[i] > reach ? first_after[i] : reach;
    }
    reach = count;
    for (int i = count - 1; i >= 0; --i) {
        cuts[i] = reach >= i && cuts[i];
        reach = last_before[i] < reach ? last_before[i] : reach;
    }
}

/* requires nothing done; leaves everything done */
static Parts find_parts(Progress *progress, Arena *arena)
{
    const int count = progress->problem->count;
    bool *cuts = arena_array(arena, (size_t)count, sizeof *cuts);
    Parts parts = {.list = arena_array(arena, (size_t)count, sizeof *parts.list)};
    find_cuts(progress->problem, arena, cuts);
    for (int i = 0; i < count; ++i) {
        const int64_t cost = step_cost(progress, i);
        perform(progress, i);
        if (cuts[i]) {
            parts.cut_peak = cost > parts.cut_peak ? cost : parts.cut_peak;
            continue;
        }
        if (i == 0 || cuts[i - 1])
            parts.list[parts.count++].first = i;
        Part *part = &parts.list[parts.count - 1];
        ++part->count;
        part->own = cost > part->own ? cost : part->own;
    }
    return parts;
}

/* By the model's order, of which *at nodes are done, to where `to` are. */
static void move(Progress *progress, int *at, int to)
{
    for (; *at > to; --*at)
        take_back(progress, *at - 1);
    for (; *at < to; ++*at)
        perform(progress, *at);
}

/* ---------------------------------------------------------------- a bound */

enum { WORD_BITS = 64,
    MOST_RELATED = 4096 };

/* What must come before what in a part, and which bytes must be alive at each of its nodes. Rows of bits, one per node. */
typedef struct Relations {
    const Progress *progress;
    const Part *part;
    size_t words;
    uint64_t *before, *behind; /* by node */
    uint64_t *made, *needed; /* by group: nodes at which it must have begun, must not have ended */
    int *left; /* by group: readers behind the part */
    int *number; /* of the problem's groups: number here + 1 */
    int *groups; /* back again */
    int group_count;
} Relations;

static uint64_t *row_of(const Relations *relations, uint64_t *rows, int index)
{
    return rows + (size_t)index * relations->words;
}

static void set_bit(uint64_t *row, int index)
{
    row[index / WORD_BITS] |= (uint64_t)1 << (index % WORD_BITS);
}

/* a and everything that `more` and `index` stand for */
static void include(const Relations *relations, uint64_t *row, const uint64_t *more, int index)
{
    for (size_t i = 0; i < relations->words; ++i)
        row[i] |= more[i];
    set_bit(row, index);
}

static void relate_nodes(const Relations *relations)
{
    const Part *part = relations->part;
    const OrderNode *nodes = relations->progress->problem->nodes + part->first;
    for (int i = 0; i < part->count; ++i)
        for (int k = 0; k < nodes[i].after_count; ++k)
            if (nodes[i].after[k] - part->first < part->count)
                include(relations, row_of(relations, relations->before, nodes[i].after[k] - part->first),
                    row_of(relations, relations->before, i), i);
    for (int i = part->count - 1; i >= 0; --i)
        for (int k = 0; k < nodes[i].after_count; ++k)
            if (nodes[i].after[k] - part->first < part->count)
                include(relations, row_of(relations, relations->behind, i),
                    row_of(relations, relations->behind, nodes[i].after[k] - part->first), nodes[i].after[k] - part->first);
}

static int number_of(Relations *relations, int group)
{
    if (relations->number[group] == 0) {
        const int number = relations->group_count++;
        relations->number[group] = number + 1;
        relations->groups[number] = group;
        relations->left[number] = relations->progress->left[group];
        memset(row_of(relations, relations->made, number), 0xff, relations->words * sizeof(uint64_t));
    }
    return relations->number[group] - 1;
}

/* Returns the bytes that are alive all the time: those that the part neither makes nor reads. */
static int64_t relate_groups(Relations *relations)
{
    const OrderProblem *problem = relations->progress->problem;
    int64_t passing = relations->progress->live;
    for (int i = 0; i < relations->part->count; ++i) {
        const OrderNode *node = &problem->nodes[relations->part->first + i];
        for (int k = 0; k < node->make_count; ++k) {
            const int number = number_of(relations, node->makes[k]);
            memcpy(row_of(relations, relations->made, number), row_of(relations, relations->behind, i), relations->words * sizeof(uint64_t));
            set_bit(row_of(relations, relations->made, number), i);
        }
        for (int k = 0; k < node->read_count; ++k) {
            const bool is_new = relations->number[node->reads[k]] == 0;
            const int number = number_of(relations, node->reads[k]);
            passing -= is_new ? problem->groups[node->reads[k]].bytes : 0;
            include(relations, row_of(relations, relations->needed, number), row_of(relations, relations->before, i), i);
            --relations->left[number];
        }
    }
    for (int i = 0; i < relations->group_count; ++i)
        if (relations->left[i] > 0 || problem->groups[relations->groups[i]].kept)
            memset(row_of(relations, relations->needed, i), 0xff, relations->words * sizeof(uint64_t));
    return passing;
}

/* What the node may save by writing onto an operand that is not needed behind it. */
static int64_t saving(const Relations *relations, int index)
{
    const OrderProblem *problem = relations->progress->problem;
    const OrderNode *node = &problem->nodes[relations->part->first + index];
    const uint64_t *behind = row_of(relations, relations->behind, index);
    int64_t bytes = 0;
    for (int i = 0; i < node->overwrite_count; ++i) {
        const int number = relations->number[node->overwrites[i].group] - 1;
        const uint64_t *needed = row_of(relations, relations->needed, number);
        bool later = relations->left[number] > 0;
        for (size_t k = 0; k < relations->words && !later; ++k)
            later = (needed[k] & behind[k]) != 0;
        if (!later && node->overwrites[i].bytes > bytes)
            bytes = node->overwrites[i].bytes;
    }
    return bytes;
}

static int64_t bound_of_relations(Relations *relations, Arena *arena)
{
    const OrderProblem *problem = relations->progress->problem;
    const int count = relations->part->count;
    int64_t *load = arena_array(arena, (size_t)count, sizeof *load);
    relate_nodes(relations);
    const int64_t passing = relate_groups(relations);
    for (int i = 0; i < relations->group_count; ++i) {
        const uint64_t *made = row_of(relations, relations->made, i), *needed = row_of(relations, relations->needed, i);
        for (int k = 0; k < count; ++k)
            if (made[k / WORD_BITS] & needed[k / WORD_BITS] & (uint64_t)1 << (k % WORD_BITS))
                load[k] += problem->groups[relations->groups[i]].bytes;
    }
    int64_t bound = 0;
    for (int i = 0; i < count; ++i) {
        load[i] += passing + problem->nodes[relations->part->first + i].inner - saving(relations, i);
        bound = load[i] > bound ? load[i] : bound;
    }
    return bound;
}

/* No order of the part has a step with less. requires everything before the part done; `number` is all 0 and stays so. */
static int64_t part_bound(const Progress *progress, const Part *part, int *number)
{
    if (part->count > MOST_RELATED)
        return 0;
    int groups = 0;
    for (int i = part->first; i < part->first + part->count; ++i)
        groups += progress->problem->nodes[i].make_count + progress->problem->nodes[i].read_count;
    Arena *arena = arena_new(0);
    const size_t words = ((size_t)part->count + WORD_BITS - 1) / WORD_BITS;
    Relations relations = {
        .progress = progress,
        .part = part,
        .words = words,
        .before = arena_array(arena, words * (size_t)part->count, sizeof(uint64_t)),
        .behind = arena_array(arena, words * (size_t)part->count, sizeof(uint64_t)),
        .made = arena_array(arena, words * (size_t)groups, sizeof(uint64_t)),
        .needed = arena_array(arena, words * (size_t)groups, sizeof(uint64_t)),
        .left = arena_array(arena, (size_t)groups, sizeof(int)),
        .groups = arena_array(arena, (size_t)groups, sizeof(int)),
        .number = number,
    };
    const int64_t bound = bound_of_relations(&relations, arena);
    for (int i = 0; i < relations.group_count; ++i)
        number[relations.groups[i]] = 0;
    arena_free(arena);
    return bound;
}

/* ---------------------------------------------------------------- the whole */

/* Highest peak first, then the model's order. */
static int by_peak(const void *left, const void *right)
{
    const Part *a = left, *b = right;
    if (a->own != b->own)
        return a->own > b->own ? -1 : 1;
    return a->first - b->first;
}

/* An order of the problem, and what it comes to. */
typedef struct Ordering {
    int *order;
    int64_t own, peak, bound;
} Ordering;

/* Searches the parts whose peak stands out, highest first, until that of the next one is no higher than what has been reached. */
static void search_parts(Progress *progress, Arena *arena, Parts *parts, int64_t work, Ordering *ordering)
{
    const OrderProblem *problem = progress->problem;
    int *number = arena_array(arena, (size_t)problem->group_count, sizeof *number);
    int at = 0, searched = 0;
    ordering->bound = parts->cut_peak;
    for (int i = 0; i < parts->count && parts->list[i].own > ordering->bound; ++i) {
        move(progress, &at, parts->list[i].first);
        parts->list[i].bound = part_bound(progress, &parts->list[i], number);
        ordering->bound = parts->list[i].bound > ordering->bound ? parts->list[i].bound : ordering->bound;
    }
    ordering->peak = ordering->bound;
    for (; searched < parts->count && parts->list[searched].own > ordering->peak; ++searched) {
        const Part *part = &parts->list[searched];
        const int64_t floor = ordering->peak;
        int64_t bound;
        move(progress, &at, part->first);
        const int64_t peak = search_order(progress, part->first, part->count, floor, part->own, &work, ordering->order + part->first, &bound);
        ordering->peak = peak > ordering->peak ? peak : ordering->peak;
        if (bound > floor && bound > ordering->bound)
            ordering->bound = bound;
    }
    for (int i = 0; i < searched; ++i) {
        const Part *part = &parts->list[i];
        move(progress, &at, part->first);
        settle_order(progress, part->count, ordering->peak, ordering->order + part->first);
    }
    move(progress, &at, 0);
}

static Ordering find_order(Arena *arena, const OrderProblem *problem, int64_t work)
{
    Progress *progress = progress_new(arena, problem);
    Parts parts = find_parts(progress, arena);
    Ordering ordering = {.order = arena_array(arena, (size_t)problem->count, sizeof *ordering.order)};
    int at = problem->count;
    move(progress, &at, 0);
    for (int i = 0; i < problem->count; ++i)
        ordering.order[i] = i;
    qsort(parts.list, (size_t)parts.count, sizeof *parts.list, by_peak);
    ordering.own = parts.count > 0 && parts.list[0].own > parts.cut_peak ? parts.list[0].own : parts.cut_peak;
    search_parts(progress, arena, &parts, work, &ordering);
    return ordering;
}

/* ---------------------------------------------------------------- the model */

/* Puts the nodes into the order; back again where that does not help, with everything that the planner knows. */
static bool apply_order(Model *model, Arena *arena, bool io_in_arena, const int *order)
{
    Graph *graph = model->main;
    const size_t bytes = (size_t)graph->node_count * sizeof(Node *);
    const int64_t own = forms_bound(model, io_in_arena);
    Node **nodes = arena_copy(arena, graph->nodes, bytes);
    for (int i = 0; i < graph->node_count; ++i)
        graph->nodes[i] = nodes[order[i]];
    if (forms_bound(model, io_in_arena) < own)
        return true;
    memcpy(graph->nodes, nodes, bytes);
    return false;
}

void order_nodes(Model *model, bool io_in_arena, int64_t budget)
{
    Arena *arena = arena_new(0);
    const OrderProblem *problem = problem_of(arena, model->main, true, io_in_arena);
    const Ordering ordering = find_order(arena, problem, budget);
    model->order_own_peak = ordering.own;
    model->order_peak = ordering.own;
    model->order_bound = ordering.bound;
    if (ordering.peak < ordering.own && apply_order(model, arena, io_in_arena, ordering.order))
        model->order_peak = ordering.peak;
    else if (ordering.peak < ordering.own)
        model->order_bound = 0; /* bytes are shared that were not foreseen */
    arena_free(arena);
}

bool plan_order(Model *model, bool io_in_arena)
{
    order_nodes(model, io_in_arena, DEFAULT_ORDER_BUDGET);
    return true;
}
