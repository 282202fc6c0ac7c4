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
    services.number("across_or", lanes.tile(n.vectors, n.inputs, 2 * across)) -- with AMX
    local is_alone = n.vectors == 1
    services.number("narrow", is_alone and services.scaling("saturated_pairs", 512) and 1 or is_alone and services.scaling("signed_start", 0) and 2 or 0)
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
    services.number("winograd", 0)
    return true
end

-- Below VNNI by Winograd's transform: its filters [block of 16 channels][16 elements][pair of input channels][16 channels][2], from
-- [pair of filters][16 elements][four input channels][2 filters][odd, even][2]
local function prepare_bytes_winograd(n, services)
    local lanes = n.library("lanes")
    local C, N = n.input_channels, n.output_channels
    if not services.winograd("filters") or not prepare_convolution(n, services) then
        return false
    end
    services.pack { name = "transformed", table = "filters", dtype = "int16", dims = { N // 2, 16, C // 4, 2, 2, 2 },
        axes = { { axis = 1, extent = N // 16, step = 8 }, { axis = 2, extent = 16 }, { axis = 3, extent = C // 4 }, { axis = 6, extent = 2 },
            { axis = 1, extent = 8 }, { axis = 4, extent = 2 }, { axis = 5, extent = 2 } } }
    services.drop("filters")
    services.drop("copies")
    -- three rows of words, or four of bytes and the transform of a few tiles
    local pitch = lanes.row_pitch(n)
    services.scratch("copies", "uint16", math.max(3 * pitch, 2 * pitch + 16 * lanes.winograd_bytes_tiles(n) * C))
    services.number("winograd", 1)
    return true
end

-- Tiles may span lines of outputs: everything that they read is read before any of their lines is written
local function prepare_winograd(n, services)
    local tiles = n.library("lanes").winograd_tiles(n)
    if not services.winograd_floats("packed") then
        return false
    end
    n.library("lanes").pack_biases(n, services, n.output_channels)
    services.drop("rows")
    services.scratch("values", "float32", 16 * tiles * n.input_channels)
    services.scratch("sums", "float32", 16 * tiles * n.output_channels)
    services.scratch("absent", "float32", n.input_channels)
    services.number("copied", 1)
    return true
end

local function prepare_depthwise(n, services)
    local lanes = n.library("lanes")
    return lanes.prepare_depthwise(n, services, lanes.prove)
end

return {
    description = "x86-64, from plain C to AVX-512 VNNI as the compiler's flags allow",
    inherits = "generic",
    board = "host",
    alignment = 64,
    runtime = { scaling = "floor", depthwise_blocks = 4, depthwise = "x86_depthwise.h", pool = "x86_pool.h", floats = "x86_floats.h" },
    variants = function(library)
        return library("lanes").variants {
            first = {
                { op = "Conv2D", when = "is_bytes_3_by_3", template = "bytes_winograd", optimize = "speed", forms = "", prepare = prepare_bytes_winograd },
                { op = "Conv2D", when = "is_float_3_by_3", template = "float_winograd", optimize = "speed", forms = "", prepare = prepare_winograd },
            },
            linear = prepare_linear, convolution = prepare_convolution, depthwise = prepare_depthwise,
        }
    end,
}
