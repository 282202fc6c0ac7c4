-- SPDX-License-Identifier: MIT
--
-- Random int8 layers that keep channels apart: depthwise convolutions, sums, averages: lua5.4 tests/random_channels.lua COUNT
-- SEED TARGET prints operator cases (form: tests/ops/README.md) that go through the kernels of TARGET, on its board and as their
-- portable twins on the host.
package.path = arg[0]:gsub("[^/]*$", "") .. "lib/?.lua;" .. package.path
local json = require("json")

local count, seed, target = tonumber(arg[1]), tonumber(arg[2]), arg[3]
math.randomseed(seed)
local random = math.random

local function list(...) return setmetatable({ ... }, json.array) end

local function pick(...) return (select(random(select("#", ...)), ...)) end

local function values(count, draw)
    local out = list()
    for k = 1, count do out[k] = draw(k) end
    return out
end

local function zero_point() return pick(-128, 127, 0, random(-128, 127)) end

local function activation() return pick("none", "relu", "relu", "relu6") end

-- Weights of a layer: of the whole range, small, extreme, sparse
local function weights(count)
    local kind = random(6)
    local size = pick(3, 20, 60, 100, 127)
    return values(count, function()
        if kind == 1 then return pick(-128, 127) end
        if kind == 2 then return random(4) > 1 and 0 or random(-size, size) end
        return random(-size, size)
    end)
end

local function depthwise()
    local multiplier = random(6) == 1 and random(2, 9) or 1
    local inputs = multiplier > 1 and pick(1, 1, 1, random(1, 4)) or pick(random(1, 9), random(1, 70), 4 * random(1, 12), 8, 16, 32, 64, 72)
    local outputs = inputs * multiplier
    local height, width = random(1, 13), random(1, 13)
    local kernel = random(4) > 1 and { 3, 3 } or { random(1, 5), random(1, 5) }
    if random(8) == 1 then -- filters in time, and large ones
        height, kernel = random(8, 30), pick({ random(6, 20), 1 }, { random(6, 12), random(2, 4) }, { 5, 5 }, { 7, 7 })
    end
    local padding = (kernel[1] > height or kernel[2] > width) and "same" or pick("same", "same", "valid")
    local step = random(1, 2)
    local attributes = { padding = padding, stride = random(8) == 1 and list(random(1, 3), random(1, 3)) or list(step, step), activation = activation() }
    if random(10) == 1 then
        attributes.dilation, attributes.stride, attributes.padding = list(random(1, 2), random(1, 2)), list(1, 1), "same"
    end
    local per_channel = random(5) > 1
    local taps = kernel[1] * kernel[2]
    local function scale() return 40.0 / (3000.0 * math.sqrt(taps)) * 4.0 ^ (random() * 2.4 - 1.2) * (random(30) == 1 and 2.0 ^ random(-14, 3) or 1.0) end
    local size = pick(0, 100, 5000, 100000)
    return {
        inputs = list({ name = "x", dtype = "int8", shape = list(random(8) == 1 and 2 or 1, height, width, inputs), scale = 1.0, zero_point = zero_point() }),
        outputs = list("y"),
        nodes = list({ op = "DepthwiseConv2D", inputs = list("x", "w", "b"), outputs = list("y"), attributes = attributes }),
        tensors = {
            w = { dtype = "int8", shape = list(1, kernel[1], kernel[2], outputs), scale = per_channel and values(outputs, scale) or scale(), axis = per_channel and 3 or nil,
                zero_point = not per_channel and 0 or nil, values = weights(taps * outputs) },
            b = { dtype = "int32", shape = list(outputs), values = values(outputs, function() return random(-size, size) end) },
            y = { dtype = "int8", scale = 1.0, zero_point = random(4) > 1 and attributes.activation ~= "none" and -128 or zero_point() },
        },
    }
end

local function sum()
    local shape = list(1, random(1, 5), random(1, 9), random(1, 40))
    local function operand(name) return { name = name, dtype = "int8", shape = shape, scale = 0.05 * 4.0 ^ random(), zero_point = zero_point() } end
    return {
        inputs = list(operand("x"), operand("z")),
        outputs = list("y"),
        nodes = list({ op = pick("Add", "Add", "Sub"), inputs = list("x", "z"), outputs = list("y"), attributes = { activation = activation() } }),
        tensors = { y = { dtype = "int8", scale = 0.08 * 4.0 ^ random(), zero_point = zero_point() } },
    }
end

local function average()
    local height, width = random(1, 9), random(1, 9)
    local whole = random(2) == 1
    local filter = whole and list(height, width) or list(random(1, height), random(1, width))
    local zero = zero_point()
    return {
        inputs = list({ name = "x", dtype = "int8", shape = list(random(6) == 1 and 2 or 1, height, width, pick(8 * random(1, 9), random(1, 30))), scale = 0.1, zero_point = zero }),
        outputs = list("y"),
        nodes = list({ op = "AveragePool2D", inputs = list("x"), outputs = list("y"),
            attributes = { filter = filter, stride = list(random(1, 3), random(1, 3)), padding = pick("valid", "valid", "same"), activation = activation() } }),
        tensors = { y = { dtype = "int8", scale = 0.1, zero_point = zero } },
    }
end

local cases = list()
for k = 1, count do
    local level = k % 2 == 0 and "speed" or "balanced"
    local host = k % 3 == 0
    cases[k] = { name = ("channels_%d_%d"):format(seed, k), model = pick(depthwise, depthwise, depthwise, depthwise, sum, average)(), random = { calls = 2 },
        targets = list(host and "host" or target), options = "--optimize " .. level .. (host and " --target " .. target or "") }
end
print(json.write({ cases = cases, together = true }))
