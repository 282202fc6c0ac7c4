/* SPDX-License-Identifier: MIT
 *
 * etch verify: the interpreter against reference outputs, and the generated code against the interpreter, here or in QEMU.
 */
#include "compiler.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MAX_RUNS = 10000 };

static const Command command = {
    .name = "verify",
    .operands = "MODEL [--target T] [--vectors DIR] [options]",
    .details = "Compiles the model and a test program, runs it on the target's board (generic: this machine; others: QEMU) and\n"
               "compares every output with the interpreter's: integers bit by bit, floating point within the tolerance, relative to\n"
               "the output's range. With --vectors, DIR holds input_K.bin and output_K.bin (K = 0, 1, ...; raw little-endian, all\n"
               "tensors of a vector one after the other; or input_K_I.bin, one file per tensor; .npy will do), and the\n"
               "interpreter is compared with those outputs. Without, random inputs are made. A vector starts from the initial\n"
               "state unless --sequence is given. Exit status 1: something differs.",
    .least = 1,
    .most = 1,
};

typedef struct Verify {
    CompileOptions compile;
    Harness harness;
    const char *board, *vectors, *keep, *sources, *tolerance_text, *dump;
    int64_t runs, timeout;
    double tolerance;
    bool sequence;
} Verify;

static int parse(Verify *verify, int argc, char **argv, TextList *operands)
{
    const Option options[] = {
        COMPILE_OPTION_ROWS(verify->compile),
        DUMP_OPTION_ROW(verify->dump),
        {"board", 0, OPTION_TEXT, "BOARD", "where to run it; `etch boards` lists them (default: the target's)", &verify->board},
        {"vectors", 0, OPTION_TEXT, "DIR", "test vectors (default: random inputs)", &verify->vectors},
        {"sequence", 0, OPTION_FLAG, NULL, "carry the state from vector to vector", &verify->sequence},
        {"runs", 'n', OPTION_NUMBER, "N", "number of random vectors (default: 3)", &verify->runs},
        {"tolerance", 0, OPTION_TEXT, "X", "for floating point, relative to the output's range (default: 1e-5)", &verify->tolerance_text},
        {"cc", 0, OPTION_TEXT, "CC", "compiler (default: the board's)", &verify->harness.cc},
        {"cflags", 0, OPTION_TEXT, "FLAGS", "further compiler flags", &verify->harness.cflags},
        {"sanitize", 0, OPTION_FLAG, NULL, "on this machine: with the address and undefined-behaviour sanitizers", &verify->harness.sanitize},
        {"timeout", 0, OPTION_NUMBER, "SECONDS", "for running the program (default: 600)", &verify->timeout},
        {"keep", 0, OPTION_TEXT, "DIR", "make everything in DIR and leave it there", &verify->keep},
        {"sources", 0, OPTION_TEXT, "DIR", "only write the pair, the test program and its vectors to DIR", &verify->sources},
        {0},
    };
    int status = parse_options(&command, options, argc, argv, operands);
    if (status == OPTIONS_PARSED)
        status = check_compile_options(&command, &verify->compile, verify->dump);
    if (status == OPTIONS_PARSED && verify->runs == 0)
        return bad_usage("verify", "--runs: at least one is needed");
    if (status != OPTIONS_PARSED || verify->tolerance_text == NULL)
        return status;
    char *end;
    verify->tolerance = strtod(verify->tolerance_text, &end);
    if (end == verify->tolerance_text || *end != '\0' || !(verify->tolerance >= 0))
        return bad_usage("verify", "--tolerance: \"%s\" is not a number; 1e-5 is", verify->tolerance_text);
    return OPTIONS_PARSED;
}

/* Inputs, the interpreter's outputs, the comparison with reference outputs. */
static int prepare_vectors(const Verify *verify, Model *model, Vectors *vectors, bool *match)
{
    *vectors = (Vectors){.is_sequence = verify->sequence};
    const bool loaded = verify->vectors != NULL ? vectors_load(model, verify->vectors, vectors)
                                                : vectors_random(model, verify->runs < MAX_RUNS ? (int)verify->runs : MAX_RUNS, vectors);
    if (!loaded)
        return EXIT_BAD_INPUT;
    if (!vectors_interpret(model, vectors))
        return EXIT_WORK_FAILED;
    int differing;
    const int compared = vectors_compare(model, vectors, verify->tolerance, &differing);
    if (compared > 0)
        printf("interpreter: %d of %d vectors match the reference\n", compared - differing, compared);
    *match = differing == 0;
    return EXIT_OK;
}

static int64_t largest(const HarnessReport *report)
{
    int64_t most = 0;
    for (int i = 0; i < report->cost_count; ++i)
        most = report->costs[i] > most ? report->costs[i] : most;
    return most;
}

static void print_report(const Harness *harness, const HarnessReport *report)
{
    printf("generated code on %s: %d of %d vectors match the interpreter; at most %" PRId64 " %s", harness->board->name, report->matching,
        report->vectors, largest(report), harness->board->unit);
    if (report->stack_bytes > 0)
        printf(", %" PRId64 " bytes of stack", report->stack_bytes);
    printf("\n");
}

static int verify_model_on_board(Verify *verify, Model *model)
{
    Vectors vectors;
    bool match;
    Harness *harness = &verify->harness;
    int status = prepare_vectors(verify, model, &vectors, &match);
    if (status != EXIT_OK)
        return status;
    harness->folder = verify->sources != NULL ? verify->sources : verify->keep;
    if (harness->folder == NULL && (harness->folder = temporary_folder()) == NULL)
        return EXIT_WORK_FAILED;
    status = harness_write(model, &verify->compile, &vectors, verify->tolerance, harness);
    if (status != EXIT_OK || verify->sources != NULL)
        return status == EXIT_OK && !match ? EXIT_WORK_FAILED : status;
    HarnessReport report = {0};
    if (!harness_build(model, &verify->compile, harness))
        return EXIT_WORK_FAILED;
    const bool ran = harness_run(model, harness, &report);
    if (report.vectors > 0)
        print_report(harness, &report);
    return ran && match ? EXIT_OK : EXIT_WORK_FAILED;
}

/* Sanitizers need this machine's libraries. */
static int check_sanitize(const Harness *harness)
{
    if (!harness->sanitize || harness->board->emulator.count == 0)
        return OPTIONS_PARSED;
    return bad_usage("verify", "--sanitize is for programs that run on this machine; those of board %s run in %s: add --board host",
        harness->board->name, harness->board->emulator.list[0]);
}

int command_verify(int argc, char **argv)
{
    Verify verify = {.compile = COMPILE_OPTIONS_DEFAULT, .runs = 3, .timeout = 600, .tolerance = 1e-5};
    TextList operands;
    int status = parse(&verify, argc, argv, &operands);
    if (status != OPTIONS_PARSED)
        return status;
    Model *model = load_model(operands.texts[0], &verify.compile, verify.dump);
    if (model == NULL)
        return EXIT_BAD_INPUT;
    if (verify.board == NULL)
        verify.board = target_board(model->arena, verify.compile.target);
    verify.harness.board = verify.board != NULL ? board_load(model->arena, verify.board) : NULL;
    verify.harness.timeout_seconds = (int)(verify.timeout < INT32_MAX / 1000 ? verify.timeout : INT32_MAX / 1000);
    status = verify.harness.board != NULL ? check_sanitize(&verify.harness) : EXIT_BAD_USAGE;
    if (status == OPTIONS_PARSED)
        status = verify_model_on_board(&verify, model);
    model_free(model);
    return status;
}
