-- SPDX-License-Identifier: MIT
--
-- Random depthwise layers, most with filters of 3 by 3, as operator cases: lua5.4 tests/random_depthwise.lua SEED COUNT > CASES.json.
-- Every few channels has a scale far from the others', as constant and dead channels have.
local seed, count = tonumber(arg[1]), tonumber(arg[2])
math.randomseed(seed)

local function pick(list) return list[math.random(#list)] end

local function power(low, high) return 2 ^ (low + (high - low) * math.random()) end

local function scales(channels, input, output)
    local spread, list = pick { 0, 1, 2, 4 }, {}
    local middle = power(-9, -5)
    for i = 1, channels do
        local ratio = middle * power(-spread / 2, spread / 2)
        if spread > 1 and math.random(8) == 1 then
            ratio = power(-20, -2)
        end
        list[i] = ("%.9g"):format(ratio * output / input)
    end
    return table.concat(list, ", ")
end

local function case(name)
    local multiplier = pick { 1, 1, 1, 1, 2, 8 }
    local channels = multiplier > 1 and pick { 1, 4, 5 } or pick { 1, 4, 5, 6, 7, 8, 12, 13, 16, 20, 24, 31, math.random(4, 70) }
    local height, width = math.random(3, 13), math.random(channels == 1 and 4 or 3, pick { 6, 10, 22 })
    local taps_high, taps_wide = 3, 3
    if channels == 1 and math.random(2) == 1 then
        taps_high, taps_wide = math.random(math.min(height, 10)), math.random(math.min(width, 8))
    end
    local stride, padding = pick { 1, 1, 2 }, pick { "same", "same", "valid" }
    local outputs = channels * multiplier
    local input, output = power(-6, -2), power(-6, -2)
    local zero_point = pick { -128, -128, -1, 0, 127, math.random(-128, 127) }
    local activation = pick { "none", "relu", "relu", "relu", "relu6" }
    local output_zero = pick { -128, -128, -128, -128, -128, -5 }
    local reach = pick { 127, 127, 60, 1 }
    local bias = pick { 0, 3000, 30000 }
    return ([[{"name": "%s", "options": "--optimize=%s", "model": {"inputs": [{"name": "x", "dtype": "int8", "shape": [1, %d, %d, %d], "scale": %.9g, "zero_point": %d}], "outputs": ["y"], "nodes": [{"op": "DepthwiseConv2D", "inputs": ["x", "w", "b"], "outputs": ["y"], "attributes": {"padding": "%s", "stride": [%d, %d], "activation": "%s"}}], "tensors": {"w": {"dtype": "int8", "shape": [1, %d, %d, %d], "random": [%d, %d], "scale": [%s], "axis": 3}, "b": {"dtype": "int32", "shape": [%d], "random": [%d, %d]}, "y": {"dtype": "int8", "scale": %.9g, "zero_point": %d}}}, "random": {"calls": 2}}]]):format(
        name, pick { "speed", "balanced" }, height, width, channels, input, zero_point, padding, stride, stride, activation, taps_high, taps_wide, outputs,
        reach == 127 and -128 or -reach, reach, scales(outputs, input, output), outputs, -bias, bias + 1, output, output_zero)
end

local cases = {}
for i = 1, count do
    cases[i] = "  " .. case(("random_%d_%d"):format(seed, i))
end
io.write('{"cases": [\n', table.concat(cases, ",\n"), "\n]}\n")
