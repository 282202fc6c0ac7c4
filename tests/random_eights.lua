-- SPDX-License-Identifier: MIT
--
-- Random layers by points of eight inputs, two in a row, and one that reads them: lua5.4 tests/random_eights.lua COUNT SEED TARGET prints operator cases (form:
-- tests/ops/README.md) for the board of TARGET and, every third one, for its portable twins on the host.
package.path = arg[0]:gsub("[^/]*$", "") .. "lib/?.lua;" .. package.path
local json = require("json")

local count, seed, target = tonumber(arg[1]), tonumber(arg[2]), arg[3]
math.randomseed(seed)
local random = math.random

local function list(...) return setmetatable({ ... }, json.array) end

local function values(size, draw)
    local out = list()
    for k = 1, size do out[k] = draw(k) end
    return out
end

local function pick(...) return (select(random(select("#", ...)), ...)) end

-- Weights whose products add up within 16 bits by fours, by threes, by twos, or only by fours in another order
local function weights(inputs, outputs)
    local size, kind = pick(60, 80, 127), random(4)
    return values(inputs * outputs, function(k)
        if kind == 1 then return k % 8 < 4 and random(-127, 127) // 2 * 2 or random(-3, 3) end
        return random(-size, size)
    end)
end

-- Adds a layer to the model, and what its input tensor is called.
local function add(model, from, to, inputs, outputs)
    local relu = random(2) == 1
    model.nodes[#model.nodes + 1] = { op = "Conv2D", inputs = list(from, "w" .. to, "b" .. to), outputs = list(to),
        attributes = { padding = "same", stride = list(1, 1), activation = relu and "relu" or "none" } }
    local size = pick(0, 1000, 30000)
    model.tensors["w" .. to] = { dtype = "int8", shape = list(outputs, 1, 1, inputs), axis = 0, values = weights(inputs, outputs),
        scale = values(outputs, function() return 0.004 * 4.0 ^ (random() - 0.5) end) }
    model.tensors["b" .. to] = { dtype = "int32", shape = list(outputs), values = values(outputs, function() return random(-size, size) end) }
    model.tensors[to] = { dtype = "int8", scale = 2.0 ^ random(-1, 1), zero_point = relu and -128 or random(-128, 127) }
end

local cases = list()
for k = 1, count do
    local model = { inputs = list({ name = "x", dtype = "int8", shape = list(1, random(1, 5), random(1, 5), 8), scale = 1.0, zero_point = pick(-128, 0, random(-128, 127)) }),
        outputs = list("end"), nodes = list(), tensors = {} }
    local outputs = pick(4, 8, 12, 16, 20, random(1, 24))
    add(model, "x", "y", 8, 8)
    add(model, "y", "z", 8, outputs)
    add(model, "z", "end", outputs, 3)
    local host = k % 3 == 0
    cases[k] = { name = ("eights_%d_%d"):format(seed, k), model = model, random = { calls = 2 }, targets = list(host and "host" or target),
        options = "--optimize " .. pick("speed", "balanced") .. (host and " --target " .. target or "") }
end
print(json.write({ cases = cases, together = true }))
