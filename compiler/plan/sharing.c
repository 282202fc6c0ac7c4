/* SPDX-License-Identifier: MIT
 *
 * Tensors that can have the same bytes are joined into groups: views, parts of concatenations and slices at an offset,
 * in-place operators, loop variables, values and the states that they are assigned to. A group has one root, which holds all of
 * it, and lives as long as any of its tensors.
 *
 * A joint is right when no kernel writes bytes that another tensor of the group still needs: destroys() is asked for every
 * pair. What it costs or saves is measured by the load, the sum of live bytes in each step.
 *
 * requires lives (liveness.c); sets tensor->alias_of, alias_offset, next_alias, and makes a root's life that of its group.
 */
#include "plan.h"

#include <stddef.h>
#include <string.h>

/* ---------------------------------------------------------------- parts of a whole */

/* Concatenation and Pack: input `index` as a part of the output; the others: output `index` as a part of the input. */
typedef struct Part {
    Tensor *part, *whole;
    int64_t offset;
} Part;

static bool is_concatenation(const Node *node)
{
    return node->op == OP_CONCATENATION || node->op == OP_PACK;
}

static int part_count(const Node *node)
{
    const bool splits = node->op == OP_SPLIT || node->op == OP_UNPACK || node->op == OP_SLICE || node->op == OP_STRIDED_SLICE;
    return is_concatenation(node) ? node->input_count : splits ? node->output_count
                                                               : 0;
}

static int64_t fact_value(const Node *node, const char *name)
{
    return fact_find(node->facts, name)->integer;
}

/* Where part `index` begins, in elements of the whole; -1: it does not lie there in one piece, as it is. */
static int64_t part_start(const Node *node, int index)
{
    if (node->op == OP_SLICE || node->op == OP_STRIDED_SLICE)
        return node_input(node, 1) == NULL && fact_find(node->facts, "extents")->count == 0 ? fact_value(node, "offset") : -1;
    if (fact_value(node, "rows") != 1 || (is_concatenation(node) && fact_find(node->facts, "slots")->integers[index] >= 0))
        return -1;
    int64_t start = 0;
    for (int i = 0; i < index; ++i)
        start += fact_find(node->facts, "runs")->integers[i];
    return start;
}

static bool find_part(const Node *node, int index, Part *part)
{
    if (node->facts == NULL || index >= part_count(node))
        return false;
    part->part = is_concatenation(node) ? node->inputs[index] : node->outputs[index];
    part->whole = is_concatenation(node) ? node->outputs[0] : node->inputs[0];
    if (dtype_bits(part->whole->dtype) < 8 || tensor_bytes(part->part) == 0)
        return false;
    const int64_t start = part_start(node, index);
    part->offset = start * (int64_t)(dtype_bits(part->whole->dtype) / 8);
    return start >= 0;
}

static bool is_in_place(const Part *part)
{
    return storage_root(part->part) == storage_root(part->whole) &&
           storage_offset(part->part) == storage_offset(part->whole) + part->offset;
}

/* DynamicUpdateSlice changes its input where it lies, if it may. */
static bool updates_in_place(const Node *node)
{
    return node->op == OP_DYNAMIC_UPDATE_SLICE && is_in_place(&(Part){node->inputs[0], node->outputs[0], 0});
}

bool operand_is_placed(const Node *node, bool is_input, int index)
{
    Part part;
    if (is_input && index == 0 && updates_in_place(node))
        return true;
    return is_input == is_concatenation(node) && find_part(node, index, &part) && is_in_place(&part);
}

static bool parts_are_placed(const Node *node)
{
    const bool is_input = is_concatenation(node);
    for (int i = 0; i < part_count(node); ++i)
        if (tensor_bytes(is_input ? node->inputs[i] : node->outputs[i]) > 0 && !operand_is_placed(node, is_input, i))
            return false;
    return part_count(node) > 0;
}

bool node_is_free(const Node *node)
{
    if (node->op == OP_ASSIGN_STATE)
        return is_in_place(&(Part){node->inputs[0], node->inputs[1], 0});
    if (updates_in_place(node))
        return tensor_bytes(node->inputs[1]) == 0;
    if (!(node_operator(node)->traits & TRAIT_VIEW))
        return parts_are_placed(node);
    return tensor_bytes(node->outputs[0]) == 0 || is_in_place(&(Part){node->inputs[0], node->outputs[0], 0});
}

/* ---------------------------------------------------------------- who writes onto whom */

/* Kernels that are right with an output at an input's address: element i is read before it is written, or the form sees to it. */
static bool works_in_place(const Node *node)
{
    return (node_operator(node)->traits & TRAIT_IN_PLACE) || node->form.staging == STAGING_CHANNELS;
}

/* `writer`, which makes `result`, may write onto its operand. */
static bool may_overwrite(const Node *writer, const Tensor *operand, const Tensor *result)
{
    if (tensor_elements(operand) != tensor_elements(result) || dtype_bits(operand->dtype) != dtype_bits(result->dtype))
        return false;
    if (writer->op == OP_DYNAMIC_UPDATE_SLICE)
        return operand == writer->inputs[0] && operand != writer->inputs[1];
    bool reads = false;
    for (int i = 0; i < writer->input_count; ++i)
        reads = reads || writer->inputs[i] == operand;
    return reads && works_in_place(writer) && writer->outputs[0] == result;
}

/* Bytes [from, to) of the root are written when `tensor` is made; `other` needs some of them from before or to after. */
static bool range_loses(const Tensor *tensor, int64_t from, int64_t to, const Tensor *other)
{
    const Node *writer = tensor->producer;
    const int64_t begin = storage_offset(other), end = begin + tensor_bytes(other);
    if (from >= end || begin >= to || other->first_use > writer->last_step || other->last_use < writer->step)
        return false;
    const bool same = begin == storage_offset(tensor) && other->last_use == writer->step;
    return !(same && may_overwrite(writer, other, tensor));
}

/* A kernel writes it: it is no view or slice that is read where it lies. */
static bool is_made(const Tensor *tensor)
{
    const Node *writer = tensor->producer;
    for (int i = 0; writer != NULL && !is_concatenation(writer) && i < part_count(writer); ++i)
        if (writer->outputs[i] == tensor)
            return !operand_is_placed(writer, false, i);
    return writer != NULL && !node_is_free(writer);
}

static bool ranges_meet(const Tensor *a, const Tensor *b)
{
    const int64_t begin = storage_offset(a), other = storage_offset(b);
    return begin < other + tensor_bytes(b) && other < begin + tensor_bytes(a);
}

/* The concatenation's kernel copies those parts that are not in their places. */
static bool copying_destroys(const Node *writer, const Tensor *result, const Tensor *other)
{
    const int64_t begin = storage_offset(result), element = (int64_t)dtype_bits(result->dtype) / 8;
    if (element == 0 || fact_value(writer, "rows") != 1)
        return range_loses(result, begin, begin + tensor_bytes(result), other);
    const Fact *runs = fact_find(writer->facts, "runs"), *slots = fact_find(writer->facts, "slots");
    int64_t offset = 0;
    for (int i = 0; i < writer->input_count; offset += runs->integers[i++] * element)
        if (range_loses(result, begin + offset, begin + offset + runs->integers[i] * element, other) &&
            !(slots->integers[i] < 0 && is_in_place(&(Part){writer->inputs[i], writer->outputs[0], offset})))
            return true;
    return false;
}

/* Making `tensor` destroys what is still needed of `other`, in the same group. */
static bool destroys(const Tensor *tensor, const Tensor *other)
{
    const Node *writer = tensor->producer;
    if (tensor == other || writer == NULL || writer->step > other->last_use || writer->last_step < other->first_use ||
        !ranges_meet(tensor, other))
        return false;
    if (is_concatenation(writer))
        return copying_destroys(writer, tensor, other);
    return is_made(tensor) && range_loses(tensor, storage_offset(tensor), storage_offset(tensor) + tensor_bytes(tensor), other);
}

/* The groups of two roots, the one being laid into the other. */
static bool groups_agree(const Tensor *one, const Tensor *another)
{
    for (const Tensor *a = one; a != NULL; a = a->next_alias)
        for (const Tensor *b = another; b != NULL; b = b->next_alias)
            if (destroys(a, b) || destroys(b, a))
                return false;
    return true;
}

/* ---------------------------------------------------------------- joining groups */

/* `child`, a root, gets the bytes of `root` from `offset` on. */
static void attach(Tensor *child, Tensor *root, int64_t offset)
{
    Tensor *last = child;
    while (last->next_alias != NULL)
        last = last->next_alias;
    last->next_alias = root->next_alias;
    root->next_alias = child;
    child->alias_of = root;
    child->alias_offset = offset;
}

static bool fits_into(const Tensor *child, const Tensor *root, int64_t offset)
{
    return child->storage == STORAGE_ARENA && offset >= 0 && offset + tensor_bytes(child) <= tensor_bytes(root);
}

static bool is_writable(const Tensor *root)
{
    return root->storage == STORAGE_ARENA || root->storage == STORAGE_OUTPUT;
}

/* Some kernel writes to the group. */
static bool is_written(const Tensor *root)
{
    for (; root != NULL; root = root->next_alias)
        if (is_made(root))
            return true;
    return false;
}

/* The caller looks for it in the arena. */
static bool holds_output(const Tensor *root)
{
    for (; root != NULL; root = root->next_alias)
        if (root->is_output)
            return true;
    return false;
}

typedef struct Joint {
    Tensor *child, *root;
    int64_t offset;
} Joint;

/* How the groups of `tensor` and `target` can become one, with `tensor` at `offset` bytes from the start of `target`; false
 * when no root would hold both, or something would be lost. */
static bool find_joint(Tensor *tensor, Tensor *target, int64_t offset, Joint *joint)
{
    Tensor *from = storage_root(tensor), *to = storage_root(target);
    const int64_t distance = storage_offset(target) + offset - storage_offset(tensor);
    if (from == to)
        return false;
    if (fits_into(from, to, distance))
        *joint = (Joint){from, to, distance};
    else if (fits_into(to, from, -distance))
        *joint = (Joint){to, from, -distance};
    else
        return false;
    joint->child->alias_of = joint->root;
    joint->child->alias_offset = joint->offset;
    const bool stays = is_writable(joint->root) || !(is_written(joint->child) || holds_output(joint->child));
    const bool agree = stays && groups_agree(joint->child, joint->root);
    joint->child->alias_of = NULL;
    joint->child->alias_offset = 0;
    return agree;
}

static bool join(Tensor *tensor, Tensor *target, int64_t offset)
{
    Joint joint;
    if (!find_joint(tensor, target, offset, &joint))
        return false;
    attach(joint.child, joint.root, joint.offset);
    return true;
}

/* ---------------------------------------------------------------- load */

typedef struct Life {
    int first, last;
} Life;

static Life group_life(const Tensor *root)
{
    Life life = {INT32_MAX, -1};
    for (; root != NULL; root = root->next_alias) {
        life.first = root->first_use < life.first ? root->first_use : life.first;
        life.last = root->last_use > life.last ? root->last_use : life.last;
    }
    return life;
}

static int64_t planned_bytes(const Tensor *root)
{
    const int64_t unit = dtype_bits(root->dtype) == 64 ? 8 : 4;
    return (tensor_bytes(root) + unit - 1) / unit * unit;
}

/* Arena bytes by step, as differences to the step before. */
typedef struct Load {
    int64_t *change;
    int steps;
} Load;

static void load_add(const Load *load, Life life, int64_t bytes)
{
    if (life.last < 0)
        return;
    load->change[life.first] += bytes;
    load->change[life.last + 1] -= bytes;
}

static void load_add_graph(const Load *load, const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; ++i) {
        const Tensor *tensor = graph->tensors[i];
        if (tensor->storage == STORAGE_ARENA && tensor->alias_of == NULL)
            load_add(load, group_life(tensor), planned_bytes(tensor));
    }
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->region_count; ++k)
            load_add_graph(load, graph->nodes[i]->regions[k]);
}

static void load_measure(const Load *load, const Model *model)
{
    memset(load->change, 0, ((size_t)load->steps + 2) * sizeof *load->change);
    load_add_graph(load, model->main);
}

static int64_t load_peak(const Load *load)
{
    int64_t bytes = 0, peak = 0;
    for (int step = 0; step < load->steps; ++step) {
        bytes += load->change[step];
        peak = bytes > peak ? bytes : peak;
    }
    return peak;
}

/* ---------------------------------------------------------------- views */

static void join_regions(Node *node)
{
    for (int k = 0; k < node->region_count; ++k) {
        const Graph *region = node->regions[k];
        for (int i = 0; i < region->input_count; ++i) {
            Tensor *inner = region->inputs[i], *source = node->op == OP_WHILE ? node->outputs[i] : node->inputs[i + 1];
            if (storage_root(inner) != storage_root(source))
                attach(storage_root(inner), storage_root(source), storage_offset(source));
        }
    }
}

/* A view needs no code where both ends can have one address. */
static void join_views(const Graph *graph)
{
    for (int i = 0; i < graph->node_count; ++i) {
        Node *node = graph->nodes[i];
        if (node->op == OP_ROWS)
            continue;
        if (node->region_count > 0)
            join_regions(node);
        for (int k = 0; k < node->region_count; ++k)
            join_views(node->regions[k]);
        if ((node_operator(node)->traits & TRAIT_VIEW) && tensor_bytes(node->inputs[0]) == tensor_bytes(node->outputs[0]))
            join(node->outputs[0], node->inputs[0], 0);
    }
}

/* ---------------------------------------------------------------- parts of concatenations, slices */

/* Whether a part shares the bytes of the whole: tried both ways, see choose_slices(). */
typedef struct Slice {
    const Node *node;
    int index;
    bool is_joined;
} Slice;

typedef struct Sharing {
    Model *model;
    bool io_in_arena;
    Load load;
    int64_t peak;
    Slice *slices;
    int count, capacity;
} Sharing;

static void collect_slices(Sharing *sharing, const Graph *graph)
{
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        for (int k = 0; k < node->region_count && node->op != OP_ROWS; ++k)
            collect_slices(sharing, node->regions[k]);
        for (int k = 0; k < part_count(node); ++k) {
            Part part;
            if (!find_part(node, k, &part))
                continue;
            ARENA_PUSH(sharing->model->arena, sharing->slices, sharing->count, sharing->capacity);
            sharing->slices[sharing->count++] = (Slice){node, k, true};
        }
    }
}

/* What a loop or a branch takes and gives is copied on the way and stays as it is. */
static bool crosses_regions(const Tensor *tensor)
{
    for (tensor = storage_root((Tensor *)(uintptr_t)tensor); tensor != NULL; tensor = tensor->next_alias)
        if (tensor->mark)
            return true;
    return false;
}

static bool writes_to(const Node *node, const Tensor *state)
{
    bool listed = node->region_count > 0; /* it might */
    for (int i = 0; i < node->input_count; ++i)
        listed = listed || node->inputs[i] == state;
    return listed && (node->region_count > 0 || ((node_operator(node)->traits & TRAIT_EFFECT) && node->op != OP_READ_STATE));
}

/* Nothing changes the state while the part is needed. */
static bool is_steady(const Graph *main, const Tensor *state, const Tensor *part)
{
    const Life life = group_life(storage_root((Tensor *)(uintptr_t)part));
    for (int i = 0; i < main->node_count; ++i)
        if (main->nodes[i]->step <= life.last && main->nodes[i]->last_step >= life.first && writes_to(main->nodes[i], state))
            return false;
    return true;
}

static void join_slice(const Sharing *sharing, const Slice *slice)
{
    Part part;
    if (!find_part(slice->node, slice->index, &part) || crosses_regions(part.part) || crosses_regions(part.whole))
        return;
    const Tensor *root = storage_root(part.whole);
    if (root->storage != STORAGE_STATE || is_steady(sharing->model->main, root, part.part))
        join(part.part, part.whole, part.offset);
}

/* ---------------------------------------------------------------- in place */

/* The groups become one, or two again with sign -1. */
static void load_join(const Load *load, const Joint *joint, int sign)
{
    const Life child = group_life(joint->child), root = group_life(joint->root);
    const Life both = {child.first < root.first ? child.first : root.first, child.last > root.last ? child.last : root.last};
    load_add(load, child, -sign * planned_bytes(joint->child));
    if (joint->root->storage != STORAGE_ARENA)
        return;
    load_add(load, root, -sign * planned_bytes(joint->root));
    load_add(load, both, sign * planned_bytes(joint->root));
}

/* What is gained by a joint where the peaks are the same: bytes, summed over the steps. */
static int64_t joint_gain(const Joint *joint)
{
    const Life child = group_life(joint->child), root = group_life(joint->root);
    const int first = child.first < root.first ? child.first : root.first, last = child.last > root.last ? child.last : root.last;
    const int64_t gain = planned_bytes(joint->child) * (child.last + 1 - child.first);
    return joint->root->storage == STORAGE_ARENA ? gain - planned_bytes(joint->root) * (last - first - (root.last - root.first)) : gain;
}

static bool can_overwrite(const Node *node, Tensor *input, Joint *joint)
{
    if (input == NULL || !may_overwrite(node, input, node->outputs[0]))
        return false;
    const StorageKind storage = storage_root(input)->storage;
    return (storage == STORAGE_ARENA || storage == STORAGE_OUTPUT) && find_joint(node->outputs[0], input, 0, joint);
}

/* Onto the operand that leaves least; none where that would cost more than bytes of its own. */
static void overwrite_operand(Sharing *sharing, const Node *node)
{
    Joint best = {0};
    for (int k = 0; k < node->input_count; ++k) {
        Joint joint;
        if (!can_overwrite(node, node->inputs[k], &joint))
            continue;
        load_join(&sharing->load, &joint, 1);
        const int64_t peak = load_peak(&sharing->load);
        load_join(&sharing->load, &joint, -1);
        if (peak < sharing->peak || (peak == sharing->peak && (best.child == NULL || joint_gain(&joint) > joint_gain(&best)))) {
            best = joint;
            sharing->peak = peak;
        }
    }
    if (best.child == NULL)
        return;
    load_join(&sharing->load, &best, 1);
    attach(best.child, best.root, best.offset);
}

static void join_in_place(Sharing *sharing, const Graph *graph)
{
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        for (int k = 0; k < node->region_count && node->op != OP_ROWS; ++k)
            join_in_place(sharing, node->regions[k]);
        if (works_in_place(node) || node->op == OP_DYNAMIC_UPDATE_SLICE)
            overwrite_operand(sharing, node);
    }
}

/* ---------------------------------------------------------------- values made in their state */

static bool touches(const Node *node, const Tensor *root)
{
    for (int i = 0; i < node->input_count; ++i)
        if (node->inputs[i] != NULL && storage_root(node->inputs[i]) == root)
            return true;
    for (int i = 0; i < node->output_count; ++i)
        if (node->outputs[i] != NULL && storage_root(node->outputs[i]) == root)
            return true;
    return false;
}

/* The value is the state with a part replaced, which can be done where it lies. */
static bool updates_state(const Node *node, const Tensor *state, const Tensor *value)
{
    return node->op == OP_DYNAMIC_UPDATE_SLICE && node->outputs[0] == value && node->inputs[0] == state &&
           storage_root(node->inputs[1]) != state && storage_root(node->inputs[2]) != state;
}

/* Nobody but `assign` reads or writes the state while the value is alive. */
static bool is_alone(const Graph *graph, const Node *assign, const Tensor *state, const Tensor *value)
{
    const Life life = group_life(value);
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        if (node == assign || node->last_step < life.first || node->step > life.last)
            continue;
        if (node->region_count > 0 || (touches(node, state) && !updates_state(node, state, value)))
            return false;
    }
    return true;
}

/* AssignState needs no copy where its value can be made in the state's own bytes. */
static void join_assignments(const Graph *graph)
{
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        if (node->op != OP_ASSIGN_STATE)
            continue;
        Tensor *state = node->inputs[0], *value = storage_root(node->inputs[1]);
        if (value->storage == STORAGE_ARENA && value->kind == TENSOR_TEMPORARY && tensor_bytes(value) == tensor_bytes(state) &&
            storage_offset(node->inputs[1]) == 0 && !holds_output(value) && is_alone(graph, node, state, value))
            attach(value, state, 0);
    }
}

/* ---------------------------------------------------------------- the whole */

static void measure(Sharing *sharing)
{
    load_measure(&sharing->load, sharing->model);
    sharing->peak = load_peak(&sharing->load);
}

/* Everything anew, with the slices joined that are to be; returns the peak of the load. */
static int64_t share(Sharing *sharing)
{
    const Graph *main = sharing->model->main;
    plan_lives(sharing->model, sharing->io_in_arena);
    join_views(main);
    for (int i = 0; i < sharing->count; ++i)
        if (sharing->slices[i].is_joined)
            join_slice(sharing, &sharing->slices[i]);
    measure(sharing);
    join_in_place(sharing, main);
    join_assignments(main);
    measure(sharing);
    return sharing->peak;
}

static bool set_slices(Sharing *sharing, int from, int to, bool is_joined)
{
    bool changed = false;
    for (int i = from; i < to; ++i) {
        changed = changed || sharing->slices[i].is_joined != is_joined;
        sharing->slices[i].is_joined = is_joined;
    }
    return changed;
}

/* Keeps the other setting of a run of slices if it lowers the peak, or joins more at the same one. */
static int64_t try_slices(Sharing *sharing, int from, int to, int64_t peak)
{
    const bool joined = sharing->slices[from].is_joined;
    if (to - from > 1 && set_slices(sharing, from, to, joined))
        return peak; /* they differ by now: one by one */
    set_slices(sharing, from, to, !joined);
    const int64_t other = share(sharing);
    if (other < peak || (other == peak && !joined))
        return other;
    set_slices(sharing, from, to, joined);
    return peak;
}

/* A group lives as long as any of it, so joining can cost more than it saves. All, none, then node by node and part by part;
 * never worse than none. Each attempt plans everything anew: large graphs get fewer. */
static void choose_slices(Sharing *sharing)
{
    enum { EFFORT = 400000,
        MOST_ATTEMPTS = 200 };
    if (sharing->count == 0)
        return;
    int64_t peak = share(sharing);
    set_slices(sharing, 0, sharing->count, false);
    const int64_t apart = share(sharing);
    if (peak <= apart)
        set_slices(sharing, 0, sharing->count, true);
    else
        peak = apart;
    const int64_t effort = sharing->model->main->tensor_count + (int64_t)sharing->count * sharing->count / 8;
    int64_t attempts = effort * MOST_ATTEMPTS < EFFORT ? MOST_ATTEMPTS : EFFORT / (effort + 1);
    for (int i = 0, next; i < sharing->count && attempts-- > 0; i = next) {
        for (next = i; next < sharing->count && sharing->slices[next].node == sharing->slices[i].node;)
            ++next;
        peak = try_slices(sharing, i, next, peak);
    }
    for (int i = 0; i < sharing->count && attempts-- > 0; ++i)
        peak = try_slices(sharing, i, i + 1, peak);
}

/* A root's life becomes that of its group. */
static void settle(const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; ++i) {
        Tensor *tensor = graph->tensors[i];
        if (tensor->alias_of != NULL)
            continue;
        const Life life = group_life(tensor);
        tensor->first_use = life.first;
        tensor->last_use = life.last;
    }
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->region_count; ++k)
            settle(graph->nodes[i]->regions[k]);
}

bool has_slices(const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; ++i)
        if (graph->tensors[i]->alias_of != NULL && tensor_bytes(graph->tensors[i]) != tensor_bytes(storage_root(graph->tensors[i])))
            return true;
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->region_count; ++k)
            if (has_slices(graph->nodes[i]->regions[k]))
                return true;
    return false;
}

void plan_liveness(Model *model, bool io_in_arena)
{
    Sharing sharing = {.model = model, .io_in_arena = io_in_arena};
    plan_lives(model, io_in_arena);
    sharing.load = (Load){arena_array(model->arena, (size_t)model->step_count + 2, sizeof(int64_t)), model->step_count};
    if (!model->slices_apart)
        collect_slices(&sharing, model->main);
    choose_slices(&sharing);
    share(&sharing);
    settle(model->main);
}
