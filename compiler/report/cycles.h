/* SPDX-License-Identifier: MIT
 *
 * What estimates of cycles share: an instruction of a listing, and what a processor takes for it.
 */
#ifndef REPORT_CYCLES_H
#define REPORT_CYCLES_H

#include <stdbool.h>
#include <stdint.h>

/* Of the listing: pointers into its line. */
typedef struct Instruction {
    uint64_t address;
    const char *mnemonic, *operands, *end;
} Instruction;

bool begins(const char *text, const char *prefix);
bool read_instruction(const char *line, Instruction *instruction);      /* of what `objdump -d` prints */
int listed_registers(const Instruction *instruction);                   /* "{r4, r5, r6-r8}" is five */

enum { CORE_REGISTERS = 16, FLAGS = 16, FLOAT_REGISTERS = 17, REGISTER_COUNT = 17 + 32 };

typedef struct Pipeline Pipeline;

/* In the order of the listing. */
struct Pipeline {
    /* Cycles of an instruction; `continued`: it is always executed right behind the one before. */
    int (*cost)(Pipeline *pipeline, const Instruction *instruction, bool continued);
    Instruction before;
    int refill;                    /* cycles that a taken branch costs more; set by `cost` */
    int now;                       /* the cycle in which the last group was issued */
    int busy;                      /* the first cycle after what the last group occupies */
    int ready[REGISTER_COUNT];     /* when the arithmetic units can have the register */
    bool multiplied[REGISTER_COUNT]; /* the register is the result of a multiplication */
    unsigned units;                /* taken by the last group */
    int issued;                    /* instructions in it */
};

int cortex_m4_cost(Pipeline *pipeline, const Instruction *instruction, bool continued);
int cortex_m7_cost(Pipeline *pipeline, const Instruction *instruction, bool continued);

#endif
