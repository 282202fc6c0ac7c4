-- Operators whose operands TFLite orders differently, and options that become attributes.
local tflite = ...
local s, v = tflite.scalar, tflite.vector
return {
    tensors = {
        {"x", "float32", {1, 2, 2, 4}},
        {"axis", "int32", {}, data = tflite.pack("i4", {3})},
        {"left", "float32", {1, 2, 2, 2}},
        {"right", "float32", {1, 2, 2, 2}},
        {"shape", "int32", {4}},
        {"kernel", "float32", {1, 2, 2, 2}, data = tflite.pack("f", {1, 2, 3, 4, 5, 6, 7, 8})},
        {"bigger", "float32", {1, 4, 4, 1}},
        {"mask", "bool", {1, 2, 2, 2}, data = "\1\0\7\0\1\1\0\255"},
        {"chosen", "float32", {1, 2, 2, 2}},
        {"pixels", "float32", {1, 1, 1, 8}},
        {"flat", "float32", {8}},
        {"least", "int64", {1}},
        {"zeros", "float32", {8}},
        {"rolling", "float32", {8}},
        {"first", "int32", {}, data = tflite.pack("i4", {0})},
    },
    operators = {
        {"SPLIT", {1, 0}, {2, 3}},
        {"TRANSPOSE_CONV", {4, 5, 2}, {6}, options = {49, {[0] = s("u8", 0), [1] = s("i32", 2), [2] = s("i32", 2), [3] = s("u8", 3)}}},
        {"SELECT_V2", {7, 2, 3}, {8}},
        {code = 26, inputs = {8}, outputs = {9}, options = {19, {[0] = s("i32", 2)}}},
        {"RESHAPE", {9}, {10}, options = {17, {[0] = v("i32", {-1})}}},
        {"ADD", {10, 12}, {10}, options = {11, {[0] = s("u8", 2)}}}, -- over its own operand; nothing writes "zeros"
        {"CUMSUM", {10, 14}, {13}, options = {102, {[0] = s("u8", 1), [1] = s("u8", 1)}}},
    },
    inputs = {0, 4},
    outputs = {6, 13},
}
