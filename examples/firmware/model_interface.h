/* SPDX-License-Identifier: MIT-0
 *
 * The model as main.c sees it, whatever its signature. NAME_caller.c implements it for one generated pair; it is written by
 * `etch verify --sources` and is the place to look for how a generated function is called.
 */
#ifndef FIRMWARE_MODEL_INTERFACE_H
#define FIRMWARE_MODEL_INTERFACE_H

#include <stddef.h>
#include <stdint.h>

typedef enum element_type {
    ELEMENT_SIGNED,
    ELEMENT_UNSIGNED,
    ELEMENT_FLOAT
} element_type;

typedef struct model_tensor {
    const char *name;
    element_type type;
    size_t element_bytes;
    size_t elements;
    void *data; /* the buffer that the generated function reads or writes */
} model_tensor;

extern const char model_name[];
extern const int model_input_count, model_output_count;

/* Input or output `index`, in the model's order. */
model_tensor model_input(int index);
model_tensor model_output(int index);

/* State back to its beginning; 0 when the model has none. */
int model_reset(void);
/* One inference on the buffers: 0, or the generated function's error. */
int model_run(void);

#endif
