-- Operators without a canonical form, and one that reads text: such a model can be inspected, and nothing else.
return {
    tensors = {
        {"words", "string", {1}}, {"image", "float32", {1, 2, 2, 2, 1}}, {"kernel", "float32", {1, 1, 1, 1, 1}, data = "\0\0\128\63"},
        {"volume", "float32", {1, 2, 2, 2, 1}}, {"y", "float32", {1, 2, 2, 2, 1}}, {"text", "string", {1}},
    },
    operators = {
        {"CONV_3D", {1, 2, -1}, {3}},
        {custom = "Sinh", inputs = {3}, outputs = {4}},
        {"RESHAPE", {0}, {5}},
    },
    inputs = {0, 1},
    outputs = {4, 5},
}
