/* SPDX-License-Identifier: MIT
 *
 * Cycles of an inference, estimated from how often each instruction was executed and what a processor's pipeline takes for it.
 */
#include "compiler.h"
#include "report/cycles.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct Executed {
    uint64_t address;
    int64_t count, taken;
} Executed;

/* ---------------------------------------------------------------- what was executed */

static int compare_addresses(const void *left, const void *right)
{
    const uint64_t a = ((const Executed *)left)->address, b = ((const Executed *)right)->address;
    return (a > b) - (a < b);
}

/* "ADDRESS COUNT TAKEN" per line; an address may have several. */
static int read_executed(Arena *arena, const char *text, Executed **executed)
{
    int count = 0, capacity = 0, kept = 0;
    *executed = NULL;
    for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n') {
        Executed line;
        if (sscanf(text, "%" SCNx64 " %" SCNd64 " %" SCNd64, &line.address, &line.count, &line.taken) != 3)
            continue;
        ARENA_PUSH(arena, *executed, count, capacity);
        (*executed)[count++] = line;
    }
    if (count > 0)
        qsort(*executed, (size_t)count, sizeof **executed, compare_addresses);
    for (int i = 0; i < count; ++i) {
        if (kept > 0 && (*executed)[kept - 1].address == (*executed)[i].address) {
            (*executed)[kept - 1].count += (*executed)[i].count;
            (*executed)[kept - 1].taken += (*executed)[i].taken;
        } else
            (*executed)[kept++] = (*executed)[i];
    }
    return kept;
}

/* ---------------------------------------------------------------- the listing */

bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* "    14f8:\tldr.w\tr3, [r0, #4]" */
bool read_instruction(const char *line, Instruction *instruction)
{
    char *colon;
    instruction->address = strtoull(line, &colon, 16);
    if (line[0] != ' ' || colon[0] != ':' || colon[1] != '\t')
        return false;
    instruction->mnemonic = colon + 2;
    instruction->end = colon + strcspn(colon, "\n");
    instruction->operands = instruction->mnemonic + strcspn(instruction->mnemonic, "\t\n");
    instruction->operands += *instruction->operands == '\t';
    return true;
}

/* Instructions that are executed one behind the other, always */
static bool continues(const Executed *before, const Executed *found)
{
    return before != NULL && found == before + 1 && found->address - before->address <= 4 && before->count == found->count && before->taken == 0;
}

typedef struct NamedPipeline {
    const char *name;
    int (*cost)(Pipeline *pipeline, const Instruction *instruction, bool continued);
} NamedPipeline;

static const NamedPipeline pipelines[] = {{"cortex-m4", cortex_m4_cost}, {"cortex-m7", cortex_m7_cost}};

static const NamedPipeline *find_pipeline(const char *name)
{
    for (size_t i = 0; i < sizeof pipelines / sizeof *pipelines; ++i)
        if (strcmp(pipelines[i].name, name) == 0)
            return &pipelines[i];
    return NULL;
}

bool is_pipeline(const char *name)
{
    return find_pipeline(name) != NULL;
}

CycleEstimate estimate_cycles(Arena *arena, const char *name, const char *listing, const char *executed)
{
    Executed *list;
    CycleEstimate estimate = {0};
    Instruction instruction = {0};
    const Executed *before = NULL;
    Pipeline pipeline = {.cost = find_pipeline(name)->cost};
    const int count = read_executed(arena, executed, &list);
    for (const char *line = listing; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        if (!read_instruction(line, &instruction))
            continue;
        const Executed wanted = {.address = instruction.address};
        const Executed *found = count > 0 ? bsearch(&wanted, list, (size_t)count, sizeof *list, compare_addresses) : NULL;
        if (found != NULL) {
            const int cost = pipeline.cost(&pipeline, &instruction, continues(before, found));
            estimate.instructions += found->count;
            estimate.cycles += found->count * cost + found->taken * pipeline.refill;
        }
        before = found;
        pipeline.before = instruction;
    }
    return estimate;
}

uint64_t listed_symbol(const char *listing, const char *name)
{
    const size_t length = strlen(name);
    for (const char *line = listing; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        const size_t size = strcspn(line, "\n");
        if (size > length && isxdigit((unsigned char)line[0]) && line[size - length - 1] == ' ' && memcmp(line + size - length, name, length) == 0)
            return strtoull(line, NULL, 16);
    }
    return 0;
}
