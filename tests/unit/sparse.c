/* SPDX-License-Identifier: MIT
 *
 * Lists of weights that are not zero: their bytes, and what cannot be stated so.
 */
#include "compiler.h"

#include <string.h>

#include "unit.h"

static Node *node_with(Model *model, DType dtype, int32_t count, int32_t zero_point, const int64_t *weights)
{
    Graph *graph = model->main = graph_new(model, "main");
    uint8_t *data = arena_array(model->arena, (size_t)count + 1, 1);
    for (int32_t i = 0; i < count; ++i)
        element_set_int(dtype, data, i, weights[i] + zero_point);
    Node *node = graph_add_node(graph, OP_FULLY_CONNECTED, NULL, 2, 1);
    node->inputs[1] = graph_add_constant(graph, "weights", dtype, shape_of(1, count), data);
    tensor_quantise(graph, node->inputs[1], 1.0f, zero_point);
    return node;
}

/* The lists of weights of `type`, as `packing` describes them. */
static void check_lists(DType dtype, int32_t zero_point, const int64_t *weights, int32_t count, const SparsePacking *packing, int64_t entries,
    int zero_percent, const uint8_t *bytes, int byte_count)
{
    Model *model = model_new("sparse.json", 0);
    Node *node = node_with(model, dtype, count, zero_point, weights);
    Facts facts = {.arena = model->arena}, numbers = {.arena = model->arena, .numbers_only = true};
    fact_string(&facts, "comment", "bounded");
    CHECK_EQUAL(fact_sparse(node, &facts, packing), entries);
    CHECK_EQUAL(fact_sparse(node, &numbers, packing), entries);
    const Fact *table = fact_find(&facts, packing->name);
    CHECK((table != NULL) == (entries >= 0) && fact_hides(&facts, 1) == (entries >= 0));
    if (table != NULL && entries >= 0) {
        CHECK_EQUAL(table->count, byte_count);
        CHECK(table->count == byte_count && memcmp(table->data, bytes, (size_t)byte_count) == 0);
        CHECK_EQUAL(fact_find(&facts, "zero_percent")->integer, zero_percent);
        CHECK(strstr(fact_find(&facts, "comment")->text, "bounded; ") == fact_find(&facts, "comment")->text);
    }
    model_free(model);
}

static void check_rows(void)
{
    static const int64_t weights[2 * 5] = {7, 0, 0, -128, 0, 0, 0, 0, 0, 0};
    const SparsePacking singly = {"list", 1, 2, {2, 5}, {0, 1}, 1, 1}, by_threes = {"list", 1, 2, {2, 5}, {0, 1}, 1, 3};
    check_lists(DTYPE_I8, 0, weights, 10, &singly, 2, 80, (const uint8_t[]){2, 0, 0, 7, 3, 128, 0, 0}, 8);
    check_lists(DTYPE_I8, 0, weights, 10, &by_threes, 3, 80, (const uint8_t[]){1, 0, 0, 7, 3, 128, 0, 0, 0, 0}, 10);
}

static void check_zero_points(void)
{
    static const int64_t weights[4] = {0, 100, -100, 0}, far[4] = {0, 0, 0, 128};
    const SparsePacking packing = {"list", 1, 2, {1, 4}, {0, 1}, 1, 1};
    check_lists(DTYPE_U8, 120, weights, 4, &packing, 2, 50, (const uint8_t[]){2, 0, 1, 100, 1, 156}, 6);
    check_lists(DTYPE_U8, 120, far, 4, &packing, -1, 0, NULL, 0); /* no byte with a sign */
}

/* Distances of 255 and of 256 */
static void check_gaps(void)
{
    int64_t weights[512] = {0};
    weights[255] = 1;
    weights[511] = 2;
    const SparsePacking packing = {"list", 1, 2, {1, 512}, {0, 1}, 1, 1};
    check_lists(DTYPE_I8, 0, weights, 512, &packing, 3, 99, (const uint8_t[]){3, 0, 255, 1, 255, 0, 1, 2}, 8);
}

/* Two groups of one channel; windows of two rows, 10 apart, of two inputs each. */
static void check_groups(void)
{
    static const int64_t weights[8] = {0, 3, 4, 0, 5, 0, 0, 6};
    const SparsePacking packing = {"list", 1, 4, {2, 1, 2, 2}, {2, 0, 10, 1}, 2, 1};
    check_lists(DTYPE_I8, 0, weights, 8, &packing, 4, 50, (const uint8_t[]){2, 0, 1, 3, 9, 4, 2, 0, 2, 5, 11, 6}, 12);
}

static void check_refused(void)
{
    static const int64_t weights[4] = {1, 1, 1, 1};
    const SparsePacking falling = {"list", 1, 2, {1, 4}, {0, -1}, 1, 1}, other_extents = {"list", 1, 2, {1, 5}, {0, 1}, 1, 1};
    check_lists(DTYPE_I8, 0, weights, 4, &falling, -1, 0, NULL, 0);
    check_lists(DTYPE_I8, 0, weights, 4, &other_extents, -1, 0, NULL, 0);
}

int main(void)
{
    check_rows();
    check_zero_points();
    check_gaps();
    check_groups();
    check_refused();
    return unit_result();
}
