-- SPDX-License-Identifier: MIT-0
--
-- What the kernels of runtime/half_words.h need, and those of pair_words.h and word_tiles.h share with them: for targets that multiply 32
-- bits and have no vectors.

local halves = {}

local forms = {
    [0] = { header = "half_high_product.h", columns = { "start", "factor", "offset", "right" }, output = "etch_half_word_output", channels = "etch_half_word_channels" },
    { header = "short_scale.h", columns = { "start", "reach", "upper", "lower", "offset" }, output = "etch_short_output", channels = "etch_half_channels" },
    { header = "short_scale.h", columns = { "zero", "above", "start", "reach", "upper", "lower", "offset" }, output = "etch_two_sided_output",
        channels = "etch_two_sided_channels" },
}

-- The fact "short_scale": 1 where outputs come of two products of 32 bits (short_scale.h), 2 where those of negative sums differ, 0
-- where they take the upper half of a product (half_high_product.h). What a form needs of a channel lies side by side. False where
-- none is exact. `high_product`: only the last of them.
local function interleave_scales(services, channels, high_product)
    local form = not high_product and services.scaling("two_products", 0) and services.fact("two_sided") + 1
        or services.scaling("high_product", 2) and 0
    if not form then
        return false
    end
    local parts = {}
    for i, name in ipairs(forms[form].columns) do
        parts[i] = { table = name, per = 1, times = 1 }
    end
    services.interleave("scales", channels, parts)
    for _, name in ipairs(forms[form].columns) do
        services.drop(name)
    end
    for _, name in ipairs { "multiplier", "shift", "folded_bias" } do
        services.drop(name)
    end
    services.number("short_scale", form)
    return true
end

halves.interleave_scales = interleave_scales

-- The scales of all channels as "scales", short_scale.h's form without the starts; their number, and the form. Nothing where no form is exact.
-- `order`: of the columns, where it is another one
function halves.short_scales(services, channels, order)
    if not services.scaling("least_weight", -127) or not services.scaling("two_products", 0) then
        return
    end
    local form, columns = services.fact("two_sided") + 1, {}
    for _, name in ipairs(order or forms[form].columns) do
        if name ~= "start" and (form == 2 or name ~= "zero" and name ~= "above") then
            columns[#columns + 1] = { table = name, per = 1, times = 1 }
        end
    end
    services.interleave("scales", channels, columns)
    services.number("short_scale", form)
    return #columns
end

function halves.drop_scales(services)
    for _, name in ipairs { "zero", "above", "start", "reach", "upper", "lower", "offset", "multiplier", "shift", "folded_bias", "staged", "unpacked" } do
        services.drop(name)
    end
end

-- Values of `length` that are copied, with the zeros behind them: up to a multiple of four behind each row of a filter
function halves.copied_values(n, length)
    local run = (n.vectors or 0) == 0 and n.filter_width * n.input_channels or length
    return math.max((length + 3) // 4 * 4, length + -run % 4)
end

-- Values that are much more than the layer's own inputs and outputs are not worth their RAM.
function halves.is_too_large(n, length)
    return 4 * length > 1536 and 8 * length > n.input.elements + n.output.elements
end

-- What the planner must know: `across` outputs at a time, `down` channels of which are stored together, after all inputs were read
function halves.walk(services, across, down, is_staged)
    services.number("pixels", across)
    services.number("across", across)
    services.number("down", down)
    services.number("tails", 1)
    if is_staged then
        services.number("staged_inputs", 1)
    end
end

-- Rows of `length` weights per channel, up to a multiple of four; the channels' scales side by side. False where a product of two
-- values and weights does not fit 16 bits, or no short form of requantisation is exact.
local function pack_rows(n, services, channels, length)
    if not services.scaling("least_weight", -127) or not interleave_scales(services, channels) then
        return false
    end
    local blocks, row = (channels + 1) // 2, (length + 3) // 4 * 4
    local is_depthwise = n.op == "DepthwiseConv2D" -- of one channel; its weights of a channel are a column
    local channel_axis, length_axis = is_depthwise and 2 or 1, is_depthwise and 1 or 2
    services.pack { name = "packed", input = "weights", dtype = "int8", dims = is_depthwise and { length, channels } or { channels, length },
        axes = { { axis = channel_axis, extent = 2 * blocks }, { axis = length_axis, extent = row } } }
    services.drop("staged")
    services.drop("unpacked")
    services.scratch("words", "uint32", halves.copied_values(n, length))
    halves.walk(services, 2, channels, true)
    return true
end

function halves.linear(n, services)
    return n.vectors > 1 and n.inputs >= 4 and pack_rows(n, services, n.outputs, n.inputs)
end

-- One vector. Where most of the last eight channels would be none, their weights cost more than they bring.
function halves.vector(n, services)
    local blocks = (n.outputs + 7) // 8
    if n.vectors > 1 or n.inputs % 4 ~= 0 or 8 * blocks > n.outputs * 2 or not interleave_scales(services, n.outputs) then
        return false
    end
    services.pack { name = "packed", input = "weights", dtype = "uint8", zero_point = -128, dims = { n.outputs, n.inputs },
        axes = { { axis = 1, extent = blocks, step = 8 }, { axis = 2, extent = n.inputs }, { axis = 1, extent = 8 } } }
    services.drop("staged")
    services.drop("unpacked")
    services.number("folded", 2) -- into the scales
    return true
end

function halves.convolution(n, services)
    return n.output_width > 1 and pack_rows(n, services, n.output_channels, n.filter_height * n.filter_width * n.input_channels)
end

-- The portable kernel with the short form of requantisation
function halves.depthwise(n, services)
    if not interleave_scales(services, n.output_channels) then
        return false
    end
    services.number("folded", 2) -- into the scales
    if n.output_width <= 5 then
        services.number("across", n.output_width) -- a whole line: no block overlaps
    end
    return true
end

-- The name of the headers' function that multiplies words by all channels
function halves.channels(n)
    n.uses(n.short_scale ~= 0 and "half_channels.h" or "half_high_product.h")
    return forms[n.short_scale].channels
end

-- The output element from the sum, both as texts
function halves.output(n, sum, channel)
    local form = forms[n.short_scale]
    n.uses(form.header)
    return ("%s(%s, scales + %d * %s)"):format(form.output, sum, #form.columns, channel:find(" ") and "(" .. channel .. ")" or channel)
end

return halves
