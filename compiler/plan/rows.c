/* SPDX-License-Identifier: MIT
 *
 * Chains of nodes that are executed row by row (ops/rows.c has the meaning): which nodes can be, what that takes, and the
 * change of the graph. A node's row is the node itself on a smaller image: valid windows over as many rows as its filter has.
 */
#include "rows.h"

#include <string.h>

/* ---------------------------------------------------------------- which nodes */

static bool is_image(const Tensor *tensor)
{
    return tensor != NULL && tensor->shape.rank == 4 && tensor->shape.dim[0] == 1 && tensor_elements(tensor) > 0 &&
        dtype_bits(tensor->dtype) >= 8;
}

static bool is_pad_value(const Tensor *tensor)
{
    return !tensor_is_quantised(tensor) || (is_per_tensor(tensor) && (dtype_bits(tensor->dtype) == 8 || tensor_zero_point(tensor) == 0));
}

static void take_sizes(RowStage *stage, const Tensor *input, const Tensor *output)
{
    stage->source_height = input->shape.dim[1];
    stage->source_width = input->shape.dim[2];
    stage->height = output->shape.dim[1];
    stage->width = output->shape.dim[2];
    stage->side = -1;
}

static bool window_stage(const Node *node, RowStage *stage)
{
    const bool pools = node->op == OP_MAX_POOL_2D || node->op == OP_AVERAGE_POOL_2D;
    const Tensor *weights = node_input(node, 1);
    if (!pools && (!tensor_is_constant(weights) || (node_input(node, 2) != NULL && !tensor_is_constant(node->inputs[2]))))
        return false;
    Window w;
    const int64_t height = pools ? node_ints(node, "filter", 0, 1) : weights->shape.dim[1],
                  width = pools ? node_ints(node, "filter", 1, 1) : weights->shape.dim[2];
    if (!window_of(node, (int32_t)height, (int32_t)width, &w))
        return false;
    const bool padded = window_is_padded(&w);
    if (padded && (pools || !is_pad_value(node->inputs[0])))
        return false; /* pools leave padding out */
    stage->rows = (w.filter_height - 1) * w.dilation_height + 1;
    stage->stride = w.stride_height;
    stage->pad_top = w.pad_top;
    stage->pad_left = w.pad_left;
    return stage->rows <= 64;
}

/* Element-wise: row by row of operands of one shape; constants that are the same for every row. */
static bool is_row_constant(const Tensor *tensor)
{
    return tensor_is_constant(tensor) && (tensor->shape.rank < 3 || tensor->shape.dim[tensor->shape.rank - 3] == 1) &&
        (tensor->shape.rank < 2 || tensor->shape.dim[tensor->shape.rank - 2] == 1);
}

static bool is_element_wise(const Node *node)
{
    static const char *const families[] = {"binary", "unary", "quantize", "prelu"};
    for (size_t i = 0; i < sizeof families / sizeof *families; ++i)
        if (strcmp(node_operator(node)->family, families[i]) == 0)
            return true;
    return false;
}

static bool element_stage(const Node *node, RowStage *stage)
{
    stage->rows = stage->stride = 1;
    stage->pad_top = stage->pad_left = 0;
    for (int i = 0; i < node->input_count; ++i)
        if (i != stage->operand && node->inputs[i] != NULL && !is_row_constant(node->inputs[i])) {
            if (stage->side >= 0 || !shape_equal(&node->inputs[i]->shape, &node->outputs[0]->shape) || !is_image(node->inputs[i]))
                return false;
            stage->side = 0;
            stage->side_operand = i;
        }
    return shape_equal(&node->inputs[stage->operand]->shape, &node->outputs[0]->shape);
}

static bool stage_of(const Node *node, int operand, RowStage *stage)
{
    *stage = (RowStage){.operand = operand};
    if (node->output_count != 1 || node->region_count > 0 || !is_image(node->inputs[operand]) || !is_image(node->outputs[0]))
        return false;
    take_sizes(stage, node->inputs[operand], node->outputs[0]);
    if (node->op == OP_CONV_2D || node->op == OP_DEPTHWISE_CONV_2D || node->op == OP_MAX_POOL_2D || node->op == OP_AVERAGE_POOL_2D)
        return operand == 0 && window_stage(node, stage);
    return is_element_wise(node) && element_stage(node, stage);
}

/* ---------------------------------------------------------------- chains */

static int find_whole(Chain *chain, Tensor *tensor)
{
    for (int i = 0; i < chain->whole_count; ++i)
        if (chain->whole[i] == tensor)
            return i;
    chain->whole[chain->whole_count] = tensor;
    return chain->whole_count++;
}

/* The operand that the chain's rows come in by; -1 when it does not read them, or twice. */
static int chain_operand(const Chain *chain, const Node *node)
{
    const Tensor *made = chain->count > 0 ? chain->nodes[chain->count - 1]->outputs[0] : NULL;
    int operand = -1;
    for (int i = 0; i < node->input_count; ++i) {
        if (node->inputs[i] == NULL || (made == NULL ? node->inputs[i]->kind == TENSOR_CONSTANT : node->inputs[i] != made))
            continue;
        if (operand >= 0 && made != NULL)
            return -1;
        operand = operand < 0 ? i : operand;
    }
    return operand;
}

bool chain_extend(Chain *chain, Node *node)
{
    const int operand = chain_operand(chain, node);
    RowStage stage;
    if (chain->count == MAX_CHAIN || operand < 0 || node->input_count > 8 || !stage_of(node, operand, &stage))
        return false;
    stage.source = chain->count - 1;
    if (stage.source >= 0 && stage.stride > stage.rows)
        return false; /* rows would be left out, and those that make them need all */
    if (stage.source < 0 && node->inputs[operand]->kind == TENSOR_STATE)
        return false;
    stage.whole = stage.source < 0 ? find_whole(chain, node->inputs[operand]) : 0;
    if (stage.side >= 0)
        stage.side = find_whole(chain, node->inputs[stage.side_operand]);
    chain->nodes[chain->count] = node;
    chain->stages[chain->count++] = stage;
    return true;
}

static const Tensor *rows_in(const Chain *chain, int stage)
{
    return chain->nodes[stage]->inputs[chain->stages[stage].operand];
}

static int32_t window_width(const Chain *chain, int stage, int32_t outputs)
{
    const RowStage *s = &chain->stages[stage];
    const Node *node = chain->nodes[stage];
    if (is_element_wise(node))
        return outputs;
    const bool pools = node->op == OP_MAX_POOL_2D || node->op == OP_AVERAGE_POOL_2D;
    const int64_t filter = pools ? node_ints(node, "filter", 1, 1) : node->inputs[1]->shape.dim[2];
    const int32_t needed = (outputs - 1) * (int32_t)node_ints(node, "stride", 1, 1) +
        ((int32_t)filter - 1) * (int32_t)node_ints(node, "dilation", 1, 1) + 1;
    const int32_t whole = s->pad_left + s->source_width;
    return chain->strips == 1 && whole > needed ? whole : needed; /* columns that are never read are made nevertheless */
}

/* Whether the rows that the stage reads need a buffer with padding: `width` columns for `outputs` of them. */
static bool needs_window(const Chain *chain, int stage, int32_t width, int32_t outputs)
{
    const RowStage *s = &chain->stages[stage];
    const bool moves = s->rows > 1 || s->stride > 1;
    const bool within = s->pad_top == 0 && (s->height - 1) * s->stride + s->rows <= s->source_height;
    if (chain->strips > 1) {
        const int64_t last = (int64_t)(chain->stages[chain->count - 1].width - chain->columns) * s->column_step - s->column_shift;
        const bool columns = s->column_shift == 0 && last + width <= s->source_width; /* of all strips */
        const bool unpadded = within && s->pad_left == 0 && window_width(chain, stage, s->width) <= s->source_width;
        return moves || width != outputs || !unpadded || (s->source < 0 && !columns);
    }
    return width != s->source_width || !within || (s->source >= 0 && moves);
}

static int32_t column_stride(const Node *node)
{
    return is_element_wise(node) ? 1 : (int32_t)node_ints(node, "stride", 1, 1);
}

/* Of each strip, some of the `width` columns lie in the image. */
static bool sees_image(const Chain *chain, const RowStage *stage, int32_t width)
{
    const int64_t last = (int64_t)(chain->stages[chain->count - 1].width - chain->columns) * stage->column_step - stage->column_shift;
    return width > stage->column_shift && last < stage->source_width;
}

/* Columns of the windows, from the output backwards. Strips: an operand from outside must have the columns of the output. */
static bool settle_columns(Chain *chain, int32_t *widths)
{
    int32_t outputs = chain->columns, step = 1, shift = 0;
    for (int k = chain->count - 1; k >= 0; --k) {
        RowStage *s = &chain->stages[k];
        if (chain->strips > 1 && s->side >= 0 && (outputs != chain->columns || shift != 0 || step != 1))
            return false;
        const int32_t stride = column_stride(chain->nodes[k]);
        shift = chain->strips > 1 ? shift * stride + s->pad_left : s->pad_left;
        step *= stride;
        s->column_step = step;
        s->column_shift = shift;
        widths[k] = window_width(chain, k, outputs);
        s->window = needs_window(chain, k, widths[k], outputs);
        if (chain->strips > 1 && !sees_image(chain, s, widths[k]))
            return false;
        outputs = chain->strips > 1 ? widths[k] : s->source_width;
        if (step > 1 << 16 || widths[k] > 1 << 20)
            return false;
    }
    return chain->columns > 0;
}

static int64_t row_bytes(const Tensor *tensor, int64_t columns)
{
    return columns * tensor->shape.dim[3] * (int64_t)dtype_bits(tensor->dtype) / 8;
}

static int32_t rows_of(const Chain *chain, int stage)
{
    const RowPlan plan = {.stages = (RowStage *)(uintptr_t)chain->stages, .count = chain->count};
    return rows_made(&plan, stage);
}

static int64_t stage_macs(const Chain *chain, int stage, int32_t columns)
{
    const Node *node = chain->nodes[stage];
    const int64_t per_pixel = node_macs(node) / ((int64_t)chain->stages[stage].height * chain->stages[stage].width);
    return per_pixel * columns * rows_of(chain, stage) * chain->strips;
}

bool chain_settle(Chain *chain, int32_t strips)
{
    const RowStage *last = &chain->stages[chain->count - 1];
    int32_t widths[MAX_CHAIN];
    chain->strips = strips;
    chain->columns = (last->width + strips - 1) / strips;
    if ((strips - 1) * chain->columns >= last->width || !settle_columns(chain, widths))
        return false; /* only the last strip may overlap the one before, and not wholly */
    chain->buffer_bytes = chain->macs = 0;
    for (int k = 0; k < chain->count; ++k) {
        const RowStage *s = &chain->stages[k];
        if (rows_of(chain, k) == 0)
            return false; /* the windows behind it lie in their padding only */
        if (s->window || s->source >= 0)
            chain->buffer_bytes += (row_bytes(rows_in(chain, k), widths[k]) * (s->window ? s->rows : 1) + 7) / 8 * 8;
        chain->macs += stage_macs(chain, k, k + 1 == chain->count ? chain->columns : chain->strips > 1 ? widths[k + 1] : chain->stages[k].width);
    }
    return true;
}

/* ---------------------------------------------------------------- distance */

/* Walks a strip in the order of execution: which rows of a whole tensor are read before each row of output is stored. */
typedef struct RowWalk {
    const RowStage *stages;
    int count, whole;
    int32_t next[MAX_CHAIN]; /* the next row that each stage makes */
    int64_t *lowest;        /* per output row: the first row read for it; INT32_MAX: none */
    int64_t now;            /* of the output row that is being made */
} RowWalk;

static void read_row(RowWalk *walk, int64_t row)
{
    if (row < walk->now)
        walk->now = row;
}

static void walk_row(RowWalk *walk, int stage)
{
    const RowStage *s = &walk->stages[stage];
    const int32_t y = walk->next[stage]++;
    if (s->side == walk->whole)
        read_row(walk, y);
    const int64_t first = (int64_t)y * s->stride - s->pad_top;
    for (int32_t i = 0; i < s->rows; ++i) {
        const int64_t row = first + i;
        if (row < 0 || row >= s->source_height)
            continue;
        const bool kept = s->window && y > 0 && i < s->rows - s->stride;
        if (s->source < 0 && s->whole == walk->whole && !kept)
            read_row(walk, row);
        else if (s->source >= 0 && walk->next[s->source] <= row)
            walk_row(walk, s->source);
    }
}

/* The last stage may read row y while it writes row y, each element before it is overwritten; what comes after is later.
 * Nothing is unread any more where the output is one row: then it may lie anywhere. */
static int64_t rows_apart(Arena *arena, const RowStage *stages, int count, int whole, int64_t input_bytes, int64_t input_row, int64_t output_row)
{
    const RowStage *last = &stages[count - 1];
    const int32_t height = last->height;
    RowWalk walk = {.stages = stages, .count = count, .whole = whole, .lowest = arena_array(arena, (size_t)height + 1, sizeof(int64_t))};
    for (int32_t y = 0; y < height; ++y) {
        walk.now = INT32_MAX;
        walk_row(&walk, count - 1);
        walk.lowest[y] = walk.now;
    }
    int64_t distance = -input_bytes, later = INT32_MAX;
    for (int32_t y = height - 1; y >= 0; --y) {
        int64_t unread = later < INT32_MAX ? (y + 1) * output_row - later * input_row : INT64_MIN;
        distance = unread > distance ? unread : distance;
        if (last->side == whole) /* element by element: the row's start may meet, not pass */
            distance = y * (output_row - input_row) > distance ? y * (output_row - input_row) : distance;
        later = walk.lowest[y] < later ? walk.lowest[y] : later;
    }
    return distance;
}

static bool reads_where_it_lies(const RowStage *stages, int count, int whole)
{
    return count == 1 && stages[0].source < 0 && stages[0].whole == whole && !stages[0].window && stages[0].rows > 1;
}

int64_t chain_distance(const Chain *chain, int index)
{
    const Tensor *output = chain->nodes[chain->count - 1]->outputs[0], *input = chain->whole[index];
    if (chain->strips > 1 || reads_where_it_lies(chain->stages, chain->count, index))
        return INT64_MAX;
    Arena *arena = arena_new(0);
    const int64_t distance = rows_apart(arena, chain->stages, chain->count, index, tensor_bytes(input),
        row_bytes(input, input->shape.dim[2]), row_bytes(output, output->shape.dim[2]));
    arena_free(arena);
    return distance;
}

int64_t rows_distance(const Node *node, int index)
{
    const Tensor *output = node->outputs[0], *input = node->inputs[index];
    const RowPlan *plan = node->rows;
    if (plan->strips > 1 || reads_where_it_lies(plan->stages, plan->count, index))
        return INT64_MAX;
    return rows_apart(node->model->arena, plan->stages, plan->count, index, tensor_bytes(input),
        row_bytes(input, input->shape.dim[2]), row_bytes(output, output->shape.dim[2]));
}

/* ---------------------------------------------------------------- the change of the graph */

static Tensor *row_tensor(Graph *region, const char *name, const Tensor *whole, int32_t rows, int32_t columns)
{
    Tensor *tensor = graph_add_tensor(region, name, whole->dtype);
    tensor->shape = shape_of(4, 1, rows, columns, whole->shape.dim[3]);
    tensor->shape_known = true;
    tensor->quantisation = whole->quantisation;
    return tensor;
}

static void add_region_input(Graph *region, Tensor *tensor)
{
    tensor->kind = TENSOR_INPUT;
    region->inputs[region->input_count++] = tensor;
}

static void become_valid(Node *node)
{
    if (is_element_wise(node))
        return;
    node_set_string(node, "padding", "valid");
}

/* Node `stage` of the chain reads and writes rows. */
static void enter_region(Graph *region, const Chain *chain, int stage, const int32_t *widths, const RowPlan *plan)
{
    Arena *arena = region->model->arena;
    Node *node = chain->nodes[stage];
    const RowStage *s = &chain->stages[stage];
    const Tensor *input = node->inputs[s->operand], *output = node->outputs[0];
    const bool last = stage + 1 == chain->count;
    const int32_t columns = last ? chain->columns : chain->strips > 1 ? widths[stage + 1] : s->width;
    if (s->window || s->source < 0) {
        Tensor *rows = row_tensor(region, arena_format(arena, "%s/window", node->name), input, s->rows, widths[stage]);
        rows->is_row = !s->window;
        add_region_input(region, rows);
        node->inputs[s->operand] = rows;
    } else
        node->inputs[s->operand] = chain->nodes[stage - 1]->outputs[0];
    if (s->side >= 0) {
        Tensor *side = row_tensor(region, arena_format(arena, "%s/row", node->name), node->inputs[s->side_operand], 1, columns);
        side->is_row = true;
        add_region_input(region, side);
        node->inputs[s->side_operand] = side;
    }
    node->outputs[0] = row_tensor(region, arena_format(arena, "%s/out", node->name), output, 1, columns);
    node->outputs[0]->is_row = last || chain->stages[stage + 1].window;
    node->repeats = rows_made(plan, stage) * chain->strips;
    node->graph = region;
    node->facts = NULL; /* they were those of the whole image */
    become_valid(node);
    region->nodes[region->node_count++] = node;
}

static bool is_fused(const Node *node)
{
    return node->mark != 0;
}

void chain_fuse(Graph *graph, Chain *chain)
{
    Model *model = graph->model;
    Arena *arena = model->arena;
    int32_t widths[MAX_CHAIN];
    settle_columns(chain, widths);
    Node *node = node_new(graph, OP_ROWS, NULL, chain->whole_count, 1);
    memcpy(node->inputs, chain->whole, (size_t)chain->whole_count * sizeof *node->inputs);
    node->outputs[0] = chain->nodes[chain->count - 1]->outputs[0];
    node->rows = arena_alloc(arena, sizeof *node->rows);
    *node->rows = (RowPlan){.stages = arena_copy(arena, chain->stages, (size_t)chain->count * sizeof *chain->stages),
        .count = chain->count, .strips = chain->strips, .columns = chain->columns};
    Graph *region = graph_new(model, "rows");
    node->regions = arena_alloc(arena, sizeof *node->regions);
    node->regions[0] = region;
    node->region_count = 1;
    region->inputs = arena_array(arena, 2 * MAX_CHAIN, sizeof *region->inputs);
    region->nodes = arena_array(arena, MAX_CHAIN, sizeof *region->nodes);
    region->node_capacity = MAX_CHAIN;
    int position = 0;
    for (int i = 0; i < graph->node_count; ++i) {
        graph->nodes[i]->mark = 0;
        if (graph->nodes[i] == chain->nodes[chain->count - 1])
            position = i + 1;
    }
    for (int k = 0; k < chain->count; ++k)
        chain->nodes[k]->mark = 1;
    graph_insert_node(graph, position, node);
    graph_remove_nodes(graph, is_fused);
    for (int k = 0; k < chain->count; ++k)
        enter_region(region, chain, k, widths, node->rows);
    region->outputs = arena_alloc(arena, sizeof *region->outputs);
    region->outputs[0] = region->nodes[chain->count - 1]->outputs[0];
    region->output_count = 1;
}
