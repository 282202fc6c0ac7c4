-- SPDX-License-Identifier: MIT-0
--
-- What the kernels of sparse weights share (services.sparse): every output channel has a list of the weights that are not zero, each with
-- the distance from the input before.

local sparse = {}

-- Bytes that the kernel's function takes at most: with --optimize=size the weights have to make up for them.
local CODE = 320

-- How many outputs (at most `most`) share the reading of weights and distances, at a cost of two of their sums, so that blocks of them are
-- least work; the last block overlaps.
function sparse.across(outputs, most)
    local best, least = 1, math.huge
    for across = 1, math.min(outputs, most) do
        local cost = (outputs + across - 1) // across * (across + 2)
        if cost <= least then
            best, least = across, cost
        end
    end
    return best
end

-- Whether lists of `entries` are better than all of `weights`: `most` of them in a hundred.
local function pays(n, services, entries, channels, weights, most)
    if n.optimize == "size" then
        return 2 * (entries + channels) + CODE < weights
    end
    return 100 * entries <= most * weights
end

-- Facts of a kernel with `across` outputs at a time; false where it is not worth it. `limits`: `one`, `many`: entries per hundred weights up
-- to which it pays, for one and for several outputs at a time; `most`: outputs at a time; `pairs`: two entries per turn of the loop, as one
-- output has them; `short`: the short forms of requantisation, the first of which that is exact is taken; `saturates`: for processors that can do that.
local function prepare(n, services, limits, across, channels, weights, packing)
    local multiple = n.optimize ~= "size" and (across == 1 or limits.pairs) and 2 or 1
    packing.name, packing.input, packing.multiple = "entries", "weights", multiple
    local entries = services.sparse(packing)
    if not entries or not pays(n, services, entries, channels, weights, across > 1 and limits.many or limits.one) then
        return false
    end
    if limits.short and n.low == -128 and n.high == 127 and n.output.dtype == "int8" and n.scaling == "right"
        and n.library("halves").interleave_scales(services, channels, limits.short) then
        services.number("folded", 2)
        services.number("saturates", limits.saturates and 1 or 0)
    end
    services.drop("unpacked")
    services.number("across", across)
    services.number("down", 1)
    services.number("tails", 0)
    services.number("multiple", multiple)
    return true
end

-- Lists of vectors. Where outputs may run over their input, those of a block are kept until it was read.
function sparse.linear(limits)
    return function(n, services)
        local across = sparse.across(n.vectors, limits.most)
        if not prepare(n, services, limits, across, n.outputs, n.outputs * n.inputs, { dims = { n.outputs, n.inputs }, strides = { 0, 1 } }) then
            return false
        end
        services.drop("staged")
        if n.backwards ~= 0 or n.staging ~= "none" then
            services.scratch("staged", n.output.dtype, across * n.outputs)
            services.number("staged_inputs", 1)
            services.number("down", n.outputs)
        end
        return true
    end
end

-- Windows: distances lead from row to row.
function sparse.convolution(limits)
    return function(n, services)
        local groups, depth = n.groups, n.input_channels // n.groups
        local row = n.row_columns * n.input_channels * (n.padded ~= 0 and 1 or n.dilation_height)
        return prepare(n, services, limits, sparse.across(n.output_width, limits.most), n.output_channels,
            n.output_channels * n.filter_height * n.filter_width * depth,
            { dims = { groups, n.output_channels // groups, n.filter_height, n.filter_width, depth },
                strides = { depth, 0, row, n.dilation_width * n.input_channels, 1 }, channel_axes = 2 })
    end
end

-- The output of a sum of channel n
local function output(n, sum)
    if n.library("weighted").has_short_scales(n) and n.saturates ~= 0 then
        n.uses("saturated_output.h")
        return ("etch_saturated_output(%s, scales + 4 * n)"):format(sum)
    end
    return n.library("weighted").finish(n, sum, "n")
end

local function times(a, number)
    return math.type(number) and a * number or a == 1 and number or a .. " * " .. number
end

-- All outputs are made before one is stored, which for all that compilers know could change the scales.
local function store(n, across, result, pitch, indent)
    local weighted, lines = n.library("weighted"), {}
    if across == 1 then
        return weighted.assignment(indent, result .. "[n]", output(n, "sum_00"))
    end
    for a = 0, across - 1 do
        lines[#lines + 1] = weighted.assignment(indent, ("const %s output_%d"):format(n.output.ctype, a), output(n, ("sum_%d0"):format(a)))
    end
    for a = 0, across - 1 do
        lines[#lines + 1] = ("%s%s[n%s] = output_%d;"):format(indent, result, a == 0 and "" or " + " .. times(a, pitch), a)
    end
    return table.concat(lines, "\n")
end

-- The lines that make all channels' outputs of `across` windows, `step` apart from `window` on, to `result`, `pitch` apart.
function sparse.channels(n, across, window, step, result, pitch, channels, indent)
    local weighted = n.library("weighted")
    local lines, inner, innermost = {}, indent .. "    ", indent .. "        "
    local function line(text) lines[#lines + 1] = text end
    line(indent .. "const uint8_t *entry = entries;")
    line(("%sfor (int32_t n = 0; n < %s; ++n) {"):format(indent, channels))
    line(("%sconst %s *value = %s;"):format(inner, n.input.ctype, window))
    line(weighted.block_sums(n, across, 1, inner))
    line(inner .. "int32_t count = entry[0] + 256 * entry[1];")
    line(("%sfor (entry += 2; count > 0; entry += %d, --count) {"):format(inner, 2 * n.multiple))
    for k = 0, n.multiple - 1 do
        line(("%svalue += entry[%d];"):format(innermost, 2 * k))
        local weight = ("(int8_t)entry[%d]"):format(2 * k + 1)
        if across > 1 then
            line(("%sconst int32_t weight_%d = %s;"):format(innermost, k, weight))
            weight = "weight_" .. k
        end
        for a = 0, across - 1 do
            line(("%ssum_%d0 += value[%s] * %s;"):format(innermost, a, a == 0 and 0 or times(a, step), weight))
        end
    end
    line(inner .. "}")
    line(store(n, across, result, pitch, inner))
    line(indent .. "}")
    return table.concat(lines, "\n")
end

return sparse
