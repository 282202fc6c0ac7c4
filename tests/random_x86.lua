-- SPDX-License-Identifier: MIT
--
-- Random layers for vector kernels: lua5.4 tests/random_x86.lua SEED COUNT [float32] > MODEL.json prints one model of about COUNT
-- layers of int8 (float32) in short chains, so that outputs may lie over their inputs. Extreme weights, channels without any, odd
-- extents.
local seed, count, real = tonumber(arg[1]), tonumber(arg[2]), arg[3] == "float32"
math.randomseed(seed)
local random = math.random

local function pick(list) return list[random(#list)] end

local tensors, nodes, inputs, outputs = {}, {}, {}, {}

local function list(values) return "[" .. table.concat(values, ", ") .. "]" end

local function channels()
    return pick { random(1, 9), random(1, 20), random(1, 70), 8, 16, 32, 48, 64, 16 * random(1, 6) }
end

local small = false -- whether nearly all weights of a layer are: few neighbouring products leave 16 bits
local real_size = 1.0 -- of the weights in single precision: sums shall not grow from layer to layer

-- A channel's weights: of all sizes, extreme, sparse, one-sided, none
local function weight_drawer()
    if real then return function() return ("%.6g"):format((random() * 2 - 1) * real_size) end end
    local kind, size = random(12), pick { 127, 127, 100, 40, 10, 2 }
    if small then kind, size = random(3) == 1 and 4 or 6, pick { 64, 64, 65 } end
    return function()
        if kind == 1 then return pick { -128, 127 } end
        if kind == 2 then return 0 end
        if kind == 3 then return random(5) > 1 and 0 or random(-size, size) end
        if kind == 4 then return random(0, size) end
        if kind == 5 then return -128 end
        if small and random(2000) == 1 then return pick { -128, 127 } end
        return random(-size, size)
    end
end

-- Weights [outer][channels][inner]
local function weights(outer, channel_count, inner)
    local drawers, values = {}, {}
    for c = 1, channel_count do drawers[c] = weight_drawer() end
    for o = 1, outer do
        for c = 1, channel_count do
            for i = 1, inner do values[((o - 1) * channel_count + c - 1) * inner + i] = drawers[c]() end
        end
    end
    return list(values)
end

local function scale_text(channel_count, depth, per_channel)
    local middle, spread = 0.02 / math.sqrt(depth) * 2.0 ^ (random() * 6 - 3), pick { 0, 1, 3 }
    local values = {}
    for c = 1, channel_count do
        local odd = random(20) == 1 and 2.0 ^ random(-16, 2) or 1
        values[c] = ("%.9g"):format(middle * 2.0 ^ (spread * (random() - 0.5)) * odd)
    end
    return per_channel and list(values) or values[1]
end

local zero_points = { -128, -128, 127, 0 }
local function zero_point() return random(3) > 1 and random(-128, 127) or pick(zero_points) end

local function quoted(name) return '"' .. name .. '"' end

-- `quantisation`: text with the scale and more
local function add_tensor(name, dtype, shape, quantisation, values)
    local text = ('"%s": {"dtype": "%s"'):format(name, real and "float32" or dtype)
    if shape then text = text .. ', "shape": ' .. list(shape) end
    if quantisation and not real then text = text .. ", " .. quantisation end
    if values then text = text .. ', "values": ' .. values end
    tensors[#tensors + 1] = text .. "}"
end

local function scale_and_zero(scale, zero) return ('"scale": %.9g, "zero_point": %d'):format(scale, zero) end

local function weight_scale(channel_count, depth, per_channel, axis)
    return '"scale": ' .. scale_text(channel_count, depth, per_channel) .. (per_channel and ', "axis": ' .. axis or ', "zero_point": 0')
end

-- from = { name, height, width, channels }; returns the output's
local function weighted(index, from)
    local name, x = "n" .. index, from
    local depthwise = random(3) == 1
    local kh, kw, sh, sw = random(1, 3), random(1, 3), pick { 1, 1, 2, 3 }, pick { 1, 1, 1, 2, 3 }
    if random(3) == 1 then kh, kw, sh, sw = 1, 1, 1, 1 end
    if random(4) == 1 then kh, kw = random(1, 7), random(1, 7) end
    if depthwise and random(2) == 1 then kh, kw = 3, 3 end
    local winograd = x.channels % 16 == 0 and random(2) == 1
    if winograd then depthwise, kh, kw, sh, sw = false, 3, 3, 1, 1 end
    local padding = (kh > x.height or kw > x.width or random(2) == 1) and "same" or "valid"
    local function extent(size, filter, stride)
        return padding == "same" and (size + stride - 1) // stride or (size - filter) // stride + 1
    end
    local multiplier = depthwise and x.channels == 1 and random(1, 20) or 1
    local out = depthwise and x.channels * multiplier or channels()
    if winograd then out = 16 * random(1, 3) end
    local depth = depthwise and kh * kw or kh * kw * x.channels
    real_size = 1.5 / math.sqrt(depth)
    local per_channel = random(4) > 1
    local shape = depthwise and { 1, kh, kw, out } or { out, kh, kw, x.channels }
    local values = depthwise and weights(kh * kw, out, 1) or weights(1, out, depth)
    add_tensor(name .. "_w", "int8", shape, weight_scale(out, depth, per_channel, depthwise and 3 or 0), values)
    local biases, size = {}, real and 1 or pick { 0, 100, 10000, 200000 }
    for c = 1, out do biases[c] = random(-size, size) end
    add_tensor(name .. "_b", "int32", { out }, nil, list(biases))
    local activation = pick { "none", "relu", "relu6" }
    local offset = activation ~= "none" and random(3) > 1 and -128 or zero_point()
    add_tensor(name, "int8", nil, scale_and_zero(x.scale, offset))
    nodes[#nodes + 1] = ('{"op": "%s", "inputs": [%s, "%s_w", "%s_b"], "outputs": ["%s"], "attributes": {"padding": "%s", "stride": [%d, %d], "activation": "%s"}}'):format(
        depthwise and "DepthwiseConv2D" or "Conv2D", quoted(x.name), name, name, name, padding, sh, sw, activation)
    return { name = name, height = extent(x.height, kh, sh), width = extent(x.width, kw, sw), channels = out, scale = x.scale }
end

local function linear(index, from)
    local name, x = "n" .. index, from
    local depth, out = x.height * x.width * x.channels, channels()
    real_size = 1.5 / math.sqrt(depth)
    small = random(2) == 1
    local per_channel = random(2) == 1
    add_tensor(name .. "_w", "int8", { out, depth }, weight_scale(out, depth, per_channel, 0), weights(1, out, depth))
    add_tensor(name, "int8", nil, scale_and_zero(x.scale, zero_point()))
    small = false
    nodes[#nodes + 1] = ('{"op": "FullyConnected", "inputs": [%s, "%s_w"], "outputs": ["%s"], "attributes": {"activation": "%s"}}'):format(quoted(x.name), name, name, pick { "none", "relu" })
    return nil, name
end

local function pool(index, from)
    local name, x = "n" .. index, from
    local kh, kw = random(1, x.height), random(1, x.width)
    add_tensor(name, "int8", nil, scale_and_zero(x.scale, x.zero))
    nodes[#nodes + 1] = ('{"op": "AveragePool2D", "inputs": [%s], "outputs": ["%s"], "attributes": {"padding": "valid", "stride": [%d, %d], "filter": [%d, %d]}}'):format(
        quoted(x.name), name, pick { 1, 2 }, pick { 1, 2 }, kh, kw)
    return nil, name
end

local made = 0
while made < count do
    local x = { name = "x" .. made, height = random(1, 12), width = random(1, 14), channels = pick { 1, 2, 3, channels(), channels(), 16 * random(1, 3) }, scale = 2.0 ^ random(-4, 2), zero = zero_point() }
    local batch = random(8) == 1 and 2 or 1
    if x.channels % 16 == 0 and random(2) == 1 then x.height, x.width = 2 * random(2, 6), 2 * random(2, 9) end -- whole tiles of Winograd's transform
    inputs[#inputs + 1] = ('{"name": "%s", "dtype": "%s", "shape": [%d, %d, %d, %d]%s}'):format(x.name, real and "float32" or "int8", batch, x.height,
        x.width, x.channels, real and "" or ", " .. scale_and_zero(x.scale, x.zero))
    if random(10) == 1 then
        made = made + 1
        local _, name = pool(made, x)
        outputs[#outputs + 1] = quoted(name)
    else
        for _ = 1, random(1, 4) do
            made = made + 1
            x = weighted(made, x)
        end
        if random(4) == 1 and batch == 1 then
            made = made + 1
            local _, name = linear(made, x)
            x = { name = name }
        end
        outputs[#outputs + 1] = quoted(x.name)
    end
end

print('{"etch": 1, "name": "layers",\n"inputs": [' .. table.concat(inputs, ",\n") .. '],\n"outputs": [' .. table.concat(outputs, ", ") .. '],\n"nodes": [' ..
    table.concat(nodes, ",\n") .. '],\n"tensors": {' .. table.concat(tensors, ",\n") .. "}}")
