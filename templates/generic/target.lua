-- SPDX-License-Identifier: MIT-0
--
-- Plain C99: complete, readable, the reference for every other target.

return {
    description = "portable C99, any compiler and processor",
    board = "host",
    variants = {
        { op = "Conv2D", when = "multiplies_vectors", template = "linear" },
        { op = "Conv2D", when = "is_direct", template = "convolution_direct" },
        { op = "DepthwiseConv2D", when = "is_direct", template = "depthwise_direct" },
        { op = "DepthwiseConv2D", when = "is_folded_single", optimize = "size", template = "depthwise_compact" },
    },
}
