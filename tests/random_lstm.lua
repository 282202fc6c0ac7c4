-- SPDX-License-Identifier: MIT
--
-- Random int8 recurrent layers: lua5.4 tests/random_lstm.lua COUNT SEED TARGET prints operator cases (form: tests/ops/README.md) that go
-- through the kernels of TARGET, on its board and as their portable twins on the host.
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

-- Widths: small, odd, round, and such that loops over them are needed
local function width(most) return pick(random(1, 9), random(1, 20), random(1, 40), 8 * random(1, 4), 16, 32, most and random(100, most) or 20) end

-- Weights of the whole range, small, extreme, or sparse
local function weights(units, width)
    local size, kind = pick(127, 100, 40, 5), random(6)
    return values(units * width, function()
        if kind == 1 then return pick(-127, 127) end
        if kind == 2 then return random(4) > 1 and 0 or random(-size, size) end
        return random(-size, size)
    end)
end

-- Scales with which sums of `width` products are of the order of the gates' range, or far beyond it, or next to nothing
local function weight_scale(activation_scale, width)
    return 2.0 ^ (random() * 6 - 3) * (random(12) == 1 and 2.0 ^ random(-10, 10) or 1.0) / (activation_scale * 4000.0 * math.sqrt(width))
end

local function zero_point() return pick(0, -128, 127, random(-128, 127), random(-10, 10)) end

local gates = { "input", "forget", "cell", "output" }

local function layer(name, where, options)
    local batch, steps, units, inputs = pick(1, 1, 2), random(1, 4), width(140), width(300)
    local time_major = random(0, 1)
    local input_scale, hidden_scale, hidden_zero = pick(0.004, 0.03, 0.07), pick(1.0 / 128, 1.0 / 110, 1.0 / 300, 0.004), pick(0, zero_point())
    local exponent = pick(-11, -12, -13, random(-15, -9), random(-24, 0))
    local tensors = { y = { dtype = "int8", scale = hidden_scale, zero_point = hidden_zero } }
    local operands = list("x")
    for _, kind in ipairs { "w", "r" } do
        local width, scale = kind == "w" and inputs or units, kind == "w" and input_scale or hidden_scale
        for _, gate in ipairs(gates) do
            operands[#operands + 1] = kind .. "_" .. gate
            tensors[kind .. "_" .. gate] = { dtype = "int8", shape = list(units, width), scale = weight_scale(scale, width), zero_point = 0,
                values = weights(units, width) }
        end
    end
    for _ = 1, 3 do operands[#operands + 1] = json.null end
    local bias = pick(0, 300, 5000, 100000)
    for _, gate in ipairs(gates) do
        operands[#operands + 1] = "b_" .. gate
        tensors["b_" .. gate] = { dtype = "int32", shape = list(units), values = values(units, function() return random(-bias, bias) end) }
    end
    for _, operand in ipairs { json.null, json.null, "h", "c" } do operands[#operands + 1] = operand end
    local cell = pick(0, 3000, 32767)
    local model = {
        inputs = list({ name = "x", dtype = "int8", shape = time_major == 1 and list(steps, batch, inputs) or list(batch, steps, inputs),
            scale = input_scale, zero_point = zero_point() }),
        outputs = list("y"),
        states = {
            h = { dtype = "int8", shape = list(batch, units), scale = hidden_scale, zero_point = hidden_zero,
                values = values(batch * units, function() return random(-128, 127) end) },
            c = { dtype = "int16", shape = list(batch, units), scale = 2.0 ^ exponent, zero_point = 0,
                values = values(batch * units, function() return random(-cell - 1, cell) end) },
        },
        nodes = list({ op = "UnidirectionalSequenceLSTM", inputs = operands, outputs = list("y"),
            attributes = { time_major = time_major, cell_clip = random(4) == 1 and 2.0 ^ exponent * random(1, 33000) or nil } }),
        tensors = tensors,
    }
    return { name = name, model = model, random = { calls = 3 }, targets = list(where), options = options }
end

local cases = list()
for k = 1, count do
    local level, host = k % 2 == 0 and "balanced" or "speed", k // 2 % 3 == 0
    cases[k] = layer(("lstm_%d_%d"):format(seed, k), host and "host" or target, "--optimize " .. level .. (host and " --target " .. target or ""))
end
print(json.write({ cases = cases, together = true }))
