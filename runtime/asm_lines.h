/* SPDX-License-Identifier: MIT-0
 *
 * GCC takes an asm statement to be as long as it has lines, and chooses short branches over it by that: lines that .rept and .irp
 * repeat are made up for by empty ones (GCC manual, "Size of an asm").
 */
#ifndef ETCH_ASM_LINES_H
#define ETCH_ASM_LINES_H

#define ETCH_LINES_8 "\n\n\n\n\n\n\n\n"
#define ETCH_LINES_32 ETCH_LINES_8 ETCH_LINES_8 ETCH_LINES_8 ETCH_LINES_8

#endif
