/* SPDX-License-Identifier: MIT
 *
 * What instructions cost on a Cortex-M4 (Arm DDI 0439, "Cortex-M4 Technical Reference Manual", 3.3 Instruction set summary; memory
 * without wait states).
 */
#include "compiler.h"
#include "report/cycles.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The pipeline's refill behind a taken branch takes 1 to 3 cycles, by the target's alignment and width; divisions take 2 to 12. */
enum { REFILL = 2, DIVISION = 7, FLOAT_DIVISION = 14 };

/* "{r4, r5, r6-r8}" is five registers. */
int listed_registers(const Instruction *instruction)
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

int cortex_m4_cost(Pipeline *pipeline, const Instruction *instruction, bool continued)
{
    const char *name = instruction->mnemonic;
    const Instruction *before = &pipeline->before;
    (void)continued;
    pipeline->refill = REFILL;
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
