-- SPDX-License-Identifier: MIT-0
--
-- What the kernels of runtime/word_tiles.h need.

local word_tiles = {}

-- Four vectors by four channels: weights by fours of channels and pairs of values. Two words of working memory per value of a vector.
local function pack(n, services, channels, length)
    local halves = n.library("halves")
    if halves.is_too_large(n, 2 * length) then
        return false
    end
    local columns = halves.short_scales(services, channels, { "one_product" })
    if not columns then
        return false
    end
    local blocks, groups, is_depthwise = (channels + 3) // 4, (length + 3) // 4, n.op == "DepthwiseConv2D"
    local row, column = is_depthwise and 2 or 1, is_depthwise and 1 or 2
    services.pack { name = "packed", input = "weights", dtype = "int8", dims = is_depthwise and { length, channels } or { channels, length },
        axes = { { axis = row, extent = blocks, step = 4 }, { axis = column, extent = 2 * groups, step = 2 }, { axis = row, extent = 4 },
            { axis = column, extent = 2 } } }
    services.interleave("blocks", blocks, { { table = "start", per = 4 }, { table = "scales", per = 4 * columns } })
    halves.drop_scales(services)
    services.drop("scales")
    services.scratch("words", "uint32", 2 * halves.copied_values(n, length))
    halves.walk(services, 4, channels, true)
    return true
end

-- Whether `count` vectors and channels by fours are less work than by twos, which take 2.7 instead of 2.2 instructions per product
local function are_fours(count, channels)
    return (count + 3) // 4 * ((channels + 3) // 4) * 16 * 22 <= (count + 1) // 2 * ((channels + 1) // 2) * 4 * 27
end

function word_tiles.linear(n, services)
    return are_fours(n.vectors, n.outputs) and n.inputs >= 4 and pack(n, services, n.outputs, n.inputs)
end

function word_tiles.convolution(n, services)
    return are_fours(n.output_width, n.output_channels) and pack(n, services, n.output_channels, n.filter_height * n.filter_width * n.input_channels)
end

-- "first, first + step, ..." for `count` of four vectors; the last one again for those that are none
local function fours(first, step, count)
    local places = {}
    for i = 1, 4 do
        local distance = math.min(i, count) - 1
        local by = math.type(step) and tostring(distance * step) or distance == 1 and step or distance .. " * " .. step
        places[i] = distance == 0 and first or first .. " + " .. by
    end
    return table.concat(places, ", ")
end

-- Lines that multiply the words by all `channels` and store them from `target` on, `count` of four outputs. Here and below lengths are numbers
-- or texts; that of the words is a multiple of four.
function word_tiles.channels(n, target, channels, length, count, indent, print)
    local halves = n.library("halves")
    n.uses("tile_products.h")
    print(("%sint8_t *const targets[4] = {%s};\n"):format(indent, fours(target, channels, count)))
    print(("%setch_%stile_products(words, packed, blocks, targets, %s, %s%s);\n"):format(indent, halves.is_two_sided(n) and "two_sided_" or "", length, channels,
        halves.left(n)))
end

-- Lines that make words of `length` values of `count` of four vectors
function word_tiles.words(n, vector, step, words, length, count, indent, print)
    n.uses("word_tiles.h")
    print(("%sconst int8_t *const sources[4] = {%s};\n"):format(indent, fours(vector, step, count)))
    print(("%setch_tile_words(sources, %s, %s);\n"):format(indent, words, length))
end

return word_tiles
