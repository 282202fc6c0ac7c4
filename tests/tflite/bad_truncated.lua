-- Half of a file.
local tflite = ...
return {
    tensors = {{"x", "float32", {1}}, {"y", "float32", {1}}},
    operators = {{"RELU", {0}, {1}}},
    inputs = {0},
    outputs = {1},
    damage = function(bytes) return bytes:sub(1, #bytes // 2) end,
}
