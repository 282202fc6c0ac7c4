/* SPDX-License-Identifier: MIT
 *
 * Rows: the nodes of its region are executed row by row, so that of the tensors between them only the rows under the next
 * filter exist at a time. A row is made when it is first needed; within a strip none is made twice. Several strips make the
 * image by columns: what lies under two of them is made for each.
 *
 * Out of the image lies padding: rows and columns of pad_byte, so that the region's windows are all valid ones.
 */
#include "../compiler.h"

#include <stdlib.h>
#include <string.h>

int pad_byte(const Tensor *tensor)
{
    return dtype_bits(tensor->dtype) == 8 && tensor_is_quantised(tensor) ? tensor_zero_point(tensor) : 0;
}

int32_t rows_made(const RowPlan *plan, int stage)
{
    int32_t made = plan->stages[plan->count - 1].height;
    for (int k = plan->count - 1; k > stage && made > 0; --k) {
        const RowStage *next = &plan->stages[k];
        const int64_t last = (int64_t)(made - 1) * next->stride - next->pad_top + next->rows;
        made = last < next->source_height ? (int32_t)last : next->source_height;
    }
    return made > 0 ? made : 0;
}

bool rows_shape(Node *node)
{
    return node->rows != NULL || node_error(node, "it is made by the compiler and cannot be imported");
}

bool rows_facts(const Node *node, Facts *facts)
{
    (void)node;
    (void)facts;
    return true;
}

/* ---------------------------------------------------------------- meaning */

typedef struct RowMachine {
    const Evaluation *evaluation;
    uint8_t **rows;         /* per stage: its window, or the row that it is passed */
    int32_t column;         /* where the strip begins in the output */
} RowMachine;

static int64_t pixel_bytes(const Tensor *tensor)
{
    return tensor->shape.dim[3] * (int64_t)dtype_bits(tensor->dtype) / 8;
}

static const Node *stage_node(const RowMachine *machine, int stage)
{
    return machine->evaluation->node->regions[0]->nodes[stage];
}

static bool make_row(RowMachine *machine, int stage, int32_t y, uint8_t *row);

/* The part of a row that is a whole tensor's, between its padding. */
static void copy_row(const RowMachine *machine, const RowStage *s, const Tensor *window, int32_t y, uint8_t *row)
{
    const uint8_t *image = machine->evaluation->in[s->whole];
    const int64_t pixel = pixel_bytes(window);
    const int32_t left = machine->column * s->column_step - s->column_shift;
    for (int32_t x = 0; x < window->shape.dim[2]; ++x)
        if (left + x >= 0 && left + x < s->source_width)
            memcpy(row + x * pixel, image + ((int64_t)y * s->source_width + left + x) * pixel, (size_t)pixel);
}

/* What a strip's rows have beyond the image is padding to the next filter. */
static void clear_columns(const RowMachine *machine, const RowStage *s, const Tensor *window, uint8_t *row)
{
    const int64_t pixel = pixel_bytes(window);
    const int32_t left = machine->column * s->column_step - s->column_shift;
    for (int32_t x = 0; x < window->shape.dim[2]; ++x)
        if (left + x < 0 || left + x >= s->source_width)
            memset(row + x * pixel, pad_byte(window), (size_t)pixel);
}

static bool fill_row(RowMachine *machine, int stage, int32_t source_y, uint8_t *row, size_t row_bytes)
{
    const RowStage *s = &machine->evaluation->node->rows->stages[stage];
    const Tensor *window = stage_node(machine, stage)->inputs[s->operand];
    memset(row, pad_byte(window), row_bytes);
    if (source_y < 0 || source_y >= s->source_height)
        return true;
    if (s->source < 0) {
        copy_row(machine, s, window, source_y, row);
        return true;
    }
    const bool whole = machine->evaluation->node->rows->strips == 1;
    const bool ok = make_row(machine, s->source, source_y, row + (whole ? s->pad_left * pixel_bytes(window) : 0));
    if (!whole)
        clear_columns(machine, s, window, row);
    return ok;
}

/* Rows that the last window had, too, move up. */
static bool fill_window(RowMachine *machine, int stage, int32_t y)
{
    const RowStage *s = &machine->evaluation->node->rows->stages[stage];
    const Tensor *window = stage_node(machine, stage)->inputs[s->operand];
    const size_t row_bytes = (size_t)(tensor_bytes(window) / s->rows);
    const int32_t kept = y > 0 && s->rows > s->stride ? s->rows - s->stride : 0;
    uint8_t *rows = machine->rows[stage];
    if (kept > 0)
        memmove(rows, rows + (size_t)s->stride * row_bytes, (size_t)kept * row_bytes);
    for (int32_t i = kept; i < s->rows; ++i)
        if (!fill_row(machine, stage, y * s->stride - s->pad_top + i, rows + (size_t)i * row_bytes, row_bytes))
            return false;
    return true;
}

static void *whole_row(const RowMachine *machine, int input, const Tensor *row, int32_t y, int32_t column)
{
    const Tensor *whole = machine->evaluation->node->inputs[input];
    return (uint8_t *)machine->evaluation->in[input] + ((int64_t)y * whole->shape.dim[2] + column) * pixel_bytes(row);
}

static bool make_row(RowMachine *machine, int stage, int32_t y, uint8_t *row)
{
    const RowStage *s = &machine->evaluation->node->rows->stages[stage];
    const Node *node = stage_node(machine, stage);
    void *in[8] = {0}, *out[1] = {row};
    for (int i = 0; i < node->input_count && i < 8; ++i)
        in[i] = node->inputs[i] != NULL && node->inputs[i]->kind == TENSOR_CONSTANT ? (void *)(uintptr_t)node->inputs[i]->data : NULL;
    in[s->operand] = machine->rows[stage];
    const int32_t left = machine->column * s->column_step - s->column_shift;
    if (s->window && !fill_window(machine, stage, y))
        return false;
    if (!s->window && s->source >= 0 && !make_row(machine, s->source, y, machine->rows[stage]))
        return false;
    if (!s->window && s->source < 0)
        in[s->operand] = whole_row(machine, s->whole, node->inputs[s->operand], y * s->stride, left);
    if (s->side >= 0)
        in[s->side_operand] = whole_row(machine, s->side, node->inputs[s->side_operand], y, left);
    const Evaluation evaluation = {.node = node, .in = in, .out = out};
    return node_operator(node)->evaluate(&evaluation);
}

static bool make_strips(RowMachine *machine)
{
    const Node *node = machine->evaluation->node;
    const RowPlan *plan = node->rows;
    const int last = plan->count - 1;
    const RowStage *s = &plan->stages[last];
    const int64_t pixel = pixel_bytes(node->outputs[0]);
    uint8_t *output = machine->evaluation->out[0];
    for (int32_t strip = 0; strip < plan->strips; ++strip) {
        const int32_t column = strip * plan->columns;
        machine->column = column + plan->columns > s->width ? s->width - plan->columns : column;
        for (int32_t y = 0; y < s->height; ++y)
            if (!make_row(machine, last, y, output + ((int64_t)y * s->width + machine->column) * pixel))
                return false;
    }
    return true;
}

bool rows_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    RowMachine machine = {.evaluation = evaluation};
    Arena *arena = arena_new(0);
    machine.rows = arena_array(arena, (size_t)node->rows->count, sizeof *machine.rows);
    for (int k = 0; k < node->rows->count; ++k)
        machine.rows[k] = arena_alloc(arena, (size_t)tensor_bytes(stage_node(&machine, k)->inputs[node->rows->stages[k].operand]) + 16);
    const bool ok = make_strips(&machine);
    arena_free(arena);
    return ok;
}
