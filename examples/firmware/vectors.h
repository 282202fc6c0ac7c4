/* SPDX-License-Identifier: MIT-0
 *
 * Test vectors linked into the program; vectors.c is written by `etch verify --sources`.
 */
#ifndef FIRMWARE_VECTORS_H
#define FIRMWARE_VECTORS_H

typedef struct test_vector {
    const void *input; /* the bytes of all inputs, one after the other, in the model's order */
    const void *expected; /* likewise the outputs */
} test_vector;

extern const test_vector vectors[];
extern const int vector_count;
extern const int vectors_are_sequence; /* the state is carried from vector to vector */
extern const float vectors_tolerance; /* for floating-point outputs, relative to the output's range */

#endif
