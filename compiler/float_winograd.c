/* SPDX-License-Identifier: MIT
 *
 * Filters of 3 by 3 in single precision, transformed for Winograd's F(2x2, 3x3) (Lavin and Gray, "Fast algorithms for convolutional
 * neural networks", 2016): U = G g G', 16 products instead of 36 for four outputs.
 */
#include "compiler.h"

static void transform(const double filter[3][3], double transformed[4][4])
{
    static const double G[4][3] = {{1.0, 0.0, 0.0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0.0, 0.0, 1.0}};
    double half[4][3];
    for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 3; ++j)
            half[i][j] = G[i][0] * filter[0][j] + G[i][1] * filter[1][j] + G[i][2] * filter[2][j];
    for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j)
            transformed[i][j] = half[i][0] * G[j][0] + half[i][1] * G[j][1] + half[i][2] * G[j][2];
}

bool fact_winograd_floats(const Node *node, Facts *facts, const char *name)
{
    const Tensor *weights = node->inputs[1];
    const int64_t outputs = weights->shape.dim[0], inputs = weights->shape.dim[3];
    if (facts->numbers_only)
        return true;
    float *table = arena_array(facts->arena, (size_t)(16 * inputs * outputs), sizeof *table);
    for (int64_t n = 0; n < outputs; ++n)
        for (int64_t c = 0; c < inputs; ++c) {
            double filter[3][3], transformed[4][4];
            for (int64_t k = 0; k < 9; ++k)
                filter[k / 3][k % 3] = element_float(weights->dtype, weights->data, (n * 9 + k) * inputs + c);
            transform((const double(*)[3])filter, transformed);
            for (int64_t k = 0; k < 16; ++k)
                table[(k * inputs + c) * outputs + n] = (float)transformed[k / 4][k % 4];
        }
    fact_table(facts, name, DTYPE_F32, (int)(16 * inputs * outputs), table, true);
    fact_hide(facts, 1);
    return true;
}
