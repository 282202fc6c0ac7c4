-- float16 and int4 constants, data outside of the FlatBuffer, a variable that starts at its zero point.
local tflite = ...
local s = tflite.scalar
local appended = tflite.pack("f", {0.5, 0.25})
local case = {
    tensors = {
        {"x", "int8", {1, 2}, scale = {0.5}, zero_point = {0}},
        {"packed", "int4", {2, 2}, data = "\xf1\x27", scale = {0.5}, zero_point = {0}},
        {"y", "int8", {1, 2}, scale = {1}, zero_point = {0}},
        {"half", "float16", {2}, data = "\0\60\0\192"},
        {"wide", "float32", {2}},
        {"real", "float32", {1, 2}},
        {"sum", "float32", {1, 2}},
        {"outside", "float32", {2}, buffer = {[1] = s("u64", 0x1234567), [2] = s("u64", #appended)}},
        {"product", "float32", {1, 2}},
    },
    operators = {
        {"FULLY_CONNECTED", {0, 1}, {2}},
        {"DEQUANTIZE", {2}, {5}},
        {"DEQUANTIZE", {3}, {4}},
        {"ADD", {5, 4}, {6}, options = {11, {}}},
        {"MUL", {6, 7}, {8}, options = {21, {}}},
    },
    inputs = {0},
    outputs = {8},
}
-- The offset is known once the rest is written.
case.damage = function(bytes)
    local place = bytes:find(string.pack("<I8", 0x1234567), 1, true)
    return bytes:sub(1, place - 1) .. string.pack("<I8", #bytes) .. bytes:sub(place + 8) .. appended
end
return case
