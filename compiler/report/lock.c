/* SPDX-License-Identifier: MIT
 *
 * etch compile --lock: the figures that decide whether a model still fits its part, in a small text file that is
 * committed beside the sources. A compile whose figures differ fails and names them, so that a change of model, options
 * or compiler is seen.
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

/* What decides the figures, then the figures. */
static void current_lock(const Model *model, const CompileOptions *options, LockFile *lock)
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
    add_number(lock, "weights_bytes", emitted_bytes(model, true));
    add_number(lock, "constants_bytes", emitted_bytes(model, false));
    add_number(lock, "macs", graph_macs(model->main));
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

/* One line per entry that differs, in the order of the file that is written, then what only the old file has. */
static int print_differences(const char *path, const LockFile *old, const LockFile *now)
{
    int count = 0;
    for (int i = 0; i < now->count; ++i) {
        const char *before = find_entry(old, now->entries[i].name);
        if (before != NULL && strcmp(before, now->entries[i].value) == 0)
            continue;
        error_at(path, "%s %s -> %s", now->entries[i].name, shown(before), now->entries[i].value);
        ++count;
    }
    for (int i = 0; i < old->count; ++i)
        if (find_entry(now, old->entries[i].name) == NULL) {
            error_at(path, "%s %s -> (none)", old->entries[i].name, old->entries[i].value);
            ++count;
        }
    return count;
}

int lock_check(const Model *model, const CompileOptions *options)
{
    LockFile old, now;
    if (options->lock == NULL || !file_exists(options->lock))
        return EXIT_OK;
    if (!read_lock(model->arena, options->lock, &old))
        return EXIT_BAD_INPUT;
    current_lock(model, options, &now);
    if (options->update_lock || print_differences(options->lock, &old, &now) == 0)
        return EXIT_OK;
    error_at(model->path, "differs from the lock, nothing was written; --lock-update accepts the new figures");
    return EXIT_WORK_FAILED;
}

/* ---------------------------------------------------------------- writing */

bool lock_write(const Model *model, const CompileOptions *options)
{
    LockFile now;
    Buffer text = {0};
    if (options->lock == NULL || (file_exists(options->lock) && !options->update_lock))
        return true;
    current_lock(model, options, &now);
    buffer_printf(&text, "%s\n", first_line);
    for (int i = 0; i < now.count; ++i)
        buffer_printf(&text, "%s %s\n", now.entries[i].name, now.entries[i].value);
    const bool written = write_file(options->lock, text.data, text.length);
    buffer_free(&text);
    return written;
}
