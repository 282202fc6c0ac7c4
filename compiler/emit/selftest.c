/* SPDX-License-Identifier: MIT
 *
 * `--selftest`: the generated file carries an input and the interpreter's outputs, and a function that compares, under
 * #ifdef NAME_SELFTEST: the model can be checked where it runs, without anything else.
 */
#include "emit.h"

#include <inttypes.h>
#include <math.h>

/* The bound of float operators (docs/numerics.md), relative to the output's range. */
static const double tolerance = 1e-5;

static double float_bound(const Tensor *output, const void *data)
{
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < tensor_elements(output); ++i) {
        const double value = element_float(output->dtype, data, i);
        low = fmin(low, value);
        high = fmax(high, value);
    }
    const double range = fmax(high - low, fmax(fabs(low), fabs(high)));
    return isfinite(range) ? tolerance * range : 0.0;
}

static const uint8_t *print_tensors(Buffer *out, const Model *model, Tensor *const *tensors, int count, const uint8_t *data)
{
    for (int i = 0; i < count; ++i) {
        /* The file's data need not be aligned for the tensor's type. */
        const void *values = arena_copy(model->arena, data, (size_t)tensor_bytes(tensors[i]));
        print_array(out, model, tensors[i], arena_format(model->arena, "selftest_%s", tensors[i]->identifier), values);
        data += tensor_bytes(tensors[i]);
    }
    return data;
}

static void push_bounds(lua_State *lua, const Model *model, const uint8_t *expected)
{
    lua_newtable(lua);
    for (int i = 0; i < model->main->output_count; ++i) {
        const Tensor *output = model->main->outputs[i];
        const void *values = arena_copy(model->arena, expected, (size_t)tensor_bytes(output));
        lua_pushnumber(lua, dtype_is_float(output->dtype) ? float_bound(output, values) : 0.0);
        lua_rawseti(lua, -2, i + 1);
        expected += tensor_bytes(output);
    }
}

bool print_selftest(Buffer *out, Model *model, Target *target, const CompileOptions *options)
{
    const Graph *graph = model->main;
    lua_State *lua = target->lua;
    buffer_printf(out, "\n");
    push_model(lua, model, target, options);
    lua_newtable(lua); /* the test names no constants, but what it calls may take them */
    if (emitted_bytes(model, true) + emitted_bytes(model, false) > 0) {
        lua_pushboolean(lua, true);
        lua_setfield(lua, -2, "any");
    }
    lua_setfield(lua, -2, "constants");
    push_bounds(lua, model, options->selftest_outputs);
    lua_setfield(lua, -2, "bounds");
    lua_pushstring(lua, "selftest");
    if (!engine_call(target, "render_companion", 2, 1))
        return error_at(model->path, "the self-test could not be rendered");
    buffer_printf(out, "#ifdef ");
    print_upper(out, model->prefix);
    buffer_printf(out, "_SELFTEST\n/* clang-format off */\n\n");
    print_tensors(out, model, graph->inputs, graph->input_count, options->selftest_inputs);
    print_tensors(out, model, graph->outputs, graph->output_count, options->selftest_outputs);
    buffer_printf(out, "/* clang-format on */\n\n%s#endif\n", lua_tostring(lua, -1));
    lua_pop(lua, 1);
    return true;
}
