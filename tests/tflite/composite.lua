-- A composite is replaced by its subgraph, which here hands on one of its inputs as well.
local tflite = ...
return {
    subgraphs = {
        {
            tensors = {{"x", "float32", {2}}, {"sum", "float32", {2}}, {"same", "float32", {2}}, {"y", "float32", {2}}},
            operators = {{"COMPOSITE", {0}, {1, 2}, composite = 1}, {"MUL", {1, 2}, {3}}},
            inputs = {0},
            outputs = {3},
        },
        {
            tensors = {{"a", "float32", {2}}, {"one", "float32", {1}, data = tflite.pack("f", {1})}, {"b", "float32", {2}}},
            operators = {{"ADD", {0, 1}, {2}}},
            inputs = {0},
            outputs = {2, 0},
        },
    },
}
