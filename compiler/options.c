/* SPDX-License-Identifier: MIT
 *
 * The command line, GNU style: --name VALUE or --name=VALUE, -o VALUE or -oVALUE, options and operands in any order, `--` ends
 * the options. What is not understood is refused, never ignored.
 */
#include "compiler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Promised by the documentation, and not in this version. */
static const char *const later_options[] = {"dim", "const", "context", "tokenizer"};

typedef struct Parser {
    const Command *command;
    const Option *options;
    int argc, next;
    char **argv;
} Parser;

/* What lives as long as the process. */
static Arena *process_arena(void)
{
    static Arena *arena;
    if (arena == NULL)
        arena = arena_new(0);
    return arena;
}

int bad_usage(const char *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fprintf(stderr, "etch%s%s: ", command != NULL ? " " : "", command != NULL ? command : "");
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return EXIT_BAD_USAGE;
}

/* ---------------------------------------------------------------- help */

static void print_option(char letter, const char *name, const char *argument, bool optional, const char *help)
{
    char left[80];
    const char letters[] = {'-', letter, ',', ' ', '\0'};
    const char *equals = optional ? "[=" : "=", *end = optional ? "]" : "";
    snprintf(left, sizeof left, "  %s--%s", letter != 0 ? letters : "    ", name);
    if (argument != NULL)
        snprintf(left + strlen(left), sizeof left - strlen(left), "%s%s%s", equals, argument, end);
    if (strlen(left) < 30)
        printf("%-30s %s\n", left, help);
    else
        printf("%s\n%-30s %s\n", left, "", help);
}

static void print_help(const Command *command, const Option *options)
{
    printf("usage: etch %s %s\n\n%s\n\noptions:\n", command->name, command->operands, command->details);
    for (const Option *option = options; option->name != NULL; ++option)
        print_option(option->letter, option->name, option->kind == OPTION_FLAG ? NULL : option->argument,
            option->kind == OPTION_MAYBE_TEXT, option->help);
    print_option('h', "help", NULL, false, "print this text");
}

/* ---------------------------------------------------------------- values */

static int choice_index(const char *choices, const char *text)
{
    const size_t length = strlen(text);
    int index = 0;
    for (const char *choice = choices; choice != NULL; ++index) {
        const char *end = strchr(choice, '|');
        const size_t size = end != NULL ? (size_t)(end - choice) : strlen(choice);
        if (size == length && memcmp(choice, text, size) == 0)
            return index;
        choice = end != NULL ? end + 1 : NULL;
    }
    return -1;
}

static int set_choice(const Parser *parser, const Option *option, const char *text)
{
    const int index = choice_index(option->argument, text);
    if (index < 0)
        return bad_usage(parser->command->name, "--%s: unknown value \"%s\"; it is one of %s", option->name, text, option->argument);
    if (option->kind == OPTION_EITHER)
        *(bool *)option->value = index != 0;
    else
        *(unsigned *)option->value = (unsigned)index; /* gcc's and clang's type for an enum without negative values */
    return OPTIONS_PARSED;
}

static int set_number(const Parser *parser, const Option *option, const char *text)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    const bool kilo = *end == 'k' || *end == 'K', mega = *end == 'M';
    const int shift = 10 * kilo + 20 * mega;
    if (shift != 0)
        ++end;
    if (end == text || *end != '\0' || errno != 0 || value < 0 || value > (INT64_MAX >> shift))
        return bad_usage(parser->command->name, "--%s: \"%s\" is not a number; 4096, 64k and 2M are", option->name, text);
    *(int64_t *)option->value = (int64_t)(value << shift);
    return OPTIONS_PARSED;
}

static void list_append(const Parser *parser, TextList *list, const char *text)
{
    if (list->texts == NULL)
        list->texts = arena_array(process_arena(), (size_t)parser->argc + 1, sizeof *list->texts);
    list->texts[list->count++] = text;
}

static int set_option(const Parser *parser, const Option *option, const char *text)
{
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)option->value = true;
        return OPTIONS_PARSED;
    case OPTION_TEXT:
    case OPTION_MAYBE_TEXT:
        *(const char **)option->value = text;
        return OPTIONS_PARSED;
    case OPTION_TEXTS:
        list_append(parser, option->value, text);
        return OPTIONS_PARSED;
    case OPTION_NUMBER:
        return set_number(parser, option, text);
    case OPTION_CHOICE:
    case OPTION_EITHER:
        return set_choice(parser, option, text);
    }
    return EXIT_BAD_USAGE;
}

/* ---------------------------------------------------------------- parsing */

static int unknown_option(const Parser *parser, const char *name, int length)
{
    for (size_t i = 0; i < sizeof later_options / sizeof *later_options; ++i)
        if (strlen(later_options[i]) == (size_t)length && memcmp(later_options[i], name, (size_t)length) == 0)
            return bad_usage(parser->command->name, "--%s is not in this version of etch", later_options[i]);
    return bad_usage(parser->command->name, "unknown option \"--%.*s\"; `etch %s --help` lists the options", length, name,
        parser->command->name);
}

static int parse_long(Parser *parser, const char *text)
{
    const char *equals = strchr(text, '=');
    const size_t length = equals != NULL ? (size_t)(equals - text) : strlen(text);
    const Option *option = parser->options;
    while (option->name != NULL && (strlen(option->name) != length || memcmp(option->name, text, length) != 0))
        ++option;
    if (option->name == NULL)
        return unknown_option(parser, text, (int)length);
    if (option->kind == OPTION_FLAG && equals != NULL)
        return bad_usage(parser->command->name, "--%s takes no value", option->name);
    if (option->kind == OPTION_FLAG || option->kind == OPTION_MAYBE_TEXT || equals != NULL)
        return set_option(parser, option, equals != NULL ? equals + 1 : "");
    if (parser->next == parser->argc)
        return bad_usage(parser->command->name, "--%s needs a value: %s", option->name, option->argument);
    return set_option(parser, option, parser->argv[parser->next++]);
}

static int parse_short(Parser *parser, const char *text)
{
    const Option *option = parser->options;
    while (option->name != NULL && option->letter != text[0])
        ++option;
    if (option->name == NULL)
        return bad_usage(parser->command->name, "unknown option \"-%c\"; `etch %s --help` lists the options", text[0], parser->command->name);
    if (option->kind == OPTION_FLAG && text[1] != '\0')
        return bad_usage(parser->command->name, "-%c takes no value", option->letter);
    if (option->kind == OPTION_FLAG || text[1] != '\0')
        return set_option(parser, option, text + 1);
    if (parser->next == parser->argc)
        return bad_usage(parser->command->name, "-%c needs a value: %s", option->letter, option->argument);
    return set_option(parser, option, parser->argv[parser->next++]);
}

static int check_operands(const Command *command, const TextList *operands)
{
    if (operands->count < command->least)
        return bad_usage(command->name, "operand missing; usage: etch %s %s", command->name, command->operands);
    if (operands->count > command->most)
        return bad_usage(command->name, "unexpected operand \"%s\"; usage: etch %s %s", operands->texts[command->most], command->name,
            command->operands);
    return OPTIONS_PARSED;
}

int parse_options(const Command *command, const Option *options, int argc, char **argv, TextList *operands)
{
    Parser parser = {command, options, argc, 1, argv};
    bool options_ended = false;
    int status = OPTIONS_PARSED;
    *operands = (TextList){0};
    while (parser.next < argc && status == OPTIONS_PARSED) {
        const char *text = argv[parser.next++];
        if (options_ended || text[0] != '-' || text[1] == '\0')
            list_append(&parser, operands, text);
        else if (strcmp(text, "--") == 0)
            options_ended = true;
        else if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0) {
            print_help(command, options);
            return EXIT_OK;
        } else if (strcmp(text, "--version") == 0) {
            printf("etch %s\n", ETCH_VERSION);
            return EXIT_OK;
        } else if (text[1] == '-')
            status = parse_long(&parser, text + 2);
        else
            status = parse_short(&parser, text + 1);
    }
    return status == OPTIONS_PARSED ? check_operands(command, operands) : status;
}

/* ---------------------------------------------------------------- targets */

enum { MAX_FILES = 4096 };

/* A target is a folder under templates/ that holds a target.lua. */
int list_targets(const char **names, int limit)
{
    static const char prefix[] = "templates/", suffix[] = "/target.lua";
    static const char *paths[MAX_FILES];
    int count = 0;
    for (int i = 0, files = embedded_list(prefix, paths, MAX_FILES); i < files && count < limit; ++i) {
        const char *name = paths[i] + strlen(prefix), *slash = strchr(name, '/');
        if (slash == NULL || strcmp(slash, suffix) != 0)
            continue;
        names[count++] = arena_format(process_arena(), "%.*s", (int)(slash - name), name);
    }
    return count;
}

bool target_exists(const char *target)
{
    char path[256];
    const int length = snprintf(path, sizeof path, "templates/%s/target.lua", target);
    return length < (int)sizeof path && strchr(target, '/') == NULL && embedded_file(path, NULL) != NULL;
}

/* auto, off, or how many. */
static bool read_patches(CompileOptions *options)
{
    const char *text = options->patches_text;
    char *end = NULL;
    if (text == NULL || strcmp(text, "auto") == 0) {
        options->patches = PATCHES_AUTO;
        return true;
    }
    const long count = strcmp(text, "off") == 0 ? PATCHES_OFF : strtol(text, &end, 10);
    options->patches = (int)count;
    return end == NULL || (*end == '\0' && end != text && count >= 1 && count <= 256);
}

static int read_tuning(CompileOptions *options)
{
    if (options->tuning_path != NULL)
        options->tuning = tuning_read(process_arena(), options);
    return options->tuning_path == NULL || options->tuning != NULL ? OPTIONS_PARSED : EXIT_BAD_INPUT;
}

int check_compile_options(const Command *command, CompileOptions *options, const char *dump)
{
    static const char passes[] = "import|infer|simplify|channels|select|order|rows|forms|names|plan";
    const char *names[64];
    char known[1024] = "";
    embedded_override(options->templates);
    if (dump != NULL && choice_index(passes, dump) < 0)
        return bad_usage(command->name, "--dump: unknown pass \"%s\"; it is one of %s", dump, passes);
    if (!read_patches(options))
        return bad_usage(command->name, "--patches: \"%s\" is not auto, off or a number from 1 to 256", options->patches_text);
    if (options->name != NULL && options->name[0] == '\0')
        return bad_usage(command->name, "--name is empty; give a C identifier");
    if (target_exists(options->target))
        return read_tuning(options);
    for (int i = 0, count = list_targets(names, 64); i < count; ++i)
        snprintf(known + strlen(known), sizeof known - strlen(known), " %s", names[i]);
    return bad_usage(command->name, "unknown target \"%s\"; known:%s", options->target, known);
}
