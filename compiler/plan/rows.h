/* SPDX-License-Identifier: MIT
 *
 * Chains of nodes that can be executed row by row.
 */
#ifndef ETCH_ROWS_H
#define ETCH_ROWS_H

#include "plan.h"

enum { MAX_CHAIN = 24 };

/* Nodes in a row of the main graph, each reading the one before: what it takes to execute them row by row. */
typedef struct Chain {
    Node *nodes[MAX_CHAIN];
    RowStage stages[MAX_CHAIN];
    int count;
    int32_t strips, columns;
    Tensor *whole[MAX_CHAIN + 1]; /* what it reads from outside, constants aside */
    int whole_count;
    int64_t buffer_bytes;   /* windows and rows between the nodes */
    int64_t macs;           /* of all rows and strips */
} Chain;

/* Whether `node` can be executed by rows as the next of the chain (or the first); then it is added to it. */
bool chain_extend(Chain *chain, Node *node);
/* Settles windows, buffers and MACs for that many strips; false where the image has no room for them. */
bool chain_settle(Chain *chain, int32_t strips);
/* How far the chain's output may run over its input whole[index]: input - output >= distance; INT64_MAX: not at all. */
int64_t chain_distance(const Chain *chain, int index);
/* The same for a node made of a chain. */
int64_t rows_distance(const Node *node, int index);
/* The nodes of the chain become the region of a Rows node in their place. */
void chain_fuse(Graph *graph, Chain *chain);

#endif
