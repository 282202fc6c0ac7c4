-- SPDX-License-Identifier: MIT-0
--
-- Cortex-M55: int8 kernels for MVE (Helium); the portable kernels for everything else.

-- A list of vectors times weights
local function prepare_linear(n, services)
    local mve = n.library("mve")
    local across = n.vectors > 1 and 2 or 1
    services.number("step", n.inputs)
    return mve.prepare(services, n.outputs, across, 1, n.inputs, 0) and mve.pack(services, n.outputs, 8 // across, 1, n.inputs)
end

return {
    description = "Arm Cortex-M55 with MVE",
    inherits = "generic",
    board = "mps3-an547",
    variants = {
        { op = "Conv2D", when = "is_int8_list", forms = "", template = "linear_mve", prepare = prepare_linear },
        { op = "FullyConnected", when = "is_int8_list", forms = "", template = "linear_mve", prepare = prepare_linear },
    },
}
