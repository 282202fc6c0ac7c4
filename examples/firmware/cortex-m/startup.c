/* SPDX-License-Identifier: MIT-0
 *
 * Start-up of a Cortex-M processor: the vector table, memory initialisation, the floating-point and vector units, and a
 * fault handler that says what happened instead of hanging. Works for M0+ to M55; the linker script gives the addresses.
 */
#include "../console.h"

#include <stdint.h>

/* From the linker script. */
extern uint32_t data_load_start[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];

int main(void);
void reset_handler(void);
void systick_handler(void);

#define SCB_CPACR (*(volatile uint32_t *)0xE000ED88u) /* coprocessor access control (Armv7-M, Armv8-M) */
#define SCB_CFSR (*(volatile uint32_t *)0xE000ED28u) /* configurable fault status */
#define SCB_CCR (*(volatile uint32_t *)0xE000ED14u) /* configuration and control */

static void copy_words(uint32_t *to, const uint32_t *end, const uint32_t *from)
{
    while (to < end)
        *to++ = *from++;
}

static void clear_words(uint32_t *to, const uint32_t *end)
{
    while (to < end)
        *to++ = 0;
}

static void enable_units(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    SCB_CPACR |= 0xFu << 20; /* CP10 and CP11: full access; they are the FPU and, on an M55, MVE */
#endif
#if defined(__ARM_FEATURE_MVE)
    SCB_CCR |= 1u << 19; /* LOB: loops of the low-overhead-branch extension may be cached */
#endif
    __asm volatile("dsb\n\tisb" ::
                       : "memory");
}

/* The processor loads the stack pointer from the table's first word, so that C can run from the first instruction. Nothing
 * floating-point may happen before the units are on: memory initialisation is kept to words in core registers. */
void reset_handler(void)
{
    enable_units();
    copy_words(data_start, data_end, data_load_start);
    clear_words(bss_start, bss_end);
    program_exit(main());
}

/* What the processor stacked on entry: r0-r3, r12, lr, pc, xpsr. */
__attribute__((used)) void report_fault(const uint32_t *frame);
void report_fault(const uint32_t *frame)
{
    console_text("fault at ");
    console_hex(frame[6]);
    console_text(", called from ");
    console_hex(frame[5]);
    console_text(", status ");
    console_hex(SCB_CFSR);
    console_text("\n");
    program_exit(3);
}

__attribute__((naked)) static void fault_handler(void)
{
    __asm volatile("mrs r0, msp\n\t"
                   "ldr r1, =report_fault\n\t"
                   "bx r1\n\t"
                   ".ltorg");
}

static void unexpected_interrupt(void)
{
    console_text("unexpected interrupt\n");
    program_exit(3);
}

/* Replaced by count.c when the SysTick timer is in use. */
__attribute__((weak)) void systick_handler(void)
{
    unexpected_interrupt();
}

typedef void (*handler)(void);

typedef struct vector_table {
    const void *initial_stack;
    handler handlers[15];
} vector_table;

__attribute__((section(".vector_table"), used)) static const vector_table vectors = {
    stack_top,
    {
        reset_handler,
        unexpected_interrupt, /* NMI */
        fault_handler, /* HardFault: the others escalate to it, since they are not enabled */
        fault_handler, /* MemManage */
        fault_handler, /* BusFault */
        fault_handler, /* UsageFault */
        fault_handler, /* SecureFault */
        0,
        0,
        0,
        unexpected_interrupt, /* SVCall */
        unexpected_interrupt, /* DebugMonitor */
        0,
        unexpected_interrupt, /* PendSV */
        systick_handler,
    }};
