-- SPDX-License-Identifier: MIT
--
-- Convolutions by points, one after the other, with more channels behind than before: outputs that may run over their inputs only
-- as far as the block that reads them. lua5.4 tests/points_chain.lua > MODEL.json
math.randomseed(1)
local widths, tensors, nodes = { 3, 60, 96, 2 }, {}, {}
local function drawn(count, size)
    local values = {}
    for i = 1, count do values[i] = math.random(-size, size) end
    return table.concat(values, ", ")
end
for i = 1, #widths - 1 do
    local inputs, outputs = widths[i], widths[i + 1]
    tensors[#tensors + 1] = ('"w%d": {"dtype": "int8", "shape": [%d, 1, 1, %d], "scale": %g, "zero_point": 0, "values": [%s]}'):format(i, outputs, inputs,
        0.02 / math.sqrt(inputs), drawn(inputs * outputs, 127))
    tensors[#tensors + 1] = ('"b%d": {"dtype": "int32", "shape": [%d], "values": [%s]}'):format(i, outputs, drawn(outputs, 500))
    tensors[#tensors + 1] = ('"y%d": {"dtype": "int8", "scale": 0.5, "zero_point": 0}'):format(i)
    nodes[i] = ('{"op": "Conv2D", "inputs": ["%s", "w%d", "b%d"], "outputs": ["y%d"], "attributes": {"padding": "same", "stride": [1, 1]}}'):format(
        i == 1 and "x" or "y" .. i - 1, i, i, i)
end
print(([[{"etch": 1, "name": "points", "inputs": [{"name": "x", "dtype": "int8", "shape": [1, 8, 13, 3], "scale": 0.5, "zero_point": 0}],
"outputs": ["y3"], "nodes": [%s], "tensors": {%s}}]]):format(table.concat(nodes, ",\n"), table.concat(tensors, ",\n")))
