/* SPDX-License-Identifier: MIT
 *
 * The files that travel inside the executable: templates, runtime headers, firmware sources. `--templates DIR` lays a folder
 * over them: DIR/generic/pool.c.tmpl (or DIR/templates/generic/pool.c.tmpl, DIR/runtime/...) is used instead of the embedded
 * file of that name, and what DIR does not hold is taken from the executable.
 */
#include "compiler.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The table that tools/embed.c writes. */
typedef struct EmbeddedFile {
    const char *path;
    const unsigned char *data;
    size_t bytes;
} EmbeddedFile;
extern const EmbeddedFile embedded_files[];
extern const int embedded_file_count;

static const char templates_folder[] = "templates/";

/* The overlay and what was read from it: kept until the process ends, since callers hold pointers into it. */
static struct {
    const char *folder;
    Arena *arena;
    EmbeddedFile *files;
    int count, capacity;
} overlay;

void embedded_override(const char *folder)
{
    if (folder && !overlay.arena)
        overlay.arena = arena_new(0);
    overlay.folder = folder;
}

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Where the overlay would hold `path`; NULL when it does not. */
static const char *overlay_path(const char *path)
{
    const char *whole = path_join(overlay.arena, overlay.folder, path);
    if (is_file(whole))
        return whole;
    if (!begins_with(path, templates_folder))
        return NULL;
    const char *below = path_join(overlay.arena, overlay.folder, path + strlen(templates_folder));
    return is_file(below) ? below : NULL;
}

static const EmbeddedFile *overlay_file(const char *path)
{
    for (int i = 0; i < overlay.count; ++i)
        if (strcmp(overlay.files[i].path, path) == 0)
            return &overlay.files[i];
    const char *real_path = overlay_path(path);
    size_t bytes = 0;
    const uint8_t *data = real_path ? read_file(overlay.arena, real_path, &bytes) : NULL;
    if (!data)
        return NULL;
    ARENA_PUSH(overlay.arena, overlay.files, overlay.count, overlay.capacity);
    overlay.files[overlay.count] = (EmbeddedFile){arena_string(overlay.arena, path), data, bytes};
    return &overlay.files[overlay.count++];
}

static const EmbeddedFile *find_file(const char *path)
{
    const EmbeddedFile *found = overlay.folder ? overlay_file(path) : NULL;
    for (int i = 0; !found && i < embedded_file_count; ++i)
        if (strcmp(embedded_files[i].path, path) == 0)
            found = &embedded_files[i];
    return found;
}

const char *embedded_file(const char *path, size_t *bytes)
{
    const EmbeddedFile *file = find_file(path);
    if (bytes)
        *bytes = file ? file->bytes : 0;
    return file ? (const char *)file->data : NULL;
}

/* A list of distinct paths with a limit. */
typedef struct PathList {
    const char *prefix;
    const char **paths;
    int count, limit;
} PathList;

static void add_path(PathList *list, const char *path)
{
    if (!begins_with(path, list->prefix) || list->count == list->limit)
        return;
    for (int i = 0; i < list->count; ++i)
        if (strcmp(list->paths[i], path) == 0)
            return;
    list->paths[list->count++] = path;
}

/* Adds the files below `folder` under the names `name`/... */
static void add_folder(PathList *list, const char *folder, const char *name, int depth)
{
    DIR *directory = depth < 8 ? opendir(folder) : NULL;
    for (struct dirent *entry = NULL; directory && (entry = readdir(directory));) {
        if (entry->d_name[0] == '.')
            continue;
        const char *path = path_join(overlay.arena, folder, entry->d_name);
        const char *shown = path_join(overlay.arena, name, entry->d_name);
        if (is_file(path))
            add_path(list, shown);
        else
            add_folder(list, path, shown, depth + 1);
    }
    if (directory)
        closedir(directory);
}

/* In both of the overlay's forms: DIR/templates/... beside DIR/runtime/..., or DIR/generic/... */
static void add_overlay(PathList *list)
{
    static const char *const roots[] = {"templates", "runtime", "examples"};
    bool whole = false;
    for (size_t i = 0; i < sizeof roots / sizeof *roots; ++i) {
        const char *path = path_join(overlay.arena, overlay.folder, roots[i]);
        struct stat status;
        if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
            add_folder(list, path, roots[i], 0);
            whole = true;
        }
    }
    if (!whole)
        add_folder(list, overlay.folder, "templates", 0);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int embedded_list(const char *prefix, const char **paths, int limit)
{
    PathList list = {prefix, paths, 0, limit};
    for (int i = 0; i < embedded_file_count; ++i)
        add_path(&list, embedded_files[i].path);
    if (overlay.folder)
        add_overlay(&list);
    qsort(paths, (size_t)list.count, sizeof *paths, compare_paths);
    return list.count;
}
