/* SPDX-License-Identifier: MIT-0
 *
 * Runs a model over the test vectors linked into the program, compares every output (integers bit by bit, floating point
 * within the tolerance) and prints what an inference costs and how much stack it takes. The same program on a board, in
 * QEMU and on a PC; the exit status is 0 when everything is right and 1 otherwise.
 */
#include "console.h"
#include "count.h"
#include "model_interface.h"
#include "stack.h"
#include "vectors.h"
#ifdef MODEL_PROFILE
#include "profile.h"
#endif

#include <math.h>
#include <stdbool.h>
#include <string.h>

#ifndef REPEAT
#define REPEAT 0 /* further inferences to measure, on the first vector */
#endif

static void load_inputs(const test_vector *vector)
{
    const uint8_t *from = vector->input;
    for (int i = 0; i < model_input_count; ++i) {
        const model_tensor tensor = model_input(i);
        const size_t bytes = tensor.elements * tensor.element_bytes;
        memcpy(tensor.data, from, bytes);
        from += bytes;
    }
}

static double real_element(const uint8_t *data, size_t bytes)
{
    if (bytes == sizeof(double)) {
        double value;
        memcpy(&value, data, sizeof value);
        return value;
    }
    float value;
    memcpy(&value, data, sizeof value);
    return (double)value;
}

/* Little-endian, sign-extended where the type is signed. */
static int64_t integer_element(const uint8_t *data, size_t bytes, bool is_signed)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; ++i)
        value |= (uint64_t)data[i] << 8 * i;
    if (is_signed && bytes < sizeof value && data[bytes - 1] & 0x80)
        value |= ~(uint64_t)0 << 8 * bytes;
    return (int64_t)value;
}

/* The largest difference that passes: `vectors_tolerance` of the output's range or of its largest magnitude. */
static double allowed_difference(const model_tensor *tensor, const uint8_t *expected)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < tensor->elements; ++i) {
        const double value = real_element(expected + i * tensor->element_bytes, tensor->element_bytes);
        if (isfinite(value)) {
            low = fmin(low, value);
            high = fmax(high, value);
        }
    }
    if (low > high)
        return 0;
    return (double)vectors_tolerance * fmax(high - low, fmax(fabs(low), fabs(high)));
}

static bool real_matches(double got, double expected, double allowed)
{
    if (isnan(expected))
        return isnan(got);
    return got == expected || fabs(got - expected) <= allowed;
}

/* The first element that differs; tensor->elements when none does. */
static size_t first_difference(const model_tensor *tensor, const uint8_t *expected)
{
    const uint8_t *const got = tensor->data;
    const size_t width = tensor->element_bytes;
    if (tensor->type != ELEMENT_FLOAT && memcmp(got, expected, tensor->elements * width) == 0)
        return tensor->elements;
    const double allowed = tensor->type == ELEMENT_FLOAT ? allowed_difference(tensor, expected) : 0;
    for (size_t i = 0; i < tensor->elements; ++i) {
        const bool same = tensor->type == ELEMENT_FLOAT
                              ? real_matches(real_element(got + i * width, width), real_element(expected + i * width, width), allowed)
                              : memcmp(got + i * width, expected + i * width, width) == 0;
        if (!same)
            return i;
    }
    return tensor->elements;
}

static void print_element(const model_tensor *tensor, const uint8_t *data)
{
    if (tensor->type == ELEMENT_FLOAT)
        console_real(real_element(data, tensor->element_bytes));
    else
        console_number(integer_element(data, tensor->element_bytes, tensor->type == ELEMENT_SIGNED));
}

static void print_difference(const model_tensor *tensor, size_t element, const uint8_t *expected)
{
    const size_t offset = element * tensor->element_bytes;
    console_text("output \"");
    console_text(tensor->name);
    console_text("\", element ");
    console_number((int64_t)element);
    console_text(": got ");
    print_element(tensor, (const uint8_t *)tensor->data + offset);
    console_text(", expected ");
    print_element(tensor, expected + offset);
    console_text("\n");
}

static bool outputs_match(const test_vector *vector)
{
    const uint8_t *expected = vector->expected;
    for (int i = 0; i < model_output_count; ++i) {
        const model_tensor tensor = model_output(i);
        const size_t element = first_difference(&tensor, expected);
        if (element < tensor.elements) {
            print_difference(&tensor, element, expected);
            return false;
        }
        expected += tensor.elements * tensor.element_bytes;
    }
    return true;
}

static void print_cost(uint64_t cost)
{
    console_number((int64_t)cost);
    console_text(" ");
    console_text(count_unit);
    console_text("\n");
}

static bool run_vector(int index)
{
    console_text("vector ");
    console_number(index);
    console_text(": ");
    if ((index == 0 || !vectors_are_sequence) && model_reset() != 0) {
        console_text("the model could not be initialised\n");
        return false;
    }
    load_inputs(&vectors[index]);
#ifdef MODEL_PROFILE
    profile_start();
#endif
    const uint64_t before = count_read();
    const int status = model_run();
    const uint64_t after = count_read();
    if (status != 0) {
        console_text("the model returned error ");
        console_number(status);
        console_text("\n");
        return false;
    }
    if (!outputs_match(&vectors[index]))
        return false;
    console_text("ok, ");
    print_cost(count_between(before, after));
    return true;
}

static void run_again(int times)
{
    for (int i = 0; i < times; ++i) {
        load_inputs(&vectors[0]);
        const uint64_t before = count_read();
        (void)model_run();
        const uint64_t after = count_read();
        console_text("again: ");
        print_cost(count_between(before, after));
    }
}

/* On an inference of its own, with the counter's interrupt off. */
static size_t measure_stack(void)
{
    count_stop();
    (void)model_reset();
    load_inputs(&vectors[0]);
    stack_paint();
    (void)model_run();
    return stack_used();
}

int main(void)
{
    int failed = 0;
    console_text(model_name);
    console_text("\n");
    count_start();
    for (int i = 0; i < vector_count; ++i)
        failed += !run_vector(i);
#ifdef MODEL_PROFILE
    profile_print(); /* of the last vector */
#endif
    run_again(REPEAT);
    console_text("stack: ");
    console_number((int64_t)measure_stack());
    console_text(" bytes\n");
    console_number(vector_count - failed);
    console_text(" of ");
    console_number(vector_count);
    console_text(" vectors match\n");
    return failed != 0;
}
