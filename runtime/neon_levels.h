/* SPDX-License-Identifier: MIT-0
 *
 * What the processor can do, as the compiler says: the vector kernels of AArch64 choose by these. Without any of them they are
 * plain C, with the same results.
 */
#ifndef ETCH_NEON_LEVELS_H
#define ETCH_NEON_LEVELS_H

#if defined(__aarch64__) && defined(__ARM_NEON) && !defined(__AARCH64EB__)
#include <arm_neon.h>
#endif

#if defined(__aarch64__) && defined(__ARM_NEON) && !defined(__AARCH64EB__)
#define ETCH_NEON
#if defined(__ARM_FEATURE_MATMUL_INT8) && defined(__ARM_FEATURE_DOTPROD)
#define ETCH_MATRICES /* two by eight times eight by two bytes */
#elif defined(__ARM_FEATURE_DOTPROD)
#define ETCH_DOTS /* sums of four products of bytes */
#endif
#endif

/* Products are added one after the other: all made at once, they need more registers than there are. */
#if defined(__GNUC__)
#define ETCH_KEEP(vector) __asm__ volatile("" \
                                           : "+w"(vector))
#else
#define ETCH_KEEP(vector) ((void)0)
#endif

/* Blocks are functions of constants: inlined, with their loops over registers written out, and those over values short. */
#if defined(__clang__)
#define ETCH_FORCED __attribute__((always_inline))
#define ETCH_UNROLL_ALL _Pragma("clang loop unroll(full)")
#define ETCH_UNROLL_2 _Pragma("clang loop unroll_count(2)")
#define ETCH_UNROLL_1 _Pragma("clang loop unroll(disable)")
#elif defined(__GNUC__)
#define ETCH_FORCED __attribute__((always_inline))
#define ETCH_UNROLL_ALL _Pragma("GCC unroll 32")
#define ETCH_UNROLL_2 _Pragma("GCC unroll 2")
#define ETCH_UNROLL_1 _Pragma("GCC unroll 1")
#else
#define ETCH_FORCED
#define ETCH_UNROLL_ALL
#define ETCH_UNROLL_2
#define ETCH_UNROLL_1
#endif

#endif
