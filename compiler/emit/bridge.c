/* SPDX-License-Identifier: MIT
 *
 * The Lua bridge: a sandboxed state that runs templates/common/engine.lua over the embedded (or --templates) files.
 * Templates get the base, string, table and math libraries; no io, no os, no way to load anything but templates.
 */
#include "emit.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

/* template_text(path) -> text or nil */
static int lua_template_text(lua_State *lua)
{
    size_t bytes;
    const char *text = embedded_file(luaL_checkstring(lua, 1), &bytes);
    if (text == NULL)
        lua_pushnil(lua);
    else
        lua_pushlstring(lua, text, bytes);
    return 1;
}

static int lua_traceback(lua_State *lua)
{
    const char *message = lua_tostring(lua, 1);
    lua_pushstring(lua, message != NULL ? message : "error without a message");
    return 1;
}

static void open_sandbox(lua_State *lua)
{
    static const luaL_Reg libraries[] = {{"_G", luaopen_base}, {"string", luaopen_string}, {"table", luaopen_table}, {"math", luaopen_math}};
    static const char *const forbidden[] = {"dofile", "loadfile", "print", "collectgarbage"};
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; ++i) {
        luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
        lua_pop(lua, 1);
    }
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; ++i) {
        lua_pushnil(lua);
        lua_setglobal(lua, forbidden[i]);
    }
    lua_pushcfunction(lua, lua_template_text);
    lua_setglobal(lua, "template_text");
}

bool engine_call(Target *target, const char *name, int arguments, int results)
{
    lua_State *lua = target->lua;
    const int base = lua_gettop(lua) - arguments + 1;
    lua_getglobal(lua, "engine");
    lua_getfield(lua, -1, name);
    lua_remove(lua, -2);
    lua_insert(lua, base);
    lua_pushcfunction(lua, lua_traceback);
    lua_insert(lua, base);
    const int status = lua_pcall(lua, arguments, results, base);
    lua_remove(lua, base);
    if (status == LUA_OK)
        return true;
    const char *message = lua_tostring(lua, -1);
    error_at("templates", "%s", message != NULL ? message : "failed");
    lua_pop(lua, 1);
    return false;
}

static bool load_engine(lua_State *lua)
{
    static const char path[] = "templates/common/engine.lua";
    size_t bytes;
    const char *text = embedded_file(path, &bytes);
    if (text == NULL)
        return error_at(path, "not found; --templates must name a folder with common/ and generic/");
    if (luaL_loadbuffer(lua, text, bytes, "@templates/common/engine.lua") != LUA_OK || lua_pcall(lua, 0, 1, 0) != LUA_OK)
        return error_at("templates", "%s", lua_tostring(lua, -1));
    lua_setglobal(lua, "engine");
    return true;
}

Target *target_load(Arena *arena, const CompileOptions *options)
{
    static const char *const levels[] = {"speed", "balanced", "size", "ram"};
    Target *target = arena_alloc(arena, sizeof *target);
    target->arena = arena;
    target->name = options->target != NULL ? options->target : "generic";
    target->lua = luaL_newstate();
    if (target->lua == NULL)
        fatal(EXIT_WORK_FAILED, "out of memory");
    open_sandbox(target->lua);
    bool ok = load_engine(target->lua);
    if (ok) {
        lua_pushstring(target->lua, target->name);
        lua_pushstring(target->lua, levels[options->optimize]);
        lua_newtable(target->lua); /* operator -> family: a missing template is a start-up error */
        for (int op = 0; op < OP_COUNT; ++op) {
            if (operators[op].traits & TRAIT_REGIONS)
                continue;
            lua_pushstring(target->lua, operators[op].family);
            lua_setfield(target->lua, -2, operators[op].name);
        }
        ok = engine_call(target, "load_target", 3, 0);
    }
    if (!ok) {
        target_free(target);
        return NULL;
    }
    return target;
}

void target_free(Target *target)
{
    if (target != NULL && target->lua != NULL)
        lua_close(target->lua);
    if (target != NULL)
        target->lua = NULL;
}

bool target_choose_variant(Target *target, Node *node)
{
    lua_State *lua = target->lua;
    push_node(lua, node);
    if (!engine_call(target, "choose_variant", 1, 2))
        return node_error(node, "no kernel could be chosen");
    node->variant = arena_string(target->arena, lua_tostring(lua, -2));
    node->variant_reason = arena_string(target->arena, lua_tostring(lua, -1));
    lua_pop(lua, 2);
    return true;
}
