-- Per-channel weights, fused activation, dilation; the bias's quantised dimension is that of the weights.
local tflite = ...
local s = tflite.scalar
return {
    tensors = {
        {"image", "int8", {1, 4, 4, 1}, scale = {0.5}, zero_point = {-1}},
        {"weights", "int8", {2, 2, 2, 1}, data = tflite.pack("i1", {1, 2, 3, 4, -1, -2, -3, -4}), scale = {0.25, 0.125}, zero_point = {0, 0}},
        {"bias", "int32", {2}, data = tflite.pack("i4", {10, -20}), scale = {0.125, 0.0625}, zero_point = {0, 0}, axis = 3},
        {"features", "int8", {1, 1, 2, 2}, scale = {1.0}, zero_point = {3}},
        {"", "int8", {1, 1, 2, 2}, scale = {0.00390625}, zero_point = {-128}},
    },
    operators = {
        {"CONV_2D", {0, 1, 2}, {3}, options = {1, {[0] = s("u8", 1), [1] = s("i32", 1), [2] = s("i32", 2), [3] = s("u8", 1), [4] = s("i32", 2), [5] = s("i32", 3)}}},
        {"LOGISTIC", {3}, {4}},
    },
    inputs = {0},
    outputs = {4},
}
