/* SPDX-License-Identifier: MIT
 *
 * What the parts of the memory planner share.
 */
#ifndef ETCH_PLAN_H
#define ETCH_PLAN_H

#include "../compiler.h"

Tensor *storage_root(Tensor *tensor);                   /* the tensor whose bytes it has */
void plan_liveness(Model *model, bool io_in_arena);     /* lives, aliases, storage classes */

/* Places `count` buffers: sets offsets (multiples of each buffer's alignment) and returns the peak. *lower_bound gets what no
 * placement can go below: the largest load, or more where a search proves it. `nodes` bounds the exact search (0: none). */
enum { DEFAULT_SEARCH_NODES = 200000 };
int64_t place_buffers(PlannedBuffer *buffers, int count, int64_t nodes, int64_t *lower_bound);

/* search.c: a placement within `capacity`, if there is one. Sizes must be multiples of every alignment. *nodes_left is the
 * budget, and gets what is left of it. Sets offsets when it fits. */
typedef enum SearchResult { SEARCH_FITS, SEARCH_INFEASIBLE, SEARCH_BUDGET_SPENT } SearchResult;
SearchResult search_placement(PlannedBuffer *buffers, int count, int64_t capacity, int64_t *nodes_left);

#endif
