-- Sparse weights: rows dense, columns compressed; and 2 x 2 blocks.
local tflite = ...
local s, v = tflite.scalar, tflite.vector
local function bytes(values) return tflite.sub {[0] = v("u8", values)} end
local function ints(values) return tflite.sub {[0] = v("i32", values)} end
return {
    tensors = {
        {"x", "float32", {1, 4}},
        {"rows", "float32", {2, 4}, data = tflite.pack("f", {1, 2, 3}), sparsity = {
            [0] = v("i32", {0, 1}),
            [2] = tflite.tables {
                {[1] = s("i32", 2)},
                {[0] = s("u8", 1), [2] = s("u8", 3), [3] = bytes {0, 1, 3}, [4] = s("u8", 3), [5] = bytes {2, 0, 3}},
            },
        }},
        {"y", "float32", {1, 2}},
        {"blocks", "float32", {4, 2}, data = tflite.pack("f", {1, 2, 3, 4}), sparsity = {
            [0] = v("i32", {0, 1, 2, 3}), [1] = v("i32", {0, 1}),
            [2] = tflite.tables {
                {[1] = s("i32", 2)},
                {[0] = s("u8", 1), [2] = s("u8", 1), [3] = ints {0, 0, 1}, [4] = s("u8", 1), [5] = ints {0}},
                {[1] = s("i32", 2)},
                {[1] = s("i32", 2)},
            },
        }},
        {"dense", "float32", {4, 2}},
        {"z", "float32", {1, 4}},
    },
    operators = {
        {"FULLY_CONNECTED", {0, 1, -1}, {2}},
        {"DENSIFY", {3}, {4}},
        {"FULLY_CONNECTED", {2, 4}, {5}},
    },
    inputs = {0},
    outputs = {5},
}
