/* SPDX-License-Identifier: MIT
 *
 * What the parts of the memory planner share.
 */
#ifndef ETCH_PLAN_H
#define ETCH_PLAN_H

#include "../compiler.h"

Tensor *storage_root(Tensor *tensor);                   /* the tensor whose bytes it has */
void plan_liveness(Model *model, bool io_in_arena);     /* lives, aliases, storage classes */

/* Places `count` buffers: sets offsets (multiples of each buffer's alignment); returns the peak. */
int64_t place_buffers(PlannedBuffer *buffers, int count, int64_t *lower_bound);

#endif
