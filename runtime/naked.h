/* SPDX-License-Identifier: MIT-0
 *
 * Functions that are written in assembler from their first instruction to the last. Compilers must not look into them: the
 * parameters would seem unused, and no register changed.
 */
#ifndef ETCH_NAKED_H
#define ETCH_NAKED_H

#if defined(__clang__)
#define ETCH_NAKED __attribute__((naked, noinline))
#else
#define ETCH_NAKED __attribute__((naked, noinline, noipa))
#endif

#endif
