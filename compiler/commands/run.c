/* SPDX-License-Identifier: MIT
 *
 * etch run: the interpreter on tensors in files, call after call with the state carried over.
 */
#include "compiler.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_VALUES = 8,
    SHOWN_LABELS = 5,
    SHOWN_CALLS = 20 };

static const Command command = {
    .name = "run",
    .operands = "MODEL --input FILE ... [--output FILE ...] [options]",
    .details = "Runs the model in the interpreter, which is the reference for the generated code. One --input per input and one\n"
               "--output per output, in the model's order; files are raw little-endian, or NumPy's .npy. Input files that hold\n"
               "N times the input's bytes mean N calls, with the state carried over; outputs are appended. Without --output a\n"
               "summary is printed.",
    .least = 1,
    .most = 1,
};

typedef struct Run {
    Model *model;
    TensorFile *inputs;
    uint8_t **outputs; /* all calls' values */
    int64_t calls;
    bool trace;
} Run;

/* ---------------------------------------------------------------- --trace */

static void print_range(const Tensor *tensor, const void *data)
{
    const int64_t count = tensor_elements(tensor);
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < count; ++i) {
        const double value = element_float(tensor->dtype, data, i);
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    if (count > 0)
        printf(" %.6g to %.6g", low, high);
}

static void trace_node(void *context, const Node *node, void *const *in, void *const *out)
{
    (void)context;
    (void)in;
    char shape[128];
    for (int i = 0; i < node->output_count; ++i) {
        const Tensor *tensor = node->outputs[i];
        if (tensor == NULL)
            continue;
        printf("%s (%s) -> %s %s, crc32 %08" PRIx32 ",", node->name, node_operator(node)->name, dtype_name(tensor->dtype),
            shape_text(&tensor->shape, shape), crc32_of(out[i], (size_t)tensor_bytes(tensor)));
        print_range(tensor, out[i]);
        printf("\n");
    }
}

/* ---------------------------------------------------------------- running */

static bool read_inputs(Run *run, const TextList *paths)
{
    const Graph *graph = run->model->main;
    run->inputs = arena_array(run->model->arena, (size_t)graph->input_count + 1, sizeof *run->inputs);
    run->calls = 1;
    for (int i = 0; i < graph->input_count; ++i) {
        if (!tensor_file_read(run->model->arena, paths->texts[i], &run->inputs[i]))
            return false;
        const int64_t calls = tensor_file_calls(paths->texts[i], &run->inputs[i], graph->inputs[i]);
        if (calls < 0)
            return false;
        if (i > 0 && calls != run->calls)
            return error_at(paths->texts[i], "holds %" PRId64 " calls, %s holds %" PRId64 "; all inputs must hold as many", calls,
                paths->texts[0], run->calls);
        run->calls = calls;
    }
    return true;
}

static bool run_calls(Run *run)
{
    const Graph *graph = run->model->main;
    Arena *arena = run->model->arena;
    const void **inputs = arena_array(arena, (size_t)graph->input_count + 1, sizeof *inputs);
    void **outputs = arena_array(arena, (size_t)graph->output_count + 1, sizeof *outputs);
    run->outputs = arena_array(arena, (size_t)graph->output_count + 1, sizeof *run->outputs);
    for (int i = 0; i < graph->output_count; ++i)
        run->outputs[i] = arena_array(arena, (size_t)run->calls, (size_t)tensor_bytes(graph->outputs[i]));
    Interpreter *interpreter = interpreter_new(run->model);
    if (run->trace)
        interpreter_observe(interpreter, trace_node, NULL);
    bool ok = true;
    for (int64_t call = 0; ok && call < run->calls; ++call) {
        for (int i = 0; i < graph->input_count; ++i)
            inputs[i] = run->inputs[i].data + call * tensor_bytes(graph->inputs[i]);
        for (int i = 0; i < graph->output_count; ++i)
            outputs[i] = run->outputs[i] + call * tensor_bytes(graph->outputs[i]);
        ok = interpreter_run(interpreter, inputs, outputs);
    }
    interpreter_free(interpreter);
    return ok;
}

/* ---------------------------------------------------------------- what came out */

static double real_value(const Tensor *tensor, const void *data, int64_t index)
{
    const double value = element_float(tensor->dtype, data, index);
    if (tensor->quantisation.count != 1)
        return value;
    return ((double)value - tensor_zero_point(tensor)) * (double)tensor_scale(tensor);
}

/* The highest-valued labels, highest first. */
static void print_labelled(const Model *model, const Tensor *tensor, const void *data)
{
    const int64_t count = tensor_elements(tensor);
    bool *shown = arena_array(model->arena, (size_t)count, sizeof *shown);
    for (int rank = 0; rank < SHOWN_LABELS && rank < count; ++rank) {
        int64_t best = -1;
        for (int64_t i = 0; i < count; ++i)
            if (!shown[i] && (best < 0 || real_value(tensor, data, i) > real_value(tensor, data, best)))
                best = i;
        shown[best] = true;
        printf("    %-20s %.6g\n", model->labels[best], real_value(tensor, data, best));
    }
}

static void print_values(const Tensor *tensor, const void *data)
{
    const int64_t count = tensor_elements(tensor);
    printf("   ");
    for (int64_t i = 0; i < count && i < SHOWN_VALUES; ++i)
        printf(" %.6g", real_value(tensor, data, i));
    if (count > SHOWN_VALUES) {
        int64_t best = 0;
        for (int64_t i = 1; i < count; ++i)
            best = real_value(tensor, data, i) > real_value(tensor, data, best) ? i : best;
        printf(" ...; largest %.6g at %" PRId64, real_value(tensor, data, best), best);
    }
    printf("\n");
}

static void print_summary(const Run *run)
{
    const Graph *graph = run->model->main;
    char shape[128];
    for (int64_t call = 0; call < run->calls && call < SHOWN_CALLS; ++call) {
        if (run->calls > 1)
            printf("call %" PRId64 "\n", call);
        for (int i = 0; i < graph->output_count; ++i) {
            const Tensor *tensor = graph->outputs[i];
            const uint8_t *data = run->outputs[i] + call * tensor_bytes(tensor);
            printf("  %s %s %s\n", tensor->name, dtype_name(tensor->dtype), shape_text(&tensor->shape, shape));
            if (run->model->label_count > 0 && run->model->label_count == tensor_elements(tensor))
                print_labelled(run->model, tensor, data);
            else
                print_values(tensor, data);
        }
    }
    if (run->calls > SHOWN_CALLS)
        printf("... and %" PRId64 " more calls; --output writes all of them\n", run->calls - SHOWN_CALLS);
}

static bool write_outputs(const Run *run, const TextList *paths)
{
    const Graph *graph = run->model->main;
    for (int i = 0; i < paths->count; ++i)
        if (!tensor_file_write(paths->texts[i], graph->outputs[i], run->outputs[i], run->calls))
            return false;
    return true;
}

static int check_counts(const Graph *graph, int inputs, int outputs)
{
    if (inputs != graph->input_count)
        return bad_usage(command.name, "%d --input given, the model has %d inputs; give one each", inputs, graph->input_count);
    if (outputs != 0 && outputs != graph->output_count)
        return bad_usage(command.name, "%d --output given, the model has %d outputs; give one each", outputs, graph->output_count);
    return OPTIONS_PARSED;
}

int command_run(int argc, char **argv)
{
    CompileOptions compile = COMPILE_OPTIONS_DEFAULT;
    Run run = {0};
    TextList inputs = {0}, outputs = {0}, operands;
    const char *dump = NULL;
    const Option options[] = {
        {"input", 'i', OPTION_TEXTS, "FILE", "an input's values, .bin or .npy", &inputs},
        {"output", 'o', OPTION_TEXTS, "FILE", "where to write an output's values", &outputs},
        {"trace", 0, OPTION_FLAG, NULL, "print a checksum and the range of every node's output", &run.trace},
        {"rounding", 0, OPTION_EITHER, "double|single", "rounding of requantisation (default: double)", &compile.single_rounding},
        DUMP_OPTION_ROW(dump),
        {0},
    };
    int status = parse_options(&command, options, argc, argv, &operands);
    if (status == OPTIONS_PARSED)
        status = check_compile_options(&command, &compile, dump);
    if (status != OPTIONS_PARSED)
        return status;
    run.model = load_model(operands.texts[0], &compile, dump);
    if (run.model == NULL)
        return EXIT_BAD_INPUT;
    status = check_counts(run.model->main, inputs.count, outputs.count);
    if (status == OPTIONS_PARSED && !read_inputs(&run, &inputs))
        status = EXIT_BAD_INPUT;
    if (status == OPTIONS_PARSED)
        status = run_calls(&run) && write_outputs(&run, &outputs) ? EXIT_OK : EXIT_WORK_FAILED;
    if (status == EXIT_OK && outputs.count == 0)
        print_summary(&run);
    model_free(run.model);
    return status;
}
