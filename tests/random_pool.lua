-- SPDX-License-Identifier: MIT
--
-- Random average and max pools of bytes, as operator cases: lua5.4 tests/random_pool.lua SEED COUNT > CASES.json.
local seed, count = tonumber(arg[1]), tonumber(arg[2])
math.randomseed(seed)

local function pick(list) return list[math.random(#list)] end

local function case(name)
    local channels = pick { 4, 8, 12, 16, 20, 24, 32, 48, 64, 5 }
    local height, width = math.random(1, 9), math.random(1, 9)
    local filter_height, filter_width = math.random(height), math.random(width)
    if math.random(3) == 1 then
        filter_height, filter_width = height, width
    end
    return ([[{"name": "%s", "options": "--optimize=%s", "model": {"inputs": [{"name": "x", "dtype": "int8", "shape": [%d, %d, %d, %d], "scale": 0.1, "zero_point": -20}], "outputs": ["y"], "nodes": [{"op": "%s", "inputs": ["x"], "outputs": ["y"], "attributes": {"padding": "%s", "filter": [%d, %d], "stride": [%d, %d], "activation": "%s"}}]}, "random": {"calls": 2}}]]):format(
        name, pick { "speed", "balanced" }, pick { 1, 1, 1, 2 }, height, width, channels, pick { "AveragePool2D", "MaxPool2D" }, pick { "same", "valid" },
        filter_height, filter_width, math.random(3), math.random(3), pick { "none", "none", "relu" })
end

local cases = {}
for i = 1, count do
    cases[i] = "  " .. case(("random_%d_%d"):format(seed, i))
end
io.write('{"cases": [\n', table.concat(cases, ",\n"), "\n]}\n")
