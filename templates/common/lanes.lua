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

-- The lines that describe to the functions of x86_bytes.h how sums become outputs
function lanes.scaling(n, indent)
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
    shape.most = math.min(4, 16 // taps)
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

return lanes
