/* SPDX-License-Identifier: MIT-0
 *
 * Large kernels stay functions of their own: inlined into the entry, their loops would compete with it for registers.
 */
#ifndef ETCH_NOINLINE_H
#define ETCH_NOINLINE_H

#if defined(__GNUC__)
#define ETCH_NOINLINE __attribute__((noinline))
#else
#define ETCH_NOINLINE
#endif

#endif
