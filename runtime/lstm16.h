/* SPDX-License-Identifier: MIT-0
 *
 * Arithmetic of recurrent cells with 16-bit gates: TensorFlow Lite for Microcontrollers,
 * tensorflow/lite/micro/kernels/lstm_eval.cc.
 */
#ifndef ETCH_LSTM16_H
#define ETCH_LSTM16_H

#include "clamp.h"
#include <stdint.h>

/* The sum of two layers' results; both, and the sum, are stored in 16 bits. */
static inline int32_t etch_lstm_sum(int32_t a, int32_t b)
{
    return etch_clamp(etch_clamp(a, -32768, 32767) + etch_clamp(b, -32768, 32767), -32768, 32767);
}

#endif
