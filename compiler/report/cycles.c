/* SPDX-License-Identifier: MIT
 *
 * Cycles of an inference on a Cortex-M4, estimated from how often each instruction was executed and the documented cost of each
 * (Arm DDI 0439, "Cortex-M4 Technical Reference Manual", 3.3 Instruction set summary; memory without wait states).
 */
#include "compiler.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The pipeline's refill behind a taken branch takes 1 to 3 cycles, by the target's alignment and width; divisions take 2 to 12. */
enum { REFILL = 2, DIVISION = 7, FLOAT_DIVISION = 14 };

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

/* ---------------------------------------------------------------- the cost of an instruction */

/* Of the listing: pointers into its line. */
typedef struct Instruction {
    uint64_t address;
    const char *mnemonic, *operands, *end;
} Instruction;

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* "{r4, r5, r6-r8}" is five registers. */
static int listed_registers(const Instruction *instruction)
{
    const char *text = memchr(instruction->operands, '{', (size_t)(instruction->end - instruction->operands));
    int count = 1;
    if (text == NULL)
        return 1;
    for (; text < instruction->end && *text != '}'; ++text) {
        if (*text == ',')
            ++count;
        else if (*text == '-') {
            const char *first = text;
            while (isdigit((unsigned char)first[-1]))
                --first;
            const char *last = text + 1 + strcspn(text + 1, "0123456789");
            count += atoi(last) - atoi(first);
        }
    }
    return count;
}

static bool is_single_load(const char *mnemonic)
{
    return begins(mnemonic, "ldr") && mnemonic[3] != 'd';
}

static bool is_single_store(const char *mnemonic)
{
    return begins(mnemonic, "str") && mnemonic[3] != 'd';
}

/* "[r1, r2]" or "[r1, r2, lsl #2]" */
static bool has_index_register(const Instruction *instruction)
{
    const char *bracket = memchr(instruction->operands, '[', (size_t)(instruction->end - instruction->operands));
    const char *comma = bracket != NULL ? memchr(bracket, ',', (size_t)(instruction->end - bracket)) : NULL;
    return comma != NULL && comma[-1] != ']' && begins(comma, ", r");
}

/* Of `text`, the register that it begins with occurs behind the bracket of `instruction`. */
static bool addresses_by(const Instruction *instruction, const char *text)
{
    const size_t length = strcspn(text, ",] \t\n");
    const char *place = memchr(instruction->operands, '[', (size_t)(instruction->end - instruction->operands));
    for (; place != NULL && place + length < instruction->end && *place != ']'; ++place)
        if (memcmp(place + 1, text, length) == 0 && !isalnum((unsigned char)place[1 + length]) && !isalnum((unsigned char)*place))
            return true;
    return false;
}

/* Neighbouring single loads and stores overlap, unless the address comes from the load before. */
static bool overlaps(const Instruction *instruction, const Instruction *before)
{
    if (before->mnemonic == NULL || !(is_single_load(before->mnemonic) || is_single_store(before->mnemonic)))
        return false;
    return is_single_store(before->mnemonic) || !addresses_by(instruction, before->operands);
}

static int float_cost(const Instruction *instruction)
{
    const char *name = instruction->mnemonic;
    const bool is_double = strstr(instruction->operands, "d") != NULL && strstr(instruction->operands, "d") < instruction->end;
    if (begins(name, "vldm") || begins(name, "vstm") || begins(name, "vpush") || begins(name, "vpop"))
        return 1 + listed_registers(instruction) * (is_double ? 2 : 1);
    if (begins(name, "vldr") || begins(name, "vstr"))
        return is_double ? 3 : 2;
    if (begins(name, "vdiv") || begins(name, "vsqrt"))
        return FLOAT_DIVISION;
    if (begins(name, "vmla") || begins(name, "vmls") || begins(name, "vnml") || begins(name, "vfma") || begins(name, "vfms") || begins(name, "vfnm"))
        return 3;
    return 1;
}

/* Without the refill behind a taken branch */
static int cost_of(const Instruction *instruction, const Instruction *before)
{
    const char *name = instruction->mnemonic;
    if (name[0] == 'v')
        return float_cost(instruction);
    if (begins(name, "ldm") || begins(name, "stm") || begins(name, "push") || begins(name, "pop"))
        return 1 + listed_registers(instruction);
    if (begins(name, "ldrd") || begins(name, "strd"))
        return 3;
    if (is_single_load(name))
        return overlaps(instruction, before) ? 1 : 2;
    if (is_single_store(name))
        return has_index_register(instruction) && !overlaps(instruction, before) ? 2 : 1;
    if (begins(name, "sdiv") || begins(name, "udiv"))
        return DIVISION;
    return begins(name, "tbb") || begins(name, "tbh") ? 2 : 1;
}

/* ---------------------------------------------------------------- the listing */

/* "    14f8:\tldr.w\tr3, [r0, #4]" */
static bool read_instruction(const char *line, Instruction *instruction)
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

CycleEstimate estimate_cycles(Arena *arena, const char *listing, const char *executed)
{
    Executed *list;
    CycleEstimate estimate = {0};
    Instruction before = {0}, instruction = {0};
    const int count = read_executed(arena, executed, &list);
    for (const char *line = listing; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        if (!read_instruction(line, &instruction))
            continue;
        const Executed wanted = {.address = instruction.address};
        const Executed *found = count > 0 ? bsearch(&wanted, list, (size_t)count, sizeof *list, compare_addresses) : NULL;
        if (found != NULL) {
            estimate.instructions += found->count;
            estimate.cycles += found->count * cost_of(&instruction, &before) + found->taken * REFILL;
        }
        before = instruction;
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
