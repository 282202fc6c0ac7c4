/* SPDX-License-Identifier: MIT-0
 *
 * Where the test program's text goes and how it ends: semihosting.c on a board or in QEMU, host.c on a PC. A product would
 * put its UART here.
 */
#ifndef FIRMWARE_CONSOLE_H
#define FIRMWARE_CONSOLE_H

#include <stdint.h>

void console_text(const char *text);
_Noreturn void program_exit(int status);

/* console.c: printf without its weight. */
void console_number(int64_t value);
void console_hex(uint32_t value);
void console_real(double value); /* seven significant digits, "-1.234567e-3" */

#endif
