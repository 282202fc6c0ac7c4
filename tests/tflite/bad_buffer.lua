-- A constant whose buffer is shorter than its shape asks for.
local tflite = ...
return {
    tensors = {{"x", "float32", {4}}, {"c", "float32", {4}, data = tflite.pack("f", {1, 2, 3})}, {"y", "float32", {4}}},
    operators = {{"ADD", {0, 1}, {2}}},
    inputs = {0},
    outputs = {2},
}
