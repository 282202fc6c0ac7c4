/* SPDX-License-Identifier: MIT-0
 *
 * Cost per node of one inference: see profile.h.
 */
#include "profile.h"

#include "console.h"
#include "count.h"

#ifndef PROFILE_NODES
#define PROFILE_NODES 1024
#endif

static uint64_t costs[PROFILE_NODES];
static uint64_t last;

void profile_start(void)
{
    for (int i = 0; i < PROFILE_NODES; ++i)
        costs[i] = 0;
    last = count_read();
}

void profile_mark(int node)
{
    const uint64_t now = count_read();
    if (node >= 0 && node < PROFILE_NODES)
        costs[node] += count_between(last, now);
    last = count_read();
}

void profile_print(void)
{
    for (int i = 0; i < PROFILE_NODES; ++i) {
        if (costs[i] == 0)
            continue;
        console_text("node ");
        console_number(i);
        console_text(": ");
        console_number((int64_t)costs[i]);
        console_text(" ");
        console_text(count_unit);
        console_text("\n");
    }
}
