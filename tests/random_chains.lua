-- SPDX-License-Identifier: MIT
--
-- Random small networks like those in the field (depthwise-separable, residual, branching), and what executing their nodes row
-- by row must keep to: lua5.4 tests/random_chains.lua COUNT SEED FOLDER
-- writes FOLDER/NAME.json and checks the figures of `etch compile`: RAM, MACs, what --max-ram and --patches do. One line per check.
-- FOLDER/chains.json gets operator cases (form: tests/ops/README.md) of the same models under options, for tests/ops_runner.lua.
package.path = arg[0]:gsub("[^/]*$", "") .. "lib/?.lua;" .. package.path
local json = require("json")

local etch = os.getenv("ETCH") or "build/etch"
local count, seed, folder = tonumber(arg[1]), tonumber(arg[2]), arg[3]
math.randomseed(seed)
local random = math.random

local function list(...) return setmetatable({ ... }, json.array) end

local function product(shape)
    local result = 1
    for _, extent in ipairs(shape) do result = result * extent end
    return result
end

local function pick(choices) return choices[random(#choices)] end

---------------------------------------------------------------- models

local Network = {}
Network.__index = Network

-- element types of weights and biases, the range that weights are drawn from, zero points
local types = {
    int8 = { weights = "int8", bias = "int32", least = -60, most = 60, zeros = { -128, -3, 11 } },
    uint8 = { weights = "uint8", bias = "int32", least = 70, most = 190, weight_zero = 128, zeros = { 0, 120, 131 } },
    int16 = { weights = "int8", bias = "int64", least = -60, most = 60, zeros = { 0 } },
    float32 = { weights = "float32", bias = "float32", least = -60, most = 60, unit = 1 / 256 },
}

function Network:name(prefix)
    self.names = self.names + 1
    return prefix .. self.names
end

function Network:constant(dtype, shape, scale, least, most)
    local values, name = list(), self:name("c")
    for k = 1, product(shape) do
        values[k] = random(least, most)
        if dtype == "float32" then values[k] = values[k] * self.types.unit end
    end
    local quantised = dtype ~= "float32"
    self.tensors[name] = { dtype = dtype, shape = shape, values = values, scale = quantised and scale or nil,
        zero_point = dtype == "uint8" and self.types.weight_zero or nil }
    return name
end

-- `like`: the output has its quantisation.
function Network:add(op, inputs, shape, attributes, like)
    local tensor = { name = self:name("t"), shape = shape, scale = like and like.scale, zero_point = like and like.zero_point }
    if not like and self.dtype ~= "float32" then
        tensor.scale, tensor.zero_point = 0.05 + random() / 20, pick(self.types.zeros)
    end
    self.tensors[tensor.name] = { dtype = self.dtype, scale = tensor.scale, zero_point = tensor.zero_point }
    local names = list()
    for k, input in ipairs(inputs) do names[k] = type(input) == "table" and input.name or input end
    self.nodes[#self.nodes + 1] = { op = op, inputs = names, outputs = list(tensor.name), attributes = attributes }
    return tensor
end

local function extent(padding, size, filter, stride)
    if padding == "same" then return (size + stride - 1) // stride end
    return (size - filter) // stride + 1
end

local function window_shape(x, filter, stride, padding, channels)
    return list(1, extent(padding, x.shape[2], filter[1], stride[1]), extent(padding, x.shape[3], filter[2], stride[2]), channels)
end

local function fitting(x, filter)
    return (x.shape[2] < filter[1] or x.shape[3] < filter[2]) and "same" or pick({ "same", "same", "valid" })
end

-- Now and then rows and columns of padding as numbers (top, left, bottom, right), and a filter with gaps.
local function window_attributes(x, filter, stride, fixed, channels)
    local padding, pads, dilation = fixed or fitting(x, filter), nil, nil
    local shape = window_shape(x, filter, stride, padding, channels)
    if fixed then
        return shape, { stride = list(stride[1], stride[2]), padding = fixed }
    end
    if padding == "same" and random(5) == 1 then
        padding, pads = "explicit", list(random(0, 2), random(0, 2), random(0, 2), random(0, 2))
        local high, wide = x.shape[2] + pads[1] + pads[3], x.shape[3] + pads[2] + pads[4]
        if high < filter[1] or wide < filter[2] then
            padding, pads = "same", nil
        else
            shape = list(1, (high - filter[1]) // stride[1] + 1, (wide - filter[2]) // stride[2] + 1, channels)
        end
    elseif padding == "same" and random(6) == 1 then
        dilation = list(random(2), random(2))
    end
    return shape, { stride = list(stride[1], stride[2]), padding = padding, pads = pads, dilation = dilation }
end

function Network:convolution(x, channels, filter, stride, padding)
    local shape, attributes = window_attributes(x, filter, stride, padding, channels)
    attributes.activation = pick({ "relu", "relu6", "none" })
    local weights = self:constant(self.types.weights, list(channels, filter[1], filter[2], x.shape[4]), 0.01, self.types.least, self.types.most)
    local bias = self:constant(self.types.bias, list(channels), nil, -200, 200)
    return self:add("Conv2D", { x, weights, bias }, shape, attributes)
end

function Network:depthwise(x, filter, stride, padding)
    local channels = x.shape[4]
    local shape, attributes = window_attributes(x, filter, stride, padding, channels)
    attributes.activation = pick({ "relu", "relu6" })
    local weights = self:constant(self.types.weights, list(1, filter[1], filter[2], channels), 0.02, self.types.least, self.types.most)
    local bias = self:constant(self.types.bias, list(channels), nil, -200, 200)
    return self:add("DepthwiseConv2D", { x, weights, bias }, shape, attributes)
end

function Network:pool(x, filter, stride)
    return self:add(pick({ "MaxPool2D", "AveragePool2D" }), { x }, window_shape(x, filter, stride, "valid", x.shape[4]),
        { filter = list(filter[1], filter[2]), stride = list(stride[1], stride[2]), padding = "valid" }, x)
end

function Network:sum(a, b)
    return self:add("Add", { a, b }, a.shape, { activation = pick({ "relu", "none" }) })
end

local blocks = {}

function blocks.separable(network, x)
    local stride = pick({ 1, 1, 2 })
    local y = network:depthwise(x, pick({ { 3, 3 }, { 3, 3 }, { 5, 3 }, { 1, 3 } }), { stride, stride })
    return network:convolution(y, random(3, 12), { 1, 1 }, { 1, 1 })
end

-- Wide inside, narrow outside
function blocks.inverted(network, x)
    local y = network:convolution(x, x.shape[4] * random(2, 3), { 1, 1 }, { 1, 1 }, "same")
    y = network:depthwise(y, { 3, 3 }, { 1, 1 }, "same")
    return network:sum(x, network:convolution(y, x.shape[4], { 1, 1 }, { 1, 1 }, "same"))
end

function blocks.residual(network, x)
    local channels = pick({ x.shape[4], x.shape[4], x.shape[4] + random(4) })
    local stride = channels == x.shape[4] and 1 or pick({ 1, 2 })
    local y = network:convolution(x, channels, { 3, 3 }, { stride, stride }, "same")
    y = network:convolution(y, channels, { 3, 3 }, { 1, 1 }, "same")
    local short = x
    if channels ~= x.shape[4] or stride ~= 1 then short = network:convolution(x, channels, { 1, 1 }, { stride, stride }, "same") end
    return network:sum(y, short)
end

function blocks.branches(network, x)
    local a = network:convolution(x, random(2, 6), { 1, 1 }, { 1, 1 }, "same")
    local b = network:convolution(network:depthwise(x, { 3, 3 }, { 1, 1 }, "same"), random(2, 6), { 3, 3 }, { 1, 1 }, "same")
    network.tensors[b.name].scale, network.tensors[b.name].zero_point = a.scale, a.zero_point
    return network:add("Concatenation", { a, b }, list(1, x.shape[2], x.shape[3], a.shape[4] + b.shape[4]), { axis = 3 }, a)
end

function blocks.element_wise(network, x)
    local values = network:constant(network.dtype, list(x.shape[4]), 0.03, network.dtype == "uint8" and 0 or -100, network.dtype == "uint8" and 200 or 100)
    return network:add(pick({ "Mul", "Add" }), { x, values }, x.shape)
end

function blocks.pooling(network, x)
    if x.shape[2] < 4 or x.shape[3] < 4 then return x end
    return network:pool(x, pick({ { 2, 2 }, { 3, 2 } }), { 2, 2 })
end

local block_names = { "separable", "separable", "inverted", "residual", "residual", "branches", "element_wise", "pooling" }

function Network:head(x)
    x = self:pool(x, { x.shape[2], x.shape[3] }, { 1, 1 })
    local flat = self:add("Reshape", { x }, list(1, x.shape[4]), { shape = list(1, x.shape[4]) }, x)
    local weights = self:constant(self.types.weights, list(5, x.shape[4]), 0.02, self.types.least, self.types.most)
    return self:add("FullyConnected", { flat, weights, self:constant(self.types.bias, list(5), nil, -200, 200) }, list(1, 5))
end

local function network_new(index)
    local dtype = pick({ "int8", "int8", "int8", "uint8", "int16", "float32" })
    local network = setmetatable({ dtype = dtype, types = types[dtype], names = 0, nodes = list(), tensors = {} }, Network)
    local x = { name = "x", shape = list(1, random(7, 24), random(7, 24), random(3)) }
    if dtype ~= "float32" then x.scale, x.zero_point = 0.06, pick(network.types.zeros) end
    network.inputs = list({ name = "x", dtype = dtype, shape = x.shape, scale = x.scale, zero_point = x.zero_point })
    x = network:convolution(x, random(3, 8), pick({ { 3, 3 }, { 5, 4 } }), pick({ { 1, 1 }, { 2, 2 }, { 2, 1 } }))
    local outputs = list()
    for _ = 1, random(2, 5) do
        x = blocks[pick(block_names)](network, x)
        if random(12) == 1 then outputs[1] = x.name end -- seen from outside, too
    end
    if random(4) > 1 then x = network:head(x) end
    if outputs[1] ~= x.name then table.insert(outputs, x.name) end
    return { etch = 1, name = ("chain_%d_%d"):format(seed, index), inputs = network.inputs, outputs = outputs, nodes = network.nodes,
        tensors = network.tensors }
end

---------------------------------------------------------------- figures

-- Exit status; arena, RAM and MACs as the header has them.
local function compile(model, options)
    local log = ("%s/%s.log"):format(folder, model.name)
    local _, _, status = os.execute(("timeout 60 %s compile %s -o %s/pairs %s >%s 2>&1 </dev/null"):format(etch, model.path, folder, options, log))
    if status ~= 0 then
        local file = io.open(log)
        local text = file:read("a")
        file:close()
        return { status = status, log = text }
    end
    local file = assert(io.open(("%s/pairs/%s.h"):format(folder, model.name)))
    local header = file:read("a")
    file:close()
    local function macro(name) return tonumber(header:match("_" .. name .. " (%d+)") or 0) end
    return { status = 0, arena = macro("ARENA_BYTES"), ram = macro("RAM_BYTES"), macs = macro("MACS") }
end

local function inspected_macs(model, options)
    local pipe = io.popen(("timeout 60 %s inspect %s --json %s 2>&1"):format(etch, model.path, options))
    local text, sum = pipe:read("a"), 0
    pipe:close()
    for macs in text:gmatch('"op": "[^"]*", "macs": (%d+)') do sum = sum + tonumber(macs) end
    return sum
end

local function text_of(figures)
    if figures.status ~= 0 then return ("exit %d: %s"):format(figures.status, figures.log:sub(1, 200):gsub("\n", "|")) end
    return ("arena %d, RAM %d, %d MACs"):format(figures.arena, figures.ram, figures.macs)
end

-- What does not hold; nil when all does. `chosen` gets budgets to try in generated code.
local function check(model, index, chosen)
    local function expect(holds, what, ...)
        if holds then return end
        local parts = { what }
        for k, figures in ipairs({ ... }) do parts[k + 1] = text_of(figures) end
        error(table.concat(parts, "; "), 0)
    end
    for _, io in ipairs({ index % 2 == 0 and "--io=arena" or "--io=caller", index % 4 == 0 and "--io=caller" or nil }) do
        local function run(options) return compile(model, io .. " " .. options) end
        local plain, rows, off = run(""), run("--optimize=ram"), run("--optimize=ram --rows=off")
        expect(plain.status == 0, "balanced", plain)
        expect(rows.status == 0, "ram", rows)
        expect(rows.arena <= plain.arena, "ram takes more than balanced: " .. io, rows, plain)
        expect(rows.arena <= off.arena, "rows take more than none: " .. io, rows, off)
        expect(off.arena <= plain.arena, "without rows, ram takes more than balanced: " .. io, off, plain)
        expect(rows.macs <= plain.macs, "MACs without patches: " .. io, rows, plain)
        expect(off.macs == plain.macs, "MACs without rows: " .. io, off, plain)
        expect(inspected_macs(model, io .. " --optimize=ram") == rows.macs, "inspect counts other MACs: " .. io, rows)
        -- A budget that is met without rows changes nothing; one that rows meet takes no patches.
        local same = run("--max-ram=" .. plain.ram)
        expect(same.status == 0 and same.arena == plain.arena and same.macs == plain.macs, "a budget that was met: " .. io, same, plain)
        local fits = run("--optimize=ram --max-ram=" .. rows.ram)
        expect(fits.status == 0 and fits.macs == rows.macs and fits.ram <= rows.ram, "a budget that rows meet: " .. io, fits, rows)
        -- Below, patches or exit status 1; never a broken promise.
        local least
        for _, percent in ipairs({ 90, 70 }) do
            local budget = rows.ram * percent // 100
            local tight = run("--optimize=ram --max-ram=" .. budget)
            expect(tight.status == 1 or (tight.status == 0 and tight.ram <= budget), ("budget %d: %s"):format(budget, io), tight)
            local options = ("--optimize=ram --max-ram=%d"):format(budget)
            if tight.status == 0 then
                least = options
                expect(inspected_macs(model, io .. " " .. options) == tight.macs, "inspect counts other MACs: " .. options, tight)
            end
        end
        local hopeless = run("--max-ram=16")
        expect(hopeless.status == 1, "a hopeless budget: " .. io, hopeless)
        chosen.budget = least and compile(model, least).status == 0 and least or nil
        local strips = index % 2 == 0 and "--patches=2" or "--optimize=ram --patches=3"
        chosen.patches = run(strips).status == 0 and strips or nil
    end
end

---------------------------------------------------------------- output

local function case(model, suffix, options, targets)
    local copy = {}
    for _, key in ipairs({ "inputs", "outputs", "nodes", "tensors" }) do copy[key] = model[key] end
    return { name = model.name .. suffix, model = copy, random = { calls = 2 }, options = options, targets = targets }
end

local cases, tried = list(), { budget = 0, patches = 0 }
os.execute("mkdir -p " .. folder .. "/pairs")
for index = 1, count do
    local model, chosen = network_new(index), {}
    local path = ("%s/%s.json"):format(folder, model.name)
    local file = assert(io.open(path, "w"))
    file:write(json.write(model), "\n")
    file:close()
    model.path = path
    local holds, what = pcall(check, model, index, chosen)
    print(holds and "ok rows/figures/" .. model.name or ("not ok rows/figures/%s: %s"):format(model.name, what))
    local host = list("host") -- and a few everywhere
    cases[#cases + 1] = case(model, "_ram", "--optimize=ram", index % 6 ~= 1 and host or nil)
    if chosen.budget then
        cases[#cases + 1] = case(model, "_budget", chosen.budget, index % 3 ~= 2 and host or nil)
        tried.budget = tried.budget + 1
    end
    if chosen.patches then
        cases[#cases + 1] = case(model, "_strips", chosen.patches, index % 6 ~= 3 and host or nil)
        tried.patches = tried.patches + 1
    end
end
print(("%s rows/tried: %d budgets that took patches, %d in strips"):format(
    (tried.patches > count // 3 and (count < 8 or tried.budget > 0)) and "ok" or "not ok", tried.budget, tried.patches))
local file = assert(io.open(folder .. "/chains.json", "w"))
file:write(json.write({ cases = cases, together = true }), "\n")
file:close()
