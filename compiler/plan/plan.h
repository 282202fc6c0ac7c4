/* SPDX-License-Identifier: MIT
 *
 * What the parts of the memory planner share.
 */
#ifndef ETCH_PLAN_H
#define ETCH_PLAN_H

#include "../compiler.h"

Tensor *storage_root(Tensor *tensor);                   /* the tensor whose bytes it has */
int64_t storage_offset(const Tensor *tensor);           /* where its bytes begin in those of its root */
void plan_lives(Model *model, bool io_in_arena);        /* liveness.c: steps, each tensor's own life, storage classes */
void plan_liveness(Model *model, bool io_in_arena);     /* the same, and aliases (sharing.c); a root's life is its group's */
bool has_slices(const Graph *graph);                    /* after it: some tensor lies in another one, at an offset or shorter */

/* Places `count` buffers: sets offsets (multiples of each buffer's alignment) and returns the peak. *lower_bound gets what no
 * placement can go below: the largest load, or more where a search proves it. `nodes` bounds the exact search (0: none). */
enum { DEFAULT_SEARCH_NODES = 200000 };
int64_t place_buffers(PlannedBuffer *buffers, int count, int64_t nodes, int64_t *lower_bound);

/* The orders that buffers are placed greedily in. */
enum { GREEDY_ORDERS = 4, MAX_SEARCHED_BUFFERS = 4096, MAX_GREEDY_BUFFERS = 16384 };
void sort_buffers(PlannedBuffer **list, int count, int order);
int64_t peak_of_buffers(const PlannedBuffer *buffers, int count);

/* search.c: a placement within `capacity`, if there is one. Sizes must be multiples of every alignment. *nodes_left is the
 * budget, and gets what is left of it. Sets offsets when it fits. */
typedef enum SearchResult { SEARCH_FITS, SEARCH_INFEASIBLE, SEARCH_BUDGET_SPENT } SearchResult;
SearchResult search_placement(PlannedBuffer *buffers, int count, int64_t capacity, int64_t *nodes_left);
/* The same where some buffers that meet may overlap: `upper` starts at least `clearance` above the offset of `lower`, or
 * `lower` at least `reverse` above that of `upper`. Both are at most the size of the one below, and at least 0. */
typedef struct Separation {
    int upper, lower; /* positions in the list of buffers */
    int64_t clearance, reverse;
} Separation;
SearchResult search_separated(PlannedBuffer *buffers, int count, const Separation *separations, int separation_count, int64_t capacity,
    int64_t *nodes_left);
/* sweep.c: the same along the steps, quickly, for graphs that are nearly chains; clearances may be negative. False proves
 * nothing. */
bool sweep_placement(PlannedBuffer *buffers, int count, const Separation *separations, int separation_count, int64_t capacity,
    int64_t *nodes_left);
int64_t shared_bytes(int64_t upper, int64_t lower, const Separation *separation); /* the most that the two can have in common */

/* ---------------------------------------------------------------- overlap.c: how far an output may run over a dying input */

/* The forms that the node's kernel has, with input 0 overlapped by output 0, fastest first; their number (0: none). */
enum { MAX_FORMS = 16 };
int overlap_forms(const Node *node, KernelForm forms[MAX_FORMS]);
/* The least distance in bytes at which the kernel of this form is right. Forwards: address of input 0 - address of output 0 >=
 * distance; backwards: address of output 0 - address of input 0 >= distance. Exact: at one less some input is lost. */
int64_t overlap_distance(const Node *node, const KernelForm *form);
/* Bytes of scratch that the kernel of this form needs (the sum of its FACT_SCRATCH, each rounded up to 8). */
int64_t form_scratch(const Node *node, const KernelForm *form);
bool form_is_allowed(const Node *node, const KernelForm *form); /* by --optimize; in plan.c */
int64_t forms_bound(Model *model, bool io_in_arena);    /* no arena goes below it, whatever the forms; in plan.c */

/* Both at once, and whether the target would take the kernel that the node has now. */
typedef struct FormFigures {
    int64_t distance, scratch;
    bool same_kernel;
} FormFigures;
FormFigures form_figures(const Node *node, const KernelForm *form);

/* How a kernel walks its image: what a distance is found from. Blocks that do not divide their extent overlap at the end, unless
 * `tails`. Backwards, everything is in the mirror: lines, outputs and channels from last to first, in blocks from the end. */
typedef struct KernelWalk {
    Window window;          /* as the kernel walks it (window_lay_flat) */
    int64_t input_bytes, output_bytes; /* of an element */
    int32_t group_inputs, group_outputs; /* channels that are read and made together; depthwise: 1 and the multiplier */
    int32_t across, down;   /* outputs and channels that are summed before any of them is stored */
    bool tails;             /* the outputs that are left over are a smaller block */
    bool copied;            /* the rows under the filter are copied before any output of the line is stored */
    bool clipped;           /* outputs whose window leaves the image at the left or right are walked one at a time */
    KernelForm form;        /* backwards and staging count */
} KernelWalk;
int64_t walk_distance(const KernelWalk *walk);          /* as overlap_distance; O(lines + outputs of a line + channels) */

/* ---------------------------------------------------------------- layout.c: placement of buffers that may overlap */

#define OVERLAP_NEVER INT64_MAX

typedef struct OverlapForm {
    bool backwards;
    int64_t distance;       /* as overlap_distance; may be negative. OVERLAP_NEVER: the form is for buffers that lie apart */
    int64_t scratch;        /* bytes alive in the pair's step only */
    int64_t cost;           /* what the form costs beyond the fastest one; any unit, >= 0 */
} OverlapForm;

/* `input` ends in the step that `output` begins in: they may overlap as one of the forms allows. Where they lie apart, every
 * form will do; where input and output are the same buffer, only the scratch is to be chosen. Scratch is apart from all that lives in the step. */
typedef struct OverlapPair {
    int input, output;      /* positions in the list of buffers */
    int step;
    const OverlapForm *forms;
    int form_count;         /* >= 1 */
    int chosen;             /* result: a position in `forms` */
    bool overlapped;        /* result: their bytes meet */
    int64_t scratch_offset; /* result: where the scratch of the chosen form lies, in one piece; 0 where it has none */
} OverlapPair;

/* Like place_buffers, with overlap: sets offsets and each pair's results. Least peak first, scratch included; then least sum
 * of costs, as far as `nodes` goes: the peak is never above that of place_buffers with every pair apart and in its form of least
 * scratch. Peaks up to `slack` bytes, or a 32nd if that is less, above the least one are as good where they cost less. *lower_bound: no placement with any choice of forms can go below it. The same input gives the same result. */
int64_t place_overlapping(
    PlannedBuffer *buffers, int count, OverlapPair *pairs, int pair_count, int64_t nodes, int64_t slack, int64_t *lower_bound);

/* ---------------------------------------------------------------- order.c: the order of execution */

/* Puts the nodes of the main graph into an order with the least sum of live bytes that the budget finds; among equals the
 * model's own. Sets the model's order figures: where order_peak and order_bound meet, no order has less; order_bound is 0 where
 * liveness shares more than the search foresees. `budget` counts steps of work, such as executing a node. */
enum { DEFAULT_ORDER_BUDGET = 16000000 };
void order_nodes(Model *model, bool io_in_arena, int64_t budget);

#endif
