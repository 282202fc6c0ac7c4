-- SPDX-License-Identifier: MIT-0
--
-- RISC-V without vectors or floating point: two products per multiplication where two outputs share weights.

-- Forms of requantisation from the fastest on: a product's upper half takes one instruction.
local SHORT = { "one_product", "two_products", "high_product" }

local function halves(shape)
    return function(n, services)
        return n.library("halves")[shape](n, services, SHORT)
    end
end

-- Four vectors by four channels at a time; or words of two weights, twice their flash
local function tiles_of(shape)
    return function(n, services)
        return n.library("word_tiles")[shape](n, services)
    end
end

local function resident(n, services)
    return n.library("resident").linear(n, services)
end

local function pairs(n, services)
    local pair_words = n.library("pair_words")
    return pair_words.is_worth(n, 29, 36) and pair_words.linear(n, services, { "one_product", "two_products" })
end

local function recurrent(form)
    return function(n, services)
        return n.library("gate_sums")[form](n, services)
    end
end

-- Lists of weights take fewer instructions up to so many of a hundred that are not zero.
local function sparse(shape, one)
    return function(n, services)
        return n.library("sparse")[shape]({ one = one, many = 50, most = 4, short = SHORT })(n, services)
    end
end

return {
    description = "RISC-V RV32IMC",
    inherits = "generic",
    board = "riscv-virt",
    variants = {
        { op = "Conv2D", when = "sums_bytes_of_vectors", template = "linear_sparse", optimize = "speed", forms = "backwards staged", prepare = sparse("linear", 37) },
        { op = "FullyConnected", when = "sums_bytes_of_vectors", template = "linear_sparse", optimize = "speed", forms = "backwards staged", prepare = sparse("linear", 37) },
        { op = "Conv2D", when = "sums_bytes_of_windows", template = "convolution_sparse", optimize = "speed", forms = "", prepare = sparse("convolution", 37) },
        { op = "Conv2D", when = "sums_bytes_of_vectors", template = "linear_sparse", optimize = "balanced size", forms = "backwards staged", prepare = sparse("linear", 45) },
        { op = "FullyConnected", when = "sums_bytes_of_vectors", template = "linear_sparse", optimize = "balanced size", forms = "backwards staged", prepare = sparse("linear", 45) },
        { op = "Conv2D", when = "sums_bytes_of_windows", template = "convolution_sparse", optimize = "balanced size", forms = "", prepare = sparse("convolution", 45) },
        { op = "Conv2D", when = "multiplies_int8_vectors", template = "linear_resident", optimize = "speed balanced", forms = "backwards staged", prepare = resident },
        { op = "FullyConnected", when = "multiplies_int8_vectors", template = "linear_resident", optimize = "speed balanced", forms = "backwards staged", prepare = resident },
        { op = "Conv2D", when = "multiplies_int8_vectors", template = "linear_tiles", optimize = "speed balanced", forms = "backwards staged", prepare = tiles_of("linear") },
        { op = "FullyConnected", when = "multiplies_int8_vectors", template = "linear_tiles", optimize = "speed balanced", forms = "backwards staged", prepare = tiles_of("linear") },
        { op = "Conv2D", when = "multiplies_int8_vectors", template = "linear_pairs", optimize = "speed", forms = "backwards staged", prepare = pairs },
        { op = "FullyConnected", when = "multiplies_int8_vectors", template = "linear_pairs", optimize = "speed", forms = "backwards staged", prepare = pairs },
        { op = "Conv2D", name = "convolution_tiles", when = "convolves_int8_rows", template = "convolution_halves", optimize = "speed balanced", forms = "", prepare = tiles_of("convolution") },
        { op = "DepthwiseConv2D", name = "convolution_tiles", when = "convolves_one_channel", template = "convolution_halves", optimize = "speed balanced", forms = "", prepare = tiles_of("convolution") },
        { op = "Conv2D", when = "multiplies_int8_vectors", template = "linear_halves", forms = "backwards staged", prepare = halves("linear") },
        { op = "FullyConnected", when = "multiplies_int8_vectors", template = "linear_halves", forms = "backwards staged", prepare = halves("linear") },
        { op = "Conv2D", when = "convolves_int8_rows", template = "convolution_halves", forms = "", prepare = halves("convolution") },
        { op = "DepthwiseConv2D", when = "convolves_one_channel", template = "convolution_halves", forms = "", prepare = halves("convolution") },
        { op = "DepthwiseConv2D", name = "depthwise_short", when = "is_int8_single", template = "depthwise", optimize = "speed balanced", forms = "backwards", prepare = halves("depthwise") },
        { op = "UnidirectionalSequenceLSTM", when = "is_int8_recurrent", template = "lstm_sums", optimize = "speed", forms = "", prepare = recurrent("pairs") },
        { op = "UnidirectionalSequenceLSTM", when = "is_int8_recurrent", template = "lstm_sums", optimize = "balanced", forms = "", prepare = recurrent("few_pairs") },
    },
}
