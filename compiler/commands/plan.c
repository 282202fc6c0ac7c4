/* SPDX-License-Identifier: MIT
 *
 * etch plan: the memory planner on its own, over a table of buffers, and the arenas of several models.
 */
#include "plan_models.h"

#include "plan/plan.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPERANDS = 1000,
    TABLE_NODES = 400000 }; /* the hardest copies of MiniMalloc's problems take a third of it */

static const Command command = {
    .name = "plan",
    .operands = "BUFFERS.csv [-o OUT.csv] [options], or --models [NAME=]MODEL... [+ MODEL...] [-o HEADER.h] [options]",
    .details = "Places buffers in one arena. BUFFERS.csv has the header id,lower,upper,size: a buffer lives from step `lower`\n"
               "up to, not including, step `upper`, and takes `size` bytes. The same rows are written with their offset.\n"
               "Without --capacity the least peak is sought. What was found, and how far it may be from the optimum, goes to\n"
               "standard error. Exit status 1: no placement within the capacity was found, or there is none.\n\n"
               "With --models, the operands are models of one firmware, and their arenas are put into one. Models that never run\n"
               "at the same time share bytes; \"+\" stands between groups that do run at the same time: A B + C is A or B, and C.\n"
               "HEADER.h then has a type for the arena, a type for all states, macros that give each model its part, and checks at\n"
               "compile time against NAME.h, which `etch compile` makes with the same options.",
    .least = 1,
    .most = MAX_OPERANDS,
};

typedef struct Row {
    const char *id;
    int64_t lower, upper;
    int line;
    int buffer; /* position in the table's buffers; -1: it has no bytes */
} Row;

typedef struct Table {
    Arena *arena;
    const char *path;
    Row *rows;
    PlannedBuffer *buffers;
    int count, row_capacity;
    int buffer_count, buffer_capacity;
} Table;

/* ---------------------------------------------------------------- reading */

static bool row_error(const Table *table, int line, const char *what)
{
    return error_at(table->path, "line %d: %s; a row is id,lower,upper,size", line, what);
}

/* A number and the separator behind it; advances *text. */
static bool read_number(const char **text, char separator, int64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoll(*text, &end, 10);
    while (*end == ' ' || *end == '\r')
        ++end;
    if (end == *text || errno != 0 || *end != separator)
        return false;
    *text = end + (separator != '\0');
    return true;
}

static int commas_in(const char *text)
{
    int commas = 0;
    for (; *text != '\0'; ++text)
        commas += *text == ',';
    return commas;
}

static bool read_row(Table *table, const char *text, int line)
{
    const char *comma = strchr(text, ',');
    int64_t lower, upper, size;
    if (commas_in(text) != 3)
        return row_error(table, line, commas_in(text) < 3 ? "there are less than four fields" : "there are more than four fields");
    const char *numbers = comma + 1;
    if (!read_number(&numbers, ',', &lower) || !read_number(&numbers, ',', &upper) || !read_number(&numbers, '\0', &size))
        return row_error(table, line, "lower, upper and size must be integers");
    if (lower < INT32_MIN || upper > INT32_MAX || lower >= upper)
        return row_error(table, line, "lower must be less than upper, both within 32 bits");
    if (size < 0 || size > INT32_MAX)
        return row_error(table, line, "size must be from 0 to 2147483647");
    ARENA_PUSH(table->arena, table->rows, table->count, table->row_capacity);
    ARENA_PUSH(table->arena, table->buffers, table->buffer_count, table->buffer_capacity);
    const char *id = arena_format(table->arena, "%.*s", (int)(comma - text), text);
    table->rows[table->count++] = (Row){id, lower, upper, line, size > 0 ? table->buffer_count : -1};
    if (size > 0) {
        table->buffers[table->buffer_count] =
            (PlannedBuffer){.bytes = size, .alignment = 1, .first = (int)lower, .last = (int)upper - 1, .id = table->buffer_count};
        ++table->buffer_count;
    }
    return true;
}

static int by_id(const void *left, const void *right)
{
    const Row *a = *(const Row *const *)left, *b = *(const Row *const *)right;
    const int order = strcmp(a->id, b->id);
    return order != 0 ? order : a->line - b->line;
}

/* Offsets are told by the id. */
static bool ids_differ(const Table *table)
{
    const Row **list = arena_array(table->arena, (size_t)table->count, sizeof *list);
    const Row *again = NULL, *first = NULL;
    for (int i = 0; i < table->count; ++i)
        list[i] = &table->rows[i];
    qsort(list, (size_t)table->count, sizeof *list, by_id);
    for (int i = 1; i < table->count; ++i)
        if (strcmp(list[i]->id, list[i - 1]->id) == 0 && (again == NULL || list[i]->line < again->line)) {
            again = list[i];
            first = list[i - 1];
        }
    return again == NULL || error_at(table->path, "line %d: id \"%s\" is that of line %d; ids must differ", again->line, again->id, first->line);
}

static bool read_table(Table *table)
{
    size_t bytes;
    char *text = (char *)read_file(table->arena, table->path, &bytes);
    if (text == NULL)
        return false;
    if (strlen(text) != bytes)
        return error_at(table->path, "it has a zero byte; a table of buffers is text");
    int line = 1;
    for (char *next; text != NULL && *text != '\0'; text = next, ++line) {
        next = strchr(text, '\n');
        if (next != NULL)
            *next++ = '\0';
        const bool header = line == 1 && strncmp(text, "id,lower,upper,size", 19) == 0;
        if (!header && text[strspn(text, " \t\r")] != '\0' && !read_row(table, text, line))
            return false;
    }
    if (table->count == 0)
        return error_at(table->path, "it has no buffers; a row is id,lower,upper,size");
    return ids_differ(table);
}

/* ---------------------------------------------------------------- placing and writing */

static bool place_within(const Table *table, int64_t capacity, int64_t nodes)
{
    int64_t bound, left = nodes;
    if (place_buffers(table->buffers, table->buffer_count, 0, &bound) <= capacity) /* a greedy order may do */
        return true;
    if (bound > capacity)
        return error_at(table->path, "no placement fits %" PRId64 " bytes: %" PRId64 " bytes are alive at one time", capacity, bound);
    const SearchResult result = search_placement(table->buffers, table->buffer_count, capacity, &left);
    if (result == SEARCH_INFEASIBLE)
        return error_at(table->path, "no placement fits %" PRId64 " bytes: proved by a search of %" PRId64 " nodes", capacity, nodes - left);
    return result == SEARCH_FITS ||
           error_at(table->path, "no placement within %" PRId64 " bytes was found in %" PRId64 " nodes; raise --nodes", capacity, nodes);
}

static void report_peak(const Table *table, int64_t bound)
{
    const int64_t peak = peak_of_buffers(table->buffers, table->buffer_count);
    fprintf(stderr, "%s: %d buffers, peak %" PRId64 " bytes, lower bound %" PRId64 ", gap %.2f %%%s\n", table->path, table->count, peak, bound,
        bound > 0 ? 100.0 * (double)(peak - bound) / (double)bound : 0.0, peak == bound ? ", proved optimal" : "");
}

static bool write_table(const Table *table, const char *path)
{
    Buffer text = {0};
    buffer_printf(&text, "id,lower,upper,size,offset\n");
    for (int i = 0; i < table->count; ++i) {
        const Row *row = &table->rows[i];
        const PlannedBuffer *buffer = row->buffer >= 0 ? &table->buffers[row->buffer] : &(PlannedBuffer){0};
        buffer_printf(&text, "%s,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "\n", row->id, row->lower, row->upper, buffer->bytes, buffer->offset);
    }
    const bool ok = path != NULL ? write_file(path, text.data, text.length) : fwrite(text.data, 1, text.length, stdout) == text.length;
    buffer_free(&text);
    return ok;
}

static bool plan_table(Table *table, int64_t capacity, int64_t nodes)
{
    int64_t bound;
    if (capacity > 0) {
        if (!place_within(table, capacity, nodes))
            return false;
        fprintf(stderr, "%s: %d buffers within %" PRId64 " of %" PRId64 " bytes\n", table->path, table->count, peak_of_buffers(table->buffers, table->buffer_count), capacity);
        return true;
    }
    place_buffers(table->buffers, table->buffer_count, nodes, &bound);
    report_peak(table, bound);
    return true;
}

static int plan_csv(const char *path, const char *output, int64_t capacity, int64_t nodes)
{
    Table table = {.arena = arena_new(0), .path = path};
    int result = EXIT_BAD_INPUT;
    if (read_table(&table))
        result = plan_table(&table, capacity, nodes) && write_table(&table, output) ? EXIT_OK : EXIT_WORK_FAILED;
    arena_free(table.arena);
    return result;
}

static bool has_compile_options(const CompileOptions *compile)
{
    static const CompileOptions none = COMPILE_OPTIONS_DEFAULT;
    return compile->target != none.target || compile->optimize != none.optimize || compile->weights != none.weights || compile->io_in_arena ||
           compile->single_rounding || compile->name != NULL || compile->max_ram > 0 || compile->max_flash > 0 || compile->rows_off ||
           compile->patches_text != NULL || compile->format != NULL || compile->templates != NULL;
}

/* What is said in vain is an error. */
static int check_usage(const TextList *operands, CompileOptions *compile, bool models, bool together, bool for_table)
{
    if (!models && operands->count > 1)
        return bad_usage(command.name, "unexpected operand \"%s\"; --models takes several", operands->texts[1]);
    if (!models && together)
        return bad_usage(command.name, "--together is about --models");
    if (!models && has_compile_options(compile))
        return bad_usage(command.name, "options of `etch compile` are about --models, not a table of buffers");
    if (models && for_table)
        return bad_usage(command.name, "--capacity and --nodes are about a table of buffers, not --models");
    if (models && compile->name != NULL)
        return bad_usage(command.name, "--name cannot name several models; NAME=MODEL does");
    return models ? check_compile_options(&command, compile, NULL) : OPTIONS_PARSED;
}

int command_plan(int argc, char **argv)
{
    CompileOptions compile = COMPILE_OPTIONS_DEFAULT;
    const char *output = NULL;
    int64_t capacity = 0, nodes = 0;
    bool models = false, together = false;
    const Option options[] = {
        {"output", 'o', OPTION_TEXT, "FILE", "the table (default: standard output), or the header of --models", &output},
        {"capacity", 0, OPTION_NUMBER, "BYTES", "stop at a placement within so many bytes", &capacity},
        {"nodes", 0, OPTION_NUMBER, "N", "budget of the exact search (default: 400000)", &nodes},
        {"models", 0, OPTION_FLAG, NULL, "the operands are models, \"+\" stands between groups; the options below are those of `etch compile`", &models},
        {"together", 0, OPTION_FLAG, NULL, "all of them may run at the same time: a \"+\" between any two", &together},
        COMPILE_OPTION_ROWS(compile),
        {0},
    };
    TextList operands;
    int status = parse_options(&command, options, argc, argv, &operands);
    if (status == OPTIONS_PARSED)
        status = check_usage(&operands, &compile, models, together, capacity > 0 || nodes > 0);
    if (status != OPTIONS_PARSED)
        return status;
    if (models)
        return plan_models(&operands, &compile, together, output);
    return plan_csv(operands.texts[0], output, capacity, nodes > 0 ? nodes : TABLE_NODES);
}
