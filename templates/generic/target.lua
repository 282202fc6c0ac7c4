-- SPDX-License-Identifier: MIT-0
--
-- Plain C99: complete, readable, the reference for every other target.

-- Lists of weights are faster than a compiler's vectors up to so many of a hundred that are not zero.
local function sparse(shape)
    return function(n, services)
        return n.library("sparse")[shape]({ one = 8, many = 10, most = 4 })(n, services)
    end
end

return {
    description = "portable C99, any compiler and processor",
    board = "host",
    variants = {
        { op = "Conv2D", when = "sums_bytes_of_vectors", template = "linear_sparse", forms = "backwards staged", prepare = sparse("linear") },
        { op = "FullyConnected", when = "sums_bytes_of_vectors", template = "linear_sparse", forms = "backwards staged", prepare = sparse("linear") },
        { op = "Conv2D", when = "sums_bytes_of_windows", template = "convolution_sparse", forms = "", prepare = sparse("convolution") },
        { op = "Conv2D", when = "multiplies_vectors", template = "linear" },
        { op = "Conv2D", when = "is_direct", template = "convolution_direct" },
        { op = "DepthwiseConv2D", when = "is_direct", template = "depthwise_direct" },
        { op = "DepthwiseConv2D", when = "is_folded_single", optimize = "size", template = "depthwise_compact" },
    },
}
