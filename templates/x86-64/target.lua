-- SPDX-License-Identifier: MIT-0
--
-- x86-64: vector kernels whose level (AVX-512 VNNI, AVX-VNNI, AVX2, none) the C compiler's macros choose. Weights are packed in the
-- order in which they are read: blocks of 16 output channels, four values each.

-- Vectors times weights, several at a time
local function prepare_linear(n, services)
    local lanes = n.library("lanes")
    if not lanes.prove(services) then
        return false
    end
    local quads, blocks = (n.inputs + 3) // 4, (n.outputs + 15) // 16
    local across = lanes.pixels(n.vectors, math.min(blocks, 4))
    services.pack { name = "packed", input = "weights", dims = { n.outputs, n.inputs },
        axes = { { axis = 2, extent = quads, step = 4 }, { axis = 1, extent = blocks, step = 16 }, { axis = 1, extent = 16 }, { axis = 2, extent = 4 } } }
    services.scratch("copies", "uint16", across * n.inputs + 8)
    services.number("across", across)
    services.number("down", n.outputs)
    services.number("tails", 1)
    return true
end

-- Rows are copied with their padding; a filter's row is one run
local function prepare_convolution(n, services)
    local lanes = n.library("lanes")
    if not lanes.prove(services) then
        return false
    end
    local run = n.filter_width * n.input_channels
    local quads, blocks = (run + 3) // 4, (n.output_channels + 15) // 16
    local dims, channel, row = { n.output_channels, n.filter_height, run }, 1, 2
    if n.op == "DepthwiseConv2D" then -- of one input channel: the same with the output channels last
        dims, channel, row = { n.filter_height, run, n.output_channels }, 3, 1
    end
    services.pack { name = "packed", input = "weights", dims = dims,
        axes = { { axis = row, extent = n.filter_height }, { axis = row + 1, extent = quads, step = 4 }, { axis = channel, extent = blocks, step = 16 },
            { axis = channel, extent = 16 }, { axis = row + 1, extent = 4 } } }
    services.drop("rows")
    services.scratch("copies", "uint16", n.filter_height * lanes.row_pitch(n))
    services.number("copied", 1)
    return true
end

-- Words of four rows
local function prepare_depthwise(n, services)
    local lanes = n.library("lanes")
    local shape = lanes.depthwise(n)
    if not shape or not lanes.prove(services) then
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
local function pack_biases(n, services, outputs)
    local blocks = (outputs + 15) // 16
    if n.has_bias ~= 0 then
        return services.pack { name = "biases", input = "bias", dtype = "float32", dims = { outputs }, axes = { { axis = 1, extent = blocks * 16 } } }
    end
    local count = n.weights.elements
    return services.pack { name = "biases", input = "weights", dtype = "float32", dims = { count }, axes = { { axis = 1, extent = blocks * 16, offset = count } } }
end

local function prepare_float_linear(n, services)
    local lanes = n.library("lanes")
    local blocks = (n.outputs + 15) // 16
    local across = lanes.pixels(n.vectors, math.min(blocks, 4))
    services.pack { name = "packed", input = "weights", dtype = "float32", dims = { n.outputs, n.inputs },
        axes = { { axis = 2, extent = n.inputs }, { axis = 1, extent = blocks, step = 16 }, { axis = 1, extent = 16 } } }
    pack_biases(n, services, n.outputs)
    services.number("across", across)
    services.number("down", math.min(n.outputs, n.vectors == 1 and 128 or 64))
    services.number("tails", 1)
    return true
end

local function prepare_float_rows(n, services)
    local lanes = n.library("lanes")
    local H, W, C, N = n.filter_height, n.filter_width, n.input_channels, n.output_channels
    local blocks = (N + 15) // 16
    if n.op == "DepthwiseConv2D" and C > 1 then
        local channel_axes = lanes.is_flat(n) and { { axis = 3, extent = 16 // C, step = 0 }, { axis = 3, extent = C } } or { { axis = 3, extent = 16 } }
        services.pack { name = "packed", input = "weights", dtype = "float32", dims = { H, W, C },
            axes = { { axis = 3, extent = blocks, step = 16 }, { axis = 1, extent = H }, { axis = 2, extent = W }, table.unpack(channel_axes) } }
        if lanes.is_flat(n) and n.has_bias ~= 0 then
            services.pack { name = "biases", input = "bias", dtype = "float32", dims = { C }, axes = { { axis = 1, extent = 16 // C, step = 0 }, { axis = 1, extent = C } } }
        else
            pack_biases(n, services, N)
        end
    else
        local dims, channel, row = { N, H, W * C }, 1, 2
        if n.op == "DepthwiseConv2D" then -- of one input channel: the same with the output channels last
            dims, channel, row = { H, W, N }, 3, 1
        end
        services.pack { name = "packed", input = "weights", dtype = "float32", dims = dims,
            axes = { { axis = row, extent = H }, { axis = row + 1, extent = W * C }, { axis = channel, extent = blocks, step = 16 }, { axis = channel, extent = 16 } } }
        pack_biases(n, services, N)
    end
    services.drop("rows")
    services.scratch("copies", "float32", H * lanes.float_pitch(n))
    services.number("copied", 1)
    return true
end

-- Tiles may span lines of outputs: everything that they read is read before any of their lines is written
local function prepare_winograd(n, services)
    local tiles = n.library("lanes").winograd_tiles(n)
    if not services.winograd_floats("packed") then
        return false
    end
    pack_biases(n, services, n.output_channels)
    services.drop("rows")
    services.scratch("values", "float32", 16 * tiles * n.input_channels)
    services.scratch("sums", "float32", 16 * tiles * n.output_channels)
    services.scratch("absent", "float32", n.input_channels)
    services.number("copied", 1)
    return true
end

-- 16 channels of a pixel at a time
local function prepare_pool(n, services)
    services.number("down", math.min(16, n.input_channels))
    return true
end

return {
    description = "x86-64, from plain C to AVX-512 VNNI as the compiler's flags allow",
    inherits = "generic",
    board = "host",
    alignment = 64,
    runtime = { depthwise = "x86_depthwise.h", pool = "x86_pool.h", floats = "x86_floats.h" },
    variants = {
        { op = "Conv2D", when = "is_bytes_by_points", template = "bytes_linear", optimize = "speed balanced", forms = "", prepare = prepare_linear },
        { op = "FullyConnected", when = "is_bytes", template = "bytes_linear", optimize = "speed balanced", forms = "", prepare = prepare_linear },
        { op = "Conv2D", when = "is_bytes_by_rows", template = "bytes_convolution", optimize = "speed balanced", forms = "", prepare = prepare_convolution },
        { op = "DepthwiseConv2D", when = "is_bytes_of_one_channel", template = "bytes_convolution", optimize = "speed balanced", forms = "", prepare = prepare_convolution },
        { op = "DepthwiseConv2D", when = "is_bytes_depthwise", template = "bytes_depthwise", optimize = "speed balanced", forms = "", prepare = prepare_depthwise },
        { op = "Conv2D", when = "is_float_by_points", template = "float_linear", optimize = "speed balanced", forms = "", prepare = prepare_float_linear },
        { op = "FullyConnected", when = "is_float", template = "float_linear", optimize = "speed balanced", forms = "", prepare = prepare_float_linear },
        { op = "Conv2D", when = "is_float_3_by_3", template = "float_winograd", optimize = "speed", forms = "", prepare = prepare_winograd },
        { op = "Conv2D", when = "is_float_by_rows", template = "float_rows", optimize = "speed balanced", forms = "", prepare = prepare_float_rows },
        { op = "DepthwiseConv2D", when = "is_float_depthwise", template = "float_rows", optimize = "speed balanced", forms = "", prepare = prepare_float_rows },
        { op = "AveragePool2D", when = "is_pool_of_bytes", template = "bytes_pool", optimize = "speed balanced", forms = "", prepare = prepare_pool },
    },
}
