/* SPDX-License-Identifier: MIT
 *
 * Writes the pair: the skeleton is rendered from templates, the constants are printed behind it.
 */
#include "emit.h"

#include <inttypes.h>
#include <string.h>

/* The skeleton asks for the places of constants by their identifiers. */
static void push_constants(lua_State *lua, const Model *model, const ConstantList *constants, WeightsForm form)
{
    lua_newtable(lua);
    for (int i = 0; i < constants->count; ++i) {
        lua_pushstring(lua, constant_expression(model, constants->tensors[i], form));
        lua_setfield(lua, -2, constants->tensors[i]->identifier);
    }
}

static void push_buffer(lua_State *lua, Buffer *buffer)
{
    lua_pushlstring(lua, buffer->data != NULL ? buffer->data : "", buffer->length);
    buffer_free(buffer);
}

/* render(model) -> the .c up to the constants, the .h */
static bool render(Model *model, Target *target, const CompileOptions *options, const ConstantList *constants, Buffer *source, Buffer *header)
{
    lua_State *lua = target->lua;
    Buffer text = {0};
    push_model(lua, model, target, options);
    push_constants(lua, model, constants, options->weights);
    lua_setfield(lua, -2, "constants");
    if (options->weights == WEIGHTS_STRING)
        print_constant_definitions(&text, model, constants, options->weights);
    else
        print_constant_declarations(&text, model, constants, options->weights);
    push_buffer(lua, &text);
    lua_setfield(lua, -2, "constant_declarations");
    if (options->weights == WEIGHTS_EXTERN)
        print_weights_struct(&text, model, constants);
    push_buffer(lua, &text);
    lua_setfield(lua, -2, "weights_struct");
    lua_pushinteger(lua, (lua_Integer)constants_bytes(constants, true));
    lua_setfield(lua, -2, "weights_bytes");
    lua_pushinteger(lua, (lua_Integer)constants_bytes(constants, false));
    lua_setfield(lua, -2, "constants_bytes");
    if (!engine_call(target, "render", 1, 2))
        return error_at(model->path, "the templates of target \"%s\" could not be rendered", target->name);
    size_t length;
    const char *part = lua_tolstring(lua, -2, &length);
    buffer_append(source, part, length);
    part = lua_tolstring(lua, -1, &length);
    buffer_append(header, part, length);
    lua_pop(lua, 2);
    return true;
}

static bool write_part(const Model *model, const char *folder, const char *extension, const Buffer *buffer)
{
    const char *name = arena_format(model->arena, "%s.%s", model->prefix, extension);
    return write_file(path_join(model->arena, folder, name), buffer->data, buffer->length);
}

/* NAME_driver.c and the like: C that calls the pair. */
static bool write_companion(Model *model, Target *target, const CompileOptions *options, const char *folder)
{
    lua_State *lua = target->lua;
    const ConstantList constants = collect_constants(model);
    push_model(lua, model, target, options);
    push_constants(lua, model, &constants, options->weights);
    lua_setfield(lua, -2, "constants");
    lua_pushstring(lua, options->companion);
    if (!engine_call(target, "render_companion", 2, 1))
        return error_at(model->path, "the companion \"%s\" could not be rendered", options->companion);
    size_t length;
    const char *text = lua_tolstring(lua, -1, &length);
    const char *name = arena_format(model->arena, "%s_%s.c", model->prefix, options->companion);
    const bool written = write_file(path_join(model->arena, folder, name), text, length);
    lua_pop(lua, 1);
    return written;
}

bool emit_pair(Model *model, Target *target, const CompileOptions *options, const char *folder)
{
    const ConstantList constants = collect_constants(model);
    Buffer source = {0}, header = {0}, image = {0};
    bool ok = render(model, target, options, &constants, &source, &header);
    if (ok && options->format != NULL)
        ok = format_code(model, options->format, &source) && format_code(model, options->format, &header);
    if (ok && options->weights != WEIGHTS_STRING) {
        if (constants.count > 0 && options->weights != WEIGHTS_EXTERN)
            buffer_printf(&source, "\n");
        print_constant_definitions(&source, model, &constants, options->weights);
    }
    ok = ok && (options->selftest_inputs == NULL || print_selftest(&source, model, target, options));
    if (ok && (options->weights == WEIGHTS_EXTERN || options->weights == WEIGHTS_INCBIN)) {
        print_weights_image(&image, &constants);
        ok = write_part(model, folder, "bin", &image);
    }
    ok = ok && write_part(model, folder, "h", &header) && write_part(model, folder, "c", &source);
    ok = ok && (options->companion == NULL || write_companion(model, target, options, folder));
    buffer_free(&source);
    buffer_free(&header);
    buffer_free(&image);
    return ok;
}
