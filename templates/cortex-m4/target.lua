-- SPDX-License-Identifier: MIT-0
--
-- Cortex-M4 and M7: the portable kernels, until there are better ones.

return {
    description = "Arm Cortex-M4F",
    inherits = "generic",
    board = "mps2-an386",
    variants = {},
}
