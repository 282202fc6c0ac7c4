-- Fused activations of plain integers: Sub applies its own, Add of int32 ignores it as TFLM does.
local tflite = ...
local s = tflite.scalar
return {
    tensors = { {"x", "int32", {4}}, {"y", "int32", {4}}, {"sum", "int32", {4}}, {"difference", "int32", {4}} },
    operators = {
        {"ADD", {0, 1}, {2}, options = {11, {[0] = s("u8", 1)}}},
        {code = 41, inputs = {0, 1}, outputs = {3}, options = {28, {[0] = s("u8", 1)}}},
    },
    inputs = {0, 1},
    outputs = {2, 3},
}
