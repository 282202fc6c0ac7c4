-- SPDX-License-Identifier: MIT-0
--
-- Cortex-M33 with the DSP extension: the kernels of a Cortex-M4, on a board of its own.

return {
    description = "Arm Cortex-M33 with the DSP extension",
    inherits = "cortex-m4",
    board = "mps2-an505",
    variants = {},
}
