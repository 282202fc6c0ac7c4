/* SPDX-License-Identifier: MIT-0
 *
 * What a piece of code costs: executed instructions under QEMU's -icount (count.c), nanoseconds on a PC (count_host.c).
 */
#ifndef FIRMWARE_COUNT_H
#define FIRMWARE_COUNT_H

#include <stdint.h>

extern const char count_unit[];

void count_start(void);
/* Between two readings a, b of one place: count_between(a, b), the cost of reading taken off. */
uint64_t count_read(void);
uint64_t count_between(uint64_t first, uint64_t second);
/* No timer interrupt from here on: it would use the stack that is being measured. */
void count_stop(void);

#endif
