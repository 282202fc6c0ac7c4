/* SPDX-License-Identifier: MIT-0
 *
 * Says what trapped and ends the program; start.S jumps here.
 */
#include "../console.h"

#include <stdint.h>

void report_trap(uint32_t cause, uint32_t address, uint32_t value);

void report_trap(uint32_t cause, uint32_t address, uint32_t value)
{
    console_text("trap ");
    console_number((int32_t)cause);
    console_text(" at ");
    console_hex(address);
    console_text(", value ");
    console_hex(value);
    console_text("\n");
    program_exit(3);
}
