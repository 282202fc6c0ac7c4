-- SPDX-License-Identifier: MIT-0
--
-- What the kernels of runtime/half_words.h need, for targets that multiply 32 bits and have no vectors.

local halves = {}

-- The channels' biases, multipliers, what is added to products, and shifts, side by side: etch_half_word_output
local function interleave_scales(services, channels)
    services.interleave("scales", channels, { { table = "start", per = 1, times = 1 }, { table = "factor", per = 1, times = 1 },
        { table = "offset", per = 1, times = 1 }, { table = "right", per = 1, times = 1 } })
    for _, name in ipairs { "start", "factor", "offset", "right", "multiplier", "shift", "folded_bias" } do
        services.drop(name)
    end
end

-- Rows of `length` weights per channel, up to a multiple of four; the channels' scales side by side. False where a product of two
-- values and weights does not fit 16 bits, or the short form of requantisation is not exact.
local function pack_rows(n, services, channels, length)
    if not services.scaling("least_weight", -127) or not services.scaling("high_product", 2) then
        return false
    end
    local blocks, row = (channels + 1) // 2, (length + 3) // 4 * 4
    local is_depthwise = n.op == "DepthwiseConv2D" -- of one channel; its weights of a channel are a column
    local channel_axis, length_axis = is_depthwise and 2 or 1, is_depthwise and 1 or 2
    services.pack { name = "packed", input = "weights", dtype = "int8", dims = is_depthwise and { length, channels } or { channels, length },
        axes = { { axis = channel_axis, extent = 2 * blocks }, { axis = length_axis, extent = row } } }
    interleave_scales(services, channels)
    services.drop("staged")
    services.drop("unpacked")
    services.scratch("words", "uint32", row + 4) -- rows of the filter end with zeros
    -- two outputs at a time, whose inputs are read before any of them is stored
    services.number("across", 2)
    services.number("down", channels)
    services.number("tails", 1)
    services.number("staged_inputs", 1)
    return true
end

function halves.linear(n, services)
    return n.vectors > 1 and n.inputs >= 4 and pack_rows(n, services, n.outputs, n.inputs)
end

function halves.convolution(n, services)
    return n.output_width > 1 and pack_rows(n, services, n.output_channels, n.filter_height * n.filter_width * n.input_channels)
end

-- The portable kernel with the short form of requantisation
function halves.depthwise(n, services)
    if not services.scaling("high_product", 2) then
        return false
    end
    interleave_scales(services, n.output_channels)
    services.number("folded", 2) -- into the scales
    if n.output_width <= 5 then
        services.number("across", n.output_width) -- a whole line: no block overlaps
    end
    return true
end

return halves
