-- SPDX-License-Identifier: MIT
--
-- Random small graphs of operators that share bytes: lua5.4 tests/random_graphs.lua COUNT SEED prints operator cases
-- (form: tests/ops/README.md). What they compute is checked by the interpreter; they are there for the memory plan.
package.path = arg[0]:gsub("[^/]*$", "") .. "lib/?.lua;" .. package.path
local json = require("json")

local count, seed = tonumber(arg[1]), tonumber(arg[2])
math.randomseed(seed)
local random = math.random

local function list(...) return setmetatable({ ... }, json.array) end

local function product(shape)
    local result = 1
    for _, extent in ipairs(shape) do result = result * extent end
    return result
end

local function copy(shape) return setmetatable({ table.unpack(shape) }, json.array) end

local function same_shape(a, b)
    if #a ~= #b then return false end
    for k = 1, #a do
        if a[k] ~= b[k] then return false end
    end
    return true
end

local Graph = {}
Graph.__index = Graph

function Graph:name(prefix)
    self.names.count = self.names.count + 1
    return prefix .. self.names.count
end

function Graph:add(op, inputs, shapes, attributes)
    local names, outputs = list(), list()
    for k, input in ipairs(inputs) do
        names[k] = input.name
        input.read = true
    end
    for k, shape in ipairs(shapes) do
        local tensor = { name = self:name("t"), shape = shape }
        outputs[k] = tensor.name
        self.tensors[tensor.name] = { dtype = self.dtype, scale = self.scale, zero_point = self.scale and self.zero_point }
        self.pool[#self.pool + 1] = tensor
    end
    self.nodes[#self.nodes + 1] = { op = op, name = self:name("n"), inputs = names, outputs = outputs, attributes = attributes }
end

-- A tensor, rather one of the latest; `fits` may refuse.
function Graph:pick(fits)
    for _ = 1, 20 do
        local tensor = self.pool[math.max(random(#self.pool), random(#self.pool))]
        if not fits or fits(tensor) then return tensor end
    end
end

local steps = {}

function steps.unary(graph)
    local x = graph:pick()
    local ops = { "Relu", "Neg", "Abs", "ReluN1To1" }
    graph:add(ops[random(#ops)], { x }, { copy(x.shape) })
end

function steps.binary(graph)
    local x = graph:pick()
    local y = graph:pick(function(t) return same_shape(t.shape, x.shape) end) or x
    local ops = { "Maximum", "Minimum", "Add" }
    graph:add(ops[random(graph.dtype == "int32" and 2 or 3)], { x, y }, { copy(x.shape) })
end

function steps.concatenation(graph)
    local x = graph:pick(function(t) return product(t.shape) <= 24 end)
    if not x then return end
    local axis, parts, shape = random(#x.shape), { x }, copy(x.shape)
    for k = 2, random(2, 4) do
        parts[k] = graph:pick(function(t)
            if #t.shape ~= #x.shape or product(t.shape) > 24 then return false end
            for i, extent in ipairs(t.shape) do
                if i ~= axis and extent ~= x.shape[i] then return false end
            end
            return true
        end) or x
        shape[axis] = shape[axis] + parts[k].shape[axis]
    end
    graph:add("Concatenation", parts, { shape }, { axis = axis - 1 })
end

function steps.pack(graph)
    local x = graph:pick(function(t) return product(t.shape) <= 12 and #t.shape < 4 end)
    if not x then return end
    local parts, axis, shape = { x }, random(#x.shape + 1), copy(x.shape)
    for k = 2, random(2, 3) do
        parts[k] = graph:pick(function(t) return same_shape(t.shape, x.shape) end) or x
    end
    table.insert(shape, axis, #parts)
    graph:add("Pack", parts, { shape }, { axis = axis - 1 })
end

function steps.split(graph)
    local x = graph:pick()
    local axis, sizes, shapes, rest = random(#x.shape), list(), {}, nil
    rest = x.shape[axis]
    while rest > 0 and #sizes < 3 do
        local size = #sizes == 2 and rest or random(rest)
        sizes[#sizes + 1] = size
        shapes[#sizes] = copy(x.shape)
        shapes[#sizes][axis] = size
        rest = rest - size
    end
    graph:add("Split", { x }, shapes, { axes = list(axis - 1), sizes = sizes })
end

function steps.unpack(graph)
    local x = graph:pick(function(t) return #t.shape > 1 end)
    local axis = x and random(#x.shape)
    if not x or x.shape[axis] > 5 then return end
    local shapes = {}
    for k = 1, x.shape[axis] do
        shapes[k] = copy(x.shape)
        table.remove(shapes[k], axis)
    end
    graph:add("Unpack", { x }, shapes, { axis = axis - 1 })
end

function steps.slice(graph)
    local x = graph:pick()
    local begin, size, ends, strides = list(), list(), list(), list()
    local free = random(#x.shape) -- axes before this one are cut to one row, as a contiguous range has them
    for k, extent in ipairs(x.shape) do
        local whole = k > free or random(4) == 1
        begin[k] = whole and 0 or random(0, extent - 1)
        size[k] = whole and extent or k < free and 1 or random(extent - begin[k])
        ends[k], strides[k] = begin[k] + size[k], 1
    end
    if random(2) == 1 then
        graph:add("Slice", { x }, { size }, { begin = begin, size = size })
    else
        graph:add("StridedSlice", { x }, { size }, { begin = begin, ["end"] = ends, strides = strides })
    end
end

function steps.reshape(graph)
    local x = graph:pick()
    local elements = product(x.shape)
    local shape = list(elements)
    for divisor = 2, 4 do
        if elements % divisor == 0 and random(2) == 1 then shape = list(divisor, elements // divisor) end
    end
    if random(3) == 1 then table.insert(shape, 1, 1) end
    graph:add("Reshape", { x }, { shape }, { shape = shape })
end

function steps.transpose(graph)
    local x = graph:pick(function(t) return #t.shape == 2 end)
    if x then graph:add("Transpose", { x }, { list(x.shape[2], x.shape[1]) }, { permutation = list(1, 0) }) end
end

-- Images, whose kernels may be laid out over their input
function steps.convolution(graph)
    local x = graph:pick(function(t) return #t.shape == 4 end)
    if not x or (graph.dtype ~= "int8" and graph.dtype ~= "float32") then return end
    local channels, deep = x.shape[4], random(3) == 1
    local made, size = deep and channels or random(3), math.min(random(3), x.shape[2], x.shape[3])
    local weights, values = graph:name("w"), list()
    local shape = deep and list(1, size, size, channels) or list(made, size, size, channels)
    for k = 1, product(shape) do values[k] = random(-9, 9) end
    graph.tensors[weights] = { dtype = graph.dtype, shape = shape, values = values, scale = graph.scale and 0.125, zero_point = graph.scale and 0 }
    local same = random(2) == 1
    local out = list(x.shape[1], same and x.shape[2] or x.shape[2] - size + 1, same and x.shape[3] or x.shape[3] - size + 1, made)
    graph:add(deep and "DepthwiseConv2D" or "Conv2D", { x, { name = weights } }, { out }, { stride = list(1, 1), padding = same and "same" or "valid" })
end

function steps.pool(graph)
    local x = graph:pick(function(t) return #t.shape == 4 and t.shape[2] > 1 and t.shape[3] > 1 end)
    if not x or graph.dtype == "int32" then return end
    graph:add("MaxPool2D", { x }, { list(x.shape[1], x.shape[2] // 2, x.shape[3] // 2, x.shape[4]) },
        { filter = list(2, 2), stride = list(2, 2), padding = "valid" })
end

function steps.update(graph)
    local x = graph:pick()
    local y = graph:pick(function(t)
        for k, extent in ipairs(t.shape) do
            if #t.shape ~= #x.shape or extent > x.shape[k] then return false end
        end
        return true
    end) or x
    local begin, values = graph:name("b"), list()
    for k = 1, #x.shape do values[k] = random(0, 3) end
    graph.tensors[begin] = { dtype = "int32", shape = list(#x.shape), values = values }
    graph:add("DynamicUpdateSlice", { x, y, { name = begin } }, { copy(x.shape) })
end

function steps.read_state(graph)
    local state = graph.states[random(math.max(#graph.states, 1))]
    if state then graph:add("ReadState", { state }, { copy(state.shape) }) end
end

function steps.assign_state(graph)
    local state = graph.states[random(math.max(#graph.states, 1))]
    local x = state and graph:pick(function(t) return same_shape(t.shape, state.shape) end)
    if x then graph:add("AssignState", { state, x }, {}) end
end

-- If over two tensors; both branches give one shape each.
function steps.branch(graph)
    if graph.is_inner then return end
    local x, y = graph:pick(), graph:pick()
    graph:add("If", { { name = "flag" }, x, y }, { copy(x.shape), copy(y.shape) })
    graph.nodes[#graph.nodes].regions = list(graph:region(x, y), graph:region(x, y))
end

-- While: three turns over two tensors.
function steps.loop(graph)
    if graph.is_inner then return end
    local x, y, zero, turns, one = graph:pick(), graph:pick(), graph:name("k"), graph:name("k"), graph:name("k")
    local i, j, go, next_i = graph:name("i"), graph:name("i"), graph:name("i"), graph:name("i")
    graph.tensors[zero] = { dtype = "int32", shape = list(), values = 0 }
    graph:add("While", { { name = zero }, x, y }, { copy(x.shape), copy(y.shape) })
    local count = graph:name("i")
    table.insert(graph.nodes[#graph.nodes].outputs, 1, count)
    graph.tensors[count] = { dtype = "int32" }
    local ends, body = graph:inner(), graph:region(x, y)
    ends:input(x.shape)
    ends:input(y.shape)
    table.insert(ends.inputs, 1, { name = i, dtype = "int32", shape = list() })
    table.insert(body.inputs, 1, { name = j, dtype = "int32", shape = list() })
    table.insert(body.outputs, 1, next_i)
    table.insert(body.nodes, { op = "Add", name = graph:name("n"), inputs = list(j, one), outputs = list(next_i) })
    body.tensors[one] = { dtype = "int32", shape = list(), values = 1 }
    graph.nodes[#graph.nodes].regions = list({
        inputs = ends.inputs, outputs = list(go), nodes = list({ op = "Less", name = graph:name("n"), inputs = list(i, turns), outputs = list(go) }),
        tensors = { [turns] = { dtype = "int32", shape = list(), values = 3 } },
    }, body)
end

local order = { "unary", "unary", "binary", "concatenation", "concatenation", "concatenation", "pack", "split", "split", "unpack", "slice",
    "slice", "reshape", "transpose", "update", "read_state", "assign_state", "branch", "loop", "convolution", "convolution", "pool" }

function Graph:step()
    steps[order[random(#order)]](self)
end

function Graph:input(shape)
    local tensor = { name = self:name("x"), shape = copy(shape) }
    self.inputs[#self.inputs + 1] = { name = tensor.name, dtype = self.dtype, shape = tensor.shape, scale = self.scale,
        zero_point = self.scale and self.zero_point }
    self.pool[#self.pool + 1] = tensor
    return tensor
end

local function graph_new(dtype, names)
    local graph = setmetatable({ dtype = dtype, names = names, pool = {}, nodes = list(), tensors = {}, inputs = list(), states = {} }, Graph)
    if dtype == "int8" or dtype == "int16" then
        graph.scale, graph.zero_point = 0.25, dtype == "int8" and 5 or 0
    end
    return graph
end

function Graph:inner()
    local inner = graph_new(self.dtype, self.names)
    inner.is_inner = true
    return inner
end

-- Takes and gives two tensors shaped like x and y.
function Graph:region(x, y)
    local inner = self:inner()
    local a, b = inner:input(x.shape), inner:input(y.shape)
    for _ = 1, random(4) do inner:step() end
    local function last(shape, otherwise)
        return (inner:pick(function(t) return same_shape(t.shape, shape) end) or otherwise).name
    end
    return { inputs = inner.inputs, outputs = list(last(x.shape, a), last(y.shape, b)), nodes = inner.nodes, tensors = inner.tensors }
end

local function case(index)
    local dtypes = { "int8", "int8", "int16", "float32", "int32" }
    local graph = graph_new(dtypes[random(#dtypes)], { count = 0 })
    local shapes = { list(2, 3), list(6), list(1, 4), list(3, 2), list(12), list(1, 2, 3), list(1, 4, 3, 2), list(1, 4, 3, 2) }
    for _ = 1, random(3) do graph:input(shapes[random(#shapes)]) end
    local model = { inputs = graph.inputs, outputs = list(), nodes = graph.nodes, tensors = graph.tensors }
    for k = 1, random(0, 2) do
        local state = { name = "s" .. k, shape = shapes[random(#shapes)] }
        graph.states[k] = state
        model.states = model.states or {}
        model.states[state.name] = { dtype = graph.dtype, shape = state.shape, scale = graph.scale, zero_point = graph.scale and graph.zero_point }
    end
    for _ = 1, random(3, 24) do graph:step() end
    for _, node in ipairs(graph.nodes) do
        if node.op == "If" and not model.has_flag then
            table.insert(model.inputs, 1, { name = "flag", dtype = "bool", shape = list() })
            model.has_flag = true
        end
    end
    model.has_flag = nil
    for k = #graph.pool, 1, -1 do
        local tensor = graph.pool[k]
        if graph.tensors[tensor.name] and (not tensor.read or random(12) == 1) and #model.outputs < 8 then
            table.insert(model.outputs, tensor.name)
        end
    end
    if #model.outputs == 0 then return case(index) end
    local options = { "", "--optimize speed", "--optimize ram" }
    return { name = ("graph_%d_%d"):format(seed, index), model = model, random = { calls = 3 }, options = options[random(#options)] }
end

local cases = list()
for index = 1, count do cases[index] = case(index) end
io.write(json.write({ cases = cases, together = true }), "\n")
