-- Fused activations that TFLM ignores: that of an Add of int32 (Sub applies its own), that of a quantised TransposeConv.
local tflite = ...
local s = tflite.scalar
return {
    tensors = {
        {"x", "int32", {4}}, {"y", "int32", {4}}, {"sum", "int32", {4}}, {"difference", "int32", {4}},
        {"shape", "int32", {4}, data = tflite.pack("i4", {1, 2, 2, 1})},
        {"kernel", "int8", {1, 2, 2, 1}, data = "\1\2\3\4", scale = {0.5}, zero_point = {0}},
        {"image", "int8", {1, 1, 1, 1}, scale = {0.5}, zero_point = {-3}},
        {"bigger", "int8", {1, 2, 2, 1}, scale = {0.25}, zero_point = {5}},
    },
    operators = {
        {"ADD", {0, 1}, {2}, options = {11, {[0] = s("u8", 1)}}},
        {code = 41, inputs = {0, 1}, outputs = {3}, options = {28, {[0] = s("u8", 1)}}},
        {"TRANSPOSE_CONV", {4, 5, 6}, {7}, options = {49, {[0] = s("u8", 0), [1] = s("i32", 2), [2] = s("i32", 2), [3] = s("u8", 1)}}},
    },
    inputs = {0, 1, 6},
    outputs = {2, 3, 7},
}
