/* SPDX-License-Identifier: MIT
 *
 * BatchMatMul: the last two axes are matrices, those before them are broadcast. transpose_a, transpose_b: the matrix is
 * stored transposed (TFLite's adj_x, adj_y).
 *
 * Integers as tensorflow/lite/kernels/internal/reference/batch_matmul.h; 16-bit inputs have 64-bit sums.
 */
#include "../compiler.h"

typedef struct Product {
    Shape batch; /* the broadcast axes */
    int64_t batch_a[MAX_RANK], batch_b[MAX_RANK]; /* element strides along them */
    int32_t rows, columns, depth;
    int64_t row_a, depth_a, depth_b, column_b; /* element strides inside of a matrix */
} Product;

static bool has_wide_sums(const Node *node)
{
    return node->inputs[0]->dtype == DTYPE_I16;
}

static Shape batch_axes(const Shape *shape)
{
    return shape_from(shape->rank - 2, shape->dim);
}

static bool product_of(const Node *node, Product *p)
{
    const Shape *a = &node->inputs[0]->shape, *b = &node->inputs[1]->shape;
    if (a->rank < 2 || b->rank < 2)
        return node_error(node, "operands of rank %d and %d; matrices are needed", a->rank, b->rank);
    const bool transpose_a = node_int(node, "transpose_a", 0) != 0, transpose_b = node_int(node, "transpose_b", 0) != 0;
    const int32_t *last_a = a->dim + a->rank - 2, *last_b = b->dim + b->rank - 2;
    p->rows = last_a[transpose_a];
    p->depth = last_a[!transpose_a];
    p->columns = last_b[!transpose_b];
    p->row_a = transpose_a ? 1 : last_a[1];
    p->depth_a = transpose_a ? last_a[1] : 1;
    p->depth_b = transpose_b ? 1 : last_b[1];
    p->column_b = transpose_b ? last_b[1] : 1;
    if (p->depth != last_b[transpose_b])
        return node_error(
            node, "rows of %d and columns of %d elements cannot be multiplied", p->depth, last_b[transpose_b]);
    const Shape batch_a = batch_axes(a), batch_b = batch_axes(b);
    if (!broadcast_shapes(node, &batch_a, &batch_b, &p->batch))
        return false;
    broadcast_strides(&batch_a, &p->batch, p->batch_a);
    broadcast_strides(&batch_b, &p->batch, p->batch_b);
    for (int i = 0; i < p->batch.rank; ++i) {
        p->batch_a[i] *= (int64_t)last_a[0] * last_a[1];
        p->batch_b[i] *= (int64_t)last_b[0] * last_b[1];
    }
    return true;
}

bool matmul_shape(Node *node)
{
    Product p;
    if (!product_of(node, &p))
        return false;
    Shape shape = p.batch;
    if (shape.rank + 2 > MAX_RANK)
        return node_error(node, "more than %d axes", MAX_RANK);
    shape.dim[shape.rank++] = p.rows;
    shape.dim[shape.rank++] = p.columns;
    if (!set_output(node, 0, node->inputs[0]->dtype, shape))
        return false;
    if (node->inputs[1]->quantisation.count > 1)
        return node_error(node, "operand \"%s\" has a scale per channel; one for all is needed", node->inputs[1]->name);
    return weighted_check(node, 0, p.columns);
}

bool matmul_evaluate(const Evaluation *evaluation)
{
    const Node *node = evaluation->node;
    Product p;
    Scaling scaling;
    Arena *arena = arena_new(0);
    bool ok = product_of(node, &p) && weighted_scaling(node, arena, PRODUCT_IN_FLOAT, has_wide_sums(node), &scaling);
    if (ok && tensor_elements(node->outputs[0]) > 0) {
        const double *a = weighted_values(evaluation, arena, 0, 0), *b = weighted_values(evaluation, arena, 1, 0);
        int32_t batch[MAX_RANK] = {0};
        int64_t index = 0;
        do {
            int64_t from_a = 0, from_b = 0;
            for (int i = 0; i < p.batch.rank; ++i) {
                from_a += batch[i] * p.batch_a[i];
                from_b += batch[i] * p.batch_b[i];
            }
            for (int32_t row = 0; row < p.rows; ++row)
                for (int32_t column = 0; column < p.columns; ++column) {
                    const double *first = a + from_a + row * p.row_a, *second = b + from_b + column * p.column_b;
                    weighted_store(evaluation, &scaling,
                        weighted_dot(&scaling, 0.0, first, p.depth_a, second, p.depth_b, p.depth), 0, index++);
                }
        } while (next_coordinates(&p.batch, batch));
    }
    arena_free(arena);
    return ok;
}

/* Loops over the batch axes; neighbouring ones that both operands walk evenly become one. */
static void batch_facts(const Product *p, Facts *facts)
{
    int64_t extents[MAX_RANK], strides_a[MAX_RANK], strides_b[MAX_RANK];
    int count = 0;
    for (int i = 0; i < p->batch.rank; ++i) {
        const int64_t extent = p->batch.dim[i];
        if (extent == 1)
            continue;
        if (count > 0 && strides_a[count - 1] == p->batch_a[i] * extent &&
            strides_b[count - 1] == p->batch_b[i] * extent)
            extents[--count] *= extent;
        else
            extents[count] = extent;
        strides_a[count] = p->batch_a[i];
        strides_b[count++] = p->batch_b[i];
    }
    fact_ints(facts, "batch_extents", count, extents);
    fact_ints(facts, "batch_strides_a", count, strides_a);
    fact_ints(facts, "batch_strides_b", count, strides_b);
}

bool matmul_facts(const Node *node, Facts *facts)
{
    Product p;
    if (!product_of(node, &p))
        return false;
    batch_facts(&p, facts);
    fact_int(facts, "rows", p.rows);
    fact_int(facts, "columns", p.columns);
    fact_int(facts, "depth", p.depth);
    fact_int(facts, "row_a", p.row_a);
    fact_int(facts, "depth_a", p.depth_a);
    fact_int(facts, "depth_b", p.depth_b);
    fact_int(facts, "column_b", p.column_b);
    int across, down;
    weighted_block(p.rows, p.columns, 2, 4, &across, &down);
    fact_int(facts, "across", across);
    fact_int(facts, "down", down);
    return weighted_facts(node, facts, PRODUCT_IN_FLOAT, has_wide_sums(node), 1, NULL, p.depth, false);
}
