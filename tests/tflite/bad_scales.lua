-- Three scales for two channels.
local tflite = ...
return {
    tensors = {
        {"x", "int8", {1, 2}, scale = {1}},
        {"w", "int8", {2, 2}, data = "\1\2\3\4", scale = {1, 2, 3}},
        {"y", "int8", {1, 2}, scale = {1}},
    },
    operators = {{"FULLY_CONNECTED", {0, 1}, {2}}},
    inputs = {0},
    outputs = {2},
}
