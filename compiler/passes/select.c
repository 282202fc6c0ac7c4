/* SPDX-License-Identifier: MIT
 *
 * Facts for every node, tensors for their tables and scratch, then the target's choice of kernel.
 *
 * requires inferred shapes; sets node->facts, node->variant of nodes that have no facts yet; adds tensors (constants, temporaries), breaks plan.
 */
#include "../compiler.h"

#include <string.h>

/* Equal tables are one array: flash matters. */
static Tensor *find_equal_table(const Graph *graph, const Fact *fact, size_t bytes)
{
    for (int i = 0; i < graph->tensor_count; ++i) {
        Tensor *tensor = graph->tensors[i];
        if (tensor->is_table && tensor->dtype == fact->dtype && tensor->data_bytes == bytes && memcmp(tensor->data, fact->data, bytes) == 0)
            return tensor;
    }
    return NULL;
}

static void make_table(Node *node, Fact *fact)
{
    Model *model = node->model;
    const size_t bytes = ((size_t)fact->count * dtype_bits(fact->dtype) + 7) / 8;
    fact->tensor = find_equal_table(model->main, fact, bytes);
    if (fact->tensor != NULL) {
        fact->tensor->is_weight |= fact->is_weight;
        return;
    }
    const char *name = arena_format(model->arena, "%s/%s", node->name, fact->name);
    fact->tensor = graph_add_constant(model->main, name, fact->dtype, shape_of(1, fact->count), fact->data);
    fact->tensor->is_table = true;
    fact->tensor->is_weight = fact->is_weight;
}

static void make_scratch(Node *node, Fact *fact)
{
    const char *name = arena_format(node->model->arena, "%s/%s", node->name, fact->name);
    fact->tensor = graph_add_tensor(node->graph, name, fact->dtype);
    fact->tensor->shape = shape_of(1, fact->count);
    fact->tensor->shape_known = true;
}

static bool select_node(Node *node, Target *target)
{
    if (node->facts != NULL)
        return true;
    Facts *facts = arena_alloc(node->model->arena, sizeof *facts);
    facts->arena = node->model->arena;
    if (!node_operator(node)->facts(node, facts))
        return false;
    node->facts = facts;
    if (!target_choose_variant(target, node))
        return false;
    for (int i = 0; i < facts->count; ++i) {
        if (facts->facts[i].kind == FACT_TABLE)
            make_table(node, &facts->facts[i]);
        else if (facts->facts[i].kind == FACT_SCRATCH)
            make_scratch(node, &facts->facts[i]);
    }
    return true;
}

static bool select_graph(Graph *graph, Target *target)
{
    for (int i = 0; i < graph->node_count; ++i) {
        Node *node = graph->nodes[i];
        for (int k = 0; k < node->region_count; ++k)
            if (!select_graph(node->regions[k], target))
                return false;
        if (!(node_operator(node)->traits & TRAIT_REGIONS) && !select_node(node, target))
            return false;
    }
    return true;
}

bool pass_select(Model *model, Target *target)
{
    return select_graph(model->main, target);
}
