-- Resource variables in two subgraphs: one state, initialised by CallOnce; a second one that starts at its zero point.
local tflite = ...
local s = tflite.scalar
local function handle(output, name) return {"VAR_HANDLE", {}, {output}, options = {111, {[1] = tflite.string(name)}}} end
return {
    subgraphs = {
        {
            tensors = {
                {"x", "int8", {1, 2}, scale = {0.5}, zero_point = {5}},
                {"handle", "resource"},
                {"old", "int8", {1, 2}, scale = {0.5}, zero_point = {5}},
                {"sum", "int8", {1, 2}, scale = {1}, zero_point = {5}},
                {"other_handle", "resource"},
                {"other", "int8", {1, 2}, scale = {0.5}, zero_point = {5}},
                {"result", "int8", {1, 2}, scale = {1}, zero_point = {5}},
            },
            operators = {
                {"CALL_ONCE", {}, {}, options = {103, {[0] = s("i32", 1)}}},
                handle(1, "window"),
                handle(4, "other"),
                {"READ_VARIABLE", {1}, {2}},
                {"ADD", {2, 0}, {3}},
                {"ASSIGN_VARIABLE", {1, 0}, {}},
                {"READ_VARIABLE", {4}, {5}},
                {"ASSIGN_VARIABLE", {4, 0}, {}},
                {"ADD", {3, 5}, {6}},
            },
            inputs = {0},
            outputs = {6},
        },
        {
            tensors = {
                {"first", "int8", {1, 2}, data = "\7\9", scale = {0.5}, zero_point = {5}},
                {"handle", "resource"},
            },
            operators = {handle(1, "window"), {"ASSIGN_VARIABLE", {1, 0}, {}}},
            inputs = {},
            outputs = {},
        },
    },
}
