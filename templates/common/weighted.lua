-- SPDX-License-Identifier: MIT-0
--
-- What the kernels of convolutions and matrix products share: how values are multiplied, and how a sum becomes an output.
-- `n` is what the template sees (_ENV).

local weighted = {}

-- "y * 2 + i - 1" from terms {{"y", 2}, {"i", 1}} and a constant
function weighted.affine(terms, constant)
    local text = ""
    for _, term in ipairs(terms) do
        if term[2] ~= 0 then
            text = text .. (text == "" and "" or " + ") .. term[1] .. (term[2] == 1 and "" or " * " .. term[2])
        end
    end
    if text == "" then
        return string.format("%d", constant)
    elseif constant ~= 0 then
        text = text .. (constant < 0 and " - " or " + ") .. math.abs(constant)
    end
    return text
end

-- How a kernel with large loops begins. For size, the compiler may inline what is called once.
function weighted.static(n)
    if n.optimize == "size" then
        return "static void"
    end
    n.uses("noinline.h")
    return "static ETCH_NOINLINE void"
end

-- " + 3", " - 3", " + name" or ""
function weighted.plus(value)
    if not math.type(value) then
        return " + " .. value
    end
    return value == 0 and "" or value < 0 and " - " .. -value or " + " .. value
end

function weighted.is_real(n)
    return n.scaling == "real" or n.scaling == "hybrid"
end

-- Whether the folded biases are with the scales of the short form of requantisation (halves.lua)
function weighted.has_short_scales(n)
    return n.folded == 2
end

-- The operand that holds the weights: int4 ones were unpacked.
function weighted.weights(n, operand)
    return operand or n.unpacked
end

function weighted.sum_type(n)
    return weighted.is_real(n) and "float" or n.accumulator
end

-- What the sum starts from. Real and wide sums get their bias at the end.
function weighted.start(n, channel)
    if weighted.is_real(n) then
        return "0.0f"
    end
    return n.scaling ~= "wide" and n.has_bias ~= 0 and "bias[" .. channel .. "]" or "0"
end

-- One product, from the texts of an input's and a weight's element.
function weighted.product(n, value, weight, weights)
    if n.scaling == "real" then
        if weights.dtype == "float16" then
            n.uses("half.h")
            weight = "etch_half_to_float(" .. weight .. ")"
        end
        return value .. " * " .. weight
    elseif n.scaling == "hybrid" then
        local whole = n.weights_zero_point == 0 and weight or "(" .. weight .. weighted.plus(-n.weights_zero_point) .. ")"
        return value .. " * (float)" .. whole
    end
    local left = (n.input_zero_point == 0 or n.folded ~= 0) and value or "(" .. value .. weighted.plus(-n.input_zero_point) .. ")"
    local right = n.weights_zero_point == 0 and weight or "(" .. weight .. weighted.plus(-n.weights_zero_point) .. ")"
    return left .. " * " .. right
end

local function finish_real(n, sum, channel)
    if n.scaling == "hybrid" then
        sum = sum .. " * " .. (n.per_channel ~= 0 and "scale[" .. channel .. "]" or n.flt(n.weights_scale))
    end
    if n.has_bias ~= 0 and n.bias.dtype == "float16" then
        n.uses("half.h")
        sum = sum .. " + etch_half_to_float(bias[" .. channel .. "])"
    elseif n.has_bias ~= 0 then
        sum = sum .. " + bias[" .. channel .. "]"
    end
    if n.real_low == -math.huge and n.real_high == math.huge then
        return sum
    end
    n.uses("limit_real.h")
    return ("etch_limit_real(%s, %s, %s)"):format(sum, n.flt(n.real_low), n.flt(n.real_high))
end

-- The output element, converted to its type, from the sum. `multiplier` and `shift`: variables that hold them, if any.
function weighted.finish(n, sum, channel, multiplier, shift)
    if weighted.is_real(n) then
        return finish_real(n, sum, channel)
    end
    if weighted.has_short_scales(n) then
        return n.library("halves").output(n, sum, channel)
    end
    multiplier = multiplier or n.per_channel ~= 0 and "multiplier[" .. channel .. "]" or n.multiplier
    shift = shift or n.per_channel ~= 0 and "shift[" .. channel .. "]" or n.shift
    if n.scaling == "right" then
        n.uses("requantise_right.h")
        return ("(%s)etch_limit(etch_requantise_right(%s, %s, %s)%s, %d, %d)"):format(n.output.ctype, sum, multiplier, shift,
            weighted.plus(n.output_zero_point), n.low, n.high)
    end
    n.uses("clamp.h")
    if n.scaling == "wide" then
        n.uses("requantise_wide.h")
        if n.has_bias ~= 0 then
            sum = ("%s + bias[%s]"):format(n.bias.dtype == "int64" and sum or "(int64_t)" .. sum, channel)
        end
        return ("(%s)etch_clamp(etch_requantise_wide(%s, %s, %s), %d, %d)"):format(n.output.ctype, sum, multiplier, shift, n.low, n.high)
    end
    n.uses("requantise.h")
    local narrow = n.accumulator == "int64_t" and "(int32_t)(uint32_t)" .. sum or sum -- wraps, as the reference does
    local scaled = ("etch_requantise%s(%s, %s, %s)"):format(n.scaling == "single" and "_single" or "", narrow, multiplier, shift)
    if n.output_zero_point ~= 0 then
        n.uses("saturating_add.h")
        scaled = ("etch_saturating_add(%s, %s)"):format(scaled, n.output_zero_point)
    end
    return ("(%s)etch_clamp(%s, %d, %d)"):format(n.output.ctype, scaled, n.low, n.high)
end

-- "target = value;", on two lines where one would be too long
function weighted.assignment(indent, target, value)
    local line = indent .. target .. " = " .. value .. ";"
    return #line <= 110 and line or ("%s%s =\n%s    %s;"):format(indent, target, indent, value)
end

-- Bytes of an element
weighted.size = { int8 = 1, uint8 = 1, int16 = 2, float32 = 4 }

-- The lines that begin a loop over `extent` in blocks, from either end; the last block overlaps where the extent is no multiple.
-- The extent is a number, or the name of one that is known (`multiple`) to be a multiple or not.
function weighted.blocks(variable, extent, block, backwards, indent, multiple)
    local known = math.type(extent)
    local last = known and extent - block or extent .. " - " .. block
    if multiple == nil then
        multiple = extent % block == 0
    end
    local lines = {}
    if not backwards then
        lines[1] = ("%sfor (int32_t %s = 0; %s < %s; %s += %d) {"):format(indent, variable, variable, extent, variable, block)
        lines[2] = not multiple and ("%s    %s = %s > %s ? %s : %s; /* the last block overlaps */"):format(indent, variable, variable, last, last, variable)
    else
        local bound = (multiple or block == 1) and ">= 0" or "> -" .. block
        local step = block == 1 and "--" .. variable or ("%s -= %d"):format(variable, block)
        lines[1] = ("%sfor (int32_t %s = %s; %s %s; %s) {"):format(indent, variable, last, variable, bound, step)
        lines[2] = not multiple and ("%s    %s = %s < 0 ? 0 : %s; /* the last block overlaps */"):format(indent, variable, variable, variable)
    end
    return table.concat(lines, "\n", 1, lines[2] and 2 or 1)
end

-- "for (...) {" over all of `extent`, one at a time, from either end
function weighted.each(variable, extent, backwards)
    local text = backwards and "for (int32_t %s = %d; %s >= 0; --%s) {" or "for (int32_t %s = 0; %s < %d; ++%s) {"
    return backwards and text:format(variable, extent - 1, variable, variable) or text:format(variable, variable, extent, variable)
end

-- Whether loops are written out: the level `ram` is about RAM, not flash.
function weighted.is_fast(n)
    return n.optimize == "speed" or n.optimize == "ram"
end

-- What a block's sum of a channel starts from
function weighted.block_start(n, channel)
    if weighted.has_short_scales(n) then
        return "0"
    end
    return n.folded ~= 0 and "folded_bias[" .. channel .. "]" or weighted.start(n, channel)
end

-- Lines that declare the sums of a block: "int32_t sum_00 = ..., sum_01 = ...;"
function weighted.block_sums(n, across, down, indent)
    local lines = {}
    for a = 0, across - 1 do
        local sums = {}
        for d = 0, down - 1 do
            local start = a == 0 and weighted.block_start(n, "n" .. (d > 0 and " + " .. d or "")) or ("sum_0%d"):format(d)
            sums[d + 1] = ("sum_%d%d = %s"):format(a, d, start)
        end
        for d = 1, down, a == 0 and 2 or down do -- biases: two per line
            lines[#lines + 1] = indent .. weighted.sum_type(n) .. " " .. table.concat(sums, ", ", d, a == 0 and math.min(d + 1, down) or down) .. ";"
        end
    end
    return table.concat(lines, "\n")
end

-- Lines that add the products at `k`: values at value[k + a * value_step], weights at weight[k + d * weight_step]; `filter`
-- is the weights' operand. `weight_k`: where the weights are walked differently.
function weighted.block_products(n, filter, across, down, value, value_step, weight, weight_step, k, indent, weight_k)
    local function at(base, offset, k)
        if k == "" then
            return ("%s[%d]"):format(base, offset)
        elseif math.type(k) then
            return ("%s[%d]"):format(base, k + offset)
        end
        return base .. "[" .. k .. (offset > 0 and " + " .. offset or "") .. "]"
    end
    local lines, values = {}, {}
    for a = 0, across - 1 do
        values[a + 1] = ("value_%d = %s"):format(a, at(value, a * value_step, k))
    end
    lines[1] = indent .. (weighted.is_real(n) and "const float " or "const int32_t ") .. table.concat(values, ", ") .. ";"
    for d = 0, down - 1 do
        for a = 0, across - 1 do
            local product = weighted.product(n, "value_" .. a, at(weight, d * weight_step, weight_k or k), filter)
            lines[#lines + 1] = indent .. ("sum_%d%d += %s;"):format(a, d, product)
        end
    end
    return table.concat(lines, "\n")
end

-- Lines that write a block: output `a` at target[a * step + n + d].
function weighted.block_store(n, across, down, target, step, indent)
    local lines = {}
    local function channel(d)
        return d == 0 and "n" or ("n + %s"):format(d)
    end
    local function store(a, sum, d, inner, multiplier, shift)
        local index = a == 0 and channel(d) or ("%s + %s"):format(channel(d), math.type(step) and a * step or a > 1 and a .. " * " .. step or step)
        lines[#lines + 1] = weighted.assignment(inner, target .. "[" .. index .. "]", weighted.finish(n, sum, channel(d), multiplier, shift))
    end
    if down == 1 then
        for a = 0, across - 1 do
            store(a, ("sum_%d0"):format(a), 0, indent)
        end
        return table.concat(lines, "\n")
    end
    local rows = {}
    for a = 0, across - 1 do
        local sums = {}
        for d = 0, down - 1 do
            sums[d + 1] = ("sum_%d%d"):format(a, d)
        end
        rows[a + 1] = "{" .. table.concat(sums, ", ") .. "}"
    end
    local sum_type = weighted.sum_type(n)
    lines[1] = across == 1 and ("%sconst %s sums[%d] = %s;"):format(indent, sum_type, down, rows[1])
        or ("%sconst %s sums[%d][%d] = {%s};"):format(indent, sum_type, across, down, table.concat(rows, ", "))
    lines[2] = ("%sfor (int32_t j = 0; j < %d; ++j) {"):format(indent, down)
    local multiplier, shift
    if n.per_channel ~= 0 and not weighted.is_real(n) then
        multiplier, shift = "scale", n.scaling == "right" and "right" or "power"
        lines[3] = ("%s    const int32_t scale = multiplier[n + j], %s = shift[n + j];"):format(indent, shift)
    end
    for a = 0, across - 1 do
        store(a, across == 1 and "sums[j]" or ("sums[%d][j]"):format(a), "j", indent .. "    ", multiplier, shift)
    end
    lines[#lines + 1] = indent .. "}"
    return table.concat(lines, "\n")
end

return weighted
