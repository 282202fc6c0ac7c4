-- SPDX-License-Identifier: MIT-0
--
-- Cortex-M4, M7, M33: kernels for the DSP extension, which multiplies two pairs of 16 bits per instruction.

-- The weights, rows of `length` inputs per output channel (columns of a depthwise convolution), in the order of the kernels of
-- dsp_pair_16.h and dsp_pair_8.h: by pairs of channels and groups of four inputs, between the sums' starts and their scales. `bits`: 16, or
-- 8 with weights above -128. `even`: as many groups as kernels of one vector want, with weights of 0 behind the last input.
local function pack_channels(n, services, channels, length, bits, rows, even)
    local is_common = bits == 16 and services.scaling("common_right", 12)
    if bits == 8 and not services.scaling("least_weight", -127) or not is_common and not services.scaling("high_product", bits == 8 and 8 or 0) then
        return false
    end
    local blocks, groups = (channels + 1) // 2, even and (length + 7) // 8 * 2 or (length + 3) // 4
    local row, column, dims = 1, 2, { channels, length }
    if n.op == "DepthwiseConv2D" then
        row, column, dims = 2, 1, { length, channels }
    end
    local axes = { { axis = row, extent = blocks, step = 2 }, { axis = column, extent = groups, step = 4 }, { axis = row, extent = 2 } }
    if bits == 16 then -- (k, k + 2), (k + 1, k + 3)
        axes[4], axes[5] = { axis = column, extent = 2 }, { axis = column, extent = 2, step = 2 }
    else
        axes[4] = { axis = column, extent = 4 }
    end
    local shift = is_common and "sum_shifts" or { bits == 16 and services.fact("sum_shift") or 0 }
    if rows then -- all but the last input of each row, then the last ones
        dims = { channels, rows, length // rows }
        axes = { axes[1], { axis = 2, extent = rows }, { axis = 3, extent = dims[3] // 4, step = 4 }, axes[3], { axis = 3, extent = 2 }, { axis = 3, extent = 2, step = 2 } }
        services.pack { name = "last", input = "weights", dtype = "int16", dims = dims, axes = { axes[1], axes[4], { axis = 2, extent = 2 },
            { axis = 2, extent = 2, step = 2 }, { axis = 3, extent = 1, offset = dims[3] - 1 } }, shift = shift, channel_axis = 1 }
    end
    services.pack { name = "packed", input = "weights", dtype = "int" .. bits, dims = dims, axes = axes,
        shift = shift, channel_axis = row }
    if bits == 8 then
        services.borrow("packed", "start", 4, 2, 8)
    end
    local parts = { { table = "start", per = 2, times = bits // 8 }, { table = "packed" }, { table = "last" }, { table = "factor", per = 2 },
        { table = "offset", per = 2 }, { table = "right", per = 2 } }
    if not rows then
        table.remove(parts, 3)
    end
    services.interleave("filters", blocks, parts)
    for _, name in ipairs { "packed", "last", "start", "factor", "offset", "right", "multiplier", "shift", "folded_bias", "staged", "unpacked", "sum_shifts" } do
        services.drop(name)
    end
    services.number("weight_bits", bits)
    services.number("common_right", is_common and 1 or 0)
    services.number("groups", groups)
    services.number("block_words", 6 + (groups * 8 + 8) * bits // 32)
    return true
end

-- What the planner must know: two outputs at a time, whose inputs are read before any of them is stored
local function pair_walk(services, outputs)
    services.number("across", 2)
    services.number("down", outputs)
    services.number("tails", 1)
    services.number("staged_inputs", 1)
end

-- Values that are much more than the layer's own inputs and outputs are not worth their RAM.
local function is_too_large(n, bytes)
    return bytes > 1536 and bytes * 2 > n.input.elements + n.output.elements
end

-- Few weights are not worth the instructions that 8 bits cost.
local function bits_of(bits, weights, vectors)
    return weights <= 1024 and vectors >= 256 and 16 or bits
end

local function linear(bits)
    return function(n, services)
        local alone = n.vectors == 1
        local words = alone and (n.inputs + 7) // 8 * 4 or (n.inputs + 3) // 4 * 4
        if is_too_large(n, 4 * words) or not pack_channels(n, services, n.outputs, n.inputs, bits_of(bits, n.inputs * n.outputs, n.vectors), nil, alone) then
            return false
        end
        pair_walk(services, n.outputs)
        services.scratch("values", "int32", words)
        return true
    end
end

-- Eight inputs: per channel start, weights, factor, offset
local function eights(n, services)
    if not services.scaling("common_right", 12) then
        return false
    end
    services.pack { name = "packed", input = "weights", dtype = "int16", dims = { n.outputs, 8 }, axes = { { axis = 1, extent = n.outputs },
        { axis = 2, extent = 2, step = 4 }, { axis = 2, extent = 2 }, { axis = 2, extent = 2, step = 2 } }, shift = "sum_shifts", channel_axis = 1 }
    services.interleave("filters", n.outputs, { { table = "start", per = 1 }, { table = "packed" }, { table = "factor", per = 1 }, { table = "offset", per = 1 } })
    for _, name in ipairs { "packed", "start", "factor", "offset", "right", "multiplier", "shift", "folded_bias", "staged", "unpacked", "sum_shifts" } do
        services.drop(name)
    end
    pair_walk(services, n.outputs)
    return true
end

-- Windows as vectors, whose inputs are those of one row after the other. Where the rows' inputs are no multiples of four, the windows are
-- gathered first.
local function convolution(bits)
    return function(n, services)
        local length = n.filter_height * n.filter_width * n.input_channels
        local words = 4 * ((length + 3) // 4)
        local run, width = n.filter_width * n.input_channels, bits_of(bits, length * n.output_channels, n.output_height * n.output_width)
        local has_last = n.op == "Conv2D" and width == 16 and run % 4 == 1 and run > 4 and n.filter_height > 1 and n.filter_height <= 4 -- of each row one input
        local is_gathered = not has_last and run % 4 ~= 0 and n.filter_height > 1
        if is_too_large(n, 4 * words) or not pack_channels(n, services, n.output_channels, length, width, has_last and n.filter_height) then
            return false
        end
        services.number("has_last", has_last and 1 or 0)
        pair_walk(services, n.output_channels)
        services.scratch("values", "int32", words)
        services.number("is_gathered", is_gathered and 1 or 0)
        if is_gathered then
            services.scratch("gathered", "int8", 2 * words)
        end
        return true
    end
end

-- Rows in pairs: two lines of outputs at a time, or one.
local function depthwise_pairs(n, services)
    local lines = n.stride_height == 1 and n.output_height > 1 and 2 or 1
    local words, own = n.input_channels * n.row_columns * 2, n.input.elements + n.output.elements
    if 4 * words > math.max(12288, own // 2) or not services.scaling("pair_taps", lines) then
        return false
    end
    for _, name in ipairs { "folded_bias", "multiplier", "shift", "rows" } do
        services.drop(name)
    end
    services.number("lines", lines)
    services.number("copied", 1)
    services.scratch("pairs", "int32", words)
    return true
end

-- Winograd's F(2x2, 3x3): two output rows at a time, from four rows that are copied first.
local function winograd(n, services)
    local words = 16 * n.input_channels
    if is_too_large(n, 4 * words) or not services.scaling("high_product", 2) or not services.winograd("packed") then
        return false
    end
    services.interleave("filters", n.output_channels // 2, { { table = "packed" }, { table = "start", per = 2, times = 1 },
        { table = "factor", per = 2 }, { table = "offset", per = 2 }, { table = "right", per = 2 } })
    for _, name in ipairs { "packed", "start", "factor", "offset", "right", "multiplier", "shift", "folded_bias", "unpacked", "rows" } do
        services.drop(name)
    end
    services.scratch("rows", "int8", 4 * n.row_columns * n.input_channels)
    services.scratch("values", "int32", words)
    return true
end

-- Four channels in a word, as many words at a time as there are registers for.
local function pool(n, services)
    local words = n.op == "AveragePool2D" and 4 or 8
    while n.input_channels % (4 * words) ~= 0 do
        words = words // 2
    end
    services.number("down", 4 * words)
    return true
end

-- Without memory for expanded values: runtime/dsp_lean_16.h
local function lean_linear(n, services)
    local lean = n.library("lean")
    if n.inputs % 4 > 0 and n.inputs > lean.MOST_GATHERED or not lean.pack(services, n.outputs, n.inputs) then
        return false
    end
    if n.inputs % 4 > 0 then
        services.number("staged_inputs", 1)
    end
    if n.staging ~= "none" then
        services.drop("staged")
        services.scratch("staged", "int8", n.outputs)
    end
    return true
end

-- The same for windows, which need no copies of rows
local function lean_convolution(n, services)
    local lean, length = n.library("lean"), n.filter_height * n.filter_width * n.input_channels
    local is_gathered = n.input_channels % 4 > 0
    if is_gathered and length > lean.MOST_GATHERED or n.filter_height > 16 or n.filter_width * n.input_channels > 4096
        or not services.scaling("folded", 0) or not lean.pack(services, n.output_channels, length, n.op == "DepthwiseConv2D") then
        return false
    end
    services.drop("rows")
    services.number("padded", 0)
    services.number("is_gathered", is_gathered and 1 or 0)
    if is_gathered then
        services.number("staged_inputs", 1)
    end
    if n.staging ~= "none" then
        services.drop("staged")
        services.scratch("staged", "int8", n.staging == "row" and n.output_width * n.output_channels or n.output_channels)
    end
    return true
end

-- In place: weights by fours of channels, the upper two rows in pairs, then the last row; channels 0, 2, 1, 3
local function lean_depthwise(n, services)
    if not services.scaling("folded", 0) or not services.scaling("high_product", 0) then
        return false
    end
    local blocks, shift, dims = n.input_channels // 4, { services.fact("sum_shift") }, { 3, 3, n.input_channels }
    local block, column = { axis = 3, extent = blocks, step = 4 }, { axis = 2, extent = 3 }
    local first, second = { axis = 3, extent = 2 }, { axis = 3, extent = 2, step = 2 }
    services.pack { name = "upper", input = "weights", dtype = "int16", dims = dims, shift = shift, channel_axis = 3,
        axes = { block, column, first, second, { axis = 1, extent = 2 } } }
    services.pack { name = "lower", input = "weights", dtype = "int16", dims = dims, shift = shift, channel_axis = 3,
        axes = { block, column, first, second, { axis = 1, extent = 1, offset = 2 } } }
    services.interleave("filters", blocks, { { table = "start", per = 4 }, { table = "upper" }, { table = "lower" },
        { table = "factor", per = 4 }, { table = "offset", per = 4 }, { table = "right", per = 4 } })
    for _, name in ipairs { "upper", "lower", "start", "factor", "offset", "right", "multiplier", "shift", "folded_bias", "unpacked", "ring" } do
        services.drop(name)
    end
    return true
end

local function recurrent(bits)
    return function(n, services)
        return n.library("gate_sums").dsp(bits)(n, services)
    end
end

-- Lists of weights take fewer instructions than vectors of two up to so many of a hundred that are not zero.
local function sparse(shape, one, many)
    return function(n, services)
        return n.library("sparse")[shape]({ one = one, many = many, most = 4, pairs = true, short = { "high_product" }, saturates = true })(n, services)
    end
end

return {
    description = "Arm Cortex-M4F",
    inherits = "generic",
    board = "mps2-an386",
    variants = {
        { op = "Conv2D", when = "sums_bytes_of_vectors", template = "linear_sparse", forms = "backwards staged", prepare = sparse("linear", 10, 15) },
        { op = "FullyConnected", when = "sums_bytes_of_vectors", template = "linear_sparse", forms = "backwards staged", prepare = sparse("linear", 10, 15) },
        { op = "Conv2D", when = "sums_bytes_of_windows", template = "convolution_sparse", forms = "", prepare = sparse("convolution", 10, 9) },
        { op = "UnidirectionalSequenceLSTM", when = "is_int8_recurrent", template = "lstm_sums", optimize = "speed", forms = "", prepare = recurrent(16) },
        { op = "UnidirectionalSequenceLSTM", when = "is_int8_recurrent", template = "lstm_sums", optimize = "balanced", forms = "", prepare = recurrent(8) },
        { op = "DepthwiseConv2D", when = "is_depthwise_of_pairs", template = "depthwise_pairs", optimize = "speed balanced", forms = "", prepare = depthwise_pairs },
        { op = "DepthwiseConv2D", when = "convolves_one_channel", template = "convolution_dsp", optimize = "speed", forms = "backwards", prepare = convolution(16) },
        { op = "DepthwiseConv2D", when = "convolves_one_channel", template = "convolution_dsp", optimize = "balanced", forms = "backwards", prepare = convolution(8) },
        { op = "AveragePool2D", when = "pools_words", template = "pool_dsp", optimize = "speed balanced", forms = "", prepare = pool },
        { op = "MaxPool2D", when = "pools_words", template = "pool_dsp", optimize = "speed balanced", forms = "", prepare = pool },
        { op = "Conv2D", when = "multiplies_int8_eights", template = "linear_eight", optimize = "speed balanced", forms = "staged", prepare = eights },
        { op = "Conv2D", when = "multiplies_int8_vectors", template = "linear_dsp", optimize = "speed", forms = "backwards staged", prepare = linear(16) },
        { op = "Conv2D", when = "multiplies_int8_vectors", template = "linear_dsp", optimize = "balanced", forms = "backwards staged", prepare = linear(8) },
        { op = "FullyConnected", when = "multiplies_int8_vectors", template = "linear_dsp", optimize = "speed", forms = "backwards staged", prepare = linear(16) },
        { op = "FullyConnected", when = "multiplies_int8_vectors", template = "linear_dsp", optimize = "balanced", forms = "backwards staged", prepare = linear(8) },
        { op = "Conv2D", when = "is_wide_3_by_3", template = "convolution_winograd", optimize = "speed", forms = "", prepare = winograd },
        { op = "Conv2D", when = "sums_bytes_of_windows", template = "convolution_sparse", forms = "", prepare = sparse("convolution", 10, 15) },
        { op = "Conv2D", when = "convolves_int8_rows", template = "convolution_dsp", optimize = "speed", forms = "backwards", prepare = convolution(16) },
        { op = "Conv2D", when = "convolves_int8_rows", template = "convolution_dsp", optimize = "balanced", forms = "backwards", prepare = convolution(8) },
        { op = "Conv2D", when = "multiplies_int8_vectors", template = "linear_lean", optimize = "speed", forms = "lean backwards staged", prepare = lean_linear },
        { op = "FullyConnected", when = "multiplies_int8_vectors", template = "linear_lean", optimize = "speed", forms = "lean backwards staged", prepare = lean_linear },
        { op = "DepthwiseConv2D", when = "is_short_in_place", template = "depthwise_lean", optimize = "speed", forms = "direct channels", prepare = lean_depthwise },
        { op = "DepthwiseConv2D", when = "convolves_one_channel", template = "convolution_lean", optimize = "speed", forms = "lean backwards", prepare = lean_convolution },
        { op = "Conv2D", when = "convolves_int8_windows", template = "convolution_lean", optimize = "speed", forms = "lean direct backwards staged", prepare = lean_convolution },
        { op = "Conv2D", when = "sums_bytes_of_vectors", template = "linear_sparse", optimize = "speed balanced", forms = "backwards staged", prepare = sparse("linear", 50, 50) },
        { op = "FullyConnected", when = "sums_bytes_of_vectors", template = "linear_sparse", optimize = "speed balanced", forms = "backwards staged", prepare = sparse("linear", 50, 50) },
        { op = "Conv2D", when = "sums_bytes_of_windows", template = "convolution_sparse", optimize = "speed balanced", forms = "", prepare = sparse("convolution", 50, 50) },
    },
}
