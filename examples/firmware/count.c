/* SPDX-License-Identifier: MIT-0
 *
 * Executed instructions. QEMU with `-icount shift=N` lets 2^N nanoseconds of virtual time pass per instruction.
 *
 * Cortex-M: SysTick counts processor clocks of that time. With an instruction longer than a clock (shift=6: 64 ns; 25 MHz:
 * 40 ns) the number of instructions follows exactly from the number of clocks. The 24-bit counter runs over after ten
 * million instructions; a handler of known length counts that and its own instructions are taken off again.
 * RISC-V: with shift=0, minstret is the number of instructions.
 *
 * On silicon the same code counts clock cycles on Cortex-M (set both durations to the same value; the handler's
 * instructions are then an approximation of its cycles) and retired instructions on RISC-V.
 */
#include "count.h"

const char count_unit[] = "instructions";

static uint64_t reading_cost;

#if defined(__riscv)

static uint32_t read_low(void)
{
    uint32_t value;
    __asm volatile(".option push\n\t.option arch, +zicsr\n\tcsrr %0, minstret\n\t.option pop"
                   : "=r"(value));
    return value;
}

static uint32_t read_high(void)
{
    uint32_t value;
    __asm volatile(".option push\n\t.option arch, +zicsr\n\tcsrr %0, minstreth\n\t.option pop"
                   : "=r"(value));
    return value;
}

__attribute__((noinline)) uint64_t count_read(void)
{
    for (;;) {
        const uint32_t high = read_high();
        const uint32_t low = read_low();
        if (read_high() == high)
            return (uint64_t)high << 32 | low;
    }
}

static void start_counter(void)
{
}

static uint64_t instructions_of(uint64_t ticks)
{
    return ticks;
}

void count_stop(void)
{
}

#else

#ifndef COUNT_TICK_PICOSECONDS
#define COUNT_TICK_PICOSECONDS 40000u /* the processor's clock: 25 MHz */
#endif
#ifndef COUNT_INSTRUCTION_PICOSECONDS
#define COUNT_INSTRUCTION_PICOSECONDS 64000u /* -icount shift=6 */
#endif

#define SYSTICK_CONTROL (*(volatile uint32_t *)0xE000E010u)
#define SYSTICK_RELOAD (*(volatile uint32_t *)0xE000E014u)
#define SYSTICK_VALUE (*(volatile uint32_t *)0xE000E018u)

enum { COUNTER_ON = 1 | 2 | 4 }; /* enabled, with interrupt, on the processor's clock */
enum { FULL_COUNT = 0x1000000 };
enum { HANDLER_INSTRUCTIONS = 5 };

__attribute__((used)) static volatile uint32_t overflows;

void systick_handler(void);

/* HANDLER_INSTRUCTIONS long, whatever the compiler and its options. */
__attribute__((naked)) void systick_handler(void)
{
    __asm volatile(".syntax unified\n\t"
                   "ldr r0, =overflows\n\t"
                   "ldr r1, [r0]\n\t"
                   "adds r1, #1\n\t"
                   "str r1, [r0]\n\t"
                   "bx lr\n\t"
                   ".ltorg");
}

/* Both parts from the same side of an overflow. */
__attribute__((noinline)) uint64_t count_read(void)
{
    for (;;) {
        const uint32_t before = overflows;
        const uint32_t value = SYSTICK_VALUE;
        if (overflows == before)
            return (uint64_t)before << 24 | (FULL_COUNT - value) % FULL_COUNT;
    }
}

static void start_counter(void)
{
    SYSTICK_RELOAD = FULL_COUNT - 1;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = COUNTER_ON;
}

static uint64_t instructions_of(uint64_t ticks)
{
    const uint64_t instructions = (ticks * COUNT_TICK_PICOSECONDS + COUNT_INSTRUCTION_PICOSECONDS / 2) / COUNT_INSTRUCTION_PICOSECONDS;
    return instructions;
}

void count_stop(void)
{
    SYSTICK_CONTROL = 0;
}

#endif

uint64_t count_between(uint64_t first, uint64_t second)
{
    uint64_t instructions = instructions_of(second - first);
#if !defined(__riscv)
    instructions -= HANDLER_INSTRUCTIONS * ((second >> 24) - (first >> 24));
#endif
    return instructions > reading_cost ? instructions - reading_cost : 0;
}

void count_start(void)
{
    start_counter();
    (void)count_read();
    const uint64_t first = count_read();
    const uint64_t second = count_read();
    reading_cost = count_between(first, second);
}
