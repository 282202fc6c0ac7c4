/* SPDX-License-Identifier: MIT
 *
 * The documented context: what a template may know of a model, pushed as Lua tables. Templates never see the graph.
 */
#include "../plan/plan.h"
#include "emit.h"

#include <lauxlib.h>
#include <string.h>

static void set_text(lua_State *lua, const char *key, const char *text)
{
    lua_pushstring(lua, text);
    lua_setfield(lua, -2, key);
}

static void set_int(lua_State *lua, const char *key, int64_t value)
{
    lua_pushinteger(lua, (lua_Integer)value);
    lua_setfield(lua, -2, key);
}

static void set_bool(lua_State *lua, const char *key, bool value)
{
    lua_pushboolean(lua, value);
    lua_setfield(lua, -2, key);
}

static void set_number(lua_State *lua, const char *key, double value)
{
    lua_pushnumber(lua, value);
    lua_setfield(lua, -2, key);
}

static void push_shape(lua_State *lua, const Shape *shape)
{
    lua_createtable(lua, shape->rank, 0);
    for (int i = 0; i < shape->rank; ++i) {
        lua_pushinteger(lua, shape->dim[i]);
        lua_rawseti(lua, -2, i + 1);
    }
}

static const char *storage_name(StorageKind storage)
{
    static const char *const names[] = {"none", "arena", "input", "output", "constant", "state", "row"};
    return names[storage];
}

static const Tensor *root_of(const Tensor *tensor)
{
    while (tensor->alias_of != NULL)
        tensor = tensor->alias_of;
    return tensor;
}

static void push_operand(lua_State *lua, const Tensor *tensor)
{
    lua_newtable(lua);
    set_text(lua, "tensor", tensor->name);
    set_text(lua, "identifier", tensor->identifier != NULL ? tensor->identifier : "");
    set_text(lua, "dtype", dtype_name(tensor->dtype));
    set_text(lua, "ctype", dtype_ctype(tensor->dtype));
    push_shape(lua, &tensor->shape);
    lua_setfield(lua, -2, "shape");
    set_int(lua, "rank", tensor->shape.rank);
    set_int(lua, "elements", tensor_elements(tensor));
    set_int(lua, "bytes", tensor_bytes(tensor));
    set_bool(lua, "quantised", tensor_is_quantised(tensor));
    set_int(lua, "scale_count", tensor->quantisation.count);
    set_number(lua, "scale", (double)tensor_scale(tensor));
    set_int(lua, "zero_point", tensor_zero_point(tensor));
    set_bool(lua, "constant", tensor->kind == TENSOR_CONSTANT);
    set_bool(lua, "state", tensor->kind == TENSOR_STATE);
    set_int(lua, "min", dtype_min(tensor->dtype));
    set_int(lua, "max", dtype_max(tensor->dtype));
    set_text(lua, "storage", storage_name(tensor->storage));
    set_int(lua, "offset", tensor->offset);
    set_int(lua, "first", tensor->first_use);
    set_int(lua, "last", tensor->last_use);
    set_text(lua, "root", root_of(tensor)->identifier != NULL ? root_of(tensor)->identifier : "");
    set_text(lua, "root_ctype", dtype_ctype(root_of(tensor)->dtype));
    set_int(lua, "root_position", storage_offset(tensor) * 8 / (int64_t)dtype_bits(root_of(tensor)->dtype)); /* in its elements */
}

/* Appends an operand to the list at the top of the stack. */
static void add_operand(lua_State *lua, const Tensor *tensor, const char *role, const char *direction, bool placed)
{
    push_operand(lua, tensor);
    set_text(lua, "name", role);
    set_text(lua, "direction", direction);
    set_bool(lua, "placed", placed);
    lua_rawseti(lua, -2, (lua_Integer)lua_rawlen(lua, -2) + 1);
}

static void push_operands(lua_State *lua, const Node *node)
{
    Arena *arena = node->model->arena;
    lua_newtable(lua);
    for (int i = 0; i < node->input_count; ++i)
        if (node->inputs[i] != NULL && !fact_hides(node->facts, i))
            add_operand(lua, node->inputs[i], op_input_role(arena, node->op, i), "in", operand_is_placed(node, true, i));
    static const FactKind order[] = {FACT_TABLE, FACT_SCRATCH};
    for (int k = 0; k < 2; ++k)
        for (int i = 0; node->facts != NULL && i < node->facts->count; ++i)
            if (node->facts->facts[i].kind == order[k] && node->facts->facts[i].tensor != NULL)
                add_operand(lua, node->facts->facts[i].tensor, node->facts->facts[i].name, k == 0 ? "table" : "scratch", false);
    for (int i = 0; i < node->output_count; ++i)
        if (node->outputs[i] != NULL)
            add_operand(lua, node->outputs[i], op_output_role(arena, node->op, i), "out", operand_is_placed(node, false, i));
}

static void push_fact(lua_State *lua, const Fact *fact)
{
    if (fact->kind == FACT_INT)
        lua_pushinteger(lua, (lua_Integer)fact->integer);
    else if (fact->kind == FACT_FLOAT)
        lua_pushnumber(lua, fact->real);
    else if (fact->kind == FACT_STRING)
        lua_pushstring(lua, fact->text);
    else {
        lua_createtable(lua, fact->count, 0);
        for (int i = 0; i < fact->count; ++i) {
            lua_pushinteger(lua, (lua_Integer)fact->integers[i]);
            lua_rawseti(lua, -2, i + 1);
        }
    }
}

static void push_facts(lua_State *lua, const Facts *facts)
{
    lua_newtable(lua);
    for (int i = 0; facts != NULL && i < facts->count; ++i) {
        if (facts->facts[i].kind == FACT_TABLE || facts->facts[i].kind == FACT_SCRATCH)
            continue;
        push_fact(lua, &facts->facts[i]);
        lua_setfield(lua, -2, facts->facts[i].name);
    }
}

static void push_attributes(lua_State *lua, const Node *node)
{
    lua_newtable(lua);
    for (int i = 0; i < node->attribute_count; ++i) {
        const Attribute *attribute = &node->attributes[i];
        if (attribute->type == ATTRIBUTE_INT)
            lua_pushinteger(lua, (lua_Integer)attribute->integer);
        else if (attribute->type == ATTRIBUTE_FLOAT)
            lua_pushnumber(lua, attribute->real);
        else if (attribute->type == ATTRIBUTE_STRING)
            lua_pushstring(lua, attribute->text);
        else {
            lua_createtable(lua, attribute->count, 0);
            for (int k = 0; k < attribute->count; ++k) {
                if (attribute->type == ATTRIBUTE_INTS)
                    lua_pushinteger(lua, (lua_Integer)attribute->integers[k]);
                else
                    lua_pushnumber(lua, attribute->reals[k]);
                lua_rawseti(lua, -2, k + 1);
            }
        }
        lua_setfield(lua, -2, attribute->name);
    }
}

static void push_graph(lua_State *lua, const Graph *graph);

static void push_rows(lua_State *lua, const Node *node)
{
    const RowPlan *plan = node->rows;
    set_int(lua, "strips", plan->strips);
    set_int(lua, "columns", plan->columns);
    lua_createtable(lua, plan->count, 0);
    for (int k = 0; k < plan->count; ++k) {
        const RowStage *stage = &plan->stages[k];
        lua_newtable(lua);
        set_int(lua, "source", stage->source + 1); /* Lua counts from 1; 0: a whole tensor */
        set_int(lua, "whole", stage->whole + 1);
        set_int(lua, "side", stage->side + 1);
        set_text(lua, "tensor", node->regions[0]->nodes[k]->inputs[stage->operand]->name);
        if (stage->side >= 0)
            set_text(lua, "side_tensor", node->regions[0]->nodes[k]->inputs[stage->side_operand]->name);
        set_bool(lua, "window", stage->window);
        set_int(lua, "rows", stage->rows);
        set_int(lua, "stride", stage->stride);
        set_int(lua, "pad_top", stage->pad_top);
        set_int(lua, "pad_left", stage->pad_left);
        set_int(lua, "pad_byte", pad_byte(node->regions[0]->nodes[k]->inputs[stage->operand]));
        set_int(lua, "source_height", stage->source_height);
        set_int(lua, "source_width", stage->source_width);
        set_int(lua, "height", stage->height);
        set_int(lua, "width", stage->width);
        set_int(lua, "column_step", stage->column_step);
        set_int(lua, "column_shift", stage->column_shift);
        lua_rawseti(lua, -2, k + 1);
    }
    lua_setfield(lua, -2, "stages");
}

void push_node(lua_State *lua, const Node *node)
{
    luaL_checkstack(lua, 16, "nesting");
    const Operator *op = node_operator(node);
    lua_newtable(lua);
    set_text(lua, "op", op->name);
    set_text(lua, "family", op->family);
    set_text(lua, "input_roles", op->inputs);
    set_text(lua, "output_roles", op->outputs);
    set_text(lua, "name", node->name);
    set_int(lua, "step", node->step);
    set_text(lua, "form", arena_format(node->model->arena, "%s %s %s %s", node->form.lean ? "lean" : "", node->form.direct ? "direct" : "", node->form.backwards ? "backwards" : "",
        node->form.staging == STAGING_CHANNELS ? "channels" : node->form.staging != STAGING_NONE ? "staged" : ""));
    set_int(lua, "macs", op->traits & TRAIT_REGIONS ? 0 : node_macs(node));
    set_bool(lua, "free", node_is_free(node));
    if (node->variant != NULL) {
        set_text(lua, "variant", node->variant);
        set_text(lua, "reason", node->variant_reason);
    }
    push_operands(lua, node);
    lua_setfield(lua, -2, "operands");
    push_facts(lua, node->facts);
    lua_setfield(lua, -2, "facts");
    push_attributes(lua, node);
    lua_setfield(lua, -2, "attribute");
    lua_newtable(lua);
    for (int i = 0; i < node->region_count; ++i) {
        push_graph(lua, node->regions[i]);
        lua_rawseti(lua, -2, i + 1);
    }
    lua_setfield(lua, -2, "regions");
    if (node->op == OP_ROWS)
        push_rows(lua, node);
}

static void push_tensors(lua_State *lua, Tensor *const *tensors, int count)
{
    lua_createtable(lua, count, 0);
    for (int i = 0; i < count; ++i) {
        push_operand(lua, tensors[i]);
        lua_rawseti(lua, -2, i + 1);
    }
}

static void push_graph(lua_State *lua, const Graph *graph)
{
    luaL_checkstack(lua, 16, "nesting");
    lua_newtable(lua);
    push_tensors(lua, graph->inputs, graph->input_count);
    lua_setfield(lua, -2, "inputs");
    push_tensors(lua, graph->outputs, graph->output_count);
    lua_setfield(lua, -2, "outputs");
    lua_createtable(lua, graph->node_count, 0);
    for (int i = 0; i < graph->node_count; ++i) {
        push_node(lua, graph->nodes[i]);
        lua_rawseti(lua, -2, i + 1);
    }
    lua_setfield(lua, -2, "nodes");
}

static void push_states(lua_State *lua, const Model *model)
{
    lua_newtable(lua);
    for (int i = 0; i < model->main->tensor_count; ++i) {
        const Tensor *tensor = model->main->tensors[i];
        if (tensor->kind != TENSOR_STATE)
            continue;
        push_operand(lua, tensor);
        bool zero = true;
        for (size_t k = 0; tensor->data != NULL && k < tensor->data_bytes; ++k)
            zero = zero && tensor->data[k] == 0;
        set_bool(lua, "starts_at_zero", zero);
        /* A state that starts at one value everywhere needs no image in flash. */
        bool uniform = tensor->data != NULL && dtype_bits(tensor->dtype) == 8;
        for (size_t k = 1; uniform && k < tensor->data_bytes; ++k)
            uniform = tensor->data[k] == tensor->data[0];
        set_bool(lua, "uniform", uniform);
        set_int(lua, "initial_byte", uniform && tensor->data_bytes > 0 ? tensor->data[0] : 0);
        lua_rawseti(lua, -2, (lua_Integer)lua_rawlen(lua, -2) + 1);
    }
}

static void push_buffers(lua_State *lua, const Model *model)
{
    PlannedBuffer *buffers;
    const int count = plan_buffers(model, &buffers);
    lua_createtable(lua, count, 0);
    for (int i = 0; i < count; ++i) {
        lua_newtable(lua);
        set_text(lua, "name", buffers[i].tensor->identifier != NULL ? buffers[i].tensor->identifier : buffers[i].tensor->name);
        set_int(lua, "offset", buffers[i].offset);
        set_int(lua, "bytes", buffers[i].bytes);
        set_int(lua, "first", buffers[i].first);
        set_int(lua, "last", buffers[i].last);
        lua_rawseti(lua, -2, i + 1);
    }
}

void push_model(lua_State *lua, const Model *model, const Target *target, const CompileOptions *options)
{
    static const char *const levels[] = {"speed", "balanced", "size", "ram"};
    static const char *const forms[] = {"array", "words", "string", "incbin", "extern"};
    push_graph(lua, model->main);
    set_text(lua, "name", model->name);
    set_text(lua, "prefix", model->prefix);
    set_text(lua, "format", model->format);
    set_int(lua, "digest", model->digest);
    set_text(lua, "version", ETCH_VERSION);
    set_text(lua, "target", target->name);
    set_text(lua, "optimize", levels[options->optimize]);
    set_text(lua, "weights", forms[options->weights]);
    set_text(lua, "io", model->io_in_arena ? "arena" : "caller");
    set_text(lua, "rounding", model->single_rounding ? "single" : "double");
    set_bool(lua, "selftest", options->selftest_inputs != NULL);
    set_int(lua, "arena_bytes", model->arena_bytes);
    set_text(lua, "arena_verdict", plan_verdict(model));
    set_int(lua, "extra_macs", model->extra_macs);
    set_int(lua, "state_bytes", model->state_bytes);
    set_int(lua, "step_count", model->step_count);
    set_int(lua, "macs", graph_macs(model->main));
    push_states(lua, model);
    lua_setfield(lua, -2, "states");
    push_buffers(lua, model);
    lua_setfield(lua, -2, "buffers");
    lua_createtable(lua, model->label_count, 0);
    for (int i = 0; i < model->label_count; ++i) {
        lua_pushstring(lua, model->labels[i]);
        lua_rawseti(lua, -2, i + 1);
    }
    lua_setfield(lua, -2, "labels");
}
