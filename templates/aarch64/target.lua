-- SPDX-License-Identifier: MIT-0
--
-- Armv8-A and later, 64 bits: vector kernels whose level (products of matrices, dot products, plain NEON, none) the C compiler's macros
-- choose. Weights are packed in the order in which they are read: blocks of 16 output channels, eight values each.

-- Vectors times weights
local function prepare_linear(n, services)
    local lanes, neon = n.library("lanes"), n.library("neon")
    if not lanes.round(services, neon.padded(n.outputs)) then
        return false
    end
    local eights = neon.pack(services, n.outputs, { n.outputs, 1, n.inputs }, 1, 2)
    local copies = n.inputs % 8 > 0 or n.vectors > 1
    local count = (n.vectors + 23) // 24
    local across = copies and (n.vectors + count - 1) // count or 1
    if copies then
        services.scratch("copies", "int8", across * eights * 8)
    end
    services.number("copies_vectors", copies and 1 or 0)
    services.number("across", across)
    services.number("down", copies and n.outputs or math.min(8, n.outputs))
    services.number("tails", 1)
    return true
end

-- Rows are copied with their padding; a filter's row is one run, or (`gathers`) all of its rows are
local function prepare_convolution(n, services)
    local lanes, neon = n.library("lanes"), n.library("neon")
    if not lanes.round(services, neon.padded(n.output_channels)) then
        return false
    end
    local H, run, N = n.filter_height, n.filter_width * n.input_channels, n.output_channels
    local gathers = neon.is_gathered(n)
    if gathers then
        H, run = 1, H * run
        services.scratch("windows", "int8", neon.gathered_pixels(n) * neon.round_up(run, 8))
    end
    if n.op == "DepthwiseConv2D" then -- of one input channel: the same with the output channels last
        neon.pack(services, N, { H, run, N }, 3, 1)
    else
        neon.pack(services, N, { N, H, run }, 1, 2)
    end
    services.number("gathers", gathers and 1 or 0)
    services.drop("rows")
    services.scratch("copies", "int8", n.filter_height * neon.round_up(n.row_columns * n.input_channels + 8, 16))
    services.number("copied", 1)
    return true
end

local function prepare_depthwise(n, services)
    local lanes = n.library("lanes")
    return lanes.prepare_depthwise(n, services, function() return lanes.round(services, (n.input_channels + 15) // 16 * 16) end)
end

return {
    description = "Arm AArch64, from plain C to NEON with products of matrices as the compiler's flags allow",
    inherits = "generic",
    board = "aarch64-linux",
    alignment = 16,
    runtime = { scaling = "rounded", depthwise_blocks = 1, depthwise = "neon_depthwise.h", pool = "neon_pool.h", floats = "neon_floats.h" },
    variants = function(library)
        return library("lanes").variants { linear = prepare_linear, convolution = prepare_convolution, depthwise = prepare_depthwise }
    end,
}
