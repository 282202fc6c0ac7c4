/* SPDX-License-Identifier: MIT
 *
 * `--format[=STYLE]`: the user's clang-format over the code part. Weights never pass through it.
 */
#include "emit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool run_filter(const char *style, const char *input, int output)
{
    const pid_t child = fork();
    if (child == 0) {
        const char *argument = style[0] != '\0' ? style : "file";
        char option[512];
        snprintf(option, sizeof option, "--style=%s", argument);
        if (freopen(input, "r", stdin) == NULL || dup2(output, STDOUT_FILENO) < 0)
            _exit(126);
        execlp("clang-format", "clang-format", "--assume-filename=generated.c", option, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool format_code(const Model *model, const char *style, Buffer *code)
{
    char input[] = "/tmp/etch-format-XXXXXX", output[] = "/tmp/etch-format-XXXXXX";
    const int in = mkstemp(input), out = mkstemp(output);
    bool ok = in >= 0 && out >= 0 && write(in, code->data, code->length) == (ssize_t)code->length && run_filter(style, input, out);
    size_t bytes;
    const uint8_t *formatted = ok ? read_file(model->arena, output, &bytes) : NULL;
    if (formatted != NULL) {
        code->length = 0;
        buffer_append(code, formatted, bytes);
    }
    if (in >= 0)
        close(in), unlink(input);
    if (out >= 0)
        close(out), unlink(output);
    return formatted != NULL || error_at("--format", "clang-format failed; install it (package clang-format) or leave --format out");
}
