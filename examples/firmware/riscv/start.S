/* SPDX-License-Identifier: MIT-0
 *
 * Start-up of a RISC-V hart in machine mode: stack, global pointer, trap vector, floating-point unit when the code was
 * compiled for one, memory initialisation, main.
 */
    .section .text.start, "ax"
    .option arch, +zicsr
    .globl _start
_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    la sp, stack_top
    la t0, trap
    csrw mtvec, t0
#ifdef __riscv_flen
    li t0, 0x2000           /* mstatus.FS = initial */
    csrs mstatus, t0
    csrw fcsr, zero
#endif
    csrwi 0x320, 0          /* mcountinhibit: let minstret count */

    la a0, data_start
    la a1, data_end
    la a2, data_load_start
    beq a0, a2, 2f          /* loaded in place */
1:  bgeu a0, a1, 2f
    lw t0, 0(a2)
    sw t0, 0(a0)
    addi a0, a0, 4
    addi a2, a2, 4
    j 1b

2:  la a0, bss_start
    la a1, bss_end
3:  bgeu a0, a1, 4f
    sw zero, 0(a0)
    addi a0, a0, 4
    j 3b

4:  call main
    call program_exit

/* Any exception or interrupt ends the program: report_trap(mcause, mepc, mtval). */
    .balign 4
trap:
    la sp, stack_top
    csrr a0, mcause
    csrr a1, mepc
    csrr a2, mtval
    j report_trap
