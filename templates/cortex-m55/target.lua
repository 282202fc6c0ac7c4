-- SPDX-License-Identifier: MIT-0
--
-- Cortex-M55: the portable kernels, until there are better ones.

return {
    description = "Arm Cortex-M55 with MVE",
    inherits = "generic",
    board = "mps3-an547",
    variants = {},
}
