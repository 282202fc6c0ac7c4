-- SPDX-License-Identifier: MIT-0
--
-- Plain C99: complete, readable, the reference for every other target.

return {
    description = "portable C99, any compiler and processor",
    board = "host",
    variants = {
        { op = "Conv2D", when = "goes_in_blocks_by_points", template = "linear_blocks" },
        { op = "Conv2D", when = "goes_in_blocks", template = "convolution_rows" },
        { op = "DepthwiseConv2D", when = "is_folded_single", optimize = "size", template = "depthwise_compact" },
        { op = "DepthwiseConv2D", when = "goes_in_blocks", template = "depthwise_rows" },
        { op = "FullyConnected", when = "goes_in_blocks", template = "linear_blocks" },
    },
}
