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

-- " + 3", " - 3" or ""
function weighted.plus(value)
    return value == 0 and "" or value < 0 and " - " .. -value or " + " .. value
end

function weighted.is_real(n)
    return n.scaling == "real" or n.scaling == "hybrid"
end

-- The operand that holds the weights: int4 ones were unpacked.
function weighted.weights(n, operand)
    return operand or n.unpacked
end

function weighted.sum_type(n)
    return weighted.is_real(n) and "float" or n.accumulator
end

-- What the sum starts from. Hybrid kernels scale the sum before they add the bias.
function weighted.start(n, channel)
    if not n.bias or n.scaling == "hybrid" then
        return weighted.is_real(n) and "0.0f" or "0"
    elseif n.bias.dtype == "float16" then
        n.uses("half.h")
        return "etch_half_to_float(bias[" .. channel .. "])"
    end
    return "bias[" .. channel .. "]"
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
    local left = n.input_zero_point == 0 and value or "(" .. value .. weighted.plus(-n.input_zero_point) .. ")"
    local right = n.weights_zero_point == 0 and weight or "(" .. weight .. weighted.plus(-n.weights_zero_point) .. ")"
    return left .. " * " .. right
end

local function finish_real(n, sum, channel)
    if n.scaling == "hybrid" then
        sum = sum .. " * " .. (n.per_channel ~= 0 and "scale[" .. channel .. "]" or n.flt(n.weights_scale))
        if n.bias and n.bias.dtype == "float16" then
            n.uses("half.h")
            sum = sum .. " + etch_half_to_float(bias[" .. channel .. "])"
        elseif n.bias then
            sum = sum .. " + bias[" .. channel .. "]"
        end
    end
    if n.real_low == -math.huge and n.real_high == math.huge then
        return sum
    end
    n.uses("limit_real.h")
    return ("etch_limit_real(%s, %s, %s)"):format(sum, n.flt(n.real_low), n.flt(n.real_high))
end

-- The output element, converted to its type, from the sum.
function weighted.finish(n, sum, channel)
    if weighted.is_real(n) then
        return finish_real(n, sum, channel)
    end
    local multiplier, shift = n.multiplier, n.shift
    if n.per_channel ~= 0 then
        multiplier, shift = "multiplier[" .. channel .. "]", "shift[" .. channel .. "]"
    end
    if n.scaling == "right" then
        n.uses("requantise_right.h")
        return ("(%s)etch_limit(etch_requantise_right(%s, %s, %s)%s, %d, %d)"):format(n.output.ctype, sum, multiplier, shift,
            weighted.plus(n.output_zero_point), n.low, n.high)
    end
    n.uses("clamp.h")
    if n.scaling == "wide" then
        n.uses("requantise_wide.h")
        return ("(%s)etch_clamp(etch_requantise_wide(%s, %s, %s), %d, %d)"):format(n.output.ctype, sum, multiplier, shift, n.low, n.high)
    end
    n.uses("requantise.h")
    local narrow = n.accumulator == "int64_t" and "(int32_t)(uint32_t)" .. sum or sum -- wraps, as the reference does
    local scaled = ("etch_requantise%s(%s, %s, %s)"):format(n.scaling == "single" and "_single" or "", narrow, multiplier, shift)
    if n.output_zero_point ~= 0 then
        n.uses("saturating_add.h")
        scaled = ("etch_saturating_add(%s, %d)"):format(scaled, n.output_zero_point)
    end
    return ("(%s)etch_clamp(%s, %d, %d)"):format(n.output.ctype, scaled, n.low, n.high)
end

return weighted
