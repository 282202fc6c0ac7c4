/* SPDX-License-Identifier: MIT
 *
 * How far a kernel's output may run over its input that ends there. A kernel walks its image in lines, blocks of outputs and
 * blocks of channels, and stores every block after it has read its windows. A displacement is right when no store reaches
 * a byte that is still to be read; the least one is found by following the order of reads and stores, as a function of
 * output rows and columns, which separate. Padding is not read.
 */
#include "plan.h"

#include <string.h>

/* No byte is read. */
static const int64_t NOWHERE = INT64_MAX;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---------------------------------------------------------------- one axis of a window */

/* How windows lie on one axis of the image. A walk from the last output to the first is a walk from the first one over the
 * mirror image. */
typedef struct Axis {
    int64_t input, output, filter, stride, dilation, pad;
} Axis;

static Axis mirrored(Axis axis)
{
    axis.pad = (axis.output - 1) * axis.stride + (axis.filter - 1) * axis.dilation + 1 - axis.input - axis.pad;
    return axis;
}

/* The first position that the window of `output` reads; NOWHERE when it lies in the padding. */
static int64_t first_read(const Axis *axis, int64_t output)
{
    const int64_t start = output * axis->stride - axis->pad;
    const int64_t skipped = start < 0 ? (axis->dilation - 1 - start) / axis->dilation : 0;
    const int64_t position = start + skipped * axis->dilation;
    return skipped < axis->filter && position < axis->input ? position : NOWHERE;
}

/* ---------------------------------------------------------------- blocks of a line */

static Axis walked(Axis axis, bool backwards)
{
    return backwards ? mirrored(axis) : axis;
}

static Axis column_axis(const Window *w)
{
    return (Axis){w->input_width, w->output_width, w->filter_width, w->stride_width, w->dilation_width, w->pad_left};
}

static Axis row_axis(const Window *w)
{
    return (Axis){w->input_height, w->output_height, w->filter_height, w->stride_height, w->dilation_height, w->pad_top};
}

/* The outputs of a line in blocks, in the order of the walk: `single` of one output, `whole` of `across`, then those that are
 * left over: one block, which may overlap the one before it, or `singles` of one output. */
typedef struct Blocks {
    int64_t outputs, across, single, whole, count;
    bool singles, overlap;
} Blocks;

static Blocks blocks_of(const KernelWalk *walk)
{
    const int64_t outputs = walk->window.output_width;
    Blocks blocks = {.outputs = outputs, .across = walk->across};
    if (walk->clipped) {
        int32_t first, last;
        window_interior(&walk->window, &first, &last);
        blocks.single = walk->form.backwards ? outputs - last : first;
        blocks.whole = (last - first) / blocks.across;
        blocks.count = outputs - blocks.whole * (blocks.across - 1);
        blocks.singles = true;
    } else {
        blocks.whole = outputs / blocks.across;
        blocks.count = (outputs + blocks.across - 1) / blocks.across;
        blocks.overlap = !walk->tails;
    }
    return blocks;
}

static void block_at(const Blocks *blocks, int64_t k, int64_t *start, int64_t *end)
{
    const int64_t beyond = k - blocks->single - blocks->whole;
    if (k < blocks->single) {
        *start = k;
        *end = k + 1;
    } else if (beyond < 0) {
        *start = blocks->single + (k - blocks->single) * blocks->across;
        *end = *start + blocks->across;
    } else if (blocks->singles) {
        *start = blocks->single + blocks->whole * blocks->across + beyond;
        *end = *start + 1;
    } else {
        *start = blocks->overlap ? blocks->outputs - blocks->across : blocks->whole * blocks->across;
        *end = blocks->outputs;
    }
}

/* ---------------------------------------------------------------- the walk */

/* Of a pixel's channels: the largest difference between the end of what is stored and what is still to be read of the same
 * windows, before the last block of channels; counted from the pixel's first output and first input. */
static int64_t worst_channel(const KernelWalk *walk)
{
    const Window *w = &walk->window;
    int64_t worst = -NOWHERE;
    for (int64_t n = 0; n + walk->down < w->output_channels; n += walk->down) {
        const int64_t next = least(n + walk->down, w->output_channels - walk->down);
        const int64_t read = next / walk->group_outputs * walk->group_inputs;
        worst = most(worst, (n + walk->down) * walk->output_bytes - read * walk->input_bytes);
    }
    return worst;
}

/* The same of a line, counted from its first output and its first input row; *first gets the least byte that it reads. */
static int64_t worst_column(const KernelWalk *walk, int64_t *first)
{
    const Window *w = &walk->window;
    const Axis columns = walked(column_axis(w), walk->form.backwards);
    const Blocks blocks = blocks_of(walk);
    const int64_t pixel = w->output_channels * walk->output_bytes, step = w->input_channels * walk->input_bytes;
    const int64_t inner = walk->form.staging == STAGING_NONE ? worst_channel(walk) : -NOWHERE;
    const bool even = columns.filter == 1 && columns.pad == 0 && !walk->clipped;
    int64_t worst = -NOWHERE, later = NOWHERE;
    for (int64_t k = blocks.count - 1; k >= 0; --k) {
        int64_t start, end, read = NOWHERE;
        block_at(&blocks, k, &start, &end);
        if (even && k > 2 && k < blocks.whole - 2) { /* everything grows evenly with k: its ends suffice */
            k = 2;
            block_at(&blocks, k, &start, &end);
            later = end * columns.stride * step;
        }
        if (later != NOWHERE)
            worst = most(worst, end * pixel - later);
        for (int64_t x = start; x < end; ++x)
            read = least(read, first_read(&columns, x));
        if (read == NOWHERE)
            continue;
        if (inner != -NOWHERE)
            worst = most(worst, (end - 1) * pixel + inner - read * step);
        later = least(later, read * step);
    }
    *first = later;
    return worst;
}

int64_t walk_distance(const KernelWalk *walk)
{
    const Window *w = &walk->window;
    const Axis rows = walked(row_axis(w), walk->form.backwards);
    const int64_t line = (int64_t)w->output_width * w->output_channels * walk->output_bytes;
    const int64_t row = (int64_t)w->input_width * w->input_channels * walk->input_bytes;
    const int64_t bytes = w->batch * w->input_height * row, stored = w->batch * w->output_height * line;
    int64_t first, worst = -bytes, later = NOWHERE;
    int64_t within = worst_column(walk, &first);
    if (walk->copied || walk->form.staging == STAGING_ROW)
        within = -NOWHERE;
    for (int64_t k = (int64_t)w->batch * w->output_height - 1; k >= 0; --k) {
        if (w->batch > 4 && k == (w->batch - 2) * (int64_t)w->output_height - 1) { /* images are alike: two at either end suffice */
            k = 2 * (int64_t)w->output_height - 1;
            later -= later != NOWHERE ? (w->batch - 4) * w->input_height * row : 0;
        }
        if (later != NOWHERE)
            worst = most(worst, (k + 1) * line - later);
        const int64_t read = first_read(&rows, k % w->output_height);
        if (read == NOWHERE || first == NOWHERE)
            continue;
        const int64_t address = (k / w->output_height * w->input_height + read) * row;
        if (within != -NOWHERE)
            worst = most(worst, k * line + within - address);
        later = least(later, address + first);
    }
    return walk->form.backwards ? most(worst + bytes - stored, -stored) : worst;
}

/* ---------------------------------------------------------------- the walks of operators */

/* The node's facts as they would be with another form, and the kernel that would then be chosen. */
static Facts *facts_with(const Node *node, const KernelForm *form, Arena *arena, const char **variant)
{
    Node copy = *node;
    copy.form = *form;
    Facts *facts = arena_alloc(arena, sizeof *facts);
    facts->arena = arena;
    facts->numbers_only = true;
    copy.facts = facts;
    if (!node_operator(node)->facts(&copy, facts))
        return NULL;
    if (node->model->target != NULL && !target_choose_variant(node->model->target, &copy))
        return NULL;
    *variant = copy.variant;
    return facts;
}

static int64_t number(const Facts *facts, const char *name, int64_t otherwise)
{
    const Fact *fact = fact_find(facts, name);
    return fact != NULL ? fact->integer : otherwise;
}

static Window window_from(const Facts *facts)
{
#define EXTENT(name) .name = (int32_t)number(facts, #name, 1)
    return (Window){EXTENT(batch), EXTENT(input_height), EXTENT(input_width), EXTENT(input_channels),
        EXTENT(output_height), EXTENT(output_width), EXTENT(output_channels), EXTENT(filter_height),
        EXTENT(filter_width), EXTENT(stride_height), EXTENT(stride_width), EXTENT(dilation_height),
        EXTENT(dilation_width), .pad_top = (int32_t)number(facts, "pad_top", 0),
        .pad_left = (int32_t)number(facts, "pad_left", 0)};
#undef EXTENT
}

/* A list of vectors, and an element-wise operator, walk a line of pixels. */
static Window line_window(int64_t pixels, int64_t inputs, int64_t outputs)
{
    return (Window){.batch = 1, .input_height = 1, .input_width = (int32_t)pixels, .input_channels = (int32_t)inputs, .output_height = 1, .output_width = (int32_t)pixels, .output_channels = (int32_t)outputs, .filter_height = 1, .filter_width = 1, .stride_height = 1, .stride_width = 1, .dilation_height = 1, .dilation_width = 1};
}

typedef enum Kernel { KERNEL_NONE,
    KERNEL_VECTORS,
    KERNEL_ROWS,
    KERNEL_POOL,
    KERNEL_ELEMENTS } Kernel;

/* Compilers may take objects of different types to lie apart, unless one of them is of bytes. */
static bool may_meet(const Tensor *a, const Tensor *b)
{
    return a->dtype == b->dtype || dtype_bits(a->dtype) == 8 || dtype_bits(b->dtype) == 8;
}

static bool is_by_elements(const Node *node)
{
    const Tensor *input = node->inputs[0], *output = node->outputs[0];
    return (node_operator(node)->traits & TRAIT_IN_PLACE) != 0 && strcmp(node_operator(node)->family, "softmax") != 0 &&
           tensor_elements(input) == tensor_elements(output) && dtype_bits(input->dtype) != dtype_bits(output->dtype) &&
           dtype_bits(input->dtype) >= 8 && may_meet(input, output);
}

static Kernel kernel_of(const Node *node)
{
    switch (node->op) {
    case OP_CONV_2D:
        return number(node->facts, "vectors", 0) > 0 ? KERNEL_VECTORS : KERNEL_ROWS;
    case OP_FULLY_CONNECTED:
        return KERNEL_VECTORS;
    case OP_DEPTHWISE_CONV_2D:
        return KERNEL_ROWS;
    case OP_AVERAGE_POOL_2D:
    case OP_MAX_POOL_2D:
        return KERNEL_POOL;
    default:
        return is_by_elements(node) ? KERNEL_ELEMENTS : KERNEL_NONE;
    }
}

static int32_t channels_per_group(const Node *node, const Facts *facts, const Window *w, int32_t *inputs)
{
    const int64_t groups = node->op == OP_CONV_2D ? number(facts, "groups", 1) : w->input_channels;
    *inputs = (int32_t)(w->input_channels / groups);
    return (int32_t)(w->output_channels / groups);
}

static KernelWalk walk_of(const Node *node, const KernelForm *form, const Facts *facts)
{
    const Kernel kernel = kernel_of(node);
    KernelWalk walk = {.form = *form, .across = (int32_t)number(facts, "across", 1), .down = (int32_t)number(facts, "down", 1), .tails = number(facts, "tails", 0) != 0, .input_bytes = (int64_t)dtype_bits(node->inputs[0]->dtype) / 8, .output_bytes = (int64_t)dtype_bits(node->outputs[0]->dtype) / 8};
    if (kernel == KERNEL_ELEMENTS)
        walk.window = line_window(tensor_elements(node->outputs[0]), 1, 1);
    else if (kernel == KERNEL_VECTORS)
        walk.window = line_window(number(facts, "vectors", 0), number(facts, "inputs", 1), number(facts, "outputs", 1));
    else
        walk.window = window_from(facts);
    walk.group_inputs = walk.window.input_channels;
    walk.group_outputs = walk.window.output_channels;
    if (kernel == KERNEL_POOL)
        walk.window.output_channels = walk.window.input_channels;
    if (kernel == KERNEL_POOL || kernel == KERNEL_ROWS)
        walk.group_outputs = channels_per_group(node, facts, &walk.window, &walk.group_inputs);
    walk.copied = kernel == KERNEL_ROWS && ((!form->direct && number(facts, "padded", 0) != 0) || number(facts, "copied", 0) != 0);
    walk.clipped = kernel == KERNEL_ROWS && form->direct && node->op != OP_DEPTHWISE_CONV_2D;
    if (number(facts, "staged_inputs", 0) && walk.form.staging == STAGING_NONE) /* a block's windows are read before it is stored */
        walk.form.staging = STAGING_PIXEL;
    if (node->op == OP_DEPTHWISE_CONV_2D && form->staging == STAGING_PIXEL) /* single outputs, which need no staging */
        walk.form.staging = STAGING_NONE;
    return walk;
}

static int64_t scratch_bytes(const Facts *facts)
{
    int64_t bytes = 0;
    for (int i = 0; i < facts->count; ++i)
        if (facts->facts[i].kind == FACT_SCRATCH)
            bytes += (facts->facts[i].count * (int64_t)dtype_bits(facts->facts[i].dtype) / 8 + 7) / 8 * 8;
    return bytes;
}

/* A kernel whose blocks depend on how it is compiled ("across_or") must be right with either. */
static int64_t distance_of(KernelWalk walk, const Facts *facts)
{
    const int64_t distance = walk_distance(&walk), across = number(facts, "across_or", 0);
    if (across == 0)
        return distance;
    walk.across = (int32_t)across;
    return most(distance, walk_distance(&walk));
}

FormFigures form_figures(const Node *node, const KernelForm *form)
{
    Arena *arena = arena_new(0);
    const char *variant = NULL;
    const Facts *facts = facts_with(node, form, arena, &variant);
    FormFigures figures = {.distance = form->backwards ? tensor_bytes(node->inputs[0]) : tensor_bytes(node->outputs[0])};
    if (facts != NULL) {
        figures.distance = form->staging == STAGING_CHANNELS ? 0 : distance_of(walk_of(node, form, facts), facts);
        figures.scratch = scratch_bytes(facts);
        figures.same_kernel = variant == NULL || node->variant == NULL || strcmp(variant, node->variant) == 0;
    }
    arena_free(arena);
    return figures;
}

int64_t overlap_distance(const Node *node, const KernelForm *form)
{
    return form_figures(node, form).distance;
}

int64_t form_scratch(const Node *node, const KernelForm *form)
{
    return form_figures(node, form).scratch;
}

/* ---------------------------------------------------------------- forms */

static void add_both_ways(KernelForm forms[MAX_FORMS], int *count, KernelForm form)
{
    form.once = true;
    forms[(*count)++] = form;
    form.backwards = true;
    forms[(*count)++] = form;
}

static bool reads_input_twice(const Node *node)
{
    for (int i = 1; i < node->input_count; ++i)
        if (node->inputs[i] == node->inputs[0])
            return true;
    return false;
}

/* Templates that walk backwards, too; the others do forwards only. */
static bool has_backwards(const Node *node)
{
    const char *family = node_operator(node)->family;
    const Fact *form = fact_find(node->facts, "form");
    return strcmp(family, "cast") == 0 ||
           (strcmp(family, "quantize") == 0 && form != NULL && strcmp(form->text, "channels") != 0);
}

/* In place (at one address: channels must not meet others), every block of channels keeps to itself. */
static void add_depthwise_forms(const Node *node, KernelForm forms[MAX_FORMS], int *count)
{
    if (number(node->facts, "padded", 0))
        add_both_ways(forms, count, (KernelForm){.direct = true});
    if (number(node->facts, "across", 1) > 1)
        add_both_ways(forms, count, (KernelForm){.direct = true, .staging = STAGING_PIXEL});
    if (shape_equal(&node->inputs[0]->shape, &node->outputs[0]->shape))
        forms[(*count)++] = (KernelForm){.direct = true, .once = true, .staging = STAGING_CHANNELS};
}

/* Where the target's kernel keeps something in scratch, one that does not is there, too. */
static bool has_lean_kernel(const Node *node)
{
    if (node->model->target == NULL || scratch_bytes(node->facts) == 0)
        return false;
    const FormFigures figures = form_figures(node, &(KernelForm){.lean = true});
    return !figures.same_kernel && figures.scratch < scratch_bytes(node->facts);
}

int overlap_forms(const Node *node, KernelForm forms[MAX_FORMS])
{
    int count = 0;
    if (node->facts == NULL || node->input_count < 1 || node->inputs[0] == NULL || node->output_count != 1)
        return 0;
    const Kernel kernel = kernel_of(node);
    if (kernel == KERNEL_NONE || reads_input_twice(node) || tensor_elements(node->outputs[0]) == 0)
        return 0;
    add_both_ways(forms, &count, (KernelForm){0});
    if (kernel == KERNEL_ELEMENTS && !has_backwards(node))
        count = 1;
    if (has_lean_kernel(node))
        add_both_ways(forms, &count, (KernelForm){.lean = true});
    if (kernel == KERNEL_VECTORS && number(node->facts, "across", 1) < number(node->facts, "vectors", 1))
        add_both_ways(forms, &count, (KernelForm){.staging = STAGING_PIXEL});
    if (node->op == OP_CONV_2D && kernel == KERNEL_ROWS) {
        if (number(node->facts, "padded", 0))
            add_both_ways(forms, &count, (KernelForm){.direct = true});
        add_both_ways(forms, &count, (KernelForm){.direct = true, .staging = STAGING_PIXEL});
        add_both_ways(forms, &count, (KernelForm){.direct = true, .staging = STAGING_ROW});
    }
    if (node->op == OP_DEPTHWISE_CONV_2D)
        add_depthwise_forms(node, forms, &count);
    return count;
}
