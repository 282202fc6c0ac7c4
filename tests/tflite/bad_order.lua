-- An operator reads what a later one writes.
return {
    tensors = {{"x", "float32", {1}}, {"y", "float32", {1}}, {"z", "float32", {1}}},
    operators = {{"RELU", {1}, {2}}, {"RELU", {0}, {1}}},
    inputs = {0},
    outputs = {2},
}
