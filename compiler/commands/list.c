/* SPDX-License-Identifier: MIT
 *
 * etch targets, etch boards, etch ops: what this executable knows.
 */
#include "compiler.h"

enum { MAX_TARGETS = 256 };

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
    Arena *arena = arena_new(0);
    for (int i = 0, count = list_targets(names, MAX_TARGETS); i < count; ++i) {
        const char *description = target_description(arena, names[i]);
        printf("%-12s %s\n", names[i], description != NULL ? description : "");
    }
    arena_free(arena);
    return EXIT_OK;
}

int command_boards(int argc, char **argv)
{
    static const Command command = {
        .name = "boards",
        .operands = "[options]",
        .details = "Lists the boards: places where generated code can be run, for --board.",
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
    Arena *arena = arena_new(0);
    for (int i = 0, count = list_boards(arena, names, MAX_TARGETS); i < count; ++i) {
        const Board *board = board_load(arena, names[i]);
        printf("%-12s %s\n", names[i], board != NULL ? board->description : "");
    }
    arena_free(arena);
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
