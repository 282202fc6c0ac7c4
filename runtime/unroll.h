/* SPDX-License-Identifier: MIT-0
 *
 * Asks for an inner loop of four turns at a time, of two, or of one whatever the compiler thinks. Written as a request and not
 * by hand, so that compilers which can do the loop in vectors still see it whole.
 */
#ifndef ETCH_UNROLL_H
#define ETCH_UNROLL_H

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 8
#define ETCH_UNROLL_4 _Pragma("GCC unroll 4")
#define ETCH_UNROLL_2 _Pragma("GCC unroll 2")
#define ETCH_UNROLL_1 _Pragma("GCC unroll 1")
#else
#define ETCH_UNROLL_4
#define ETCH_UNROLL_2
#define ETCH_UNROLL_1
#endif

#endif
