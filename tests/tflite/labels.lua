-- Labels in a ZIP archive behind the FlatBuffer, where TFLite's metadata tools put them.
local tflite = ...
return {
    tensors = {{"x", "float32", {1, 3}}, {"y", "float32", {1, 3}}},
    operators = {{"SOFTMAX", {0}, {1}, options = {9, {[0] = tflite.scalar("f32", 1)}}}},
    inputs = {0},
    outputs = {1},
    damage = function(bytes)
        local name, text = "my_labels.txt", "cat\r\ndog\nfish\n"
        local numbers = string.pack("<I4I4I4", 0, #text, #text)
        local entry = string.pack("<I2I2I2I2I2", 20, 0, 0, 0, 0) .. numbers .. string.pack("<I2I2", #name, 0)
        local archive = "PK\3\4" .. entry .. name .. text
        local directory = "PK\1\2" .. string.pack("<I2", 20) .. entry .. string.pack("<I2I2I2I4I4", 0, 0, 0, 0, #bytes) .. name
        return bytes .. archive .. directory ..
            "PK\5\6" .. string.pack("<I2I2I2I2I4I4I2", 0, 0, 1, 1, #directory, #bytes + #archive, 0)
    end,
}
