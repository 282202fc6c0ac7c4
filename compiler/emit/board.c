/* SPDX-License-Identifier: MIT
 *
 * Reads the small Lua files that describe boards (templates/boards/NAME.lua) and what targets say of themselves
 * (templates/TARGET/target.lua: default board, description). The files are tables; they get no library.
 */
#include "emit.h"

#include <lauxlib.h>
#include <string.h>

enum { MAX_FILES = 4096 };
enum { MAX_INHERITANCE = 16 };

/* Leaves the file's table on the stack of a new state; NULL after an error. */
static lua_State *open_table(const char *path)
{
    size_t bytes;
    const char *text = embedded_file(path, &bytes);
    if (text == NULL)
        return NULL;
    lua_State *lua = luaL_newstate();
    if (lua == NULL)
        fatal(EXIT_WORK_FAILED, "out of memory");
    if (luaL_loadbufferx(lua, text, bytes, path, "t") == LUA_OK && lua_pcall(lua, 0, 1, 0) == LUA_OK && lua_istable(lua, -1))
        return lua;
    error_at(path, "%s", lua_isstring(lua, -1) ? lua_tostring(lua, -1) : "does not return a table");
    lua_close(lua);
    return NULL;
}

/* NULL when absent. */
static const char *text_field(Arena *arena, lua_State *lua, const char *name)
{
    const char *text = lua_getfield(lua, -1, name) == LUA_TSTRING ? arena_string(arena, lua_tostring(lua, -1)) : NULL;
    lua_pop(lua, 1);
    return text;
}

static Words words_field(Arena *arena, lua_State *lua, const char *name)
{
    Words words = {0};
    const bool present = lua_getfield(lua, -1, name) == LUA_TTABLE;
    for (lua_Integer i = 1; present && lua_rawgeti(lua, -1, i) == LUA_TSTRING; ++i) {
        words_add(arena, &words, lua_tostring(lua, -1));
        lua_pop(lua, 1);
    }
    lua_settop(lua, 1);
    return words;
}

/* One word per --optimize level. */
static Words optimisation_field(Arena *arena, lua_State *lua)
{
    static const char *const levels[] = {"speed", "balanced", "size", "ram"};
    Words words = {0};
    const bool present = lua_getfield(lua, -1, "optimisation") == LUA_TTABLE;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; ++i) {
        const char *flag = present ? text_field(arena, lua, levels[i]) : NULL;
        words_add(arena, &words, flag != NULL ? flag : "-O2");
    }
    lua_settop(lua, 1);
    return words;
}

static bool board_is_complete(const char *path, const Board *board)
{
    if (board->compilers.count == 0 || board->sources.count == 0 || board->description == NULL)
        return error_at(path, "a board needs description, compilers and sources");
    if (board->plugin != NULL && (board->pipeline == NULL || !is_pipeline(board->pipeline)))
        return error_at(path, "a plugin needs the pipeline whose cycles are estimated: cortex-m4 or cortex-m7");
    return true;
}

static void name_boards(const char *unknown)
{
    Arena *arena = arena_new(0);
    const char *names[64], *known = "";
    const int count = list_boards(arena, names, 64);
    for (int i = 0; i < count; ++i)
        known = arena_format(arena, "%s %s", known, names[i]);
    error_at(NULL, "unknown board \"%s\"; known:%s", unknown, known);
    arena_free(arena);
}

Board *board_load(Arena *arena, const char *name)
{
    const char *path = arena_format(arena, "templates/boards/%s.lua", name);
    if (strchr(name, '/') != NULL || embedded_file(path, NULL) == NULL) {
        name_boards(name);
        return NULL;
    }
    lua_State *lua = open_table(path);
    if (lua == NULL)
        return NULL;
    Board *board = arena_alloc(arena, sizeof *board);
    board->name = arena_string(arena, name);
    board->description = text_field(arena, lua, "description");
    board->compilers = words_field(arena, lua, "compilers");
    board->compiler_package = text_field(arena, lua, "compiler_package");
    board->flags = words_field(arena, lua, "flags");
    board->optimisation = optimisation_field(arena, lua);
    board->sources = words_field(arena, lua, "sources");
    board->linker_script = text_field(arena, lua, "linker_script");
    board->libraries = words_field(arena, lua, "libraries");
    board->emulator = words_field(arena, lua, "emulator");
    board->emulator_package = text_field(arena, lua, "emulator_package");
    board->unit = text_field(arena, lua, "unit");
    board->plugin = text_field(arena, lua, "plugin");
    board->pipeline = text_field(arena, lua, "pipeline");
    lua_close(lua);
    return board_is_complete(path, board) ? board : NULL;
}

int list_boards(Arena *arena, const char **names, int limit)
{
    static const char prefix[] = "templates/boards/", suffix[] = ".lua";
    static const char *paths[MAX_FILES];
    int count = 0;
    for (int i = 0, files = embedded_list(prefix, paths, MAX_FILES); i < files && count < limit; ++i) {
        const char *name = paths[i] + strlen(prefix);
        const size_t length = strlen(name);
        if (length > strlen(suffix) && strcmp(name + length - strlen(suffix), suffix) == 0)
            names[count++] = arena_format(arena, "%.*s", (int)(length - strlen(suffix)), name);
    }
    return count;
}

static const char *target_text(Arena *arena, const char *target, const char *field, bool inherited)
{
    for (int depth = 0; target != NULL && depth < MAX_INHERITANCE; ++depth) {
        lua_State *lua = open_table(arena_format(arena, "templates/%s/target.lua", target));
        if (lua == NULL)
            return NULL;
        const char *text = text_field(arena, lua, field);
        target = inherited ? text_field(arena, lua, "inherits") : NULL;
        lua_close(lua);
        if (text != NULL)
            return text;
    }
    return NULL;
}

const char *target_board(Arena *arena, const char *target)
{
    const char *board = target_text(arena, target, "board", true);
    if (board == NULL)
        error_at(target, "this target has no default board; --board chooses one, `etch boards` lists them");
    return board;
}

const char *target_description(Arena *arena, const char *target)
{
    return target_text(arena, target, "description", false);
}
