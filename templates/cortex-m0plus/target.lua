-- SPDX-License-Identifier: MIT-0
--
-- Cortex-M0, M0+, M1: Armv6-M, eight registers for arithmetic, no long multiplication. Two products per multiplication where
-- two outputs share weights.

local function halves(shape)
    return function(n, services)
        return n.library("halves")[shape](n, services)
    end
end

-- Lists of weights take fewer instructions up to so many of a hundred that are not zero.
local function sparse(shape)
    return function(n, services)
        return n.library("sparse")[shape]({ one = 36, many = 38, most = 4, short = "exact" })(n, services)
    end
end

return {
    description = "Arm Cortex-M0+",
    inherits = "generic",
    board = "mps2-an385-m0plus",
    variants = {
        { op = "Conv2D", when = "sums_bytes_of_vectors", template = "linear_sparse", forms = "backwards staged", prepare = sparse("linear") },
        { op = "FullyConnected", when = "sums_bytes_of_vectors", template = "linear_sparse", forms = "backwards staged", prepare = sparse("linear") },
        { op = "Conv2D", when = "sums_bytes_of_windows", template = "convolution_sparse", forms = "", prepare = sparse("convolution") },
        { op = "Conv2D", when = "multiplies_int8_vectors", template = "linear_vector", optimize = "speed balanced", forms = "", prepare = halves("vector") },
        { op = "Conv2D", when = "multiplies_int8_vectors", template = "linear_halves", forms = "backwards staged", prepare = halves("linear") },
        { op = "FullyConnected", when = "multiplies_int8_vectors", template = "linear_vector", optimize = "speed balanced", forms = "", prepare = halves("vector") },
        { op = "FullyConnected", when = "multiplies_int8_vectors", template = "linear_halves", forms = "backwards staged", prepare = halves("linear") },
        { op = "Conv2D", when = "convolves_int8_rows", template = "convolution_halves", forms = "", prepare = halves("convolution") },
        { op = "DepthwiseConv2D", when = "convolves_one_channel", template = "convolution_halves", forms = "", prepare = halves("convolution") },
        { op = "DepthwiseConv2D", name = "depthwise_short", when = "is_int8_single", template = "depthwise", optimize = "speed balanced", forms = "backwards", prepare = halves("depthwise") },
    },
}
