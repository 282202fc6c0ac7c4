/* SPDX-License-Identifier: MIT
 *
 * Which nodes are executed row by row together: the cut of the program into chains (most of one node) whose worst need of
 * RAM is least, and among those cuts the one that changes least. The need of a chain is known before anything is placed:
 * what is alive beside it, its buffers, its input and output as far as they cannot overlap.
 *
 * requires selected kernels; replaces nodes by Rows, whose region's nodes are without facts; breaks plan.
 */
#include "rows.h"

#include <stdlib.h>
#include <string.h>

/* A tensor's bytes in the arena, with those of its views; positions of nodes instead of steps. */
typedef struct Life {
    int64_t bytes;          /* 0: not in the arena */
    int first, last;
} Life;

typedef struct Cut {
    int start;              /* of the chain that ends here */
    int strips;
    int64_t peak;           /* the worst need up to here */
    int64_t change;         /* what the chains up to here cost */
} Cut;

typedef struct Program {
    Graph *graph;
    Arena *arena;           /* for this pass */
    Tensor **root;          /* by tensor index: through views */
    Life *lives;            /* by tensor index, of roots */
    int *readers;           /* by tensor index */
    Tensor **roots;         /* those with bytes */
    int root_count;
    Chain chain;
    int most_strips;
    int forced_start, forced_strips; /* a chain must begin there, of so many strips; -1: not */
} Program;

static const int64_t IMPOSSIBLE = INT64_MAX / 4;

/* ---------------------------------------------------------------- lives */

static Life *life_of(const Program *program, const Tensor *tensor)
{
    return &program->lives[program->root[tensor->index]->index];
}

static void live_at(const Program *program, const Tensor *tensor, int position)
{
    if (tensor == NULL || tensor->kind == TENSOR_CONSTANT || tensor->kind == TENSOR_STATE)
        return;
    Life *life = life_of(program, tensor);
    life->first = position < life->first ? position : life->first;
    life->last = position > life->last ? position : life->last;
}

static bool is_in_arena(const Program *program, const Tensor *tensor, bool io_in_arena)
{
    if (tensor->kind == TENSOR_CONSTANT || tensor->kind == TENSOR_STATE)
        return false;
    for (int i = 0; i < program->graph->output_count && !io_in_arena; ++i)
        if (program->root[program->graph->outputs[i]->index] == tensor)
            return false;
    return io_in_arena || tensor->kind != TENSOR_INPUT;
}

static void find_roots(Program *program)
{
    const Graph *graph = program->graph;
    for (int i = 0; i < graph->tensor_count; ++i) {
        graph->tensors[i]->index = i;
        program->root[i] = graph->tensors[i];
        program->lives[i] = (Life){.first = INT32_MAX, .last = -1};
    }
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        if ((node_operator(node)->traits & TRAIT_VIEW) != 0 && tensor_bytes(node->inputs[0]) == tensor_bytes(node->outputs[0]))
            program->root[node->outputs[0]->index] = program->root[node->inputs[0]->index];
    }
}

static void find_lives(Program *program, bool io_in_arena)
{
    const Graph *graph = program->graph;
    find_roots(program);
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        for (int k = 0; k < node->input_count; ++k) {
            live_at(program, node->inputs[k], i);
            if (node->inputs[k] != NULL)
                ++program->readers[node->inputs[k]->index];
        }
        for (int k = 0; k < node->output_count; ++k)
            live_at(program, node->outputs[k], i);
    }
    for (int i = 0; i < graph->input_count; ++i)
        live_at(program, graph->inputs[i], -1); /* before the first node */
    for (int i = 0; i < graph->output_count; ++i) {
        live_at(program, graph->outputs[i], graph->node_count);
        ++program->readers[graph->outputs[i]->index];
    }
    for (int i = 0; i < graph->tensor_count; ++i) {
        Tensor *tensor = graph->tensors[i];
        if (program->root[i] != tensor || program->lives[i].last < 0 || !is_in_arena(program, tensor, io_in_arena))
            continue;
        program->lives[i].bytes = (tensor_bytes(tensor) + 3) / 4 * 4;
        program->roots[program->root_count++] = tensor;
    }
}

/* ---------------------------------------------------------------- needs */

/* What is alive in [first, last], tensors that begin and end within it left out when they are the chain's own. */
static int64_t load(const Program *program, int first, int last)
{
    int64_t bytes = 0;
    for (int i = 0; i < program->root_count; ++i) {
        const Life *life = life_of(program, program->roots[i]);
        const bool own = first < last && life->first >= first && life->last <= last;
        if (life->first <= last && life->last >= first && !own)
            bytes += life->bytes;
    }
    return bytes;
}

static int64_t span(int64_t below, int64_t distance, int64_t above)
{
    const int64_t reach = below + (distance > 0 ? distance : 0);
    return reach > above ? reach : above;
}

/* What `input` and `output` save by overlapping where the input ends. */
static int64_t saving(const Program *program, const Tensor *input, const Tensor *output, int last, int64_t distance, bool backwards)
{
    const Life *in = life_of(program, input), *out = life_of(program, output);
    if (distance == INT64_MAX || in == out || in->bytes == 0 || out->bytes == 0 || in->last > last)
        return 0;
    const int64_t both = backwards ? span(out->bytes, distance, in->bytes) : span(in->bytes, distance, out->bytes);
    return both < in->bytes + out->bytes ? in->bytes + out->bytes - both : 0;
}

static int64_t scratch_of(const Node *node)
{
    int64_t bytes = 0;
    for (int i = 0; node->facts != NULL && i < node->facts->count; ++i)
        if (node->facts->facts[i].kind == FACT_SCRATCH)
            bytes += (tensor_bytes(node->facts->facts[i].tensor) + 7) / 8 * 8;
    return bytes;
}

static int64_t node_need(const Program *program, int position)
{
    const Node *node = program->graph->nodes[position];
    int64_t extra = scratch_of(node), best = 0;
    if (node->output_count != 1 || node->region_count > 0)
        return load(program, position, position) + extra;
    if ((node_operator(node)->traits & TRAIT_IN_PLACE) != 0)
        for (int k = 0; k < node->input_count; ++k)
            if (node->inputs[k] != NULL && tensor_bytes(node->inputs[k]) == tensor_bytes(node->outputs[0]) && node->inputs[k]->kind != TENSOR_CONSTANT) {
                const int64_t saved = saving(program, node->inputs[k], node->outputs[0], position, 0, false);
                best = saved > best ? saved : best;
            }
    extra -= best;
    KernelForm forms[MAX_FORMS];
    const int count = overlap_forms(node, forms);
    for (int k = 0; k < count; ++k) {
        if (!form_is_allowed(node, &forms[k]))
            continue;
        const FormFigures figures = form_figures(node, &forms[k]);
        const int64_t need = figures.scratch -
            saving(program, node->inputs[0], node->outputs[0], position, figures.distance, forms[k].backwards);
        extra = need < extra ? need : extra;
    }
    return load(program, position, position) + extra;
}

static int64_t chain_need(const Program *program, int first, int last)
{
    const Chain *chain = &program->chain;
    const Tensor *output = chain->nodes[chain->count - 1]->outputs[0];
    int64_t best = 0;
    for (int k = 0; k < chain->whole_count; ++k) {
        const int64_t saved = saving(program, chain->whole[k], output, last, chain_distance(chain, k), false);
        best = saved > best ? saved : best;
    }
    return load(program, first, last) + chain->buffer_bytes - best;
}

/* ---------------------------------------------------------------- cuts */

/* Nobody but the next node reads what the nodes before the last one make. */
static bool is_private(const Program *program, const Node *node)
{
    return program->readers[node->outputs[0]->index] == 1;
}

static void improve(Cut *cuts, int end, int start, int strips, int64_t need, int64_t change, int64_t limit)
{
    const int64_t before_peak = start > 0 ? cuts[start - 1].peak : 0, before = start > 0 ? cuts[start - 1].change : 0;
    int64_t peak = need > before_peak ? need : before_peak;
    peak = peak < limit ? limit : peak; /* below the limit, only the change counts */
    const int64_t total = before + change;
    if (peak < cuts[end].peak || (peak == cuts[end].peak && total < cuts[end].change))
        cuts[end] = (Cut){.start = start, .strips = strips, .peak = peak, .change = total};
}

/* All chains that begin at `start`, in strips, too, where they may be. */
static void try_chains(Program *program, Cut *cuts, int start, int64_t limit)
{
    Chain *chain = &program->chain;
    int64_t plain = 0;
    memset(chain, 0, sizeof *chain);
    for (int end = start; end < program->graph->node_count && end < start + MAX_CHAIN; ++end) {
        Node *node = program->graph->nodes[end];
        if ((end > start && !is_private(program, chain->nodes[chain->count - 1])) || !chain_extend(chain, node))
            return;
        plain += node_macs(node);
        const bool forced = start == program->forced_start;
        const int most = forced ? program->forced_strips : program->most_strips;
        for (int strips = forced ? most : 1; end > start && strips <= most; ++strips)
            if (chain_settle(chain, strips)) {
                const int64_t more = chain->macs > plain ? chain->macs - plain : 0;
                improve(cuts, end, start, strips, chain_need(program, start, end), more + chain->count, limit);
            }
    }
}

static void cut(Program *program, Cut *cuts, int64_t limit)
{
    const int count = program->graph->node_count;
    for (int i = 0; i < count; ++i)
        cuts[i] = (Cut){.start = i, .strips = 1, .peak = IMPOSSIBLE, .change = IMPOSSIBLE};
    for (int i = 0; i < count; ++i) {
        improve(cuts, i, i, 1, i == program->forced_start ? IMPOSSIBLE : node_need(program, i), 0, limit);
        try_chains(program, cuts, i, limit);
    }
}

/* Of its nodes as they were. */
static int64_t chain_macs(const Chain *chain)
{
    int64_t macs = 0;
    for (int k = 0; k < chain->count; ++k)
        macs += node_macs(chain->nodes[k]);
    return macs;
}

static void fuse_chains(Program *program, const Cut *cuts)
{
    Graph *graph = program->graph;
    for (int end = graph->node_count - 1; end >= 0; end = cuts[end].start - 1) {
        if (cuts[end].start == end)
            continue;
        Chain *chain = &program->chain;
        memset(chain, 0, sizeof *chain);
        for (int i = cuts[end].start; i <= end; ++i)
            chain_extend(chain, graph->nodes[i]);
        chain_settle(chain, cuts[end].strips);
        const int64_t more = chain->macs - chain_macs(chain);
        graph->model->extra_macs += chain->strips > 1 && more > 0 ? more : 0;
        chain_fuse(graph, chain);
    }
}

enum { MOST_NODES = 1000, MOST_STRIPS = 16 };

static bool begins_chain(Program *program, int position)
{
    Chain *chain = &program->chain;
    memset(chain, 0, sizeof *chain);
    return position + 1 < program->graph->node_count && chain_extend(chain, program->graph->nodes[position]) &&
        is_private(program, chain->nodes[0]) && chain_extend(chain, program->graph->nodes[position + 1]);
}

/* Strips that are asked for: the first chain is made of them. */
static void force_strips(Program *program, int strips)
{
    program->forced_start = 0;
    while (program->forced_start < program->graph->node_count && !begins_chain(program, program->forced_start))
        ++program->forced_start;
    program->forced_strips = strips;
}

static int64_t least_peak(Program *program, Cut *cuts, int strips)
{
    program->most_strips = strips;
    cut(program, cuts, 0);
    return cuts[program->graph->node_count - 1].peak;
}

/* More strips than one only where less RAM is then needed. */
static void choose_cuts(Program *program, Cut *cuts, const RowOptions *options)
{
    int64_t least = least_peak(program, cuts, 1);
    if (options->patches == PATCHES_AUTO) {
        const int64_t in_strips = least_peak(program, cuts, MOST_STRIPS);
        program->most_strips = in_strips < least ? MOST_STRIPS : 1;
        least = in_strips < least ? in_strips : least;
    }
    cut(program, cuts, options->least || least > options->enough ? least : options->enough);
}

bool fuse_rows(Model *model, const RowOptions *options)
{
    Graph *graph = model->main;
    const size_t tensors = (size_t)graph->tensor_count + 1;
    if (graph->node_count < 2 || graph->node_count > MOST_NODES)
        return true;
    Arena *arena = arena_new(0);
    Program *program = arena_alloc(arena, sizeof *program);
    *program = (Program){.graph = graph, .arena = arena, .most_strips = 1, .forced_start = -1};
    program->root = arena_array(arena, tensors, sizeof *program->root);
    program->lives = arena_array(arena, tensors, sizeof *program->lives);
    program->readers = arena_array(arena, tensors, sizeof *program->readers);
    program->roots = arena_array(arena, tensors, sizeof *program->roots);
    find_lives(program, options->io_in_arena);
    if (options->patches > 1)
        force_strips(program, options->patches);
    Cut *cuts = arena_array(arena, (size_t)graph->node_count, sizeof *cuts);
    choose_cuts(program, cuts, options);
    const bool possible = cuts[graph->node_count - 1].peak < IMPOSSIBLE;
    if (possible)
        fuse_chains(program, cuts);
    arena_free(arena);
    return possible || error_at(model->path, "--patches=%d: there are no nodes that can be executed in so many strips; use --patches=auto", options->patches);
}
