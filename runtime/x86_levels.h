/* SPDX-License-Identifier: MIT-0
 *
 * What the processor can do, as the compiler says: the vector kernels of x86-64 choose by these. Without any of them they are
 * plain C, with the same results.
 */
#ifndef ETCH_X86_LEVELS_H
#define ETCH_X86_LEVELS_H

#if defined(__SSE4_1__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__) && defined(__AVX512VNNI__)
#define ETCH_VNNI_512 /* 16 lanes, sums of four products of bytes */
#elif defined(__AVX2__) && defined(__AVXVNNI__)
#define ETCH_VNNI_256 /* the same in two halves */
#elif defined(__AVX2__)
#define ETCH_AVX2 /* sums of two products of 16 bits */
#elif defined(__SSE4_1__)
#define ETCH_SSE4 /* the same in four quarters */
#endif

#if defined(ETCH_VNNI_512) && defined(ETCH_AMX) && (defined(__AMX_INT8__) || defined(__AMXINT8__)) && defined(__GNUC__)
#define ETCH_TILES /* 16 by 16 sums; who defines ETCH_AMX has asked the kernel for tiles */
#endif

#if (defined(ETCH_VNNI_256) || defined(ETCH_AVX2)) && defined(__FMA__) && defined(__GNUC__)
#define ETCH_ROUNDED_DOWN /* kernels set the rounding of the processor */
#endif

/* Blocks are functions of constants: inlined, with their loops over registers written out. */
#if defined(__AVX512F__) && defined(__GNUC__)
#define ETCH_KEEP(vector) __asm__("" \
                                  : "+v"(vector)) /* a sum stays in its register: not stored in every turn of a loop */
#elif defined(__GNUC__)
#define ETCH_KEEP(vector) __asm__("" \
                                  : "+x"(vector))
#else
#define ETCH_KEEP(vector) ((void)0)
#endif

#if defined(__GNUC__)
#define ETCH_PERHAPS __attribute__((unused)) /* not called at every level */
#else
#define ETCH_PERHAPS
#endif

#if defined(__clang__)
#define ETCH_FORCED __attribute__((always_inline))
#define ETCH_UNROLL_ALL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define ETCH_FORCED __attribute__((always_inline))
#define ETCH_UNROLL_ALL _Pragma("GCC unroll 32")
#else
#define ETCH_FORCED
#define ETCH_UNROLL_ALL
#endif

#endif
