/* SPDX-License-Identifier: MIT
 *
 * What of a test program is the same for all models: with ETCH_OBJECTS=DIR in the environment, the objects of the firmware's
 * sources are kept in DIR from one call to the next. Compiling them takes longer than compiling most models.
 */
#include "compiler.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SOURCES = 64 };
enum { COMPILE_TIMEOUT_SECONDS = 600 };

/* Of the words that matter: folders differ from call to call, what lies in them does not. */
static uint32_t digest_of_words(Arena *arena, const Words *command)
{
    const char *line = "";
    for (int i = 0; i < command->count; ++i)
        if (strncmp(command->list[i], "-I", 2) != 0 && strncmp(command->list[i], "-Wa,-I", 6) != 0)
            line = arena_format(arena, "%s %s", line, command->list[i]);
    return crc32_of(line, strlen(line));
}

/* Of all sources and headers of the firmware */
static uint32_t digest_of_firmware(Arena *arena)
{
    const char *paths[MAX_SOURCES];
    const int count = embedded_list("examples/firmware/", paths, MAX_SOURCES);
    uint32_t *digests = arena_array(arena, (size_t)count + 1, sizeof *digests);
    for (int i = 0; i < count; ++i) {
        size_t bytes;
        const char *text = embedded_file(paths[i], &bytes);
        digests[i] = crc32_of(text, bytes);
    }
    return crc32_of(digests, (size_t)count * sizeof *digests);
}

static bool compile_object(Arena *arena, const Words *command, const char *source, const char *object)
{
    Words compile = {0};
    /* Others may be making the same object: it appears when it is whole. */
    const char *unfinished = arena_format(arena, "%s.%ld.o", object, (long)getpid());
    words_add_all(arena, &compile, command);
    words_add(arena, &compile, "-c");
    words_add(arena, &compile, source);
    words_add(arena, &compile, "-o");
    words_add(arena, &compile, unfinished);
    if (!run_tool(arena, &compile, COMPILE_TIMEOUT_SECONDS, "compiling"))
        return false;
    return rename(unfinished, object) == 0 || error_at(object, "cannot be written");
}

const char *kept_object(Arena *arena, const Words *command, const char *source)
{
    const char *folder = getenv("ETCH_OBJECTS");
    if (folder == NULL || folder[0] == '\0')
        return source;
    const char *object = path_join(arena, folder, arena_format(arena, "%s-%08" PRIx32 "%08" PRIx32 ".o", path_stem(arena, source),
        digest_of_words(arena, command), digest_of_firmware(arena)));
    if (access(object, R_OK) == 0)
        return object;
    return make_folders(folder) && compile_object(arena, command, source, object) ? object : NULL;
}
