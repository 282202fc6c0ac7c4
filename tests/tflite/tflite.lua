-- SPDX-License-Identifier: MIT
--
-- Writes small TFLite files for the tests: `lua tflite.lua CASE.lua OUT.tflite`. A case returns a table like
--   {tensors = {{name, type, shape, data =, scale =, zero_point =, axis =, variable =, sparsity =}, ...},
--    operators = {{"CONV_2D" or custom = "Name", {inputs}, {outputs}, options = {tag, {[slot] = field}}}, ...},
--    inputs = {0}, outputs = {2}}
-- or, with several subgraphs, {subgraphs = {{...}, ...}}; `damage` may be a function on the bytes. Tensors count from 0.

local tflite = {}

local types = {}
for i, name in ipairs {"float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64", "int8", "float64",
    "complex128", "uint64", "resource", "variant", "uint32", "uint16", "int4", "bfloat16"} do
    types[name] = i - 1
end

local codes = {
    ADD = 0, AVERAGE_POOL_2D = 1, CONCATENATION = 2, CONV_2D = 3, DEPTHWISE_CONV_2D = 4, DEPTH_TO_SPACE = 5, DEQUANTIZE = 6,
    FULLY_CONNECTED = 9, LOGISTIC = 14, MAX_POOL_2D = 17, MUL = 18, RELU = 19, RESHAPE = 22, RESIZE_BILINEAR = 23, SOFTMAX = 25,
    SVDF = 27, CUSTOM = 32, PAD = 34, GATHER = 36, TRANSPOSE = 39, MEAN = 40, SQUEEZE = 43, STRIDED_SLICE = 45, SPLIT = 49,
    CAST = 53, ARG_MAX = 56, LESS = 58, TRANSPOSE_CONV = 67, PACK = 83, UNPACK = 88, LEAKY_RELU = 98, MIRROR_PAD = 100, IF = 118,
    WHILE = 119, SELECT_V2 = 123, DENSIFY = 124, BATCH_MATMUL = 126, CUMSUM = 128, CALL_ONCE = 129, CONV_3D = 132,
    VAR_HANDLE = 142, READ_VARIABLE = 143, ASSIGN_VARIABLE = 144, GELU = 150, COMPOSITE = 206,
}

-- ---------------------------------------------------------------- FlatBuffers

-- A field is {kind, value}: a scalar, a vector of scalars, a string, a table ({[slot] = field}) or a vector of tables.
local scalars = {u8 = "<I1", i8 = "<i1", i32 = "<i4", u32 = "<I4", u64 = "<I8", i64 = "<i8", f32 = "<f"}

function tflite.scalar(kind, value) return {kind, value} end
function tflite.vector(kind, values) return {"vector", values, kind} end
function tflite.bytes(text) return {"string", text, false} end
function tflite.string(text) return {"string", text, true} end
function tflite.sub(fields) return {"table", fields} end
function tflite.tables(list) return {"tables", list} end

local Writer = {}
Writer.__index = Writer

function Writer:put(text)
    self.parts[#self.parts + 1] = text
    self.size = self.size + #text
end

function Writer:align(unit, offset)
    self:put(("\0"):rep((-(self.size + (offset or 0))) % unit))
end

-- Offsets point forward: their targets are written later, and the four bytes are patched when their place is known.
function Writer:reference(target)
    local part = #self.parts + 1
    self.pending[#self.pending + 1] = {part, self.size, target}
    self:put("\0\0\0\0")
end

local function field_bytes(field)
    return scalars[field[1]] and string.packsize(scalars[field[1]]) or 4
end

function Writer:table(fields)
    local slots, last = {}, -1
    for slot in pairs(fields) do
        slots[#slots + 1] = slot
        last = math.max(last, slot)
    end
    table.sort(slots)
    local offsets, size = {}, 4
    for _, slot in ipairs(slots) do
        local bytes = field_bytes(fields[slot])
        size = size + (-size) % bytes
        offsets[slot] = size
        size = size + bytes
    end
    local vtable_bytes = 4 + 2 * (last + 1)
    self:align(8, vtable_bytes)
    local vtable = self.size
    self:put(string.pack("<I2I2", vtable_bytes, size))
    for slot = 0, last do
        self:put(string.pack("<I2", offsets[slot] or 0))
    end
    local position = self.size
    self:put(string.pack("<i4", position - vtable))
    for _, slot in ipairs(slots) do
        local field = fields[slot]
        self:put(("\0"):rep(position + offsets[slot] - self.size))
        if scalars[field[1]] then
            self:put(string.pack(scalars[field[1]], field[2]))
        else
            self:reference(field)
        end
    end
    return position
end

function Writer:object(field)
    local kind, value = field[1], field[2]
    if kind == "table" then
        return self:table(value)
    end
    self:align(kind == "string" and 16 or 8, 4)
    local position = self.size
    self:put(string.pack("<I4", #value))
    if kind == "string" then
        self:put(value .. (field[3] and "\0" or ""))
    elseif kind == "vector" then
        for _, element in ipairs(value) do
            self:put(string.pack(scalars[field[3]], element))
        end
    else
        for _, fields in ipairs(value) do
            self:reference {"table", fields}
        end
    end
    return position
end

function tflite.flatbuffer(root, identifier)
    local writer = setmetatable({parts = {}, size = 0, pending = {}}, Writer)
    writer:reference {"table", root}
    writer:put(identifier)
    local next = 1
    while writer.pending[next] do
        local part, place, target = table.unpack(writer.pending[next])
        local position = writer:object(target)
        writer.parts[part] = string.pack("<I4", position - place)
        next = next + 1
    end
    return table.concat(writer.parts)
end

-- ---------------------------------------------------------------- models

local s, v = tflite.scalar, tflite.vector

local function tensor_table(tensor, buffers)
    local fields = {
        [0] = v("i32", tensor.shape or tensor[3] or {}), [1] = s("u8", types[tensor[2]] or tensor[2]), [3] = tflite.string(tensor[1]),
    }
    if tensor.data then
        buffers[#buffers + 1] = {[0] = tflite.bytes(tensor.data)}
        fields[2] = s("u32", #buffers - 1)
    elseif tensor.buffer then
        buffers[#buffers + 1] = tensor.buffer
        fields[2] = s("u32", #buffers - 1)
    end
    if tensor.scale then
        fields[4] = tflite.sub {
            [2] = v("f32", tensor.scale), [3] = v("i64", tensor.zero_point or {0}), [6] = s("i32", tensor.axis or 0),
        }
    end
    if tensor.variable then
        fields[5] = s("u8", 1)
    end
    if tensor.sparsity then
        fields[6] = tflite.sub(tensor.sparsity)
    end
    return fields
end

local function operator_table(operator, operator_codes)
    local name = operator.custom and "CUSTOM" or operator[1]
    local code = codes[name] or operator.code
    operator_codes[#operator_codes + 1] = {
        [0] = s("i8", math.min(code, 127)), [1] = operator.custom and tflite.string(operator.custom) or nil, [3] = s("i32", code),
    }
    local fields = {
        [0] = s("u32", #operator_codes - 1), [1] = v("i32", operator.inputs or operator[2]), [2] = v("i32", operator.outputs or operator[3]),
    }
    if operator.options then
        fields[3], fields[4] = s("u8", operator.options[1]), tflite.sub(operator.options[2])
    end
    if operator.custom_options then
        fields[5] = tflite.bytes(operator.custom_options)
    end
    if operator.composite then
        fields[11], fields[12] = s("u8", 21), tflite.sub {[0] = tflite.string("composite"), [1] = s("i32", operator.composite)}
    end
    return fields
end

function tflite.model(case)
    local operator_codes, buffers, subgraphs = {}, {{}}, {}
    for i, graph in ipairs(case.subgraphs or {case}) do
        local tensors, operators = {}, {}
        for k, tensor in ipairs(graph.tensors) do
            tensors[k] = tensor_table(tensor, buffers)
        end
        for k, operator in ipairs(graph.operators) do
            operators[k] = operator_table(operator, operator_codes)
        end
        subgraphs[i] = {
            [0] = tflite.tables(tensors), [1] = v("i32", graph.inputs), [2] = v("i32", graph.outputs),
            [3] = tflite.tables(operators), [4] = tflite.string(graph.name or "graph"),
        }
    end
    local bytes = tflite.flatbuffer({
        [0] = s("u32", 3), [1] = tflite.tables(operator_codes), [2] = tflite.tables(subgraphs), [4] = tflite.tables(buffers),
    }, "TFL3")
    return case.damage and case.damage(bytes) or bytes
end

-- ---------------------------------------------------------------- data for the cases

function tflite.pack(format, values)
    local parts = {}
    for i, value in ipairs(values) do
        parts[i] = string.pack("<" .. format, value)
    end
    return table.concat(parts)
end

-- A FlexBuffers map of integers below 256: keys, key vector, values, types, root.
function tflite.flexmap(map)
    local names = {}
    for name in pairs(map) do
        names[#names + 1] = name
    end
    table.sort(names)
    local text, starts = "", {}
    for i, name in ipairs(names) do
        starts[i] = #text
        text = text .. name .. "\0"
    end
    local keys = string.pack("<I1", #names)
    for i in ipairs(names) do
        keys = keys .. string.pack("<I1", #text + 1 + (i - 1) - starts[i])
    end
    local before = text .. keys
    local values = string.pack("<I1I1I1", #names, 1, #names)
    for _, name in ipairs(names) do
        values = values .. string.pack("<I1", map[name])
    end
    local kinds = (string.char(2 << 2)):rep(#names)
    return before .. values .. kinds .. string.pack("<I1I1I1", 2 * #names, 9 << 2, 1)
end

if arg and arg[0] and arg[0]:match("tflite%.lua$") and arg[2] then
    package.loaded.tflite = tflite
    local case = assert(loadfile(arg[1]))(tflite)
    local file = assert(io.open(arg[2], "wb"))
    file:write(tflite.model(case))
    file:close()
end

return tflite
