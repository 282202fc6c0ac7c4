/* SPDX-License-Identifier: MIT
 *
 * How far outputs may run over their input. Distances of random walks against the order of reads and stores followed one by
 * one, and against closed formulas; then kernels as they are generated, of random small shapes in every form: with output and
 * input in one buffer they are right at the stated distance, and lose something one element closer.
 */
#include "compiler.h"
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static int32_t between(int32_t low, int32_t high)
{
    return low + (int32_t)(unit_random() % (uint64_t)(high - low + 1));
}

/* ---------------------------------------------------------------- random windows */

static Window random_window(int32_t largest)
{
    Window w = {.batch = between(1, 5) == 1 ? 2 : 1, .filter_height = between(1, 4), .filter_width = between(1, 4), .stride_height = between(1, 3), .stride_width = between(1, 3), .dilation_height = between(1, 5) == 1 ? 2 : 1, .dilation_width = between(1, 5) == 1 ? 2 : 1, .input_channels = between(1, 9), .output_channels = between(1, 9)};
    do {
        const char *padding = between(0, 1) ? "same" : "valid";
        w.input_height = between(1, largest);
        w.input_width = between(1, largest);
        w.output_height = window_output(padding, w.input_height, w.filter_height, w.stride_height, w.dilation_height);
        w.output_width = window_output(padding, w.input_width, w.filter_width, w.stride_width, w.dilation_width);
    } while (w.output_height < 1 || w.output_width < 1);
    w.pad_top = window_padding(w.input_height, w.output_height, w.filter_height, w.stride_height, w.dilation_height, NULL);
    w.pad_left = window_padding(w.input_width, w.output_width, w.filter_width, w.stride_width, w.dilation_width, NULL);
    return w;
}

/* ---------------------------------------------------------------- distances by following every read and store */

enum { MOST_BLOCKS = 4096 };

/* What a block reads and then stores: [first, last) of input and output bytes. */
typedef struct Step {
    int64_t read_first, read_last, store_first, store_last;
} Step;

typedef struct Trace {
    Step steps[MOST_BLOCKS];
    int count;
} Trace;

/* The bytes that channels [n, n + down) of outputs [x, end) of a line read; nothing: first > last. */
static void read_block(const KernelWalk *walk, int32_t line, int32_t x, int32_t end, int32_t n, Step *step)
{
    const Window *w = &walk->window;
    const int32_t channel = n / walk->group_outputs * walk->group_inputs;
    const int32_t top = line % w->output_height * w->stride_height - w->pad_top;
    for (; x < end; ++x)
        for (int32_t i = 0; i < w->filter_height; ++i)
            for (int32_t j = 0; j < w->filter_width; ++j) {
                const int32_t row = top + i * w->dilation_height, column = x * w->stride_width - w->pad_left + j * w->dilation_width;
                if (row < 0 || row >= w->input_height || column < 0 || column >= w->input_width)
                    continue;
                const int64_t pixel = ((int64_t)line / w->output_height * w->input_height + row) * w->input_width + column;
                const int64_t first = (pixel * w->input_channels + channel) * walk->input_bytes;
                const int64_t last = first + walk->group_inputs * walk->input_bytes;
                step->read_first = first < step->read_first ? first : step->read_first;
                step->read_last = last > step->read_last ? last : step->read_last;
            }
}

static void trace_block(const KernelWalk *walk, Trace *trace, int32_t line, int32_t x, int32_t end)
{
    const Window *w = &walk->window;
    const bool backwards = walk->form.backwards;
    const int32_t channels = w->output_channels, down = walk->down, blocks = (channels + down - 1) / down;
    const int64_t pixel = ((int64_t)line * w->output_width + x) * channels;
    for (int32_t block = 0; block < blocks; ++block) {
        int32_t n = backwards ? channels - (block + 1) * down : block * down;
        n = n < 0 ? 0 : n > channels - down ? channels - down
                                            : n;
        Step *step = &trace->steps[trace->count++];
        *step = (Step){.read_first = INT64_MAX, .read_last = -1};
        read_block(walk, line, x, end, n, step);
        step->store_first = (pixel + n) * walk->output_bytes;
        step->store_last = (pixel + (int64_t)(end - 1 - x) * channels + n + down) * walk->output_bytes;
        if (walk->form.staging != STAGING_NONE) { /* all channels are stored by the last block */
            step->store_first = block + 1 < blocks ? INT64_MAX : pixel * walk->output_bytes;
            step->store_last = block + 1 < blocks ? -1 : (pixel + (int64_t)(end - x) * channels) * walk->output_bytes;
        }
    }
}

static void trace_line(const KernelWalk *walk, Trace *trace, int32_t line)
{
    const Window *w = &walk->window;
    const int first_step = trace->count;
    int32_t inner_first, inner_last, x = 0;
    window_interior(w, &inner_first, &inner_last);
    while (x < w->output_width) {
        const int32_t rest = w->output_width - x;
        int32_t size = walk->across, at = walk->form.backwards ? rest - size : x;
        if (walk->clipped && (at < inner_first || at + size > inner_last))
            size = 1;
        if (size > rest && walk->tails)
            size = rest;
        at = walk->form.backwards ? rest - size : x;
        if (size > rest)
            at = walk->form.backwards ? 0 : w->output_width - size; /* overlaps */
        trace_block(walk, trace, line, at, at + size);
        x += size;
    }
    if (!walk->copied && walk->form.staging != STAGING_ROW)
        return;
    for (int i = first_step; i < trace->count; ++i) { /* everything is read before anything is stored */
        trace->steps[i].store_first = INT64_MAX;
        trace->steps[i].store_last = -1;
    }
    Step *last = &trace->steps[trace->count - 1];
    last->store_first = (int64_t)line * w->output_width * w->output_channels * walk->output_bytes;
    last->store_last = last->store_first + (int64_t)w->output_width * w->output_channels * walk->output_bytes;
}

static int64_t traced_distance(const KernelWalk *walk, Trace *trace)
{
    const Window *w = &walk->window;
    const int32_t lines = w->batch * w->output_height;
    const int64_t input = (int64_t)w->batch * w->input_height * w->input_width * w->input_channels * walk->input_bytes;
    const int64_t output = (int64_t)lines * w->output_width * w->output_channels * walk->output_bytes;
    int64_t distance = walk->form.backwards ? -output : -input;
    trace->count = 0;
    for (int32_t i = 0; i < lines; ++i)
        trace_line(walk, trace, walk->form.backwards ? lines - 1 - i : i);
    int64_t read_first = INT64_MAX, read_last = -1; /* after this step */
    for (int i = trace->count - 1; i >= 0; --i) {
        const Step *step = &trace->steps[i];
        const int64_t needed = walk->form.backwards ? read_last - step->store_first : step->store_last - read_first;
        if (step->store_last >= 0 && read_last >= 0 && needed > distance)
            distance = needed;
        read_first = step->read_first < read_first ? step->read_first : read_first;
        read_last = step->read_last > read_last ? step->read_last : read_last;
    }
    return distance;
}

/* Walks without a copy of rows: what is copied is read by whole columns, which the generated kernels show. */
static void check_walks(int count)
{
    Trace *trace = malloc(sizeof *trace);
    for (int i = 0; i < count; ++i) {
        KernelWalk walk = {.window = random_window(6), .tails = between(0, 1), .clipped = between(0, 1)};
        Window *w = &walk.window;
        w->batch = between(1, 3) == 1 ? between(1, 7) : 1;
        walk.input_bytes = walk.output_bytes = between(1, 4) == 1 ? 4 : 1;
        walk.form = (KernelForm){.backwards = between(0, 1), .staging = (Staging)between(0, 2)};
        walk.across = between(1, w->output_width < 2 ? 1 : 2);
        walk.down = between(1, w->output_channels < 4 ? w->output_channels : 4);
        walk.group_inputs = w->input_channels;
        walk.group_outputs = w->output_channels;
        if (between(1, 4) == 1) { /* as depthwise kernels and pooling do */
            walk.group_inputs = walk.group_outputs = walk.down = 1;
            w->output_channels = w->input_channels;
        }
        CHECK_EQUAL(walk_distance(&walk), traced_distance(&walk, trace));
    }
    free(trace);
}

/* ---------------------------------------------------------------- closed formulas */

static int64_t at_least_0(int64_t value)
{
    return value > 0 ? value : 0;
}

/* The first byte that the window of output (y, x) reads. */
static int64_t lowest(const Window *w, int64_t y, int64_t x)
{
    const int64_t row = at_least_0(y * w->stride_height - w->pad_top), column = at_least_0(x * w->stride_width - w->pad_left);
    return (row * w->input_width + column) * w->input_channels;
}

/* Forwards, one output at a time, without dilation. What is stored of an output may end where its own window begins; with
 * staging, where that of the next ones or of the next row does. */
static int64_t formula(const Window *w, Staging staging)
{
    const int64_t outputs = (int64_t)w->output_height * w->output_width;
    int64_t worst = INT64_MIN, later = INT64_MAX;
    for (int64_t p = outputs - 1; p >= 0; --p) {
        const int64_t y = p / w->output_width, x = p % w->output_width, end = (p + 1) * w->output_channels;
        const int64_t own = lowest(w, y, x), next = lowest(w, y + 1, 0);
        const bool row_ends = x + 1 == w->output_width && y + 1 < w->output_height;
        if (staging == STAGING_NONE && end - own > worst)
            worst = end - own;
        if (staging == STAGING_PIXEL && p + 1 < outputs && end - later > worst)
            worst = end - later;
        if (staging == STAGING_ROW && row_ends && end - next > worst)
            worst = end - next;
        later = own < later ? own : later;
    }
    return worst;
}

static void check_formulas(int count)
{
    for (int i = 0; i < count; ++i) {
        KernelWalk walk = {.window = random_window(9), .input_bytes = 1, .output_bytes = 1, .across = 1, .clipped = true};
        Window *w = &walk.window;
        w->batch = w->dilation_height = w->dilation_width = 1;
        w->pad_top = w->pad_top < w->filter_height ? w->pad_top : 0;
        w->pad_left = w->pad_left < w->filter_width ? w->pad_left : 0;
        walk.down = between(1, w->output_channels);
        walk.group_inputs = w->input_channels;
        walk.group_outputs = w->output_channels;
        for (int staging = 0; staging <= STAGING_ROW; ++staging) {
            const int64_t input = (int64_t)w->input_height * w->input_width * w->input_channels;
            const int64_t stated = formula(w, (Staging)staging);
            walk.form.staging = (Staging)staging;
            CHECK(walk_distance(&walk) <= (stated > -input ? stated : -input));
        }
    }
}

/* Long lines are not walked block by block. */
static void check_long_lines(void)
{
    for (int32_t across = 1; across <= 2; ++across)
        for (int32_t channels = 1; channels <= 5; ++channels)
            for (int32_t pixels = 101; pixels <= 102; ++pixels) {
                KernelWalk walk = {.input_bytes = 1, .output_bytes = 1, .across = across, .down = 1, .group_inputs = 3, .group_outputs = channels};
                walk.window = (Window){1, 1, pixels, 3, 1, pixels, channels, 1, 1, 1, 1, 1, 1, 0, 0};
                Trace *trace = malloc(sizeof *trace);
                CHECK_EQUAL(walk_distance(&walk), traced_distance(&walk, trace));
                walk.form = (KernelForm){.backwards = true, .staging = STAGING_PIXEL};
                CHECK_EQUAL(walk_distance(&walk), traced_distance(&walk, trace));
                free(trace);
            }
}

/* ---------------------------------------------------------------- models of one node */

typedef enum Kind { CONVOLUTION,
    POINTWISE,
    GROUPED,
    DEPTHWISE,
    LINEAR,
    AVERAGE_POOL,
    MAX_POOL,
    QUANTIZE,
    DEQUANTIZE,
    KINDS } Kind;

typedef struct Types {
    DType input, weights, bias;
} Types;

static const Types types[] = {
    {DTYPE_I8, DTYPE_I8, DTYPE_I32},
    {DTYPE_I8, DTYPE_I8, DTYPE_I32},
    {DTYPE_I8, DTYPE_I4, DTYPE_I32},
    {DTYPE_I16, DTYPE_I8, DTYPE_I64},
    {DTYPE_U8, DTYPE_U8, DTYPE_I32},
    {DTYPE_F32, DTYPE_F32, DTYPE_F32},
    {DTYPE_F32, DTYPE_I8, DTYPE_F32},
};

/* What one model is made from: the same for each of its forms. */
typedef struct Recipe {
    Kind kind;
    Types types;
    Window window;
    const char *padding;
    int32_t groups;
    Optimize optimize;
    uint64_t seed;
    bool is_sparse; /* few weights that are not zero */
} Recipe;

static Recipe random_recipe(int index)
{
    Recipe recipe = {.kind = (Kind)(index % KINDS), .window = random_window(9), .groups = 1, .seed = (uint64_t)index + 1, .is_sparse = index % 4 == 0};
    Window *w = &recipe.window;
    recipe.types = types[between(0, (int32_t)(sizeof types / sizeof *types) - 1)];
    recipe.padding = between(0, 2) ? "same" : "valid";
    recipe.optimize = (Optimize)between(0, 3);
    if (recipe.kind == GROUPED) {
        recipe.groups = between(2, 3);
        w->input_channels = recipe.groups * between(1, 3);
        w->output_channels = recipe.groups * between(1, 3);
    }
    if (recipe.kind == DEPTHWISE)
        w->output_channels = w->input_channels * (between(1, 3) == 1 ? between(1, 3) : 1);
    if (recipe.kind == POINTWISE)
        w->filter_height = w->filter_width = w->stride_height = w->stride_width = 1;
    if (recipe.kind == AVERAGE_POOL || recipe.kind == MAX_POOL)
        w->dilation_height = w->dilation_width = 1;
    return recipe;
}

static Tensor *add_weights(Graph *graph, const char *name, DType dtype, Shape shape, uint64_t seed, bool is_sparse)
{
    const int64_t count = shape_elements(&shape);
    uint8_t *data = arena_array(graph->model->arena, (size_t)count + 1, 8);
    for (int64_t i = 0; i < count; ++i) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const int64_t value = is_sparse && (seed >> 33) % 24 != 0 ? 0 : (int64_t)(seed >> 40) % 3 + 1, sign = seed >> 60 & 1 ? -1 : 1;
        if (dtype_is_float(dtype))
            element_set_float(dtype, data, i, (double)(value * sign));
        else
            element_set_int(dtype, data, i, dtype == DTYPE_U8 ? 128 + value * sign : value * sign);
    }
    Tensor *tensor = graph_add_constant(graph, name, dtype, shape, data);
    if (dtype_is_integer(dtype) && dtype_bits(dtype) <= 8)
        tensor_quantise(graph, tensor, 1.0f, dtype == DTYPE_U8 ? 128 : 0);
    return tensor;
}

static Tensor *add_operand(Graph *graph, const char *name, DType dtype, Shape shape, float scale)
{
    Tensor *tensor = graph_add_tensor(graph, name, dtype);
    tensor->shape = shape;
    tensor->shape_known = shape.rank > 0;
    if (dtype_is_integer(dtype))
        tensor_quantise(graph, tensor, scale, dtype == DTYPE_I8 ? 3 : dtype == DTYPE_U8 ? 125
                                                                                        : 0);
    return tensor;
}

static OpKind operator_of(Kind kind)
{
    static const OpKind kinds[KINDS] = {OP_CONV_2D, OP_CONV_2D, OP_CONV_2D, OP_DEPTHWISE_CONV_2D, OP_FULLY_CONNECTED, OP_AVERAGE_POOL_2D,
        OP_MAX_POOL_2D, OP_QUANTIZE, OP_DEQUANTIZE};
    return kinds[kind];
}

static Shape weights_shape(const Recipe *recipe)
{
    const Window *w = &recipe->window;
    if (recipe->kind == LINEAR)
        return shape_of(2, w->output_channels, w->input_channels);
    if (recipe->kind == DEPTHWISE)
        return shape_of(4, 1, w->filter_height, w->filter_width, w->output_channels);
    return shape_of(4, w->output_channels, w->filter_height, w->filter_width, w->input_channels / recipe->groups);
}

static void set_window(Node *node, const Recipe *recipe)
{
    const Window *w = &recipe->window;
    const int64_t stride[2] = {w->stride_height, w->stride_width}, dilation[2] = {w->dilation_height, w->dilation_width};
    const int64_t filter[2] = {w->filter_height, w->filter_width};
    node_set_string(node, "padding", recipe->padding);
    node_set_ints(node, "stride", 2, stride);
    if (recipe->kind == AVERAGE_POOL || recipe->kind == MAX_POOL)
        node_set_ints(node, "filter", 2, filter);
    else
        node_set_ints(node, "dilation", 2, dilation);
}

/* The model with its facts; NULL where the window does not fit. */
static Model *make_model(const Recipe *recipe, const char *name, const KernelForm *form, Target **target)
{
    const Window *w = &recipe->window;
    const bool weighted = recipe->kind <= LINEAR, moves = recipe->kind >= QUANTIZE;
    CompileOptions options = COMPILE_OPTIONS_DEFAULT;
    options.optimize = recipe->optimize;
    Model *model = model_new("overlap.json", 0);
    model->name = arena_string(model->arena, name);
    model->format = "etch";
    model->optimize = recipe->optimize;
    Graph *graph = graph_new(model, "main");
    model->main = graph;
    const DType from = recipe->kind == QUANTIZE ? DTYPE_F32 : recipe->kind == DEQUANTIZE ? DTYPE_I8
                                                                                         : recipe->types.input;
    const DType to = recipe->kind == QUANTIZE ? DTYPE_I8 : recipe->kind == DEQUANTIZE ? DTYPE_F32
                                                                                      : from;
    Node *node = graph_add_node(graph, operator_of(recipe->kind), NULL, weighted ? 3 : 1, 1);
    node->inputs[0] = add_operand(graph, "input", from, shape_of(4, w->batch, w->input_height, w->input_width, w->input_channels), 1.0f);
    node->inputs[0]->kind = TENSOR_INPUT;
    node->outputs[0] = add_operand(graph, "output", to, (Shape){0}, weighted || moves ? 1.7f : 1.0f);
    node->outputs[0]->is_output = true;
    if (weighted) {
        node->inputs[1] = add_weights(graph, "weights", recipe->types.weights, weights_shape(recipe), recipe->seed, recipe->is_sparse);
        node->inputs[2] = add_weights(graph, "bias", recipe->types.bias, shape_of(1, w->output_channels), recipe->seed + 7, false);
    }
    if (!moves && recipe->kind != LINEAR)
        set_window(node, recipe);
    graph->inputs = arena_copy(model->arena, &node->inputs[0], sizeof(Tensor *));
    graph->outputs = arena_copy(model->arena, &node->outputs[0], sizeof(Tensor *));
    graph->input_count = graph->output_count = 1;
    node->form = *form;
    *target = target_load(model->arena, &options);
    model->target = *target;
    if (*target != NULL && pass_infer(model) && pass_select(model, *target))
        return model;
    target_free(*target);
    model_free(model);
    return NULL;
}

/* ---------------------------------------------------------------- the program of all kernels */

typedef struct Program {
    const char *folder;
    Buffer kernels, table;
    int count, disjoint;
    int sparse; /* kernels of lists of weights in other forms than the plain one */
    int recipe; /* of the present cases */
} Program;

/* Generated files become one: what they absorb of runtime/ gets a name of its own in each. */
static void append_pair(Program *program, Arena *arena, const char *name)
{
    size_t bytes;
    const char *path = path_join(arena, program->folder, arena_format(arena, "%s.c", name));
    const char *text = (const char *)read_file(arena, path, &bytes);
    while (text != NULL && *text != '\0') {
        const char *lower = strstr(text, "etch_"), *upper = strstr(text, "ETCH_");
        const char *next = lower == NULL || (upper != NULL && upper < lower) ? upper : lower;
        const size_t length = next != NULL ? (size_t)(next - text) : strlen(text);
        buffer_append(&program->kernels, text, length);
        text += length;
        if (next != NULL) {
            buffer_printf(&program->kernels, "%s_%.5s", name, next);
            text += 5;
        }
    }
}

static void append_case(Program *program, const Recipe *recipe, const KernelForm *form)
{
    char name[32];
    snprintf(name, sizeof name, "c%d", program->count);
    Target *target;
    Model *model = make_model(recipe, name, form, &target);
    if (model == NULL)
        return;
    CompileOptions options = COMPILE_OPTIONS_DEFAULT;
    options.optimize = recipe->optimize;
    Node *node = model->main->nodes[0];
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    const int64_t distance = overlap_distance(node, form);
    int64_t scratch = 0;
    for (int i = 0; i < node->facts->count; ++i)
        if (node->facts->facts[i].kind == FACT_SCRATCH)
            scratch += (tensor_bytes(node->facts->facts[i].tensor) + 7) / 8 * 8;
    CHECK_EQUAL(form_scratch(node, form), scratch);
    const bool made = pass_names(model) && plan_memory(model, false) && emit_pair(model, target, &options, program->folder);
    CHECK(made);
    if (made) {
        append_pair(program, model->arena, name);
        buffer_printf(&program->kernels, "\nstatic void run_%s(const void *in, void *out)\n{\n", name);
        if (model->arena_bytes > 0)
            buffer_printf(&program->kernels, "    static %s_arena arena;\n    %s_invoke(&arena, in, out);\n}\n", name, name);
        else
            buffer_printf(&program->kernels, "    %s_invoke(in, out);\n}\n", name);
        const int kind = dtype_is_float(input->dtype) ? 1 : input->dtype == DTYPE_U8 ? 2
                                                                                     : 0; /* in_kind */
        buffer_printf(&program->table, "    {run_%s, \"%s %s direct %d backwards %d staging %d\", ", name, name, operators[node->op].name,
            form->direct, form->backwards, form->staging);
        buffer_printf(&program->table, "%d, %d, %d, %d, %d, %d, %d, %d, given_%d, expected_%d},\n", (int)tensor_bytes(input),
            (int)tensor_bytes(output), (int)dtype_bits(input->dtype) / 8, kind, (int)dtype_bits(output->dtype) / 8, (int)distance,
            form->backwards, form->staging == STAGING_CHANNELS || recipe->is_sparse, program->recipe, program->recipe); /* one address; inputs that have no weight */
        program->sparse += strstr(node->variant, "_sparse") != NULL && !(form->staging == STAGING_NONE && !form->backwards);
        ++program->count;
    }
    target_free(target);
    model_free(model);
}

static void append_bytes(Program *program, const char *name, const uint8_t *data, int64_t count)
{
    buffer_printf(&program->kernels, "\nstatic const unsigned char %s_%d[] = {", name, program->recipe);
    for (int64_t i = 0; i < count; ++i)
        buffer_printf(&program->kernels, "%d,", data[i]);
    buffer_printf(&program->kernels, "};\n");
}

/* An input and what the interpreter makes of it. */
static void append_expected(Program *program, const Node *node)
{
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    Arena *arena = node->model->arena;
    void *in[3] = {arena_alloc(arena, (size_t)tensor_bytes(input) + 1)}, *out = arena_alloc(arena, (size_t)tensor_bytes(output) + 1);
    for (int64_t i = 0; i < tensor_elements(input); ++i) {
        const int64_t value = i * i * 31 % 101 - 50;
        if (dtype_is_float(input->dtype))
            element_set_float(input->dtype, in[0], i, (double)value);
        else
            element_set_int(input->dtype, in[0], i, value);
    }
    for (int i = 1; i < node->input_count; ++i)
        in[i] = (void *)(uintptr_t)node->inputs[i]->data;
    CHECK(node_operator(node)->evaluate(&(Evaluation){node, in, &out}));
    ++program->recipe;
    append_bytes(program, "given", in[0], tensor_bytes(input));
    append_bytes(program, "expected", out, tensor_bytes(output));
}

static void append_recipe(Program *program, const Recipe *recipe)
{
    KernelForm forms[MAX_FORMS];
    Target *target;
    diagnostics_quiet = true; /* a filter may not fit */
    Model *model = make_model(recipe, "shape", &(KernelForm){0}, &target);
    diagnostics_quiet = false;
    if (model == NULL)
        return;
    const int count = overlap_forms(model->main->nodes[0], forms);
    append_expected(program, model->main->nodes[0]);
    target_free(target);
    model_free(model);
    for (int i = 0; i < count; ++i)
        append_case(program, recipe, &forms[i]);
}

static const char program_main[] =
    "#include <stdio.h>\n"
    "typedef struct Case {\n"
    "    void (*run)(const void *in, void *out);\n"
    "    const char *name;\n"
    "    int in_bytes, out_bytes, in_size, in_kind, out_size, distance, backwards, may_be_closer;\n"
    "    const unsigned char *given, *expected;\n"
    "} Case;\n"
    "static const Case cases[] = {\n%s};\n"
    "enum { ROOM = 1 << 15 };\n"
    "static _Alignas(16) unsigned char in[ROOM], apart[ROOM], both[3 * ROOM];\n"
    "static unsigned seed = 1;\n"
    "static void fill(const Case *c, int reach)\n"
    "{\n"
    "    for (int i = 0; i < c->in_bytes / c->in_size; ++i) {\n"
    "        seed = seed * 1664525u + 1013904223u;\n"
    "        const int value = (int)(seed >> 8) %% (2 * reach + 1) - reach;\n"
    "        const float real = c->out_size == 1 ? ((float)value + 0.5f) * 1.7f : (float)value; /* the last bits count */\n"
    "        const short half = (short)value;\n"
    "        if (c->in_kind == 1) memcpy(in + i * 4, &real, 4);\n"
    "        else if (c->in_size == 2) memcpy(in + i * 2, &half, 2);\n"
    "        else in[i] = (unsigned char)(c->in_kind == 2 ? 125 + value : value);\n"
    "    }\n"
    "}\n"
    "static int is_same(const Case *c, int distance)\n"
    "{\n"
    "    unsigned char *const x = both + ROOM + (c->backwards ? 0 : distance);\n"
    "    unsigned char *const y = both + ROOM + (c->backwards ? distance : 0);\n"
    "    memcpy(x, in, (size_t)c->in_bytes);\n"
    "    c->run(x, y);\n"
    "    return memcmp(y, apart, (size_t)c->out_bytes) == 0;\n"
    "}\n"
    "int main(void)\n"
    "{\n"
    "    static const int reaches[] = {127, 3, 20, 60, 1, 127, 3, 20};\n"
    "    int failures = 0;\n"
    "    for (unsigned i = 0; i < sizeof cases / sizeof *cases; ++i) {\n"
    "        const Case *c = &cases[i];\n"
    "        const int step = c->in_size > c->out_size ? c->in_size : c->out_size;\n"
    "        const int distance = (c->distance + ROOM + step - 1) / step * step - ROOM;\n"
    "        const int closer = distance - step, under = c->backwards ? c->in_bytes : c->out_bytes;\n"
    "        int lost = c->may_be_closer || closer >= under || -closer >= (c->backwards ? c->out_bytes : c->in_bytes);\n"
    "        c->run(memcpy(in, c->given, (size_t)c->in_bytes), apart);\n"
    "        if (memcmp(apart, c->expected, (size_t)c->out_bytes) != 0 && ++failures < 20)\n"
    "            printf(\"%%s: not what the interpreter makes\\n\", c->name);\n"
    "        for (unsigned k = 0; k < sizeof reaches / sizeof *reaches; ++k) {\n"
    "            fill(c, reaches[k]);\n"
    "            c->run(in, apart);\n"
    "            if (!is_same(c, distance) && ++failures < 20)\n"
    "                printf(\"%%s: wrong at %%d\\n\", c->name, distance);\n"
    "            lost |= !is_same(c, closer);\n"
    "        }\n"
    "        if (!lost && ++failures < 20)\n"
    "            printf(\"%%s: right at %%d\\n\", c->name, closer);\n"
    "    }\n"
    "    return failures != 0;\n"
    "}\n";

static bool run_kernels(Program *program)
{
    Arena *arena = arena_new(0);
    const char *source = path_join(arena, program->folder, "kernels.c"), *binary = path_join(arena, program->folder, "kernels");
    ProgramRun run;
    Words compile = {0}, execute = {0};
    buffer_append(&program->table, "", 1);
    buffer_printf(&program->kernels, program_main, program->table.data);
    words_split(arena, &compile, "cc -std=c11 -O0 -w -o");
    words_add(arena, &compile, binary);
    words_add(arena, &compile, source);
    words_add(arena, &compile, "-lm");
    words_add(arena, &execute, binary);
    const bool ok = write_file(source, program->kernels.data, program->kernels.length) &&
                    run_tool(arena, &compile, 100, "to compile the kernels") && run_program(&execute, 60, &run);
    CHECK(ok);
    if (ok) {
        printf("%s", run.output.data);
        CHECK_EQUAL(run.status, 0);
        buffer_free(&run.output);
    }
    arena_free(arena);
    return ok;
}

int main(int argc, char **argv)
{
    Program program = {.folder = argc > 1 ? argv[1] : temporary_folder()};
    check_walks(20000);
    check_formulas(5000);
    check_long_lines();
    for (int i = 0; i < (argc > 2 ? atoi(argv[2]) : 150); ++i) {
        const Recipe recipe = random_recipe(i);
        append_recipe(&program, &recipe);
    }
    CHECK(program.count > 300);
    CHECK(program.sparse >= 5);
    run_kernels(&program);
    buffer_free(&program.kernels);
    buffer_free(&program.table);
    return unit_result();
}
