-- SPDX-License-Identifier: MIT-0
--
-- What kernels share that make 16 output channels at a time: blocks of registers, packed weights, how outputs are scaled.
-- `n` is what the template sees (_ENV).

local lanes = {}

-- Blocks of 16 channels, in groups of at most `most` that are summed at once: { first =, blocks =, channels =, repeats = }; equal
-- groups that follow each other are one with `repeats`.
function lanes.groups(channels, most)
    local groups, total, first = {}, (channels + 15) // 16, 0
    while first < total do
        local blocks = math.min(most, total - first)
        local whole = math.min(blocks * 16, channels - first * 16)
        local last = groups[#groups]
        if last and last.blocks == blocks and last.channels == whole then
            last.repeats = last.repeats + 1
        else
            groups[#groups + 1] = { first = first, blocks = blocks, channels = whole, repeats = 1 }
        end
        first = first + blocks
    end
    return groups
end

-- Pixels that are summed at once with so many blocks of channels: 24 registers of sums at most, no more pixels than needed.
function lanes.pixels(count, blocks)
    local most = math.min(24 // blocks, 16)
    local steps = (count + most - 1) // most
    return (count + steps - 1) // steps
end

-- Pixels of a tile: 16 at most, all of one size where possible; 0 where vectors do as well, for few products or pixels. `most`: that
-- are copied at once.
function lanes.tile(count, products, most)
    if count < 8 or products < 32 then
        return 0
    end
    local steps = math.max((count + 15) // 16, (count + most - 1) // most)
    return (count + steps - 1) // steps
end

-- The line that describes to the functions of the target's header how sums become outputs
function lanes.scaling(n, indent)
    if n.runtime.scaling == "rounded" then
        return ("%sconst etch_scaling scaling = {scales, %d, %d, %d, %d};"):format(indent, n.output_zero_point, n.low, n.high, n.two_products)
    end
    local below = n.two_sided ~= 0 and "below" or "NULL"
    local pointers = n.wide ~= 0 and "NULL, NULL, NULL, scale, offset, " .. "below" or "scale, offset, " .. below .. ", NULL, NULL, NULL"
    n.include("stddef.h")
    return ("%sconst etch_scaling scaling = {start, %s, %d, %d, %d};"):format(indent, pointers, n.output_zero_point, n.low, n.high)
end

-- Whether the sums of a layer of bytes can be made by unsigned values times signed weights
function lanes.is_bytes(n)
    return n.folded == 1 and n.scaling == "right" and n.input.dtype == "int8" and n.weights and n.weights.dtype == "int8"
        and n.weights_zero_point == 0
end

-- The proof, and the tables that it gives in place of the generic ones
function lanes.prove(services)
    if not services.scaling("floor", 16) then
        return false
    end
    for _, name in ipairs { "multiplier", "shift", "folded_bias" } do
        services.drop(name)
    end
    return true
end

-- The same for outputs that are rounded twice as TensorFlow Lite does: tables of whole vectors, `padded` channels; nothing to prove
function lanes.round(services, padded)
    if not services.scaling("by_fours", padded) then
        return false
    end
    services.number("two_products", services.scaling("least_weight", -127) and 1 or 0)
    for _, name in ipairs { "multiplier", "shift", "folded_bias" } do
        services.drop(name)
    end
    return true
end

-- Elements from one copied row to the next: a run's last four values may reach beyond the row
function lanes.row_pitch(n)
    return (n.row_columns * n.input_channels + 3 + 15) // 16 * 16
end

-- How a depthwise line lies in vectors, or nil where it has too many taps. Pixels are `step` words apart, columns of the filter `spread`;
-- flat: several pixels of few channels are taken as one of 16. Pairs: two lines of outputs share their words.
function lanes.depthwise(n)
    local C, planes = n.input_channels, (n.filter_height + 3) // 4
    local taps = n.filter_width * planes
    local flat = C < 16 and 16 % C == 0 and n.stride_width == 1 and n.output_width * C % 16 == 0
    local pixel = flat and C or (C + 15) // 16 * 16
    if taps > 16 then
        return nil
    end
    local shape = { flat = flat, planes = planes, pixel = pixel, blocks = flat and 1 or pixel // 16 }
    shape.pairs = n.filter_height <= 3 and n.stride_height == 1 and n.output_height > 1
    shape.step, shape.spread = flat and 16 or n.stride_width * pixel, pixel
    shape.plane = n.row_columns * pixel + 16
    shape.pixels = flat and n.output_width * C // 16 or n.output_width
    shape.most = math.min(n.runtime.depthwise_blocks, 16 // taps)
    shape.most = shape.most == 3 and 2 or shape.most
    return shape
end

-- The same for single precision; vectors of 16 channels may reach beyond the last pixel
function lanes.float_pitch(n)
    return (n.row_columns * n.input_channels + 16 + 15) // 16 * 16
end

-- Whether a depthwise line is taken as pixels of 16 channels, where there are fewer
function lanes.is_flat(n)
    local C = n.input_channels
    return C < 16 and 16 % C == 0 and n.stride_width == 1 and n.output_width * C % 16 == 0
end

-- Whether all operands are in single precision, the weights and biases known
function lanes.is_float(n)
    return n.scaling == "real" and n.weights and n.weights.dtype == "float32" and n.weights.constant
        and (n.has_bias == 0 or n.bias.dtype == "float32" and n.bias.constant)
end

-- Tiles that are transformed at once: whole lines of them, so that a line's input is read before any of its outputs is written
function lanes.winograd_tiles(n)
    local across, down = (n.output_width + 1) // 2, (n.output_height + 1) // 2
    return across * math.max(1, math.min(down, 16 // across))
end

-- The same in integers: at most 6 tiles of a line, whose sums for 8 channels fit the registers
function lanes.winograd_bytes_tiles(n)
    local across = n.output_width // 2
    local steps = (across + 5) // 6
    return (across + steps - 1) // steps
end

-- Depthwise convolutions of bytes by words of four rows; `prove` finds out how sums become outputs
function lanes.prepare_depthwise(n, services, prove)
    local shape = lanes.depthwise(n)
    if not shape or not prove(services) then
        return false
    end
    local C = n.input_channels
    local channel_axes = shape.flat and { { axis = 3, extent = 16 // C, step = 0 }, { axis = 3, extent = C } } or { { axis = 3, extent = 16 } }
    local function pack(name, offset)
        local axes = { { axis = 3, extent = shape.blocks, step = 16 }, { axis = 2, extent = n.filter_width }, { axis = 1, extent = shape.planes, step = 4 } }
        for _, axis in ipairs(channel_axes) do
            axes[#axes + 1] = axis
        end
        axes[#axes + 1] = { axis = 1, extent = 4, offset = offset }
        services.pack { name = name, input = "weights", dims = { n.filter_height, n.filter_width, C }, axes = axes }
    end
    pack("packed", 0)
    if shape.pairs then
        pack("packed_below", -1)
    end
    services.drop("rows")
    services.scratch("words", "uint32", shape.planes * shape.plane)
    services.scratch("absent", "int8", n.copied_columns * C)
    services.number("copied", 1)
    return true
end

-- Biases in whole vectors. Without any: what lies beyond the weights, which is 0
function lanes.pack_biases(n, services, outputs)
    local blocks = (outputs + 15) // 16
    if n.has_bias ~= 0 then
        return services.pack { name = "biases", input = "bias", dtype = "float32", dims = { outputs }, axes = { { axis = 1, extent = blocks * 16 } } }
    end
    local count = n.weights.elements
    return services.pack { name = "biases", input = "weights", dtype = "float32", dims = { count }, axes = { { axis = 1, extent = blocks * 16, offset = count } } }
end

function lanes.prepare_float_linear(n, services)
    local blocks = (n.outputs + 15) // 16
    local across = lanes.pixels(n.vectors, math.min(blocks, 4))
    services.pack { name = "packed", input = "weights", dtype = "float32", dims = { n.outputs, n.inputs },
        axes = { { axis = 2, extent = n.inputs }, { axis = 1, extent = blocks, step = 16 }, { axis = 1, extent = 16 } } }
    lanes.pack_biases(n, services, n.outputs)
    services.number("across", across)
    services.number("down", math.min(n.outputs, n.vectors == 1 and 128 or 64))
    services.number("tails", 1)
    return true
end

function lanes.prepare_float_rows(n, services)
    local H, W, C, N = n.filter_height, n.filter_width, n.input_channels, n.output_channels
    local blocks = (N + 15) // 16
    if n.op == "DepthwiseConv2D" and C > 1 then
        local channel_axes = lanes.is_flat(n) and { { axis = 3, extent = 16 // C, step = 0 }, { axis = 3, extent = C } } or { { axis = 3, extent = 16 } }
        services.pack { name = "packed", input = "weights", dtype = "float32", dims = { H, W, C },
            axes = { { axis = 3, extent = blocks, step = 16 }, { axis = 1, extent = H }, { axis = 2, extent = W }, table.unpack(channel_axes) } }
        if lanes.is_flat(n) and n.has_bias ~= 0 then
            services.pack { name = "biases", input = "bias", dtype = "float32", dims = { C }, axes = { { axis = 1, extent = 16 // C, step = 0 }, { axis = 1, extent = C } } }
        else
            lanes.pack_biases(n, services, N)
        end
    else
        local dims, channel, row = { N, H, W * C }, 1, 2
        if n.op == "DepthwiseConv2D" then -- of one input channel: the same with the output channels last
            dims, channel, row = { H, W, N }, 3, 1
        end
        services.pack { name = "packed", input = "weights", dtype = "float32", dims = dims,
            axes = { { axis = row, extent = H }, { axis = row + 1, extent = W * C }, { axis = channel, extent = blocks, step = 16 }, { axis = channel, extent = 16 } } }
        lanes.pack_biases(n, services, N)
    end
    services.drop("rows")
    services.scratch("copies", "float32", H * lanes.float_pitch(n))
    services.number("copied", 1)
    return true
end

-- Averages of 16 channels of a pixel at a time
function lanes.prepare_pool(n, services)
    services.number("down", math.min(16, n.input_channels))
    return true
end

-- The rows of a target with such kernels. `own`: how it prepares bytes, and its rows that come `first`.
function lanes.variants(own)
    local rows = own.first or {}
    local function add(op, when, template, prepare)
        rows[#rows + 1] = { op = op, when = when, template = template, optimize = "speed balanced", forms = "", prepare = prepare }
    end
    add("Conv2D", "is_bytes_by_points", "bytes_linear", own.linear)
    add("FullyConnected", "is_bytes", "bytes_linear", own.linear)
    add("Conv2D", "is_bytes_by_rows", "bytes_convolution", own.convolution)
    add("DepthwiseConv2D", "is_bytes_of_one_channel", "bytes_convolution", own.convolution)
    add("DepthwiseConv2D", "is_bytes_depthwise", "bytes_depthwise", own.depthwise)
    add("Conv2D", "is_float_by_points", "float_linear", lanes.prepare_float_linear)
    add("FullyConnected", "is_float", "float_linear", lanes.prepare_float_linear)
    add("Conv2D", "is_float_by_rows", "float_rows", lanes.prepare_float_rows)
    add("DepthwiseConv2D", "is_float_depthwise", "float_rows", lanes.prepare_float_rows)
    add("AveragePool2D", "is_pool_of_bytes", "bytes_pool", lanes.prepare_pool)
    return rows
end

return lanes
