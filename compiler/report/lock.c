/* SPDX-License-Identifier: MIT
 *
 * etch compile --lock: the figures that decide whether a model still fits its part, in a small text file that is
 * committed beside the sources. A compile whose figures differ fails and names them, so that a change of model, options
 * or compiler is seen. What depends on the C compiler is compared only when it is the one that the file names.
 */
#include "compiler.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

static const char first_line[] = "# etch lock: compared by `etch compile --lock`, accepted anew with --lock-update";

typedef struct LockEntry {
    const char *name, *value;
} LockEntry;

enum { MAX_ENTRIES = 64 };
typedef struct LockFile {
    Arena *arena;
    LockEntry entries[MAX_ENTRIES];
    int count;
} LockFile;

static void add_entry(LockFile *lock, const char *name, const char *value)
{
    if (lock->count < MAX_ENTRIES)
        lock->entries[lock->count++] = (LockEntry){name, value};
}

static void add_number(LockFile *lock, const char *name, int64_t value)
{
    add_entry(lock, name, arena_format(lock->arena, "%" PRId64, value));
}

static const char *find_entry(const LockFile *lock, const char *name)
{
    for (int i = 0; i < lock->count; ++i)
        if (strcmp(lock->entries[i].name, name) == 0)
            return lock->entries[i].value;
    return NULL;
}

/* Last in the file: what depends on the C compiler. */
static const char *const compiler_entries[] = {"compiler", "compiler_flags", "code_bytes", "stack_bytes", "stack_init_bytes"};

static bool depends_on_compiler(const char *name)
{
    for (size_t i = 0; i < sizeof compiler_entries / sizeof *compiler_entries; ++i)
        if (strcmp(name, compiler_entries[i]) == 0)
            return true;
    return false;
}

static void add_code(LockFile *lock, const Model *model, const CodeFigures *code)
{
    if (code->compiler == NULL)
        return;
    add_entry(lock, "compiler", code->compiler);
    add_entry(lock, "compiler_flags", code->flags);
    add_number(lock, "code_bytes", code->code);
    if (code->stack_invoke >= 0 && code->stack_bounded)
        add_number(lock, "stack_bytes", code->stack_invoke);
    if (code->stack_invoke >= 0 && code->stack_bounded && model->state_bytes > 0)
        add_number(lock, "stack_init_bytes", code->stack_init);
}

/* What decides the figures, then the figures. */
static void current_lock(const Model *model, const CompileOptions *options, const CodeFigures *code, LockFile *lock)
{
    static const char *const levels[] = {"speed", "balanced", "size", "ram"};
    *lock = (LockFile){.arena = model->arena};
    add_entry(lock, "model", model->prefix);
    add_entry(lock, "digest", arena_format(model->arena, "%08" PRIx32, model->digest));
    add_entry(lock, "target", options->target);
    add_entry(lock, "optimize", levels[options->optimize]);
    add_entry(lock, "io", model->io_in_arena ? "arena" : "caller");
    add_number(lock, "arena_bytes", model->arena_bytes);
    add_number(lock, "state_bytes", model->state_bytes);
    add_number(lock, "io_bytes", io_bytes(model));
    add_number(lock, "ram_bytes", model->arena_bytes + model->state_bytes + io_bytes(model));
    add_number(lock, "weights_bytes", emitted_bytes(model, true));
    add_number(lock, "constants_bytes", emitted_bytes(model, false));
    add_number(lock, "macs", graph_macs(model->main));
    add_code(lock, model, code);
}

/* ---------------------------------------------------------------- reading */

/* `line` is cut at its first blank. Comments and empty lines say nothing; version control may have written CR LF. */
static bool parse_line(LockFile *lock, const char *path, char *line, int number)
{
    line[strcspn(line, "\r")] = '\0';
    if (line[0] == '\0' || line[0] == '#')
        return true;
    char *blank = strchr(line, ' ');
    if (blank == NULL || blank == line || blank[1] == '\0')
        return error_at(
            arena_format(lock->arena, "%s:%d", path, number), "not \"name value\"; repair the file or delete it");
    if (lock->count == MAX_ENTRIES)
        return error_at(path, "more than %d entries; repair the file or delete it", MAX_ENTRIES);
    *blank = '\0';
    add_entry(lock, line, blank + 1);
    return true;
}

/* Anything but a lock is refused, even with --lock-update: a wrong name must not cost a file. */
static bool parse_lock(LockFile *lock, const char *path, char *text)
{
    const size_t length = strcspn(text, "\r\n");
    if (length != strlen(first_line) || memcmp(text, first_line, length) != 0)
        return error_at(path, "not a lock file: its first line is not the one that --lock writes; give another name");
    for (int number = 1; *text != '\0'; ++number) {
        char *line = text;
        text += strcspn(text, "\n");
        if (*text != '\0')
            *text++ = '\0';
        if (!parse_line(lock, path, line, number))
            return false;
    }
    return true;
}

static bool file_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

static bool read_lock(Arena *arena, const char *path, LockFile *lock)
{
    size_t bytes;
    char *text = (char *)read_file(arena, path, &bytes);
    *lock = (LockFile){.arena = arena};
    return text != NULL && parse_lock(lock, path, text);
}

/* ---------------------------------------------------------------- comparing */

static const char *shown(const char *value)
{
    return value != NULL ? value : "(none)";
}

/* Code and stack are the same for one version of one compiler only. */
static bool same_compiler(const char *path, const LockFile *old, const LockFile *now)
{
    const char *before = find_entry(old, "compiler"), *here = find_entry(now, "compiler");
    if (before != NULL && here != NULL && strcmp(before, here) == 0)
        return true;
    if (before == NULL && here != NULL)
        warning_at(path, "it was written without a C compiler: code and stack are not compared; --lock-update adds them");
    else if (before != NULL && here == NULL)
        warning_at(path, "its compiler \"%s\" is not here: code and stack are not compared; --cc names another", before);
    else if (before != NULL)
        warning_at(path, "its compiler is \"%s\", here is \"%s\": code and stack are not compared", before, here);
    return false;
}

/* One line per entry that differs, in the order of the file that is written, then what only the old file has. */
static int print_differences(const char *path, const LockFile *old, const LockFile *now)
{
    const bool compiler_too = same_compiler(path, old, now);
    int count = 0;
    for (int i = 0; i < now->count; ++i) {
        const char *name = now->entries[i].name, *before = find_entry(old, name);
        if ((depends_on_compiler(name) && !compiler_too) || (before != NULL && strcmp(before, now->entries[i].value) == 0))
            continue;
        error_at(path, "%s %s -> %s", name, shown(before), now->entries[i].value);
        ++count;
    }
    for (int i = 0; i < old->count; ++i) {
        const char *name = old->entries[i].name;
        if (find_entry(now, name) != NULL || (depends_on_compiler(name) && !compiler_too))
            continue;
        error_at(path, "%s %s -> (none)", name, old->entries[i].value);
        ++count;
    }
    return count;
}

static const char *lock_text(const LockFile *lock)
{
    const char *text = arena_format(lock->arena, "%s\n", first_line);
    for (int i = 0; i < lock->count; ++i)
        text = arena_format(lock->arena, "%s%s %s\n", text, lock->entries[i].name, lock->entries[i].value);
    return text;
}

int lock_check(const Model *model, const CompileOptions *options, const CodeFigures *code, const char **text)
{
    LockFile old = {0}, now;
    const bool exists = file_exists(options->lock);
    current_lock(model, options, code, &now);
    if (exists && !read_lock(model->arena, options->lock, &old))
        return EXIT_BAD_INPUT;
    *text = !exists || options->update_lock ? lock_text(&now) : NULL;
    if (*text != NULL && code->compiler == NULL)
        warning_at(options->lock, "written without code and stack: there is no C compiler for the board; --cc names one");
    if (*text != NULL || print_differences(options->lock, &old, &now) == 0)
        return EXIT_OK;
    error_at(model->path, "differs from the lock, nothing was written; --lock-update accepts the new figures");
    return EXIT_WORK_FAILED;
}
