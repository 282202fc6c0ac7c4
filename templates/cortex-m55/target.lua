-- SPDX-License-Identifier: MIT-0
--
-- Cortex-M55: int8 kernels for MVE (Helium); the portable kernels for everything else.

-- A list of vectors times weights
local function prepare_linear(n, services)
    local mve = n.library("mve")
    local across = n.vectors > 1 and 2 or 1
    services.number("step", n.inputs)
    return mve.prepare(services, n.outputs, across, 1, n.inputs, 0) and mve.pack(services, n.outputs, 8 // across, 1, n.inputs)
end

-- Copies of the rows, also where there is no padding, with some bytes behind them that vectors may read, and (`spare_rows`) room
-- to slide: then each row is copied once, and those that stay are moved now and then.
local function copy_rows(n, services)
    local columns = n.padded ~= 0 and n.row_columns or (n.output_width - 1) * n.stride_width + (n.filter_width - 1) * n.dilation_width + 1
    local slides = n.filter_height > n.stride_height and n.dilation_height == 1 and n.output_height > 2
    local spare = slides and ({ speed = 2, balanced = 1 })[n.optimize] or 0
    services.drop("rows")
    services.scratch("rows", "int8", columns * (n.filter_height + spare * n.stride_height) * n.input_channels + 16)
    services.number("padded", 1)
    services.number("spare_rows", spare * n.stride_height)
    services.number("row_columns", columns)
    services.number("copied_columns", math.min(columns - n.pad_left, n.input_width))
    return columns
end

-- How many windows are gathered at a time
local GATHERED = 8

-- Windows: multiplied where they lie, if that takes few vectors more than gathering their taps. `order`: the axes of the weights'
-- channels, rows and columns.
local function prepare_window(n, services, order)
    local mve = n.library("mve")
    local across, outputs = n.output_width > 1 and 2 or 1, n.output_channels
    local run, height = n.filter_width * n.input_channels, n.filter_height
    local taps, near = run * height, n.dilation_width == 1 or n.filter_width == 1
    local gathered = mve.round_up(taps, 16)
    local in_place = near and mve.round_up(run, 16) * height * 8 <= gathered * 9
        and n.row_columns * n.input_channels * n.dilation_height <= 4000
    services.number("gathered", in_place and 0 or 1)
    if n.padded ~= 0 or not in_place then
        n.row_columns, n.padded = copy_rows(n, services), 1
    end
    if in_place then
        local stride = n.row_columns * n.input_channels * (n.padded ~= 0 and 1 or n.dilation_height)
        if height > 1 and stride == run then
            run, height = run * height, 1
        end
        services.number("step", n.stride_width * n.input_channels)
        return mve.prepare(services, outputs, across, height, run, stride) and mve.pack(services, outputs, 8 // across, height, run, order)
    end
    local batch = math.min(GATHERED, mve.round_up(n.output_width, across))
    services.number("step", gathered)
    services.number("batch_of_windows", batch)
    services.scratch("columns", "int8", batch * gathered + 16)
    return mve.prepare(services, outputs, across, 1, gathered, 0) and mve.pack(services, outputs, 8 // across, 1, taps, order)
end

-- Single channels, 16 at a time; few of them as one flat line, with weights that repeat
local function prepare_single(n, services)
    local mve = n.library("mve")
    local walk, C, height, width = mve.depthwise(n), n.input_channels, n.filter_height, n.filter_width
    services.number("across", 1)
    services.number("down", 16)
    services.number("tails", 1)
    if n.padded ~= 0 or walk.flat or walk.ragged then
        copy_rows(n, services)
    end
    if not services.scaling("tap_groups", mve.MOST_GROUPS) or not services.scaling(walk.flat and "by_repeated_groups" or "by_groups", 16) then
        return false
    end
    services.drop("folded_bias")
    services.drop("multiplier")
    services.drop("shift")
    return services.pack { name = "packed", input = "weights", dtype = "int8", dims = { height * width, C }, channel_axis = 2,
        axes = {
            { axis = 2, extent = walk.vectors, step = 16 },
            { axis = 1, extent = height * width },
            { axis = 2, extent = walk.flat and 16 // C or 1, step = 0 },
            { axis = 2, extent = walk.flat and C or 16 },
        } }
end

-- Single channels by windows: filters of up to 3 by 3 whose outputs end at a zero point of -128
local function prepare_windows(n, services)
    local mve = n.library("mve")
    local w, C = mve.windows(n), n.input_channels
    local same = n.stride_width == n.stride_height and (n.stride_width == 1 or n.stride_width == 2)
    if not same or n.batch > 1 or n.filter_height > 3 or n.filter_width > 3 or n.dilation_height * n.dilation_width ~= 1 or w.blocks == 0
        or n.low ~= -128 or n.high ~= 127 or n.output_zero_point ~= -128 or n.output_height < w.lines
        or math.min(w.columns - n.pad_left, n.input_width) * C < 16 then
        return false
    end
    services.number("across", 1)
    services.number("down", 1)
    services.number("tails", 1)
    services.number("padded", 1) -- the rows under two lines are copied before these are stored
    services.number("copied_columns", math.min(w.columns - n.pad_left, n.input_width))
    if not services.scaling("by_channels", -128) then
        return false
    end
    services.drop("rows")
    services.drop("folded_bias")
    services.drop("multiplier")
    services.drop("shift")
    services.scratch("columns", "int8", w.columns * C * 4)
    services.scratch("blank", "int8", n.input_width * C)
    local axes = { { axis = 3, extent = C }, { axis = 2, extent = 4 }, { axis = 1, extent = 4 } }
    if w.lines == 2 then -- four outputs' weights: moved down and to the right
        axes = { { axis = 3, extent = C }, { axis = 1, extent = 2, step = -1 }, { axis = 2, extent = 2, step = -1 },
            { axis = 2, extent = 4 }, { axis = 1, extent = 4 } }
    end
    return services.pack { name = "packed", input = "weights", dtype = "int8", dims = { n.filter_height, n.filter_width, C },
        channel_axis = 3, axes = axes }
end

-- Element-wise sums: the sum with its offset must fit 32 bits.
local function prepare_sum(n, services)
    local function largest(factor) return math.max(-128 * factor, 127 * factor) end
    local offset = n.linear_offset + (n.low << n.linear_shift)
    local margin = 2 << n.linear_shift
    return n.linear_shift >= 2 and n.linear_shift <= 24
        and offset + largest(n.factor_a) + largest(n.factor_b) + margin < 1 << 31
        and offset - largest(-n.factor_a) - largest(-n.factor_b) - margin > -(1 << 31)
end

-- The gates' weights and the starts of their sums, by eight units: even ones, then odd ones
local function recurrent(n, services)
    if not services.scaling("small_gate_sums", 30) then
        return false
    end
    services.number("sum_shift", 0)
    services.number("short_sums", 0)
    local blocks = (n.units + 7) // 8
    local block, gate = { axis = 1, extent = blocks, step = 8 }, { axis = 2, extent = 4 }
    local even_and_odd, unit = { axis = 1, extent = 2 }, { axis = 1, extent = 4, step = 2 }
    local function pack(name, weights, count, first)
        services.pack { name = "packed", table = weights, dtype = "int8", dims = { n.units, 4, count },
            axes = { block, gate, { axis = 3, extent = (count + 15) // 16, step = 16 }, even_and_odd, unit, { axis = 3, extent = 16 } } }
        services.pack { name = "start", table = "offsets", dtype = "int32", dims = { n.units, 8 },
            axes = { block, { axis = 2, extent = 4, offset = first }, even_and_odd, unit } }
        services.interleave(name, 4 * blocks, { { table = "start", per = 8 }, { table = "packed" } })
        services.drop("packed")
        services.drop("start")
    end
    pack("from_input", "input_weights", n.inputs, 0)
    pack("from_hidden", "recurrent_weights", n.units, 4)
    services.scratch("sums", "int32", 64)
    for _, name in ipairs { "input_weights", "recurrent_weights", "offsets" } do
        services.drop(name)
    end
    return true
end

return {
    description = "Arm Cortex-M55 with MVE",
    inherits = "generic",
    board = "mps3-an547",
    variants = {
        { op = "UnidirectionalSequenceLSTM", when = "is_int8_recurrent", optimize = "speed balanced", forms = "", template = "lstm_mve", prepare = recurrent },
        { op = "Add", when = "is_int8_sum", optimize = "speed balanced", template = "sum_mve", prepare = prepare_sum },
        { op = "Sub", when = "is_int8_sum", optimize = "speed balanced", template = "sum_mve", prepare = prepare_sum },
        { op = "AveragePool2D", when = "is_int8_average", optimize = "speed balanced", forms = "", template = "average_mve" },
        { op = "Conv2D", when = "is_int8_list", forms = "", template = "linear_mve", prepare = prepare_linear },
        { op = "FullyConnected", when = "is_int8_list", forms = "", template = "linear_mve", prepare = prepare_linear },
        { op = "DepthwiseConv2D", when = "is_int8_single", optimize = "speed balanced", forms = "", template = "depthwise_windows_mve",
            prepare = prepare_windows },
        { op = "DepthwiseConv2D", when = "is_int8_single", forms = "", template = "depthwise_mve", prepare = prepare_single },
        { op = "DepthwiseConv2D", when = "is_int8_depth_one", forms = "", template = "convolution_mve",
            prepare = function(n, services) return prepare_window(n, services, "last") end },
        { op = "Conv2D", when = "is_int8_window", forms = "", template = "convolution_mve", prepare = prepare_window },
    },
}
