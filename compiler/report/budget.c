/* SPDX-License-Identifier: MIT
 *
 * --max-ram and --max-flash: what exceeds a budget is an error that names the largest contributors.
 */
#include "compiler.h"

#include <inttypes.h>
#include <stdlib.h>

enum { SHOWN_CONTRIBUTORS = 5 };

typedef struct Contributor {
    const char *name;
    int64_t bytes;
} Contributor;

typedef struct Contributors {
    Arena *arena;
    Contributor *list;
    int count, capacity;
    int64_t total;
} Contributors;

static void contribute(Contributors *all, const char *name, int64_t bytes)
{
    if (bytes == 0)
        return;
    ARENA_PUSH(all->arena, all->list, all->count, all->capacity);
    all->list[all->count++] = (Contributor){name, bytes};
    all->total += bytes;
}

/* The constants that the generated file holds. */
static void collect_flash(Contributors *all, const Model *model)
{
    const Tensor *const *constants;
    const int count = emitted_constants(model, &constants);
    for (int i = 0; i < count; ++i)
        contribute(all, constants[i]->name, tensor_bytes(constants[i]));
}

static int64_t largest_live_step(const Model *model)
{
    PlannedBuffer *buffers;
    const int count = plan_buffers(model, &buffers);
    int64_t most = -1, best = 0;
    for (int i = 0; i < count; ++i) {
        int64_t live = 0;
        for (int k = 0; k < count; ++k)
            if (buffers[k].first <= buffers[i].first && buffers[i].first <= buffers[k].last)
                live += buffers[k].bytes;
        if (live > most) {
            most = live;
            best = buffers[i].first;
        }
    }
    return best;
}

/* The arena's buffers at the fullest step, the states, the caller's buffers. */
static void collect_ram(Contributors *all, const Model *model)
{
    const Graph *graph = model->main;
    PlannedBuffer *buffers;
    const int count = plan_buffers(model, &buffers);
    const int64_t step = largest_live_step(model);
    for (int i = 0; i < count; ++i)
        if (buffers[i].first <= step && step <= buffers[i].last)
            contribute(all, buffers[i].tensor->name, buffers[i].bytes);
    for (int i = 0; i < graph->tensor_count; ++i)
        if (graph->tensors[i]->kind == TENSOR_STATE)
            contribute(all, graph->tensors[i]->name, tensor_bytes(graph->tensors[i]));
    for (int i = 0; i < graph->input_count && !model->io_in_arena; ++i)
        contribute(all, graph->inputs[i]->name, tensor_bytes(graph->inputs[i]));
    for (int i = 0; i < graph->output_count && !model->io_in_arena; ++i)
        contribute(all, graph->outputs[i]->name, tensor_bytes(graph->outputs[i]));
}

static int by_size(const void *left, const void *right)
{
    const Contributor *a = left, *b = right;
    return a->bytes != b->bytes ? (a->bytes < b->bytes ? 1 : -1) : 0;
}

static bool over_budget(const Model *model, const char *what, int64_t needed, int64_t budget, Contributors *all)
{
    const char *largest = "";
    if (all->count > 1)
        qsort(all->list, (size_t)all->count, sizeof *all->list, by_size);
    for (int i = 0; i < all->count && i < SHOWN_CONTRIBUTORS; ++i)
        largest = arena_format(model->arena, "%s%s\"%s\" %" PRId64, largest, i > 0 ? ", " : "", all->list[i].name, all->list[i].bytes);
    return error_at(model->path, "%s: %" PRId64 " bytes, %" PRId64 " over the budget of %" PRId64 "; largest: %s", what, needed,
        needed - budget, budget, largest);
}

int64_t io_bytes(const Model *model)
{
    const Graph *graph = model->main;
    int64_t bytes = 0;
    for (int i = 0; i < graph->input_count && !model->io_in_arena; ++i)
        bytes += tensor_bytes(graph->inputs[i]);
    for (int i = 0; i < graph->output_count && !model->io_in_arena; ++i)
        bytes += tensor_bytes(graph->outputs[i]);
    return bytes;
}

bool check_budgets(const Model *model, const CompileOptions *options, Model *(*plan)(const char *path, const CompileOptions *options))
{
    (void)plan;
    Contributors ram = {.arena = model->arena}, flash = {.arena = model->arena};
    const int64_t needed = model->arena_bytes + model->state_bytes + io_bytes(model);
    bool ok = true;
    if (options->max_ram > 0 && needed > options->max_ram) {
        collect_ram(&ram, model);
        ok = over_budget(model, "RAM", needed, options->max_ram, &ram);
    }
    collect_flash(&flash, model);
    if (options->max_flash > 0 && flash.total > options->max_flash)
        ok = over_budget(model, "constants and weights", flash.total, options->max_flash, &flash);
    return ok;
}
