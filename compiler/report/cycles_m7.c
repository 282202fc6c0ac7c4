/* SPDX-License-Identifier: MIT
 *
 * What instructions cost on a Cortex-M7: two are issued per cycle, in order. Arm documents the pipes (two loads, two arithmetic
 * units, one each for stores, multiplications, branches and floating point) but no timing; latencies and what goes together are those
 * by which LLVM schedules for it (llvm/lib/Target/ARM/ARMScheduleM7.td). Memory without wait states, branches as predicted.
 */
#include "compiler.h"
#include "report/cycles.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A taken branch that was predicted ends its group and leaves one cycle empty (an assumption: none is documented). */
enum { PREDICTED = 1, DIVISION = 7, FLOAT_DIVISION = 16, FLOAT_LATENCY = 3 };

/* What at most one instruction of a group can use; two loads go together. */
enum { STORE = 1, MULTIPLY = 2, LANES = 4, BRANCH = 8, FLOAT = 16, ALONE = 32 };

typedef struct Operand {
    int reg;
    bool is_address, is_listed;
} Operand;

typedef struct Timing {
    unsigned units;
    int latency, occupies;         /* cycles until a result can be used; in which nothing else is issued, from the second on */
    int results;                   /* so many operands, from the first, are written */
    bool reads_results;            /* and read, too */
    bool reads_flags, writes_flags;
} Timing;

/* ---------------------------------------------------------------- operands */

/* The register that `text` begins with, or -1; `*length`: of its name. */
static int register_named(const char *text, int *length)
{
    static const char *const names[] = {"sb", "sl", "fp", "ip", "sp", "lr", "pc"}; /* r9 to r15 */
    for (int i = 0; i < 7; ++i)
        if (begins(text, names[i]) && !isalnum((unsigned char)text[2])) {
            *length = 2;
            return 9 + i;
        }
    char *end;
    if (strchr("rsd", text[0]) == NULL || !isdigit((unsigned char)text[1]))
        return -1;
    const long number = strtol(text + 1, &end, 10);
    *length = (int)(end - text);
    if (isalnum((unsigned char)*end) || number > (text[0] == 'r' ? 15 : text[0] == 's' ? 31 : 15))
        return -1;
    return text[0] == 'r' ? (int)number : FLOAT_REGISTERS + (int)number * (text[0] == 'd' ? 2 : 1);
}

static int read_operands(const Instruction *instruction, Operand operands[REGISTER_COUNT])
{
    bool is_address = false, is_listed = false;
    int count = 0, last = -1;
    for (const char *text = instruction->operands; text < instruction->end && strchr(";@<", *text) == NULL; ++text) {
        int length = 0;
        const int reg = isalnum((unsigned char)text[-1]) ? -1 : register_named(text, &length);
        is_address = *text == '[' || (is_address && *text != ']');
        is_listed = *text == '{' || (is_listed && *text != '}');
        if (reg < 0)
            continue;
        for (int next = is_listed && text[-1] == '-' ? last + 1 : reg; next <= reg && count < REGISTER_COUNT; ++next)
            operands[count++] = (Operand){next, is_address, is_listed};
        last = reg;
        text += length - 1;
    }
    return count;
}

/* The base register that "[r0], #4", "[r0, #4]!" and "r0!" change, or -1 */
static int written_base(const Instruction *instruction, const Operand *operands, int count)
{
    const size_t length = (size_t)(instruction->end - instruction->operands);
    const char *bracket = memchr(instruction->operands, ']', length);
    if (bracket == NULL)
        return count > 0 && memchr(instruction->operands, '!', length) != NULL ? operands[0].reg : -1;
    if (bracket + 1 >= instruction->end || (bracket[1] != ',' && bracket[1] != '!'))
        return -1;
    for (int i = 0; i < count; ++i)
        if (operands[i].is_address)
            return operands[i].reg;
    return -1;
}

/* ---------------------------------------------------------------- classes of instructions */

static bool begins_any(const char *name, const char *const *prefixes)
{
    for (; *prefixes != NULL; ++prefixes)
        if (begins(name, *prefixes))
            return true;
    return false;
}

static bool is_multiplication(const char *name)
{
    static const char *const prefixes[] = {"mul", "mla", "mls", "smul", "smla", "smls", "smml", "smmu", "smua", "smus", "umul", "umla", "umaa", NULL};
    return begins_any(name, prefixes);
}

/* Lanes and bit fields: one of them in a group */
static bool is_lanes(const char *name)
{
    static const char *const prefixes[] = {"sxt", "uxt", "sadd", "ssub", "shadd", "shsub", "uadd", "usub", "uhadd", "uhsub", "sasx", "ssax", "qadd", "qsub",
        "uqadd", "uqsub", "ssat", "usat", "sel", "pkh", "sbfx", "ubfx", "bfi", "bfc", "rev", "rbit", "clz", "usad", NULL};
    return begins_any(name, prefixes);
}

static bool is_branch(const char *name)
{
    return name[0] == 'b' && !begins(name, "bic") && !begins(name, "bf") && !begins(name, "bkpt");
}

static Timing float_timing(const Instruction *instruction)
{
    const char *name = instruction->mnemonic;
    if (begins(name, "vldm") || begins(name, "vstm") || begins(name, "vpush") || begins(name, "vpop"))
        return (Timing){.units = ALONE, .latency = 2, .occupies = (listed_registers(instruction) + 1) / 2};
    if (begins(name, "vldr"))
        return (Timing){.units = FLOAT, .latency = 2, .results = 1};
    if (begins(name, "vstr"))
        return (Timing){.units = STORE | FLOAT};
    if (begins(name, "vdiv") || begins(name, "vsqrt"))
        return (Timing){.units = FLOAT, .latency = FLOAT_DIVISION, .occupies = FLOAT_DIVISION, .results = 1};
    const bool accumulates = begins(name, "vmla") || begins(name, "vmls") || begins(name, "vfma") || begins(name, "vfms");
    return (Timing){.units = FLOAT, .latency = FLOAT_LATENCY, .results = !begins(name, "vcmp"), .reads_results = accumulates};
}

static Timing memory_timing(const Instruction *instruction)
{
    const char *name = instruction->mnemonic;
    if (begins(name, "ldrd"))
        return (Timing){.units = ALONE, .latency = 1, .results = 2};
    if (begins(name, "strd"))
        return (Timing){.units = ALONE};
    if (begins(name, "str"))
        return (Timing){.units = STORE};
    const bool is_word = name[3] == '\t' || name[3] == '.' || name[3] == '\n'; /* parts of words come a cycle later */
    return (Timing){.latency = is_word ? 1 : 2, .results = 1};
}

/* "adds", "subs", ..., not "movs"' like in their result: the s before a width or a blank */
static bool sets_flags(const char *name)
{
    static const char *const prefixes[] = {"cmp", "cmn", "tst", "teq", NULL};
    const size_t length = strcspn(name, ".\t\n");
    return begins_any(name, prefixes) || (length > 3 && name[length - 1] == 's' && !begins(name, "mls"));
}

/* "adds r0, #1" or "adds r0, r1": of two operands, the first is read, too. */
static bool changes_operand(const Instruction *instruction)
{
    static const char *const prefixes[] = {"add", "sub", "and", "orr", "eor", "bic", "adc", "sbc", "lsl", "lsr", "asr", "ror", "mul", NULL};
    int commas = 0;
    for (const char *text = instruction->operands; text < instruction->end && strchr(";@", *text) == NULL; ++text)
        commas += *text == ',';
    return commas == 1 && begins_any(instruction->mnemonic, prefixes);
}

static Timing timing_of(const Instruction *instruction)
{
    static const char *const without_result[] = {"cmp", "cmn", "tst", "teq", "nop", "it", "cb", "tb", "dsb", "dmb", "isb", NULL};
    const char *name = instruction->mnemonic;
    if (name[0] == 'v')
        return float_timing(instruction);
    if (begins(name, "ldm") || begins(name, "stm") || begins(name, "push") || begins(name, "pop"))
        return (Timing){.units = ALONE, .latency = 1, .occupies = (listed_registers(instruction) + 1) / 2}; /* 64 bits per cycle */
    if (begins(name, "ldr") || begins(name, "str"))
        return memory_timing(instruction);
    if (is_multiplication(name)) {
        const bool is_long = name[0] == 'u' || begins(name, "smull") || begins(name, "smlal") || begins(name, "smlsl");
        const bool accumulates = is_long ? strstr(name, "mull") != name + 1 : changes_operand(instruction);
        return (Timing){.units = MULTIPLY, .latency = 2, .results = is_long ? 2 : 1, .reads_results = accumulates};
    }
    if (begins(name, "sdiv") || begins(name, "udiv"))
        return (Timing){.units = ALONE, .latency = 1, .occupies = DIVISION, .results = 1};
    if (is_branch(name) || begins(name, "cb"))
        return (Timing){.units = BRANCH, .reads_flags = name[0] == 'b' && strchr("lx.\t\n", name[1]) == NULL};
    if (begins(name, "tb"))
        return (Timing){.units = ALONE, .occupies = 2};
    const bool is_saturation = begins(name, "ssat") || begins(name, "usat") || begins(name, "qadd") || begins(name, "qsub");
    return (Timing){.units = is_lanes(name) ? LANES : 0, .latency = is_saturation ? 2 : 1, .results = !begins_any(name, without_result),
        .reads_results = changes_operand(instruction), .reads_flags = begins(name, "it") || begins(name, "adc") || begins(name, "sbc"), .writes_flags = sets_flags(name)};
}

/* ---------------------------------------------------------------- issue */

/* The first cycle in which the instruction has its operands. Addresses are needed a cycle earlier than other operands, the sum of a
 * multiplication a cycle later if it comes from one. */
static int operands_ready(const Pipeline *pipeline, const Timing *timing, const Operand *operands, int count)
{
    int cycle = timing->reads_flags ? pipeline->ready[FLAGS] : 0;
    for (int i = 0; i < count; ++i) {
        const Operand *operand = &operands[i];
        if (i < timing->results && !timing->reads_results)
            continue;
        int when = pipeline->ready[operand->reg] + operand->is_address;
        if (timing->units == MULTIPLY && i == count - 1 && count == 4 && pipeline->multiplied[operand->reg])
            --when;
        cycle = when > cycle ? when : cycle;
    }
    return cycle;
}

static void write_result(Pipeline *pipeline, int reg, int cycle, bool multiplied)
{
    pipeline->ready[reg] = cycle;
    pipeline->multiplied[reg] = multiplied;
}

static void write_results(Pipeline *pipeline, const Instruction *instruction, const Timing *timing, const Operand *operands, int count)
{
    const int cycle = pipeline->now + timing->latency, base = written_base(instruction, operands, count);
    const bool loads_list = begins(instruction->mnemonic, "ldm") || begins(instruction->mnemonic, "pop") || begins(instruction->mnemonic, "vldm");
    for (int i = 0; i < count; ++i)
        if (i < timing->results || (loads_list && operands[i].is_listed))
            write_result(pipeline, operands[i].reg, cycle, timing->units == MULTIPLY);
    if (base >= 0)
        write_result(pipeline, base, pipeline->now, false); /* known before the access */
    if (timing->writes_flags)
        pipeline->ready[FLAGS] = pipeline->now + 1;
}

int cortex_m7_cost(Pipeline *pipeline, const Instruction *instruction, bool continued)
{
    Operand operands[REGISTER_COUNT];
    const Timing timing = timing_of(instruction);
    const bool is_target = timing.units == BRANCH && !begins(instruction->mnemonic, "cb"); /* no register, but "bx lr" costs no more */
    const int count = is_target ? 0 : read_operands(instruction, operands), before = pipeline->busy - 1;
    pipeline->refill = PREDICTED;
    if (!continued) { /* from elsewhere, everything at hand */
        for (int i = 0; i < REGISTER_COUNT; ++i)
            pipeline->ready[i] = pipeline->busy - 2;
        memset(pipeline->multiplied, 0, sizeof pipeline->multiplied);
        pipeline->issued = 2;
    }
    const int ready = operands_ready(pipeline, &timing, operands, count);
    const bool joins = pipeline->issued == 1 && ready <= pipeline->now && (pipeline->units & timing.units) == 0
        && ((pipeline->units | timing.units) & ALONE) == 0;
    if (joins) {
        pipeline->units |= timing.units;
        ++pipeline->issued;
    } else {
        pipeline->now = ready > pipeline->busy ? ready : pipeline->busy;
        pipeline->units = timing.units;
        pipeline->issued = 1;
        pipeline->busy = pipeline->now + (timing.occupies > 1 ? timing.occupies : 1);
    }
    write_results(pipeline, instruction, &timing, operands, count);
    return pipeline->busy - 1 - before;
}
