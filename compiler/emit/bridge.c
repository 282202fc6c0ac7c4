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

/* has_template(path) -> whether there is such a file */
static int lua_has_template(lua_State *lua)
{
    lua_pushboolean(lua, embedded_file(luaL_checkstring(lua, 1), NULL) != NULL);
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
    lua_pushcfunction(lua, lua_has_template);
    lua_setglobal(lua, "has_template");
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
    target->calling = true;
    const int status = lua_pcall(lua, arguments, results, base);
    target->calling = false;
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

/* Loading takes longer than compiling a small model: of the targets that were done with, the last one is kept for the next model. */
static struct {
    lua_State *lua;
    char name[256];
    Optimize optimize;
} spare;

static bool take_spare(Target *target)
{
    if (spare.lua == NULL || spare.optimize != target->optimize || strcmp(spare.name, target->name) != 0)
        return false;
    target->lua = spare.lua;
    spare.lua = NULL;
    return true;
}

static void keep_spare(const Target *target)
{
    if (spare.lua != NULL)
        lua_close(spare.lua);
    spare.lua = target->lua;
    spare.optimize = target->optimize;
    snprintf(spare.name, sizeof spare.name, "%s", target->name);
}

/* load_target(name, level, families): operator -> family, since a missing template is a start-up error. */
static bool load_lua(Target *target)
{
    target->lua = luaL_newstate();
    if (target->lua == NULL)
        fatal(EXIT_WORK_FAILED, "out of memory");
    open_sandbox(target->lua);
    if (!load_engine(target->lua))
        return false;
    lua_pushstring(target->lua, target->name);
    lua_pushstring(target->lua, optimize_name(target->optimize));
    lua_newtable(target->lua);
    for (int op = 0; op < OP_COUNT; ++op) {
        if (operators[op].traits & TRAIT_REGIONS)
            continue;
        lua_pushstring(target->lua, operators[op].family);
        lua_setfield(target->lua, -2, operators[op].name);
    }
    return engine_call(target, "load_target", 3, 0);
}

Target *target_load(Arena *arena, const CompileOptions *options)
{
    Target *target = arena_alloc(arena, sizeof *target);
    target->arena = arena;
    target->name = options->target != NULL ? options->target : "generic";
    target->optimize = options->optimize;
    target->tuning = options->tuning;
    if (take_spare(target) || load_lua(target))
        return target;
    lua_close(target->lua);
    return NULL;
}

void target_free(Target *target)
{
    if (target == NULL || target->lua == NULL)
        return;
    if (target->calling || lua_gettop(target->lua) != 0)
        lua_close(target->lua);
    else
        keep_spare(target);
    target->lua = NULL;
}

/* ---------------------------------------------------------------- what a variant may have prepared */

static Node *choosing(lua_State *lua)
{
    return lua_touserdata(lua, lua_upvalueindex(1));
}

static int64_t int_field(lua_State *lua, int table, const char *name, int64_t otherwise)
{
    lua_getfield(lua, table, name);
    const int64_t value = luaL_optinteger(lua, -1, otherwise);
    lua_pop(lua, 1);
    return value;
}

static int input_of_role(const Node *node, const char *role)
{
    for (int i = 0; i < node->input_count; ++i)
        if (strcmp(op_input_role(node->model->arena, node->op, i), role) == 0)
            return i;
    return -1;
}

static void read_axes(lua_State *lua, int table, Packing *packing)
{
    lua_getfield(lua, table, "axes");
    const lua_Integer count = luaL_len(lua, -1);
    luaL_argcheck(lua, count >= 1 && count <= MAX_PACK_AXES, 1, "axes: too many or none");
    packing->axis_count = (int)count;
    for (int i = 0; i < packing->axis_count; ++i) {
        lua_geti(lua, -1, i + 1);
        const int axis = lua_gettop(lua);
        packing->axes[i] = (PackAxis){.axis = (int)int_field(lua, axis, "axis", 1) - 1, .extent = (int32_t)int_field(lua, axis, "extent", 1),
            .step = (int32_t)int_field(lua, axis, "step", 1), .offset = (int32_t)int_field(lua, axis, "offset", 0)};
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
}

static int64_t *read_ints(lua_State *lua, Arena *arena, int table, const char *name, int *count)
{
    lua_getfield(lua, table, name);
    *count = lua_isnil(lua, -1) ? 0 : (int)luaL_len(lua, -1);
    int64_t *values = arena_array(arena, (size_t)*count + 1, sizeof *values);
    for (int i = 0; i < *count; ++i) {
        lua_geti(lua, -1, i + 1);
        values[i] = luaL_checkinteger(lua, -1);
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
    return values;
}

/* Shifts are numbers, or the name of a table. */
static const int64_t *read_shifts(lua_State *lua, const Node *node, Arena *arena, int *count)
{
    lua_getfield(lua, 1, "shift");
    const char *name = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : NULL;
    const Fact *table = name != NULL ? fact_find(node->facts, name) : NULL;
    luaL_argcheck(lua, name == NULL || (table != NULL && table->kind == FACT_TABLE), 1, "shift: there is no such table");
    lua_pop(lua, 1);
    if (table == NULL)
        return read_ints(lua, arena, 1, "shift", count);
    int64_t *values = arena_array(arena, (size_t)table->count + 1, sizeof *values);
    for (int i = 0; i < table->count; ++i)
        values[i] = element_int(table->dtype, table->data, i);
    *count = table->count;
    return values;
}

/* pack { name =, input = role (or table = name), dtype =, dims = {...}, axes = {{axis =, extent =, step =, offset =}, ...}, shift = {...}, channel_axis =,
 * zero_point = }: axes count from 1. */
static int lua_pack(lua_State *lua)
{
    Node *node = choosing(lua);
    Arena *arena = node->model->arena;
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_getfield(lua, 1, "name");
    lua_getfield(lua, 1, "table");
    const char *table = lua_isnil(lua, -1) ? NULL : arena_string(arena, luaL_checkstring(lua, -1));
    lua_pop(lua, 1);
    lua_getfield(lua, 1, "input");
    lua_getfield(lua, 1, "order");
    const char *order = lua_isstring(lua, -1) ? arena_string(arena, lua_tostring(lua, -1)) : NULL;
    lua_pop(lua, 1);
    lua_getfield(lua, 1, "dtype");
    Packing packing = {.name = arena_string(arena, luaL_checkstring(lua, -3)), .input = table != NULL ? 0 : input_of_role(node, luaL_checkstring(lua, -2)),
        .table = table,
        .dtype = dtype_from_name(luaL_optstring(lua, -1, "int8")), .zero_point = (int32_t)int_field(lua, 1, "zero_point", 0),
        .channel_axis = (int)int_field(lua, 1, "channel_axis", 1) - 1, .order = order};
    int count;
    const int64_t *dims = read_ints(lua, arena, 1, "dims", &count);
    luaL_argcheck(lua, packing.input >= 0 && count <= MAX_RANK && packing.dtype != DTYPE_NONE, 1, "unknown input, dtype, or too many dims");
    packing.dim_count = count;
    for (int i = 0; i < count; ++i)
        packing.dim[i] = (int32_t)dims[i];
    packing.shift = read_shifts(lua, node, arena, &packing.shift_count);
    read_axes(lua, 1, &packing);
    lua_pushboolean(lua, fact_packed(node, node->facts, &packing));
    return 1;
}

/* scaling(form, argument) -> whether the form is proven; its facts are then there */
static int lua_scaling(lua_State *lua)
{
    Node *node = choosing(lua);
    lua_pushboolean(lua, fact_scaling_form(node, node->facts, luaL_checkstring(lua, 1), luaL_optinteger(lua, 2, 0)));
    return 1;
}

/* interleave(name, blocks, {{table =, per =, times =}, ...}) */
static int lua_interleave(lua_State *lua)
{
    Node *node = choosing(lua);
    Arena *arena = node->model->arena;
    const char *name = arena_string(arena, luaL_checkstring(lua, 1));
    const lua_Integer blocks = luaL_checkinteger(lua, 2), count = luaL_len(lua, 3);
    Interleaved *parts = arena_array(arena, (size_t)count + 1, sizeof *parts);
    for (int i = 0; i < count; ++i) {
        lua_geti(lua, 3, i + 1);
        const int part = lua_gettop(lua);
        lua_getfield(lua, part, "table");
        parts[i] = (Interleaved){arena_string(arena, luaL_checkstring(lua, -1)), (int)int_field(lua, part, "per", 0), (int)int_field(lua, part, "times", 1)};
        lua_pop(lua, 2);
    }
    lua_pushboolean(lua, fact_interleaved(node, node->facts, name, blocks, parts, (int)count));
    return 1;
}

/* borrow(weights, start, run, channels, shift): pairs of int8 weights as one number each */
static int lua_borrow(lua_State *lua)
{
    Node *node = choosing(lua);
    lua_pushboolean(lua, fact_borrowed(node, node->facts, luaL_checkstring(lua, 1), luaL_checkstring(lua, 2),
        (int)luaL_checkinteger(lua, 3), (int)luaL_checkinteger(lua, 4), (int)luaL_checkinteger(lua, 5)));
    return 1;
}

/* pair(weights, start): the weights and starts of two channels as one number each */
static int lua_pair(lua_State *lua)
{
    Node *node = choosing(lua);
    lua_pushboolean(lua, fact_paired(node, node->facts, luaL_checkstring(lua, 1), luaL_checkstring(lua, 2)));
    return 1;
}

/* winograd(name): 3 by 3 filters transformed, times 4 */
static int lua_winograd(lua_State *lua)
{
    Node *node = choosing(lua);
    lua_pushboolean(lua, fact_winograd(node, node->facts, arena_string(node->model->arena, luaL_checkstring(lua, 1))));
    return 1;
}

/* sparse { name =, input = role, dims = {...}, strides = {...}, channel_axes =, multiple = } -> the number of entries; nil where the weights
 * cannot be packed so */
static int lua_sparse(lua_State *lua)
{
    Node *node = choosing(lua);
    Arena *arena = node->model->arena;
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_getfield(lua, 1, "name");
    lua_getfield(lua, 1, "input");
    SparsePacking packing = {.name = arena_string(arena, luaL_checkstring(lua, -2)), .input = input_of_role(node, luaL_checkstring(lua, -1)),
        .channel_axes = (int)int_field(lua, 1, "channel_axes", 1), .multiple = (int)int_field(lua, 1, "multiple", 1)};
    int stride_count;
    const int64_t *dims = read_ints(lua, arena, 1, "dims", &packing.dim_count), *strides = read_ints(lua, arena, 1, "strides", &stride_count);
    luaL_argcheck(lua, packing.input >= 0 && packing.dim_count <= MAX_RANK && stride_count == packing.dim_count && packing.channel_axes <= packing.dim_count,
        1, "unknown input, too many dims, or strides of another number");
    for (int i = 0; i < packing.dim_count; ++i) {
        packing.dim[i] = (int32_t)dims[i];
        packing.stride[i] = strides[i];
    }
    const int64_t entries = fact_sparse(node, node->facts, &packing);
    if (entries >= 0)
        lua_pushinteger(lua, entries);
    else
        lua_pushnil(lua);
    return 1;
}

/* fact(name) -> a number that a proof has added; nil without one */
static int lua_fact(lua_State *lua)
{
    const Fact *fact = fact_find(choosing(lua)->facts, luaL_checkstring(lua, 1));
    if (fact != NULL && fact->kind == FACT_INT)
        lua_pushinteger(lua, fact->integer);
    else
        lua_pushnil(lua);
    return 1;
}

/* number(name, value): a fact for the template, and for the planner: "across", "down", ... */
static int lua_number(lua_State *lua)
{
    Node *node = choosing(lua);
    fact_replace(node->facts, arena_string(node->model->arena, luaL_checkstring(lua, 1)), luaL_checkinteger(lua, 2));
    return 0;
}

/* scratch(name, dtype, count) */
static int lua_scratch(lua_State *lua)
{
    Node *node = choosing(lua);
    fact_scratch(node->facts, arena_string(node->model->arena, luaL_checkstring(lua, 1)), dtype_from_name(luaL_checkstring(lua, 2)),
        (int)luaL_checkinteger(lua, 3));
    return 0;
}

/* drop(name): a table or scratch that only the generic kernel needs */
static int lua_drop(lua_State *lua)
{
    const char *name = luaL_checkstring(lua, 1);
    Facts *facts = choosing(lua)->facts;
    int kept = 0;
    for (int i = 0; i < facts->count; ++i)
        if (strcmp(facts->facts[i].name, name) != 0)
            facts->facts[kept++] = facts->facts[i];
    facts->count = kept;
    return 0;
}

/* The facts as the operator gave them: what a variant that was found not to fit has changed is forgotten. */
static int lua_back(lua_State *lua)
{
    Node *node = choosing(lua);
    const Facts *before = lua_touserdata(lua, lua_upvalueindex(2));
    *node->facts = *before;
    node->facts->facts = arena_copy(before->arena, before->facts, (size_t)before->capacity * sizeof *before->facts);
    return 0;
}

/* winograd_floats(name): 3 by 3 filters in single precision, transformed */
static int lua_winograd_floats(lua_State *lua)
{
    Node *node = choosing(lua);
    lua_pushboolean(lua, fact_winograd_floats(node, node->facts, arena_string(node->model->arena, luaL_checkstring(lua, 1))));
    return 1;
}

static void push_services(lua_State *lua, Node *node, const Facts *before)
{
    static const luaL_Reg services[] = {{"pack", lua_pack}, {"scaling", lua_scaling}, {"number", lua_number}, {"scratch", lua_scratch}, {"drop", lua_drop}, {"winograd_floats", lua_winograd_floats},
        {"interleave", lua_interleave}, {"borrow", lua_borrow}, {"pair", lua_pair}, {"winograd", lua_winograd}, {"sparse", lua_sparse}, {"fact", lua_fact}};
    lua_newtable(lua);
    for (size_t i = 0; i < sizeof services / sizeof *services; ++i) {
        lua_pushlightuserdata(lua, node);
        lua_pushcclosure(lua, services[i].func, 1);
        lua_setfield(lua, -2, services[i].name);
    }
    lua_pushlightuserdata(lua, node);
    lua_pushlightuserdata(lua, (void *)(uintptr_t)before);
    lua_pushcclosure(lua, lua_back, 2);
    lua_setfield(lua, -2, "back");
}

/* Pushes what engine functions get of the node: its table and the services. */
static void push_choice(lua_State *lua, Node *node, Facts *before)
{
    *before = *node->facts;
    before->facts = arena_copy(before->arena, node->facts->facts, (size_t)node->facts->capacity * sizeof *node->facts->facts);
    push_node(lua, node);
    push_services(lua, node, before);
}

static bool is_plain(const KernelForm *form)
{
    return !form->direct && !form->backwards && !form->lean && form->staging == STAGING_NONE;
}

/* The planner may ask for a form of kernel that the tuned one does not have: then the target's order decides. */
static bool check_tuning(const Target *target, const Node *node, const TuningEntry *entry, const char *refusal)
{
    if (refusal == NULL || target->tuning->path == NULL || !is_plain(&node->form))
        return true;
    return error_at(arena_format(target->arena, "%s:%d", target->tuning->path, entry->line),
        "node \"%s\" (%s) cannot have the kernel \"%s\": %s; delete the line, or run `etch tune` again", node->name, node_operator(node)->name,
        entry->kernel, refusal);
}

bool target_choose_variant(Target *target, Node *node)
{
    lua_State *lua = target->lua;
    Facts before;
    TuningEntry *entry = target->tuning != NULL ? tuning_find(target->tuning, layer_signature(target->arena, node)) : NULL;
    push_choice(lua, node, &before);
    lua_pushstring(lua, entry != NULL ? entry->kernel : NULL);
    if (!engine_call(target, "choose_variant", 3, 4))
        return node_error(node, "no kernel could be chosen");
    node->variant = arena_string(target->arena, lua_tostring(lua, -4));
    node->variant_reason = arena_string(target->arena, lua_tostring(lua, -3));
    node->variant_name = arena_string(target->arena, lua_tostring(lua, -2));
    const bool ok = entry == NULL || check_tuning(target, node, entry, lua_tostring(lua, -1));
    if (entry != NULL)
        entry->used = true;
    lua_pop(lua, 4);
    return ok;
}

const char *target_list_variants(Target *target, Node *node)
{
    Facts before;
    push_choice(target->lua, node, &before);
    if (!engine_call(target, "list_variants", 2, 1)) {
        node_error(node, "its kernels could not be listed");
        return NULL;
    }
    const char *names = arena_string(target->arena, lua_tostring(target->lua, -1));
    lua_pop(target->lua, 1);
    return names;
}
