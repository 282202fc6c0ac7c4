-- A zero point that int8 cannot hold.
return {
    tensors = {{"x", "int8", {4}, scale = {1}, zero_point = {128}}, {"y", "int8", {4}, scale = {1}, zero_point = {0}}},
    operators = {{"RELU", {0}, {1}}},
    inputs = {0},
    outputs = {1},
}
