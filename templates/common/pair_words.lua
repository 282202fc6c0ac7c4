-- SPDX-License-Identifier: MIT-0
--
-- What the kernels of runtime/pair_words.h need.

local pair_words = {}

-- Rows of `length` weights as words of two channels each, by fours of channels, between the sums' starts and the scales. `in_place`: values are
-- not copied to words. False where a product of two values and weights does not fit 16 bits, or no short form of requantisation is exact.
local function pack(n, services, wanted, channels, length, in_place)
    local halves = n.library("halves")
    local columns = halves.short_scales(services, channels, wanted)
    if not columns then
        return false
    end
    local blocks, groups, is_depthwise = (channels + 3) // 4, (length + 3) // 4, n.op == "DepthwiseConv2D"
    local row, column = is_depthwise and 2 or 1, is_depthwise and 1 or 2
    services.pack { name = "packed", input = "weights", dtype = "int16", dims = is_depthwise and { length, channels } or { channels, length },
        axes = { { axis = row, extent = blocks, step = 4 }, { axis = column, extent = 4 * groups }, { axis = row, extent = 4 } } }
    services.pair("packed", "start")
    services.interleave("filters", blocks, { { table = "start", per = 4 }, { table = "packed" }, { table = "scales", per = 4 * columns } })
    halves.drop_scales(services)
    services.drop("scales")
    services.drop("packed")
    services.number("block_words", 4 + 8 * groups + 4 * columns)
    services.number("in_place", in_place and 1 or 0)
    if not in_place then
        services.scratch("values", "int32", halves.copied_values(n, length))
    end
    halves.walk(services, 1, in_place and 4 or channels, not in_place)
    return true
end

-- Vectors of eight values, in groups as large as weights allow: the order of the values, then two channels at a time
function pair_words.eights(n, services)
    local halves = n.library("halves")
    if n.inputs ~= 8 or n.outputs % 4 ~= 0 or n.vectors < 2 then
        return false
    end
    local columns = halves.short_scales(services, n.outputs)
    if not columns then
        return false
    end
    local size = 4
    while not services.scaling("small_groups", size) do
        size = size - 1
    end
    local blocks = n.outputs // 2
    services.pack { name = "packed", input = "weights", dtype = "int16", dims = { n.outputs, 8 }, order = "order",
        axes = { { axis = 1, extent = blocks, step = 2 }, { axis = 2, extent = 8 }, { axis = 1, extent = 2 } } }
    services.pair("packed", "start")
    services.interleave("filters", blocks, { { table = "packed" }, { table = "places" }, { table = "start", per = 2 }, { table = "scales", per = 2 * columns } })
    halves.drop_scales(services)
    for _, name in ipairs { "scales", "packed", "places" } do
        services.drop(name)
    end
    services.number("group", size)
    halves.walk(services, 1, n.outputs, true)
    return true
end

-- Whether the channels that the last four lack are made up for: ten products take `pairs` instructions here, `others` with the target's
-- next kernel for one vector, 27 with the one for two vectors by two channels.
function pair_words.is_worth(n, pairs, others)
    local twos = (n.outputs + 1) // 2 * 2
    return (n.outputs + 3) // 4 * 4 * pairs <= (n.vectors > 1 and twos * 27 or n.outputs * others)
end

-- Few outputs are not worth a copy of the values.
function pair_words.linear(n, services, wanted)
    local is_large = n.library("halves").is_too_large(n, n.inputs)
    local in_place = n.inputs % 4 == 0 and (is_large or n.outputs < 12) and n.staging == "none" and n.backwards == 0
    return n.inputs >= 4 and (in_place or not is_large) and pack(n, services, wanted, n.outputs, n.inputs, in_place)
end

function pair_words.convolution(n, services, wanted)
    local length = n.filter_height * n.filter_width * n.input_channels
    return not n.library("halves").is_too_large(n, length) and pack(n, services, wanted, n.output_channels, length)
end

local endings = { "channels", "two_sided", "products", "two_sided_products" } -- of the headers' functions, by short_scale

-- Lines that multiply `values`, `count` of them (a number or a text), by all `channels` and store them from `target` on; `name`: what
-- channels are called, where they are a parameter, a multiple of four
function pair_words.channels(n, values, target, channels, count, indent, print, name)
    local blocks, rest = channels // 4, channels % 4
    local halves = n.library("halves")
    local multiply, left = (n.in_place == 1 and "etch_pair_byte_" or "etch_pair_word_") .. endings[n.short_scale], halves.left(n)
    n.uses(halves.is_one_product(n) and "pair_products.h" or "pair_words.h")
    if blocks > 0 then
        print(("%s%s(%s, filters, %s, %s, %s%s);\n"):format(indent, multiply, values, target, count, name and name .. " / 4" or blocks, left))
    end
    if rest > 0 then
        n.include("string.h")
        print(("%sint8_t last[4]; /* the channels that are left over */\n"):format(indent))
        print(("%s%s(%s, filters%s, last, %s, 1%s);\n"):format(indent, multiply, values, blocks > 0 and " + " .. blocks * n.block_words or "", count, left))
        print(("%smemcpy(%s%s, last, %d);\n"):format(indent, target, blocks > 0 and " + " .. 4 * blocks or "", rest))
    end
end

return pair_words
