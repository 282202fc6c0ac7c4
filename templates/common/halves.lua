-- SPDX-License-Identifier: MIT-0
--
-- What the kernels of runtime/half_words.h need, and those of pair_words.h and word_tiles.h share with them: for targets that multiply 32
-- bits and have no vectors.

local halves = {}

-- The fact "short_scale": where outputs take the upper half of a product (half_high_product.h), come of two products of 32 bits
-- (short_scale.h), or of the upper half of one (one_product.h); for the latter two, where those of negative sums differ
local HIGH, TWO, TWO_SIDED, ONE, ONE_SIDED = 0, 1, 2, 3, 4

-- `stream`: the columns where starts lie elsewhere
local forms = {
    [HIGH] = { header = "half_high_product.h", columns = { "start", "factor", "offset", "right" }, output = "etch_half_word_output",
        kernels = "half_high_product.h", channels = "etch_half_word_channels" },
    [TWO] = { header = "short_scale.h", columns = { "start", "reach", "upper", "lower", "offset" }, output = "etch_short_output",
        stream = { "reach", "upper", "lower", "offset" }, kernels = "half_channels.h", channels = "etch_half_channels" },
    [TWO_SIDED] = { header = "short_scale.h", columns = { "zero", "above", "start", "reach", "upper", "lower", "offset" }, output = "etch_two_sided_output",
        stream = { "reach", "upper", "lower", "offset", "zero", "above" }, kernels = "half_channels.h", channels = "etch_two_sided_channels" },
    [ONE] = { header = "one_product.h", columns = { "start", "reach", "factor", "offset" }, output = "etch_one_product_output",
        stream = { "reach", "factor", "offset" }, kernels = "half_products.h", channels = "etch_half_products" },
    [ONE_SIDED] = { header = "one_product.h", columns = { "zero", "above", "start", "reach", "factor", "offset" }, output = "etch_one_product_two_sided",
        stream = { "zero", "above", "reach", "factor", "offset" }, kernels = "half_products.h", channels = "etch_half_two_sided_products" },
}

-- Forms from the fastest on, without long multiplication
local SHORT = { "two_products", "high_product" }

-- The first form of a list that is exact
local function first_form(services, wanted)
    for _, name in ipairs(wanted) do
        if services.scaling(name, name == "high_product" and 2 or 0) then
            return name == "high_product" and HIGH or (name == "one_product" and ONE or TWO) + services.fact("two_sided")
        end
    end
end

local function is_one_product(n)
    return n.short_scale == ONE or n.short_scale == ONE_SIDED
end

halves.is_one_product = is_one_product

function halves.is_two_sided(n)
    return n.short_scale == TWO_SIDED or n.short_scale == ONE_SIDED
end

-- ", left" for the functions that take how far sums go to the left
function halves.left(n)
    return is_one_product(n) and ", " .. (n.library("weighted").is_fast(n) and n.left or n.argument("int32_t", "left", n.left)) or ""
end

-- Says the first form that is exact, and puts what it needs of a channel side by side. False where none is exact.
function halves.interleave_scales(services, channels, wanted)
    local form = first_form(services, wanted or SHORT)
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

-- The scales of all channels as "scales", but of no high product, without the starts; their number. Nothing where no form is exact.
function halves.short_scales(services, channels, wanted)
    local form = services.scaling("least_weight", -127) and first_form(services, wanted or { "two_products" })
    if not form then
        return
    end
    local columns = {}
    for i, name in ipairs(forms[form].stream) do
        columns[i] = { table = name, per = 1, times = 1 }
    end
    services.interleave("scales", channels, columns)
    services.number("short_scale", form)
    return #columns
end

function halves.drop_scales(services)
    for _, name in ipairs { "zero", "above", "start", "reach", "upper", "lower", "factor", "offset", "multiplier", "shift", "folded_bias", "staged", "unpacked" } do
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
local function pack_rows(n, services, channels, length, wanted)
    if not services.scaling("least_weight", -127) or not halves.interleave_scales(services, channels, wanted) then
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

function halves.linear(n, services, wanted)
    return n.vectors > 1 and n.inputs >= 4 and pack_rows(n, services, n.outputs, n.inputs, wanted)
end

-- One vector. Where most of the last eight channels would be none, their weights cost more than they bring.
function halves.vector(n, services)
    local blocks = (n.outputs + 7) // 8
    if n.vectors > 1 or n.inputs % 4 ~= 0 or 8 * blocks > n.outputs * 2 or not halves.interleave_scales(services, n.outputs) then
        return false
    end
    services.pack { name = "packed", input = "weights", dtype = "uint8", zero_point = -128, dims = { n.outputs, n.inputs },
        axes = { { axis = 1, extent = blocks, step = 8 }, { axis = 2, extent = n.inputs }, { axis = 1, extent = 8 } } }
    services.drop("staged")
    services.drop("unpacked")
    services.number("folded", 2) -- into the scales
    return true
end

function halves.convolution(n, services, wanted)
    return n.output_width > 1 and pack_rows(n, services, n.output_channels, n.filter_height * n.filter_width * n.input_channels, wanted)
end

-- The portable kernel with the short form of requantisation
function halves.depthwise(n, services, wanted)
    if not halves.interleave_scales(services, n.output_channels, wanted) then
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
    local form = forms[n.short_scale]
    n.uses(form.kernels)
    return form.channels
end

-- The output element from the sum, both as texts
function halves.output(n, sum, channel)
    local form = forms[n.short_scale]
    n.uses(form.header)
    return ("%s(%s, scales + %d * %s%s)"):format(form.output, sum, #form.columns, channel:find(" ") and "(" .. channel .. ")" or channel, halves.left(n))
end

return halves
