-- SPDX-License-Identifier: MIT-0
--
-- What AArch64's kernels for bytes share: blocks of 16 output channels, the last one of 8 where that suffices, over runs of whole
-- vectors of eight values. `n` is what the template sees (_ENV).

local neon = {}

local function round_up(number, unit) return (number + unit - 1) // unit * unit end

neon.round_up = round_up

-- Channels with those that the last block has too many
function neon.padded(channels)
    local rest = channels % 16
    return channels - rest + (rest > 8 and 16 or rest > 0 and 8 or 0)
end

-- Channels in blocks of 16, and of 8: how many are whole (or nearly, 9 to 15 channels), and how many channels the last one of 8 has
local function split(channels)
    local rest = channels % 16
    local whole = channels // 16 + (rest > 8 and 1 or 0)
    return whole, rest > 8 and 0 or rest
end

-- { first =, repeats =, wide =, channels =, packed = }: equal blocks that follow each other, and the table of their weights
function neon.blocks(channels)
    local whole, last = split(channels)
    local list, full = {}, channels // 16
    if full > 0 then
        list[1] = { first = 0, repeats = full, wide = 16, channels = 16, packed = "packed" }
    end
    if whole > full then
        list[#list + 1] = { first = full * 16, repeats = 1, wide = 16, channels = channels % 16, packed = "packed" }
    elseif last > 0 then
        list[#list + 1] = { first = full * 16, repeats = 1, wide = 8, channels = last, packed = full > 0 and "packed_last" or "packed" }
    end
    return list
end

-- Weights in the order in which they are read: block, row, eight values of each channel of the block. `dims` with the axes of
-- channels and rows; a row's values are the axis after it.
function neon.pack(services, channels, dims, channel, row)
    local whole, last = split(channels)
    local rows, eights = dims[row], (dims[row + 1] + 7) // 8
    local function pack(name, blocks, wide, offset)
        services.pack { name = name, input = "weights", dims = dims,
            axes = { { axis = channel, extent = blocks, step = 16 }, { axis = row, extent = rows }, { axis = row + 1, extent = eights, step = 8 },
                { axis = channel, extent = wide, offset = offset }, { axis = row + 1, extent = 8 } } }
    end
    if whole > 0 then
        pack("packed", whole, 16, 0)
    end
    if last > 0 then
        pack(whole > 0 and "packed_last" or "packed", 1, 8, whole * 16)
    end
    return eights
end

-- Lines that multiply all blocks: `pixels` of them, `step` values apart, each of `height` runs of `eights` at rows[] + at, to `result`.
function neon.multiply(n, channels, pixels, at, height, eights, step, result, indent)
    local lines, depth = {}, height * eights * 8
    for _, block in ipairs(neon.blocks(channels)) do
        local first, inner = tostring(block.first), indent
        if block.repeats > 1 then
            lines[#lines + 1] = ("%sfor (int32_t n = 0; n < %d; n += 16) {"):format(indent, block.repeats * 16)
            first, inner = "n", indent .. "    "
        end
        local weights = block.packed == "packed" and first ~= "0" and "packed + " .. (first == "n" and "n * " .. depth or block.first * depth) or block.packed
        lines[#lines + 1] = ("%setch_multiply_line(%s, %d, %d, %s, %d, rows, %s, %d, %d, %d, %s, &scaling, %s);"):format(inner,
            result .. (first == "0" and "" or " + " .. first), channels, block.channels, pixels, block.wide, at, height, eights, step, weights, first)
        if block.repeats > 1 then
            lines[#lines + 1] = indent .. "}"
        end
    end
    return table.concat(lines, "\n")
end

-- Pixels of a line whose windows are gathered at a time
function neon.gathered_pixels(n)
    local count = (n.output_width + 23) // 24
    return (n.output_width + count - 1) // count
end

-- Whether windows are gathered, so that their rows are one run: where that saves more vectors of products than it costs to copy
function neon.is_gathered(n)
    local run = n.filter_width * n.input_channels
    local saved = n.filter_height * ((run + 7) // 8) - (n.filter_height * run + 7) // 8
    return saved * n.output_channels > 2 * n.filter_height * (2 * ((run + 7) // 8) + 2)
end

return neon
