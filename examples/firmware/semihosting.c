/* SPDX-License-Identifier: MIT-0
 *
 * Console and exit through semihosting, which QEMU and most debug probes serve. Operations and numbers: Arm,
 * "Semihosting for AArch32 and AArch64"; RISC-V, "RISC-V Semihosting". Without a debugger the trap instruction faults: a
 * product replaces this file.
 */
#include "console.h"

enum { SYS_WRITE0 = 0x04 };
enum { SYS_EXIT_EXTENDED = 0x20 };
enum { APPLICATION_EXIT = 0x20026 };

static void semihosting_call(uintptr_t operation, const void *parameter)
{
#if defined(__riscv)
    register uintptr_t a0 __asm("a0") = operation;
    register const void *a1 __asm("a1") = parameter;
    /* The three instructions must be these, uncompressed and in one page. */
    __asm volatile(".option push\n\t"
                   ".option norvc\n\t"
                   ".balign 16\n\t"
                   "slli zero, zero, 0x1f\n\t"
                   "ebreak\n\t"
                   "srai zero, zero, 7\n\t"
                   ".option pop"
                   : "+r"(a0)
                   : "r"(a1)
                   : "memory");
#else
    register uintptr_t r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = parameter;
    __asm volatile("bkpt 0xab"
                   : "+r"(r0)
                   : "r"(r1)
                   : "memory");
#endif
}

void console_text(const char *text)
{
    semihosting_call(SYS_WRITE0, text);
}

_Noreturn void program_exit(int status)
{
    const uintptr_t block[2] = {APPLICATION_EXIT, (uintptr_t)status};
    semihosting_call(SYS_EXIT_EXTENDED, block);
    for (;;)
        continue;
}
