/* SPDX-License-Identifier: MIT
 *
 * etch inspect: what a model is and what it will need, as text or JSON. A model that cannot be compiled is shown as far as it
 * is understood.
 */
#include "compiler.h"

#include <inttypes.h>
#include <string.h>

static const Command command = {
    .name = "inspect",
    .operands = "MODEL [--json] [--memory FILE.svg] [options]",
    .details = "Shows inputs, outputs, nodes with shapes, multiply-accumulates, bytes and quantisation, and the memory plan:\n"
               "every buffer of the arena with its offset, its size and the steps that it lives. A model with unsupported\n"
               "operators is shown as far as it is understood; the reasons stand on standard error.",
    .least = 1,
    .most = 1,
};

/* How far the pipeline got. */
typedef struct Inspection {
    Model *model;
    bool inferred, planned;
    int64_t macs, weight_bytes;
} Inspection;

/* ---------------------------------------------------------------- figures */

static int64_t shown_macs(const Inspection *inspection, const Node *node)
{
    return inspection->inferred && !(node_operator(node)->traits & TRAIT_REGIONS) ? node_macs(node) : 0;
}

static int64_t constant_bytes(const Node *node)
{
    int64_t bytes = 0;
    for (int i = 0; i < node->input_count; ++i)
        if (tensor_is_constant(node->inputs[i]))
            bytes += tensor_bytes(node->inputs[i]);
    return bytes;
}

static void add_up_weights(Inspection *inspection, const Graph *graph)
{
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->region_count; ++k)
            add_up_weights(inspection, graph->nodes[i]->regions[k]);
    for (int i = 0; i < graph->tensor_count; ++i)
        inspection->weight_bytes += graph->tensors[i]->kind == TENSOR_CONSTANT ? tensor_bytes(graph->tensors[i]) : 0;
}

/* "float32 [1, 4]", in `text` of 160 bytes. */
static const char *type_text(const Tensor *tensor, char *text)
{
    char shape[128];
    snprintf(text, 160, "%s %s", dtype_name(tensor->dtype), tensor->shape_known ? shape_text(&tensor->shape, shape) : "[unknown]");
    return text;
}

static const char *quantisation_text(const Tensor *tensor, char *text)
{
    const Quantisation *quantisation = &tensor->quantisation;
    text[0] = '\0';
    if (quantisation->count == 1)
        snprintf(text, 160, "scale %.9g, zero point %d", (double)quantisation->scale[0], (int)quantisation->zero_point[0]);
    else if (quantisation->count > 1)
        snprintf(text, 160, "%d scales along axis %d", quantisation->count, quantisation->axis);
    return text;
}

/* ---------------------------------------------------------------- text */

static void print_tensors(const char *title, Tensor *const *tensors, int count)
{
    char type[160], quantisation[160];
    for (int i = 0; i < count; ++i)
        printf("%-8s %s: %s%s%s\n", i == 0 ? title : "", tensors[i]->name, type_text(tensors[i], type),
            tensors[i]->quantisation.count > 0 ? ", " : "", quantisation_text(tensors[i], quantisation));
}

static void print_states(const Graph *graph)
{
    char type[160];
    for (int i = 0; i < graph->tensor_count; ++i)
        if (graph->tensors[i]->kind == TENSOR_STATE)
            printf("state    %s: %s\n", graph->tensors[i]->name, type_text(graph->tensors[i], type));
}

static void print_node(const Inspection *inspection, const Node *node, int indent)
{
    char type[160], quantisation[160];
    const Tensor *output = node->output_count > 0 ? node->outputs[0] : NULL;
    printf("%*s%-*s %-20s %12" PRId64 " %10" PRId64 "  %s%s%s\n", indent, "", 32 - indent, node->name, node_operator(node)->name,
        shown_macs(inspection, node), constant_bytes(node), output != NULL ? type_text(output, type) : "-",
        output != NULL && output->quantisation.count > 0 ? ", " : "", output != NULL ? quantisation_text(output, quantisation) : "");
    if (node_has(node, "reason"))
        printf("%*s  not supported: %s: %s\n", indent, "", node_string(node, "operator", "?"), node_string(node, "reason", "?"));
    for (int i = 1; i < node->output_count; ++i)
        if (node->outputs[i] != NULL)
            printf("%*s%s%s\n", 78, "", type_text(node->outputs[i], type), node->outputs[i]->quantisation.count > 0 ? ", quantised" : "");
}

static void print_nodes(const Inspection *inspection, const Graph *graph, int indent)
{
    for (int i = 0; i < graph->node_count; ++i) {
        print_node(inspection, graph->nodes[i], indent);
        for (int k = 0; k < graph->nodes[i]->region_count; ++k) {
            printf("%*s%s\n", indent + 2, "", graph->nodes[i]->regions[k]->name);
            print_nodes(inspection, graph->nodes[i]->regions[k], indent + 4);
        }
    }
}

/* Where another order than the model's own was taken, or would be, had it been found. */
static void print_order(const Model *model)
{
    if (model->order_peak < model->order_own_peak)
        printf("order    changed: at most %" PRId64 " bytes alive instead of %" PRId64, model->order_peak, model->order_own_peak);
    else if (model->order_bound > 0 && model->order_bound < model->order_peak)
        printf("order    the model's own: at most %" PRId64 " bytes alive", model->order_peak);
    else
        return;
    if (model->order_bound < model->order_peak)
        printf("; no order has less than %" PRId64 "\n", model->order_bound);
    else
        printf("; no order has less\n");
}

static void print_plan(const Model *model)
{
    PlannedBuffer *buffers;
    const int count = plan_buffers(model, &buffers);
    printf("\nmemory   arena: %s; state %" PRId64 ", inputs and outputs %" PRId64 "\n", plan_verdict(model), model->state_bytes, io_bytes(model));
    if (model->extra_macs > 0)
        printf("patches  %" PRId64 " more MACs, for what lies under two strips\n", model->extra_macs);
    print_order(model);
    if (count > 0)
        printf("%10s %10s  %-9s  %s\n", "offset", "bytes", "steps", "buffer");
    for (int i = 0; i < count; ++i)
        printf("%10" PRId64 " %10" PRId64 "  %4d-%-4d  %s\n", buffers[i].offset, buffers[i].bytes, buffers[i].first, buffers[i].last,
            buffers[i].tensor->name);
}

static void print_text(const Inspection *inspection)
{
    const Model *model = inspection->model;
    printf("model    %s (%s, %" PRId64 " bytes, digest %08" PRIx32 ")\n", model->name, model->format, model->file_bytes, model->digest);
    print_tensors("inputs", model->main->inputs, model->main->input_count);
    print_tensors("outputs", model->main->outputs, model->main->output_count);
    print_states(model->main);
    if (model->label_count > 0)
        printf("labels   %d\n", model->label_count);
    printf("total    %d nodes, %" PRId64 " MACs, %" PRId64 " bytes of constants\n", model->main->node_count, inspection->macs,
        inspection->weight_bytes);
    printf("\n%-32s %-20s %12s %10s  %s\n", "node", "operator", "MACs", "constants", "output");
    print_nodes(inspection, model->main, 0);
    if (inspection->planned)
        print_plan(model);
    else
        printf("\nno memory plan: the model cannot be compiled, see the messages\n");
}

/* ---------------------------------------------------------------- JSON */

static void json_text(const char *text)
{
    putchar('"');
    for (; *text != '\0'; ++text) {
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text < ' ')
            printf("\\u%04x", (unsigned char)*text);
        else
            putchar(*text);
    }
    putchar('"');
}

static void json_tensor(const Tensor *tensor)
{
    const Quantisation *quantisation = &tensor->quantisation;
    char shape[128];
    printf("{\"name\": ");
    json_text(tensor->name);
    printf(", \"dtype\": \"%s\"", dtype_name(tensor->dtype));
    if (tensor->shape_known)
        printf(", \"shape\": %s, \"bytes\": %" PRId64, shape_text(&tensor->shape, shape), tensor_bytes(tensor));
    if (quantisation->count == 1)
        printf(", \"scale\": %.9g, \"zero_point\": %d", (double)quantisation->scale[0], (int)quantisation->zero_point[0]);
    else if (quantisation->count > 1)
        printf(", \"scales\": %d, \"axis\": %d", quantisation->count, quantisation->axis);
    printf("}");
}

static void json_tensors(const char *key, Tensor *const *tensors, int count)
{
    printf(" \"%s\": [", key);
    for (int i = 0; i < count; ++i) {
        printf(i > 0 ? ",\n  " : "");
        if (tensors[i] != NULL)
            json_tensor(tensors[i]);
        else
            printf("null");
    }
    printf("],\n");
}

static void json_nodes(const Inspection *inspection, const Graph *graph, bool *first)
{
    for (int i = 0; i < graph->node_count; ++i) {
        const Node *node = graph->nodes[i];
        printf("%s\n  {\"name\": ", *first ? "" : ",");
        *first = false;
        json_text(node->name);
        printf(", \"op\": \"%s\", \"macs\": %" PRId64 ", \"constant_bytes\": %" PRId64 ", \"supported\": %s,", node_operator(node)->name,
            shown_macs(inspection, node), constant_bytes(node), node_has(node, "reason") ? "false" : "true");
        if (node_has(node, "reason")) {
            printf(" \"reason\": ");
            json_text(node_string(node, "reason", "?"));
            printf(",");
        }
        printf(" \"graph\": ");
        json_text(graph->name);
        printf(", \"outputs\": [");
        for (int k = 0, shown = 0; k < node->output_count; ++k)
            if (node->outputs[k] != NULL) {
                printf(shown++ > 0 ? ", " : "");
                json_tensor(node->outputs[k]);
            }
        printf("]}");
        for (int k = 0; k < node->region_count; ++k)
            json_nodes(inspection, node->regions[k], first);
    }
}

static void json_plan(const Model *model)
{
    PlannedBuffer *buffers;
    const int count = plan_buffers(model, &buffers);
    printf(" \"arena_bytes\": %" PRId64 ", \"lower_bound\": %" PRId64 ", \"optimal\": %s, \"state_bytes\": %" PRId64
           ", \"io_bytes\": %" PRId64 ",\n",
        model->arena_bytes, model->arena_lower_bound, model->arena_optimal ? "true" : "false", model->state_bytes, io_bytes(model));
    printf(" \"order\": {\"own_peak\": %" PRId64 ", \"peak\": %" PRId64 ", \"lower_bound\": %" PRId64 "},\n \"buffers\": [",
        model->order_own_peak, model->order_peak, model->order_bound);
    for (int i = 0; i < count; ++i) {
        printf("%s\n  {\"name\": ", i > 0 ? "," : "");
        json_text(buffers[i].tensor->name);
        printf(", \"offset\": %" PRId64 ", \"bytes\": %" PRId64 ", \"first\": %d, \"last\": %d}", buffers[i].offset, buffers[i].bytes,
            buffers[i].first, buffers[i].last);
    }
    printf("],\n");
}

static void print_json(const Inspection *inspection)
{
    const Model *model = inspection->model;
    bool first = true;
    printf("{\"model\": ");
    json_text(model->name);
    printf(", \"format\": \"%s\", \"file_bytes\": %" PRId64 ", \"digest\": \"%08" PRIx32 "\", \"supported\": %s,\n", model->format,
        model->file_bytes, model->digest, inspection->planned ? "true" : "false");
    json_tensors("inputs", model->main->inputs, model->main->input_count);
    json_tensors("outputs", model->main->outputs, model->main->output_count);
    printf(" \"macs\": %" PRId64 ", \"constant_bytes\": %" PRId64 ",\n", inspection->macs, inspection->weight_bytes);
    if (inspection->planned)
        json_plan(model);
    printf(" \"nodes\": [");
    json_nodes(inspection, model->main, &first);
    printf("]}\n");
}

/* ---------------------------------------------------------------- the command */

/* As far as it goes; what stops it has been reported. Constants are counted before kernels' tables join them. */
static void inspect_model(Inspection *inspection, const CompileOptions *options)
{
    Model *model = inspection->model;
    model->single_rounding = options->single_rounding;
    model->optimize = options->optimize;
    inspection->inferred = pass_infer(model);
    const bool simplified = inspection->inferred && pass_simplify(model) && pass_channels(model);
    inspection->macs = inspection->inferred ? graph_macs(model->main) : 0;
    add_up_weights(inspection, model->main);
    Target *target = simplified ? target_load(model->arena, options) : NULL;
    inspection->planned = target != NULL && plan_model(model, target, options, NULL);
    if (target != NULL)
        target_free(target);
}

/* The picture was asked for by name: a model without a plan is an error here. */
static int draw_plan(const Inspection *inspection, const char *path)
{
    if (!inspection->planned) {
        error_at(path, "not written: the model cannot be compiled, so that there is no memory plan");
        return EXIT_BAD_INPUT;
    }
    return write_memory_svg(inspection->model, path) ? EXIT_OK : EXIT_WORK_FAILED;
}

int command_inspect(int argc, char **argv)
{
    CompileOptions compile = COMPILE_OPTIONS_DEFAULT;
    const char *dump = NULL;
    const char *picture = NULL;
    bool json = false;
    const Option options[] = {
        {"json", 0, OPTION_FLAG, NULL, "machine-readable: the same as one JSON object", &json},
        {"memory", 0, OPTION_TEXT, "FILE.svg", "also draw the memory plan: steps against addresses", &picture},
        COMPILE_OPTION_ROWS(compile),
        {0},
    };
    TextList operands;
    int status = parse_options(&command, options, argc, argv, &operands);
    if (status == OPTIONS_PARSED)
        status = check_compile_options(&command, &compile, dump);
    if (status != OPTIONS_PARSED)
        return status;
    Inspection inspection = {.model = import_model(operands.texts[0], compile.name)};
    if (inspection.model == NULL)
        return EXIT_BAD_INPUT;
    status = EXIT_OK;
    inspect_model(&inspection, &compile);
    if (json)
        print_json(&inspection);
    else
        print_text(&inspection);
    if (picture != NULL)
        status = draw_plan(&inspection, picture);
    model_free(inspection.model);
    return status;
}
