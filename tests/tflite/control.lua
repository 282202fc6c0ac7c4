-- Regions: a While whose body contains an If; the same subgraph serves twice.
local tflite = ...
local s = tflite.scalar
local function double(name) return {
    tensors = {{name, "float32", {}}, {"twice", "float32", {}}}, operators = {{"ADD", {0, 0}, {1}}}, inputs = {0}, outputs = {1}, name = name,
} end
return {
    subgraphs = {
        {
            tensors = {{"x", "float32", {}}, {"y", "float32", {}}},
            operators = {{"WHILE", {0}, {1}, options = {93, {[0] = s("i32", 1), [1] = s("i32", 2)}}}},
            inputs = {0},
            outputs = {1},
        },
        {
            tensors = {{"value", "float32", {}}, {"limit", "float32", {}, data = tflite.pack("f", {100})}, {"below", "bool", {}}},
            operators = {{"LESS", {0, 1}, {2}}},
            inputs = {0},
            outputs = {2},
        },
        {
            tensors = {{"value", "float32", {}}, {"ten", "float32", {}, data = tflite.pack("f", {10})}, {"small", "bool", {}}, {"next", "float32", {}}},
            operators = {{"LESS", {0, 1}, {2}}, {"IF", {2, 0}, {3}, options = {92, {[0] = s("i32", 3), [1] = s("i32", 3)}}}},
            inputs = {0},
            outputs = {3},
        },
        double("then"),
    },
}
