/* SPDX-License-Identifier: MIT
 *
 * Worst-case stack from the call graph that gcc writes with -fcallgraph-info=su: one line per function (its frame) and per
 * call, in the VCG format, e.g.
 *     node: { title: "kws_invoke" label: "kws_invoke\nkws.c:812:5\n96 bytes (static)\n0 dynamic objects" }
 *     edge: { sourcename: "kws_invoke" targetname: "memcpy" label: "kws.c:830:5" }
 */
#include "compiler.h"

#include <stdlib.h>
#include <string.h>

typedef struct Function {
    const char *name;
    int64_t frame, deepest;
    int *callees;
    int callee_count, callee_capacity;
    bool visiting, done;
} Function;

typedef struct CallGraph {
    Arena *arena;
    Function *functions;
    int count, capacity;
    bool bounded;
} CallGraph;

/* The text in quotes behind `key` in the line; NULL when there is none. */
static const char *quoted(Arena *arena, const char *line, const char *key)
{
    const char *found = strstr(line, key);
    const char *start = found != NULL ? strchr(found, '"') : NULL;
    const char *end = start != NULL ? strchr(start + 1, '"') : NULL;
    return end != NULL ? arena_format(arena, "%.*s", (int)(end - start - 1), start + 1) : NULL;
}

static int function_index(CallGraph *graph, const char *name)
{
    for (int i = 0; i < graph->count; ++i)
        if (strcmp(graph->functions[i].name, name) == 0)
            return i;
    ARENA_PUSH(graph->arena, graph->functions, graph->count, graph->capacity);
    graph->functions[graph->count] = (Function){.name = name};
    return graph->count++;
}

static void read_function(CallGraph *graph, const char *line)
{
    const char *name = quoted(graph->arena, line, "title:"), *label = quoted(graph->arena, line, "label:");
    const char *size = label != NULL ? strstr(label, " bytes (") : NULL;
    if (name == NULL)
        return;
    const int index = function_index(graph, name);
    if (size == NULL)
        return;
    if (strncmp(size, " bytes (static)", 15) != 0 && strstr(size, "bounded") == NULL)
        graph->bounded = false;
    while (size > label && size[-1] >= '0' && size[-1] <= '9')
        --size;
    graph->functions[index].frame = strtol(size, NULL, 10);
}

static void read_call(CallGraph *graph, const char *line)
{
    const char *from = quoted(graph->arena, line, "sourcename:"), *to = quoted(graph->arena, line, "targetname:");
    if (from == NULL || to == NULL)
        return;
    const int callee = function_index(graph, to);
    Function *caller = &graph->functions[function_index(graph, from)];
    ARENA_PUSH(graph->arena, caller->callees, caller->callee_count, caller->callee_capacity);
    caller->callees[caller->callee_count++] = callee;
}

static int64_t deepest(CallGraph *graph, int index)
{
    Function *function = &graph->functions[index];
    if (function->done)
        return function->deepest;
    if (function->visiting) {
        graph->bounded = false; /* recursion */
        return 0;
    }
    function->visiting = true;
    int64_t below = 0;
    for (int i = 0; i < function->callee_count; ++i) {
        const int64_t depth = deepest(graph, function->callees[i]);
        below = depth > below ? depth : below;
    }
    function->visiting = false;
    function->done = true;
    function->deepest = function->frame + below;
    return function->deepest;
}

int64_t worst_case_stack(Arena *arena, const char *path, const char *function, bool *bounded)
{
    CallGraph graph = {.arena = arena, .bounded = true};
    size_t bytes;
    char *text = (char *)read_file(arena, path, &bytes);
    if (text == NULL)
        return -1;
    for (char *line = text; *line != '\0';) {
        char *end = line + strcspn(line, "\n");
        const bool last = *end == '\0';
        *end = '\0';
        if (strncmp(line, "node:", 5) == 0)
            read_function(&graph, line);
        else if (strncmp(line, "edge:", 5) == 0)
            read_call(&graph, line);
        line = last ? end : end + 1;
    }
    const int64_t depth = deepest(&graph, function_index(&graph, function));
    *bounded = graph.bounded;
    return depth;
}
