/* SPDX-License-Identifier: MIT-0
 *
 * Asks for an inner loop of four turns at a time. Written as a request and not by hand, so that compilers which can do the loop
 * in vectors still see it whole.
 */
#ifndef ETCH_UNROLL_H
#define ETCH_UNROLL_H

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 8
#define ETCH_UNROLL_4 _Pragma("GCC unroll 4")
#else
#define ETCH_UNROLL_4
#endif

#endif
