-- A loop that is handed a variable: the body counts in it, and its handle is no operand of the canonical loop.
local tflite = ...
local s = tflite.scalar
return {
    subgraphs = {
        {
            tensors = {
                {"x", "float32", {1}}, {"handle", "resource"}, {"y", "float32", {1}}, {"same_handle", "resource"}, {"count", "float32", {1}},
            },
            operators = {
                {"VAR_HANDLE", {}, {1}, options = {111, {[1] = tflite.string("counter")}}},
                {"WHILE", {1, 0}, {3, 2}, options = {93, {[0] = s("i32", 1), [1] = s("i32", 2)}}},
                {"READ_VARIABLE", {3}, {4}},
            },
            inputs = {0},
            outputs = {2, 4},
        },
        {
            tensors = {{"handle", "resource"}, {"value", "float32", {1}}, {"limit", "float32", {1}, data = tflite.pack("f", {100})}, {"below", "bool", {1}}},
            operators = {{"LESS", {1, 2}, {3}}},
            inputs = {0, 1},
            outputs = {3},
        },
        {
            tensors = {
                {"handle", "resource"}, {"value", "float32", {1}}, {"one", "float32", {1}, data = tflite.pack("f", {1})},
                {"old", "float32", {1}}, {"new", "float32", {1}}, {"double", "float32", {1}},
            },
            operators = {
                {"READ_VARIABLE", {0}, {3}},
                {"ADD", {3, 2}, {4}},
                {"ASSIGN_VARIABLE", {0, 4}, {}},
                {"ADD", {1, 1}, {5}},
            },
            inputs = {0, 1},
            outputs = {0, 5},
        },
    },
}
