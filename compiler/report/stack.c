/* SPDX-License-Identifier: MIT
 *
 * Worst-case stack. The generated code's part is read from the call graph that gcc writes with -fcallgraph-info=su: one line
 * per function (its frame) and per call, in the VCG format, e.g.
 *     node: { title: "kws_invoke" label: "kws_invoke\nkws.c:812:5\n96 bytes (static)\n0 dynamic objects" }
 *     edge: { sourcename: "kws_invoke" targetname: "memcpy" label: "kws.c:830:5" }
 * Library functions (memcpy, expf, a division) have no frame there: theirs is read from the instructions of the linked
 * program, as `objdump -t -d` lists them, Thumb or RISC-V. A function's frame is then everything that its instructions take from the
 * stack pointer, whichever way it goes: an upper bound.
 */
#include "compiler.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct Function {
    const char *name;
    uint64_t address; /* in the listing */
    int64_t frame, deepest;
    int *callees;
    int callee_count, callee_capacity;
    int *helpers; /* callees that lower the stack pointer for it: __riscv_save_4 */
    int helper_count, helper_capacity;
    bool known; /* its frame is */
    bool bounded;
    bool visiting, done;
} Function;

typedef struct CallGraph {
    Arena *arena;
    Function *functions; /* of the call graph; then those of the listing, by address */
    int count, capacity;
    int first_listed;
    StackDepth result;
} CallGraph;

/* The next line, cut out; NULL at the end. */
static char *next_line(char **text)
{
    char *line = *text, *end = line + strcspn(line, "\n");
    if (*line == '\0')
        return NULL;
    *text = *end == '\0' ? end : end + 1;
    *end = '\0';
    return line;
}

static int add_function(CallGraph *graph, const char *name)
{
    ARENA_PUSH(graph->arena, graph->functions, graph->count, graph->capacity);
    graph->functions[graph->count] = (Function){.name = name, .bounded = true};
    return graph->count++;
}

static void add_callee(CallGraph *graph, Function *caller, int callee)
{
    ARENA_PUSH(graph->arena, caller->callees, caller->callee_count, caller->callee_capacity);
    caller->callees[caller->callee_count++] = callee;
}

/* ---------------------------------------------------------------- the call graph */

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
    return add_function(graph, name);
}

static void read_function(CallGraph *graph, const char *line)
{
    const char *name = quoted(graph->arena, line, "title:"), *label = quoted(graph->arena, line, "label:");
    const char *size = label != NULL ? strstr(label, " bytes (") : NULL;
    if (name == NULL)
        return;
    const int index = function_index(graph, name);
    Function *function = &graph->functions[index];
    if (size == NULL)
        return;
    function->known = true;
    function->bounded = strncmp(size, " bytes (static)", 15) == 0 || strstr(size, "bounded") != NULL;
    while (size > label && size[-1] >= '0' && size[-1] <= '9')
        --size;
    function->frame = strtol(size, NULL, 10);
}

static void read_call(CallGraph *graph, const char *line)
{
    const char *from = quoted(graph->arena, line, "sourcename:"), *to = quoted(graph->arena, line, "targetname:");
    if (from == NULL || to == NULL)
        return;
    const int callee = function_index(graph, to), caller = function_index(graph, from);
    add_callee(graph, &graph->functions[caller], callee);
}

static void read_graph(CallGraph *graph, char *text)
{
    for (char *line; (line = next_line(&text)) != NULL;) {
        if (strncmp(line, "node:", 5) == 0)
            read_function(graph, line);
        else if (strncmp(line, "edge:", 5) == 0)
            read_call(graph, line);
    }
}

/* ---------------------------------------------------------------- instructions */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_one_of(const char *text, const char *const *list)
{
    while (*list != NULL && strcmp(text, *list) != 0)
        ++list;
    return *list != NULL;
}

/* Bytes of a list like {r4, r5, lr} or {d8-d11}. */
static int64_t register_bytes(const char *list)
{
    const char *c = strchr(list, '{');
    int64_t bytes = 0;
    while (c != NULL && *c != '\0' && *c != '}') {
        const char *name = c + 1 + strspn(c + 1, " ");
        const char *dash = name + strcspn(name, "-,}");
        const int count = *dash == '-' ? atoi(dash + 2) - atoi(name + 1) + 1 : 1;
        bytes += count * (*name == 'd' ? 8 : 4);
        c = name + strcspn(name, ",}");
    }
    return bytes;
}

/* What the instruction takes from the stack pointer; -1: as much as a register says. */
static int64_t stack_taken(const char *mnemonic, const char *operands)
{
    const char *indexed = strstr(operands, "[sp, #-"), *last = strrchr(operands, ',');
    if (starts_with(mnemonic, "push") || starts_with(mnemonic, "vpush") ||
        ((starts_with(mnemonic, "stmdb") || starts_with(mnemonic, "vstmdb")) && starts_with(operands, "sp!")))
        return register_bytes(operands);
    if (indexed != NULL && strstr(indexed, "]!") != NULL)
        return strtol(indexed + 7, NULL, 10);
    const bool subtracts = starts_with(mnemonic, "sub"), adds = starts_with(mnemonic, "add");
    if (last == NULL || !(subtracts || adds) || !starts_with(operands, "sp,"))
        return 0;
    last += 1 + strspn(last + 1, " #");
    char *end;
    const long value = strtol(last, &end, 10);
    if (end == last)
        return -1;
    return subtracts ? value : value < 0 ? -value
                                         : 0;
}

/* Where a branch goes, e.g. "9028 <memcpy+0x10>"; NULL when that stands in a register, or it is none. */
static const char *branch_target(const char *mnemonic, const char *operands, const char *comment)
{
    if (*mnemonic != 'b' && *mnemonic != 'j' && !starts_with(mnemonic, "cb"))
        return NULL;
    const char *text = strcmp(mnemonic, "jalr") == 0 ? comment : operands;
    const char *target = strchr(text, '<');
    if (target == NULL || target == text)
        return NULL;
    for (--target; target > text && target[-1] != ' ' && target[-1] != '\t' && target[-1] != ',';)
        --target;
    return target;
}

static bool is_call_by_address(const char *mnemonic, const char *target)
{
    return target == NULL && (starts_with(mnemonic, "blx") || strcmp(mnemonic, "jalr") == 0);
}

/* Control does not reach the instruction behind it. */
static bool ends_flow(const char *mnemonic, const char *operands)
{
    static const char *const jumps[] = {"b", "b.n", "b.w", "bx", "j", "jr", "ret", "tail", "udf", "ebreak", NULL};
    static const char *const loads[] = {"pop", "pop.w", "ldmia", "ldmia.w", NULL};
    return is_one_of(mnemonic, jumps) || (is_one_of(mnemonic, loads) && strstr(operands, "pc}") != NULL) ||
           (starts_with(mnemonic, "ldr") && starts_with(operands, "pc,"));
}

/* ---------------------------------------------------------------- the listing */

/* The listed function that holds the address; -1: none. */
static int function_at(const CallGraph *graph, uint64_t address)
{
    int found = -1;
    for (int i = graph->first_listed; i < graph->count && graph->functions[i].address <= address; ++i)
        found = i;
    return found;
}

/* "00009410 <memcpy>:" */
static bool read_heading(CallGraph *graph, const char *line)
{
    char *end;
    const uint64_t address = strtoull(line, &end, 16);
    const size_t length = strlen(end);
    if (end == line || !starts_with(end, " <") || length < 4 || strcmp(end + length - 2, ">:") != 0)
        return false;
    const int index = add_function(graph, arena_format(graph->arena, "%.*s", (int)length - 4, end + 2));
    graph->functions[index].address = address;
    graph->functions[index].known = true;
    return true;
}

static void read_branch(CallGraph *graph, int index, const char *mnemonic, const char *operands, const char *target)
{
    Function *function = &graph->functions[index];
    const int callee = function_at(graph, strtoull(target, NULL, 16));
    const bool is_call = strcmp(mnemonic, "bl") == 0 || strcmp(mnemonic, "jal") == 0;
    if (callee < 0 || (callee == index && !is_call))
        return;
    if (starts_with(operands, "t0,")) {
        ARENA_PUSH(graph->arena, function->helpers, function->helper_count, function->helper_capacity);
        function->helpers[function->helper_count++] = callee;
    } else
        add_callee(graph, function, callee);
}

/* "    9412:\torr.w\tr3, r1, r0\t@ ..."; returns whether control reaches the next line. */
static bool read_instruction(CallGraph *graph, int index, char *line, bool reaches)
{
    Function *function = &graph->functions[index];
    char *mnemonic = strstr(line, ":\t");
    if (mnemonic == NULL)
        return reaches;
    mnemonic += 2;
    char *operands = mnemonic + strcspn(mnemonic, "\t "), *comment;
    if (*operands != '\0')
        *operands++ = '\0';
    comment = operands + strcspn(operands, "@;");
    comment = *comment != '\0' ? comment : strstr(operands, " # ");
    if (comment != NULL)
        *comment++ = '\0';
    if (mnemonic[0] == '.' || strcmp(mnemonic, "nop") == 0)
        return reaches;
    const int64_t taken = stack_taken(mnemonic, operands);
    const char *target = branch_target(mnemonic, operands, comment != NULL ? comment : "");
    function->frame += taken > 0 ? taken : 0;
    /* The save routines give back what a smaller frame does not need: by a register. */
    if ((taken < 0 && !starts_with(function->name, "__riscv_save")) || is_call_by_address(mnemonic, target))
        function->bounded = false;
    if (target != NULL)
        read_branch(graph, index, mnemonic, operands, target);
    return !ends_flow(mnemonic, operands);
}

/* Branches refer to functions further on: all headings come first. */
static void read_listing(CallGraph *graph, const char *listing)
{
    char *text = arena_string(graph->arena, listing);
    graph->first_listed = graph->count;
    for (char *line; (line = next_line(&text)) != NULL;)
        read_heading(graph, line);
    text = arena_string(graph->arena, listing);
    int index = graph->first_listed - 1;
    bool reaches = false;
    for (char *line; (line = next_line(&text)) != NULL;) {
        const size_t length = strlen(line);
        if (length > 2 && strcmp(line + length - 2, ">:") == 0) {
            if (reaches && index >= graph->first_listed && index + 1 < graph->count)
                add_callee(graph, &graph->functions[index], index + 1);
            ++index;
            reaches = true;
        } else if (index >= graph->first_listed)
            reaches = read_instruction(graph, index, line, reaches);
    }
}

/* The listed function that begins where the symbol table ("ADDRESS FLAGS SECTION\tSIZE NAME") has the name; -1: none. */
static int find_listed(const CallGraph *graph, const char *listing, const char *name)
{
    const size_t length = strlen(name);
    for (const char *found = strstr(listing, name); found != NULL; found = strstr(found + length, name)) {
        const char *line = found;
        while (line > listing && line[-1] != '\n')
            --line;
        const char *size = memchr(line, '\t', (size_t)(found - line));
        if (size == NULL || found[-1] != ' ' || (found[length] != '\n' && found[length] != '\0') || memchr(line, ':', (size_t)(found - line)) != NULL)
            continue;
        const uint64_t address = strtoull(line, NULL, 16);
        const int index = function_at(graph, address);
        if (index >= 0 && graph->functions[index].address == address)
            return index;
    }
    return -1;
}

/* In the listing of the whole program, with its `entry`, what is missing is not called: the compiler has left the call out in the end. */
static void resolve_library(CallGraph *graph, const char *listing, const char *entry)
{
    const bool whole = find_listed(graph, listing, entry) >= 0;
    for (int i = 0; i < graph->first_listed; ++i) {
        Function *function = &graph->functions[i];
        /* Compilers know no frame of functions that are written in assembler. */
        const bool is_sure = function->known && (function->frame > 0 || function->callee_count > 0);
        const char *file = strrchr(function->name, ':'); /* "kws.c:kws_softmax_1": a static function */
        const int listed = find_listed(graph, listing, file != NULL ? file + 1 : function->name);
        if (listed < 0) {
            function->known |= whole && strcmp(function->name, "__indirect_call") != 0;
            continue;
        }
        if (is_sure) { /* but for what assembly inside of the function takes */
            if (graph->functions[listed].frame > function->frame)
                function->frame = graph->functions[listed].frame;
            continue;
        }
        function->known = true;
        add_callee(graph, function, listed);
    }
}

/* ---------------------------------------------------------------- the deepest path */

static int64_t deepest(CallGraph *graph, int index)
{
    Function *function = &graph->functions[index];
    if (function->done)
        return function->deepest;
    if (function->visiting) {
        graph->result.bounded = false; /* recursion */
        return 0;
    }
    function->visiting = true;
    int64_t below = 0, own = function->frame;
    for (int i = 0; i < function->callee_count; ++i) {
        const int64_t depth = deepest(graph, function->callees[i]);
        below = depth > below ? depth : below;
    }
    for (int i = 0; i < function->helper_count; ++i) /* where they go on in another one, nothing more is taken */
        own += graph->functions[function->helpers[i]].frame;
    graph->result.bounded &= function->bounded;
    graph->result.complete &= function->known;
    function->visiting = false;
    function->done = true;
    function->deepest = own + below;
    return function->deepest;
}

StackDepth worst_case_stack(Arena *arena, const char *text, const char *listing, const char *function)
{
    CallGraph graph = {.arena = arena, .result = {0, true, true}};
    read_graph(&graph, arena_string(arena, text));
    const int index = function_index(&graph, function);
    if (listing != NULL) {
        read_listing(&graph, listing);
        resolve_library(&graph, listing, function);
    }
    graph.result.bytes = deepest(&graph, index);
    return graph.result;
}
