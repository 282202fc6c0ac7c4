/* SPDX-License-Identifier: MIT-0
 *
 * A complete caller on a PC: reads images as raw int8 tensors, prints the digit and how sure the model is.
 *
 *     cc -O2 -Igenerated examples/host/digits.c generated/digits_cnn.c -o digits
 *     ./digits models/samples/digit_03_label_3.bin ...
 */
#include "digits_cnn.h"

#include <stdio.h>

static const char *const labels[] = {DIGITS_CNN_LABELS};

static int read_image(const char *path, int8_t image[DIGITS_CNN_INPUT_ELEMENTS])
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -1;
    const size_t read = fread(image, 1, DIGITS_CNN_INPUT_BYTES, file);
    fclose(file);
    return read == DIGITS_CNN_INPUT_BYTES ? 0 : -1;
}

int main(int argc, char **argv)
{
    static digits_cnn_arena arena; /* scratch: may be any RAM, and shared with other models between calls */
    for (int i = 1; i < argc; ++i) {
        int8_t image[DIGITS_CNN_INPUT_ELEMENTS], scores[DIGITS_CNN_OUTPUT_ELEMENTS];
        if (read_image(argv[i], image) != 0 || digits_cnn_invoke(&arena, image, scores) != 0) {
            fprintf(stderr, "%s: cannot be read as %d int8 values\n", argv[i], DIGITS_CNN_INPUT_ELEMENTS);
            return 1;
        }
        int best = 0;
        for (int k = 1; k < DIGITS_CNN_OUTPUT_ELEMENTS; ++k)
            if (scores[k] > scores[best])
                best = k;
        /* real = scale * (stored - zero point) */
        const float probability = DIGITS_CNN_OUTPUT_SCALE * (float)(scores[best] - DIGITS_CNN_OUTPUT_ZERO_POINT);
        printf("%s: %s (%.1f %%)\n", argv[i], labels[best], 100 * (double)probability);
    }
    return 0;
}
