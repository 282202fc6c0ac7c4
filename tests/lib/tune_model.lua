-- SPDX-License-Identifier: MIT
--
-- A network with layers that have several kernels: a convolution, two pointwise ones of one shape, depthwise, fully connected.
local state = 7
local function values(count, low, high)
    local list = {}
    for i = 1, count do
        state = (state * 1103515245 + 12345) % 2147483648
        list[i] = low + (state >> 8) % (high - low + 1)
    end
    return "[" .. table.concat(list, ", ") .. "]"
end
local nodes, tensors = {}, {}
local function layer(name, op, input, output, shape, attributes)
    local count, channels = 1, op == "DepthwiseConv2D" and shape[4] or shape[1]
    for _, extent in ipairs(shape) do
        count = count * extent
    end
    nodes[#nodes + 1] = ('{"name": "%s", "op": "%s", "inputs": ["%s", "%s/w", "%s/b"], "outputs": ["%s"], "attributes": {%s}}'):format(
        name, op, input, name, name, output, attributes)
    tensors[#tensors + 1] = ('"%s/w": {"dtype": "int8", "shape": [%s], "scale": 0.01, "zero_point": 0, "values": %s}'):format(
        name, table.concat(shape, ", "), values(count, -127, 127))
    tensors[#tensors + 1] = ('"%s/b": {"dtype": "int32", "shape": [%d], "scale": 0.0005, "zero_point": 0, "values": %s}'):format(
        name, channels, values(channels, -2000, 2000))
    tensors[#tensors + 1] = ('"%s": {"dtype": "int8", "scale": 0.05, "zero_point": -3}'):format(output)
end
local same = '"stride": [1, 1], "padding": "same", "activation": "relu"'
layer("conv", "Conv2D", "image", "a", { 8, 3, 3, 4 }, same)
layer("point_1", "Conv2D", "a", "b", { 8, 1, 1, 8 }, same)
layer("depth", "DepthwiseConv2D", "b", "c", { 1, 3, 3, 8 }, same)
layer("point_2", "Conv2D", "c", "d", { 8, 1, 1, 8 }, same)
nodes[#nodes + 1] = '{"name": "flat", "op": "Reshape", "inputs": ["d"], "outputs": ["e"], "attributes": {"shape": [1, 512]}}'
tensors[#tensors + 1] = '"e": {"dtype": "int8", "scale": 0.05, "zero_point": -3}'
layer("fc", "FullyConnected", "e", "scores", { 5, 512 }, '"activation": "none"')
print(('{"etch": 1, "name": "tuned", "inputs": [{"name": "image", "dtype": "int8", "shape": [1, 8, 8, 4], "scale": 0.05, "zero_point": -3}], '
    .. '"outputs": ["scores"],\n"nodes": [\n%s],\n"tensors": {\n%s}}'):format(table.concat(nodes, ",\n"), table.concat(tensors, ",\n")))
