/* SPDX-License-Identifier: MIT-0
 *
 * Whether this is Armv6-M, and a compiler that leaves all low registers to inline assembler.
 */
#ifndef ETCH_THUMB_1_H
#define ETCH_THUMB_1_H

#if defined(__thumb__) && !defined(__thumb2__) && defined(__OPTIMIZE__) && defined(__GNUC__) && !defined(__clang__)
#define ETCH_THUMB_1 1
#else
#define ETCH_THUMB_1 0
#endif

#endif
