/* SPDX-License-Identifier: MIT-0
 *
 * Outputs of sums on Armv6-M by short_scale.h, of a stream that has the channels' scales one after the other: reach, factor, what is
 * behind it, offset; for two-sided ones then the value of a sum of 0, and what is added from there on.
 */
#ifndef ETCH_PAIR_SCALE_H
#define ETCH_PAIR_SCALE_H

/* The output of a value, to `target` + `place`; r1 points to the channel's scale. Changes r4 to r7. */
#define ETCH_PAIR_OUTPUT_OF(value, target, place, skip, side) \
    "ldmia r1!, {r4-r7}\n\t" \
    "cmp " value ", r4\n\t" \
    "bls 2f\n\t" skip \
    "lsrs " value ", #31\n\t" \
    "adds " value ", #127\n\t" \
    "b 3f\n" \
    "2:\n\t" \
    "muls r6, " value "\n\t" \
    "lsrs r6, #12\n\t" \
    "adds r6, r7\n\t" side \
    "muls " value ", r5\n\t" \
    "adds " value ", r6\n\t" \
    "lsrs " value ", #24\n" \
    "3:\n\t" \
    "strb " value ", [" target ", #" place "]\n\t"
#define ETCH_PAIR_OUTPUT(value, target, place) ETCH_PAIR_OUTPUT_OF(value, target, place, "", "")
#define ETCH_PAIR_TWO_SIDED(value, target, place) \
    ETCH_PAIR_OUTPUT_OF(value, target, place, "adds r1, #8\n\t", \
        "ldmia r1!, {r4, r7}\n\t" \
        "cmp " value ", r4\n\t" \
        "bcc 4f\n\t" \
        "adds r6, r7\n" \
        "4:\n\t")

#endif
