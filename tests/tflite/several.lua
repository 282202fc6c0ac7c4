-- Operators that become several nodes, or others in disguise.
local tflite = ...
local s = tflite.scalar
return {
    tensors = {
        {"x", "float32", {1, 3, 3, 1}},
        {"pooled", "float32", {1, 2, 2, 1}},
        {"reversed", "float32", {1, 3, 3, 1}},
        {"axes", "int32", {2}, data = tflite.pack("i4", {1, -2})},
        {"sum", "float32", {1, 3, 3, 1}},
        {"zeros", "float32", {1, 3, 3, 1}},
        {"ids", "int32", {3}},
        {"table", "int8", {2, 2}, data = "\1\2\253\4", scale = {0.5}},
        {"rows", "float32", {3, 2}},
        {"codes", "int8", {3, 2}, scale = {0.5}},
        {"a", "int8", {4}, scale = {0.5}, zero_point = {3}},
        {"b", "int8", {4}, scale = {0.5}, zero_point = {3}},
        {"int8_sum", "int8", {4}, scale = {0.7}, zero_point = {-9}},
    },
    operators = {
        {code = 12, inputs = {0}, outputs = {1}, options = {5, {
            [0] = s("u8", 0), [1] = s("i32", 2), [2] = s("i32", 2), [3] = s("i32", 2), [4] = s("i32", 2), [5] = s("u8", 1)}}},
        {code = 105, inputs = {0, 3}, outputs = {2}},
        {code = 93, inputs = {0}, outputs = {5}},
        {code = 106, inputs = {0, 2, 5}, outputs = {4}},
        {code = 7, inputs = {6, 7}, outputs = {8}},
        {code = 7, inputs = {6, 7}, outputs = {9}},
        {code = 106, inputs = {10, 11, 10}, outputs = {12}},
    },
    inputs = {0, 6, 10, 11},
    outputs = {1, 4, 8, 9, 12},
}
