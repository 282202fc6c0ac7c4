-- SPDX-License-Identifier: MIT-0
--
-- RISC-V without vectors or floating point: the portable kernels, until there are better ones.

return {
    description = "RISC-V RV32IMC",
    inherits = "generic",
    board = "riscv-virt",
    variants = {},
}
