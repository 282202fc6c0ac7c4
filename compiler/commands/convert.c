/* SPDX-License-Identifier: MIT
 *
 * etch convert: any readable model becomes NAME.json and NAME.bin.
 */
#include "compiler.h"

#include <string.h>

static const Command command = {
    .name = "convert",
    .operands = "MODEL -o NAME.json [options]",
    .details = "Writes the model in the native format: NAME.json for the graph, NAME.bin beside it for the tensors.\n"
               "Reading the result back gives the same graph.",
    .least = 1,
    .most = 1,
};

/* Strings and the like come with models that can only be inspected. */
static bool has_native_types(const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; ++i)
        if (graph->tensors[i]->dtype == DTYPE_NONE && graph->tensors[i]->kind != TENSOR_TEMPORARY)
            return error_at(graph->model->path, "tensor \"%s\" has a type that the native format does not know", graph->tensors[i]->name);
    for (int i = 0; i < graph->node_count; ++i)
        for (int k = 0; k < graph->nodes[i]->region_count; ++k)
            if (!has_native_types(graph->nodes[i]->regions[k]))
                return false;
    return true;
}

int command_convert(int argc, char **argv)
{
    CompileOptions compile = COMPILE_OPTIONS_DEFAULT;
    const char *output = NULL, *dump = NULL;
    const Option options[] = {
        {"output", 'o', OPTION_TEXT, "NAME.json", "the file to write", &output},
        {"name", 0, OPTION_TEXT, "NAME", "the model's name (default: as it is)", &compile.name},
        DUMP_OPTION_ROW(dump),
        {0},
    };
    TextList operands;
    int status = parse_options(&command, options, argc, argv, &operands);
    if (status == OPTIONS_PARSED)
        status = check_compile_options(&command, &compile, dump);
    if (status != OPTIONS_PARSED)
        return status;
    if (output == NULL)
        return bad_usage(command.name, "-o is missing; give the file to write, NAME.json");
    const size_t length = strlen(output);
    if (length >= 4 && strcmp(output + length - 4, ".bin") == 0)
        return bad_usage(command.name, "-o %s: the .bin file is written beside it; give NAME.json", output);
    Model *model = import_model(operands.texts[0], compile.name);
    if (model == NULL)
        return EXIT_BAD_INPUT;
    if (dump != NULL)
        graph_dump(model->main, stdout);
    if (!verify_model(model, "import") || !has_native_types(model->main))
        status = EXIT_BAD_INPUT;
    else
        status = export_native(model, output) ? EXIT_OK : EXIT_WORK_FAILED;
    model_free(model);
    return status;
}
