-- SPDX-License-Identifier: MIT
--
-- Random int8 layers of convolutions and matrix products: lua5.4 tests/random_layers.lua COUNT SEED TARGET prints operator cases
-- (form: tests/ops/README.md) that go through the kernels of TARGET, on its board and as their portable twins on the host.
-- With a fourth argument, a folder, their models are written there, one per file.
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

-- Numbers of channels: small, odd, round
local function channels() return pick(random(1, 9), 8, random(1, 70), 4 * random(1, 12), 8 * random(1, 8), 16, 32) end

-- Weights of a channel: of the whole range, small, extreme, sparse, or none
local function channel_weights(depth)
    local kind = random(8)
    local size = kind == 1 and 127 or pick(3, 20, 60, 100)
    return function()
        if kind == 2 then return 0 end
        if kind == 3 then return pick(-127, 127) end
        if kind == 4 then return random(4) > 1 and 0 or random(-size, size) end
        return random(-size, size)
    end
end

local function weights_of(outputs, depth, has_lowest)
    local out = list()
    for _ = 1, outputs do
        local draw = channel_weights(depth)
        for _ = 1, depth do out[#out + 1] = draw() end
    end
    if has_lowest then out[random(#out)] = -128 end
    return out
end

-- Pruned: 60 to 98 of a hundred weights become zero, one by one or in blocks of four inputs. Layer `k` alone decides what is drawn: the
-- other layers stay as they are.
local function prune(weights, k)
    local state = seed * 1009 + k
    local function draw(count)
        state = (state * 1103515245 + 12345) % 2147483648
        return (state >> 8) % count
    end
    local zeros, block = 60 + draw(39), draw(3) == 0 and 4 or 1
    for first = 1, #weights, block do
        if draw(100) < zeros then
            for i = first, math.min(first + block - 1, #weights) do weights[i] = 0 end
        end
    end
end

-- Scales that use the range of outputs: sums of `depth` products are of the order of 3000 * sqrt(depth)
local function scales(outputs, depth, per_channel)
    local middle = 40.0 / (3000.0 * math.sqrt(depth))
    local most = random(12) == 1 and 3 or 0
    local function scale() return middle * 4.0 ^ (random() * 2.4 - 1.2) * (random(12) == 1 and 2.0 ^ random(-12, most) or 1.0) end
    return values(per_channel and outputs or 1, scale)
end

local function zero_point() return pick(-128, 127, 0, random(-128, 127)) end

local function bias_of(outputs, depth)
    local size = pick(0, 100, 5000, 100000)
    return values(outputs, function() return random(-size, size) end)
end

local function convolution()
    local points = random(2) > 1
    local height, width = random(1, points and 6 or 9), random(1, points and 6 or 11)
    local inputs, outputs = points and pick(8, channels(), channels()) or pick(1, 2, 3, 4, random(1, 20)), channels()
    local kernel = points and { 1, 1 } or { random(1, math.min(5, height + 1)), random(1, math.min(5, width + 1)) }
    local stride = points and random(6) > 1 and list(1, 1) or list(random(1, 2), random(1, 2))
    local padding = pick("same", "same", "valid")
    if kernel[1] > height or kernel[2] > width then padding = "same" end
    local attributes = { padding = padding, stride = stride, activation = pick("none", "none", "relu", "relu", "relu6") }
    if not points and random(8) == 1 then attributes.dilation = list(random(1, 2), 1) attributes.stride = list(1, 1) attributes.padding = "same" end
    return "Conv2D", list(random(8) == 1 and 2 or 1, height, width, inputs), list(outputs, kernel[1], kernel[2], inputs), kernel[1] * kernel[2] * inputs, outputs, attributes
end

-- 3 by 3 over many channels, with outputs in whole tiles
local function wide_convolution()
    local inputs, outputs = 4 * random(4, pick(6, 16)), 2 * random(4, 12)
    return "Conv2D", list(1, 2 * random(2, 6), 4 * random(1, 3), inputs), list(outputs, 3, 3, inputs), 9 * inputs, outputs,
        { padding = "same", stride = list(1, 1), activation = pick("none", "relu") }
end

local function linear()
    local inputs, outputs = pick(channels(), 8 * random(1, 60), random(1, 300)), channels()
    return "FullyConnected", list(pick(1, 1, random(2, 9)), inputs), list(outputs, inputs), inputs, outputs, { activation = pick("none", "relu") }
end

local function layer(k, name, level, where, options)
    local op, input_shape, weight_shape, depth, outputs, attributes = pick(convolution, convolution, convolution, linear, linear, wide_convolution)()
    local per_channel = random(4) > 1
    local one = random(8) > 1 and attributes.activation ~= "none" and -128 or zero_point() -- mostly the whole range of outputs
    local model = {
        inputs = list({ name = "x", dtype = "int8", shape = input_shape, scale = 1.0, zero_point = zero_point() }),
        outputs = list("y"),
        nodes = list({ op = op, inputs = random(8) == 1 and list("x", "w") or list("x", "w", "b"), outputs = list("y"), attributes = attributes }),
        tensors = {
            w = { dtype = "int8", shape = weight_shape, scale = scales(outputs, depth, per_channel), axis = per_channel and 0 or nil,
                values = weights_of(outputs, depth, random(6) == 1) },
            y = { dtype = "int8", scale = 1.0, zero_point = one },
        },
    }
    if not per_channel then
        model.tensors.w.scale, model.tensors.w.zero_point = model.tensors.w.scale[1], 0
    end
    if k % 4 == 0 then prune(model.tensors.w.values, k) end
    if model.nodes[1].inputs[3] then model.tensors.b = { dtype = "int32", shape = list(outputs), values = bias_of(outputs, depth) } end
    return { name = name, model = model, random = { calls = 2 }, targets = list(where), options = options }
end

local cases = list()
for k = 1, count do
    local level = ({ "balanced", "speed", "ram" })[k % 3 + 1]
    local host = k // 3 % 3 == 0
    cases[k] = layer(k, ("layer_%d_%d"):format(seed, k), level, host and "host" or target, "--optimize " .. level .. (host and " --target " .. target or ""))
end
if arg[4] then
    for k, case in ipairs(cases) do
        local file = assert(io.open(("%s/layer_%d.json"):format(arg[4], k), "w"))
        case.model.etch = 1
        file:write(json.write(case.model))
        file:close()
    end
    return
end
print(json.write({ cases = cases, together = true }))
