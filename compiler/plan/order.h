/* SPDX-License-Identifier: MIT
 *
 * The problem of the order of execution, apart from models: nodes 0, 1, ... in the model's own order, what each waits for, and
 * the groups of bytes that it makes and reads.
 */
#ifndef ETCH_ORDER_H
#define ETCH_ORDER_H

#include "../compiler.h"

/* Tensors that share bytes in every order: views and what they are views of. */
typedef struct OrderGroup {
    int64_t bytes;
    int readers;            /* nodes */
    bool kept;              /* alive to the end */
} OrderGroup;

/* What a node saves when the group ends with it: its output lies on the group's bytes, or over a part of them. */
typedef struct Overwrite {
    int group;
    int64_t bytes;
} Overwrite;

typedef struct OrderNode {
    int *makes, *reads;     /* groups; each once */
    int make_count, read_count;
    Overwrite *overwrites;  /* among `reads`; the one that saves most counts */
    int overwrite_count;
    int64_t made;           /* bytes of `makes` */
    int64_t inner;          /* bytes alive in the node's own step only */
    int *after;             /* nodes that wait for this one */
    int after_count;
    int before_count;       /* nodes that it waits for */
} OrderNode;

typedef struct OrderProblem {
    OrderNode *nodes;
    int count;
    OrderGroup *groups;
    int group_count;
    int64_t live;           /* bytes before the first node */
} OrderProblem;

/* Where an execution stands: a set of executed nodes, closed under "waits for", and what follows from it. */
typedef struct Progress {
    const OrderProblem *problem;
    int64_t live;
    uint64_t hash;          /* of the set */
    uint64_t *done, *ready; /* sets of nodes */
    int *waits;             /* by node: how many before it are not done */
    int *left;              /* by group: readers that are not done */
} Progress;

Progress *progress_new(Arena *arena, const OrderProblem *problem);      /* nothing done */
int64_t step_cost(const Progress *progress, int node);                  /* bytes alive while a ready node runs */
void perform(Progress *progress, int node);                             /* it is ready */
void take_back(Progress *progress, int node);                           /* nobody done waits for it */

/* Looks for an order of the nodes first ... first + count - 1 with a peak below `ceiling`; everything before them is done, and
 * everything behind waits for them. Peaks up to `floor` are as good as each other. *work bounds the search, and gets what is
 * left. Returns the peak, with `order` set, or the ceiling; *bound: no order can do better. */
int64_t search_order(Progress *progress, int first, int count, int64_t floor, int64_t ceiling, int64_t *work, int *order, int64_t *bound);
/* Moves nodes of this part of an order back to where the model has them, as far as the peak stays within `limit`. */
void settle_order(Progress *progress, int count, int64_t limit, int *order);

#endif
