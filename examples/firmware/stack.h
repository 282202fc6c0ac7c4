/* SPDX-License-Identifier: MIT-0
 *
 * How deep the stack gets: fill what lies below with a pattern, run, look how far the pattern is gone. Both functions must
 * be inlined into one caller, so that the stack pointer is the same; no interrupt may use this stack in between.
 */
#ifndef FIRMWARE_STACK_H
#define FIRMWARE_STACK_H

#include <stddef.h>
#include <stdint.h>

#if defined(__arm__) || defined(__riscv)

extern uint32_t stack_limit[]; /* from the linker script */

enum { STACK_PATTERN = 0x57ac57ac };

static inline __attribute__((always_inline)) uint32_t *stack_pointer(void)
{
    uint32_t *pointer;
#if defined(__riscv)
    __asm volatile("mv %0, sp"
                   : "=r"(pointer));
#else
    __asm volatile("mov %0, sp"
                   : "=r"(pointer));
#endif
    return pointer;
}

static inline __attribute__((always_inline)) void stack_paint(void)
{
    for (volatile uint32_t *word = stack_pointer(); word > stack_limit;)
        *--word = STACK_PATTERN;
}

/* Bytes below the stack pointer that have been written since; all of it when the stack overflowed. */
static inline __attribute__((always_inline)) size_t stack_used(void)
{
    const volatile uint32_t *const top = stack_pointer();
    const volatile uint32_t *word = stack_limit;
    while (word < top && *word == STACK_PATTERN)
        ++word;
    return (size_t)(top - word) * sizeof *word;
}

#else /* a PC: not measured */

static inline void stack_paint(void)
{
}

static inline size_t stack_used(void)
{
    return 0;
}

#endif
#endif
