-- A loop whose body is the loop's own graph.
local tflite = ...
local s = tflite.scalar
return {
    tensors = {{"x", "float32", {}}, {"y", "float32", {}}},
    operators = {{"WHILE", {0}, {1}, options = {93, {[0] = s("i32", 0), [1] = s("i32", 0)}}}},
    inputs = {0},
    outputs = {1},
}
