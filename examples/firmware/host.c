/* SPDX-License-Identifier: MIT-0
 *
 * Console and exit on a PC.
 */
#include "console.h"

#include <stdio.h>
#include <stdlib.h>

void console_text(const char *text)
{
    fputs(text, stdout);
}

_Noreturn void program_exit(int status)
{
    fflush(stdout);
    exit(status);
}
