/* SPDX-License-Identifier: MIT-0
 *
 * Whether kernels may be inline assembler for RV32IM that needs all registers: of an optimised build.
 */
#ifndef ETCH_RISCV_TILES_H
#define ETCH_RISCV_TILES_H

#if defined(__riscv) && defined(__riscv_mul) && !defined(__riscv_32e) && defined(__OPTIMIZE__) && defined(__GNUC__) && !defined(__clang__)
#define ETCH_RISCV_TILES (__riscv_xlen == 32)
#else
#define ETCH_RISCV_TILES 0
#endif

#endif
