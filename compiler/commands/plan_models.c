/* SPDX-License-Identifier: MIT
 *
 * etch plan --models: the arenas of several models in one place. Models of one group never run at the same time and share
 * bytes; groups may run at the same time and lie one behind the other.
 */
#include "plan_models.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum { MAX_MODELS = 64 };
enum { ARENA_ALIGNMENT = 8 }; /* that of uint64_t, which every arena has */

typedef struct PlacedModel {
    const char *prefix, *macro;
    int group;
    int64_t arena_bytes, state_bytes, io_bytes, offset;
    const char *path;
} PlacedModel;

typedef struct Firmware {
    Arena *arena;
    PlacedModel models[MAX_MODELS];
    int count, groups;
    int64_t bytes, apart; /* of the shared arena; of separate ones */
    int64_t state_bytes, io_bytes;
} Firmware;

static int64_t aligned(int64_t bytes)
{
    return (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
}

static const char *upper_case(Arena *arena, const char *text)
{
    char *copy = arena_string(arena, text);
    for (char *c = copy; *c != '\0'; ++c)
        *c = (char)toupper((unsigned char)*c);
    return copy;
}

/* ---------------------------------------------------------------- the models */

/* "NAME=PATH" or "PATH". */
static const char *split_name(Arena *arena, const char *operand, const char **name)
{
    size_t length = 0;
    while (isalnum((unsigned char)operand[length]) || operand[length] == '_')
        ++length;
    *name = NULL;
    if (length == 0 || operand[length] != '=')
        return operand;
    *name = arena_format(arena, "%.*s", (int)length, operand);
    return operand + length + 1;
}

static bool name_is_free(const Firmware *firmware, const PlacedModel *model)
{
    for (int i = 0; i < firmware->count; ++i)
        if (strcmp(firmware->models[i].prefix, model->prefix) == 0)
            return error_at(model->path, "is called \"%s\", as is %s; NAME=%s gives it another name, as `etch compile --name` does",
                model->prefix, firmware->models[i].path, model->path);
    return true;
}

static bool add_model(Firmware *firmware, const char *operand, const CompileOptions *options)
{
    CompileOptions own = *options;
    PlacedModel placed = {.group = firmware->groups - 1, .path = split_name(firmware->arena, operand, &own.name)};
    if (firmware->count == MAX_MODELS)
        return error_at(operand, "more than %d models", MAX_MODELS);
    Model *model = planned_model(placed.path, &own);
    if (model == NULL)
        return false;
    placed.prefix = arena_string(firmware->arena, model->prefix);
    placed.macro = upper_case(firmware->arena, model->prefix);
    placed.arena_bytes = model->arena_bytes;
    placed.state_bytes = model->state_bytes;
    placed.io_bytes = io_bytes(model);
    model_free(model);
    if (!name_is_free(firmware, &placed))
        return false;
    firmware->models[firmware->count++] = placed;
    return true;
}

/* Groups behind each other, each as large as its largest arena. */
static void place_groups(Firmware *firmware)
{
    for (int group = 0; group < firmware->groups; ++group) {
        int64_t largest = 0;
        for (int i = 0; i < firmware->count; ++i) {
            PlacedModel *model = &firmware->models[i];
            if (model->group != group)
                continue;
            const int64_t bytes = aligned(model->arena_bytes);
            model->offset = firmware->bytes;
            largest = bytes > largest ? bytes : largest;
            firmware->apart += bytes;
            firmware->state_bytes += model->state_bytes;
            firmware->io_bytes += model->io_bytes;
        }
        firmware->bytes += largest;
    }
}

static int64_t ram_bytes(const Firmware *firmware)
{
    return firmware->bytes + firmware->state_bytes + firmware->io_bytes;
}

/* ---------------------------------------------------------------- what it comes to */

static void print_table(const Firmware *firmware)
{
    printf("%-24s %6s %10s %10s %10s %10s\n", "model", "group", "offset", "arena", "state", "in and out");
    for (int i = 0; i < firmware->count; ++i) {
        const PlacedModel *model = &firmware->models[i];
        printf("%-24s %6d %10" PRId64 " %10" PRId64 " %10" PRId64 " %10" PRId64 "\n", model->prefix, model->group + 1, model->offset,
            model->arena_bytes, model->state_bytes, model->io_bytes);
    }
    printf("arena %" PRId64 " bytes (apart: %" PRId64 "), states %" PRId64 ", inputs and outputs %" PRId64 ": RAM %" PRId64 " bytes\n",
        firmware->bytes, firmware->apart, firmware->state_bytes, firmware->io_bytes, ram_bytes(firmware));
}

static bool fits(const Firmware *firmware, const CompileOptions *options)
{
    const int64_t needed = ram_bytes(firmware);
    return options->max_ram == 0 || needed <= options->max_ram ||
           error_at(NULL, "RAM of all models: %" PRId64 " bytes, %" PRId64 " over the budget of %" PRId64, needed, needed - options->max_ram,
               options->max_ram);
}

/* ---------------------------------------------------------------- the header */

/* "kws or vww; wake" */
static const char *groups_text(const Firmware *firmware)
{
    const char *text = "";
    for (int i = 0; i < firmware->count; ++i) {
        const PlacedModel *model = &firmware->models[i];
        const bool same = i > 0 && model->group == firmware->models[i - 1].group;
        text = arena_format(firmware->arena, "%s%s%s", text, i == 0 ? "" : same ? " or "
                                                                                : "; ",
            model->prefix);
    }
    return text;
}

static void print_beginning(Buffer *out, const Firmware *firmware, const char *stem, const char *macro)
{
    buffer_printf(out,
        "/* SPDX-License-Identifier: MIT-0\n *\n"
        " * %s: where the arenas of several models lie, by `etch plan --models` of etch %s.\n"
        " * Models joined by \"or\" share bytes: they must not run at the same time, nor may one of them run between writing\n"
        " * another's input in the arena and reading its output there. At any time: %s.\n"
        " */\n#ifndef %s_H\n#define %s_H\n\n",
        stem, ETCH_VERSION, groups_text(firmware), macro, macro);
    for (int i = 0; i < firmware->count; ++i)
        buffer_printf(out, "#include \"%s.h\"\n", firmware->models[i].prefix);
    buffer_printf(out,
        "\n#include <stdint.h>\n\n/* Bytes of all arenas and of all states; RAM adds the callers' inputs and outputs. */\n"
        "#define %s_BYTES %" PRId64 "\n#define %s_ALIGNMENT %d\n#define %s_STATES_BYTES %" PRId64 "\n#define %s_RAM_BYTES %" PRId64 "\n",
        macro, firmware->bytes, macro, ARENA_ALIGNMENT, macro, firmware->state_bytes, macro, ram_bytes(firmware));
}

static void print_checks(Buffer *out, const Firmware *firmware, const char *macro)
{
    for (int i = 0; i < firmware->count; ++i) {
        const PlacedModel *model = &firmware->models[i];
        buffer_printf(out,
            "\n#define %s_%s_ARENA_OFFSET %" PRId64 "\n#define %s_%s_ARENA_BYTES %" PRId64 "\n"
            "#if %s_ARENA_BYTES != %s_%s_ARENA_BYTES || %s_STATE_BYTES != %" PRId64 "\n"
            "#error \"%s.h is not what was planned with: compile it with the same options, or plan anew\"\n#endif\n",
            macro, model->macro, model->offset, macro, model->macro, model->arena_bytes, model->macro, macro, model->macro, model->macro,
            model->state_bytes, model->prefix);
    }
}

static void print_arenas(Buffer *out, const Firmware *firmware, const char *stem, const char *macro)
{
    if (firmware->bytes == 0)
        return;
    buffer_printf(out,
        "\n/* All arenas. %s_NAME_ARENA(&it) is what NAME_invoke takes. */\n"
        "typedef union %s_arenas {\n    uint8_t bytes[%s_BYTES];\n    uint64_t align;\n} %s_arenas;\n\n",
        macro, stem, macro, stem);
    for (int i = 0; i < firmware->count; ++i) {
        const PlacedModel *model = &firmware->models[i];
        if (model->arena_bytes > 0)
            buffer_printf(out, "#define %s_%s_ARENA(arenas) ((%s_arena *)(void *)((arenas)->bytes + %s_%s_ARENA_OFFSET))\n", macro, model->macro,
                model->prefix, macro, model->macro);
    }
}

static void print_states(Buffer *out, const Firmware *firmware, const char *stem, const char *macro)
{
    if (firmware->state_bytes == 0)
        return;
    buffer_printf(out, "\n/* What survives between calls, of every model that has such: NAME_init sets it. */\ntypedef struct %s_states {\n", stem);
    for (int i = 0; i < firmware->count; ++i)
        if (firmware->models[i].state_bytes > 0)
            buffer_printf(out, "    %s_state %s;\n", firmware->models[i].prefix, firmware->models[i].prefix);
    buffer_printf(out, "} %s_states;\n\n", stem);
    for (int i = 0; i < firmware->count; ++i)
        if (firmware->models[i].state_bytes > 0)
            buffer_printf(out, "#define %s_%s_STATE(states) (&(states)->%s)\n", macro, firmware->models[i].macro, firmware->models[i].prefix);
}

static bool write_header(const Firmware *firmware, const char *path)
{
    Buffer out = {0};
    const char *stem = identifier_from(firmware->arena, path_stem(firmware->arena, path)), *macro = upper_case(firmware->arena, stem);
    for (int i = 0; i < firmware->count; ++i)
        if (strcmp(firmware->models[i].prefix, stem) == 0)
            return error_at(path, "%s has this name: its header would be lost; give another one", firmware->models[i].path);
    print_beginning(&out, firmware, stem, macro);
    print_checks(&out, firmware, macro);
    print_arenas(&out, firmware, stem, macro);
    print_states(&out, firmware, stem, macro);
    buffer_printf(&out, "\n#endif\n");
    const bool written = write_file(path, out.data, out.length);
    buffer_free(&out);
    return written;
}

/* ---------------------------------------------------------------- the command */

/* "+" between operands begins a group; so does every operand with `together`. */
static int read_models(Firmware *firmware, const TextList *operands, const CompileOptions *options, bool together)
{
    bool begins = true;
    for (int i = 0; i < operands->count; ++i) {
        const bool separator = strcmp(operands->texts[i], "+") == 0;
        if (separator && (together || begins || i + 1 == operands->count))
            return bad_usage("plan", together ? "\"+\" between models is what --together stands for: give one of the two"
                                              : "\"+\" stands between groups of models: A B + C");
        firmware->groups += !separator && (begins || together);
        begins = separator;
        if (!separator && !add_model(firmware, operands->texts[i], options))
            return EXIT_BAD_INPUT;
    }
    return EXIT_OK;
}

int plan_models(const TextList *operands, const CompileOptions *options, bool together, const char *output)
{
    Firmware firmware = {.arena = arena_new(0)};
    int status = read_models(&firmware, operands, options, together);
    if (status == EXIT_OK) {
        place_groups(&firmware);
        print_table(&firmware);
        if (!fits(&firmware, options) || (output != NULL && !write_header(&firmware, output)))
            status = EXIT_WORK_FAILED;
    }
    arena_free(firmware.arena);
    return status;
}
