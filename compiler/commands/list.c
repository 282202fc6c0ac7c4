/* SPDX-License-Identifier: MIT
 *
 * etch targets, etch ops: what this executable knows.
 */
#include "compiler.h"

#include <string.h>

enum { MAX_TARGETS = 256 };

/* The text after `summary = "` in a target's description. */
static int find_summary(const char *target, const char **summary)
{
    static const char key[] = "summary = \"";
    char path[256];
    snprintf(path, sizeof path, "templates/%s/target.lua", target);
    const char *text = embedded_file(path, NULL);
    const char *start = text != NULL ? strstr(text, key) : NULL;
    *summary = start != NULL ? start + strlen(key) : "";
    return (int)strcspn(*summary, "\"");
}

int command_targets(int argc, char **argv)
{
    static const Command command = {
        .name = "targets",
        .operands = "[options]",
        .details = "Lists the targets: sets of kernels that --target chooses from.",
    };
    CompileOptions compile = COMPILE_OPTIONS_DEFAULT;
    const Option options[] = {
        {"templates", 0, OPTION_TEXT, "DIR", "templates laid over the built-in ones", &compile.templates},
        {0},
    };
    TextList operands;
    const char *names[MAX_TARGETS];
    const int status = parse_options(&command, options, argc, argv, &operands);
    if (status != OPTIONS_PARSED)
        return status;
    embedded_override(compile.templates);
    for (int i = 0, count = list_targets(names, MAX_TARGETS); i < count; ++i) {
        const char *summary;
        const int length = find_summary(names[i], &summary);
        if (length > 0)
            printf("%-12s %.*s\n", names[i], length, summary);
        else
            printf("%s\n", names[i]);
    }
    return EXIT_OK;
}

int command_ops(int argc, char **argv)
{
    static const Command command = {
        .name = "ops",
        .operands = "",
        .details = "Lists the operators of the native format: name (inputs) -> outputs; attributes.\n"
                   "`?` marks an operand that may be absent, `*` one that repeats.",
    };
    const Option options[] = {{0}};
    TextList operands;
    const int status = parse_options(&command, options, argc, argv, &operands);
    if (status != OPTIONS_PARSED)
        return status;
    for (int op = 0; op < OP_COUNT; ++op) {
        const Operator *row = &operators[op];
        printf("%s (%s) -> %s%s%s\n", row->name, row->inputs, row->outputs[0] != '\0' ? row->outputs : "nothing",
            row->attributes[0] != '\0' ? "; " : "", row->attributes);
    }
    return EXIT_OK;
}
