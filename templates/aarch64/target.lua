-- SPDX-License-Identifier: MIT-0
--
-- Armv8-A and later, 64 bits: the portable kernels, whose loops compilers turn into NEON.

return {
    description = "Arm AArch64",
    inherits = "generic",
    board = "aarch64-linux",
    variants = {},
}
