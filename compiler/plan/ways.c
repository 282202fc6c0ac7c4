/* SPDX-License-Identifier: MIT
 *
 * Whether nodes are executed row by row at all, and how far that goes: decided by plans made for trial, each of a model of its own.
 */
#include "../compiler.h"

/* The first of four ways that keeps the budget, or the last: rows, then patches too; as few as will do, then for the least RAM.
 * Without a budget only the first. What it takes is returned. */
static int64_t choose_way(const Model *model, const CompileOptions *options, TryRows *try_rows, RowOptions *rows)
{
    const int64_t beside = model->state_bytes + io_bytes(model), most = options->max_ram > 0 ? options->max_ram : INT64_MAX;
    int64_t needed = INT64_MAX;
    *rows = (RowOptions){.io_in_arena = options->io_in_arena, .enough = options->max_ram > beside ? options->max_ram - beside : 0};
    for (int way = 0; way < (options->patches == PATCHES_OFF ? 2 : 4); ++way) {
        if (options->optimize == OPTIMIZE_RAM && way % 2 == 0)
            continue;
        rows->least = way % 2 == 1;
        rows->patches = way < 2 ? PATCHES_OFF : options->patches;
        needed = try_rows(model->path, options, rows);
        if (needed <= most)
            break;
    }
    return needed;
}

/* Rows only where they are asked for: for the least RAM, and to keep a budget. What chains need is estimated when they are
 * chosen; the plan decides. NULL: none. */
const RowOptions *choose_rows(const Model *model, const CompileOptions *options, TryRows *try_rows, RowOptions *rows)
{
    const bool ram = options->optimize == OPTIMIZE_RAM;
    *rows = (RowOptions){.io_in_arena = options->io_in_arena, .least = ram, .patches = options->patches};
    if (options->rows_off)
        return NULL;
    if (options->patches > 0)
        return rows;
    if (!ram && options->max_ram == 0)
        return NULL;
    const int64_t without = try_rows(model->path, options, NULL);
    if (!ram && without <= options->max_ram)
        return NULL;
    return choose_way(model, options, try_rows, rows) < without ? rows : NULL;
}
