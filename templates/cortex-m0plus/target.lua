-- SPDX-License-Identifier: MIT-0
--
-- Cortex-M0, M0+, M1: Armv6-M, eight registers for arithmetic, no long multiplication. Two products per multiplication where
-- two outputs share weights.

local function halves(shape)
    return function(n, services)
        return n.library("halves")[shape](n, services)
    end
end

-- Words of two weights: twice their flash, which with `balanced` only few weights of many outputs are worth
local function pairs_of(shape)
    return function(n, services)
        local is_list = (n.vectors or 0) > 0
        local channels = is_list and n.outputs or n.output_channels
        local length = is_list and n.inputs or n.filter_height * n.filter_width * n.input_channels
        local few = channels * length <= 1024 and n.output.elements >= 256 * channels
        local pair_words = n.library("pair_words")
        return (few or n.optimize ~= "balanced") and (not is_list or pair_words.is_worth(n, 26, 64)) and pair_words[shape](n, services)
    end
end

local function eights(n, services)
    return n.library("pair_words").eights(n, services)
end

local function recurrent(form)
    return function(n, services)
        return n.library("gate_sums")[form](n, services)
    end
end

-- Lists of weights take fewer instructions up to so many of a hundred that are not zero.
local function sparse(shape, one, many)
    return function(n, services)
        return n.library("sparse")[shape]({ one = one, many = many, most = 4, short = { "two_products", "high_product" } })(n, services)
    end
end

return {
    description = "Arm Cortex-M0+",
    inherits = "generic",
    board = "mps2-an385-m0plus",
    variants = {
        { op = "Conv2D", when = "sums_bytes_of_vectors", template = "linear_sparse", optimize = "speed", forms = "backwards staged", prepare = sparse("linear", 24, 37) },
        { op = "FullyConnected", when = "sums_bytes_of_vectors", template = "linear_sparse", optimize = "speed", forms = "backwards staged", prepare = sparse("linear", 24, 37) },
        { op = "Conv2D", when = "sums_bytes_of_windows", template = "convolution_sparse", optimize = "speed", forms = "", prepare = sparse("convolution", 24, 37) },
        { op = "Conv2D", when = "sums_bytes_of_vectors", template = "linear_sparse", optimize = "balanced size", forms = "backwards staged", prepare = sparse("linear", 36, 38) },
        { op = "FullyConnected", when = "sums_bytes_of_vectors", template = "linear_sparse", optimize = "balanced size", forms = "backwards staged", prepare = sparse("linear", 36, 38) },
        { op = "Conv2D", when = "sums_bytes_of_windows", template = "convolution_sparse", optimize = "balanced size", forms = "", prepare = sparse("convolution", 36, 38) },
        { op = "Conv2D", when = "multiplies_int8_vectors", template = "linear_eights", optimize = "speed balanced", forms = "backwards staged", prepare = eights },
        { op = "FullyConnected", when = "multiplies_int8_vectors", template = "linear_eights", optimize = "speed balanced", forms = "backwards staged", prepare = eights },
        { op = "Conv2D", when = "multiplies_int8_vectors", template = "linear_pairs", optimize = "speed balanced", forms = "backwards staged", prepare = pairs_of("linear") },
        { op = "FullyConnected", when = "multiplies_int8_vectors", template = "linear_pairs", optimize = "speed balanced", forms = "backwards staged", prepare = pairs_of("linear") },
        { op = "Conv2D", name = "convolution_pairs", when = "convolves_int8_rows", template = "convolution_halves", optimize = "speed balanced", forms = "", prepare = pairs_of("convolution") },
        { op = "DepthwiseConv2D", name = "convolution_pairs", when = "convolves_one_channel", template = "convolution_halves", optimize = "speed balanced", forms = "", prepare = pairs_of("convolution") },
        { op = "Conv2D", when = "multiplies_int8_vectors", template = "linear_vector", optimize = "speed balanced", forms = "", prepare = halves("vector") },
        { op = "Conv2D", when = "multiplies_int8_vectors", template = "linear_halves", forms = "backwards staged", prepare = halves("linear") },
        { op = "FullyConnected", when = "multiplies_int8_vectors", template = "linear_vector", optimize = "speed balanced", forms = "", prepare = halves("vector") },
        { op = "FullyConnected", when = "multiplies_int8_vectors", template = "linear_halves", forms = "backwards staged", prepare = halves("linear") },
        { op = "Conv2D", when = "convolves_int8_rows", template = "convolution_halves", forms = "", prepare = halves("convolution") },
        { op = "DepthwiseConv2D", when = "convolves_one_channel", template = "convolution_halves", forms = "", prepare = halves("convolution") },
        { op = "DepthwiseConv2D", name = "depthwise_short", when = "is_int8_single", template = "depthwise", optimize = "speed balanced", forms = "backwards", prepare = halves("depthwise") },
        { op = "UnidirectionalSequenceLSTM", when = "is_int8_recurrent", template = "lstm_sums", optimize = "speed", forms = "", prepare = recurrent("pairs") },
        { op = "UnidirectionalSequenceLSTM", when = "is_int8_recurrent", template = "lstm_sums", optimize = "balanced", forms = "", prepare = recurrent("few_pairs") },
        { op = "UnidirectionalSequenceLSTM", when = "is_int8_recurrent", template = "lstm_sums", optimize = "balanced", forms = "", prepare = recurrent("bytes") },
    },
}
