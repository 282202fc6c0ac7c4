/* SPDX-License-Identifier: MIT
 *
 * What the parts of the emitter share. lua.h is used in emit/ only.
 */
#ifndef ETCH_EMIT_H
#define ETCH_EMIT_H

#include "../compiler.h"

#include <lua.h>

struct Target {
    lua_State *lua;
    Arena *arena;
    const char *name;
    Optimize optimize;
    bool calling; /* what a longjmp has left in the middle of a call is of no more use */
    const char *templates;
    Tuning *tuning;
};

/* context.c: what templates see, as Lua tables left on the stack. */
void push_node(lua_State *lua, const Node *node);
void push_model(lua_State *lua, const Model *model, const Target *target, const CompileOptions *options);

/* bridge.c: calls engine function `name` with `arguments` values from the stack; false after an error message. */
bool engine_call(Target *target, const char *name, int arguments, int results);

/* data.c: constants. The list holds what kernels read, in order of first use. */
typedef struct ConstantList {
    const Tensor **tensors;
    int count, capacity;
} ConstantList;
ConstantList collect_constants(const Model *model);
void print_constant_declarations(Buffer *out, const Model *model, const ConstantList *constants, WeightsForm form);
void print_constant_definitions(Buffer *out, const Model *model, const ConstantList *constants, WeightsForm form);
void print_weights_image(Buffer *out, const ConstantList *constants);                                /* NAME.bin */
void print_weights_struct(Buffer *out, const Model *model, const ConstantList *constants);           /* --weights=extern */
void print_upper(Buffer *out, const char *prefix);                                                   /* "kws" -> "KWS" */
/* An array PREFIX_NAME of `tensor`'s type with these values. */
void print_array(Buffer *out, const Model *model, const Tensor *tensor, const char *name, const void *values);
/* The C expression by which the entry function passes the constant. */
const char *constant_expression(const Model *model, const Tensor *tensor, WeightsForm form);
/* selftest.c: appends what --selftest adds to the generated file; false after an error. */
bool print_selftest(Buffer *out, Model *model, Target *target, const CompileOptions *options);
/* format.c: `code` through clang-format; false after an error. */
bool format_code(const Model *model, const char *style, Buffer *code);
int64_t constants_bytes(const ConstantList *constants, bool weights);

#endif
