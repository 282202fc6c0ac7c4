-- SPDX-License-Identifier: MIT-0
--
-- QEMU's RISC-V machine without firmware of its own.

return {
    description = "QEMU: RISC-V virt, RV32IMC, 128 MB",
    compilers = { "riscv64-unknown-elf-gcc", "riscv32-unknown-elf-gcc" },
    compiler_package = "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
    flags = { "-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs" },
    optimisation = { speed = "-O3", balanced = "-O2", size = "-Os", ram = "-O2" },
    sources = { "riscv/start.S", "riscv/trap.c", "riscv/copy.c", "semihosting.c", "console.c", "count.c" },
    linker_script = "riscv/virt.ld",
    libraries = { "-lm" },
    -- One instruction lasts 1 ns: minstret counts instructions.
    emulator = {
        "qemu-system-riscv32", "-M", "virt", "-bios", "none", "-nographic", "-semihosting-config", "enable=on,target=native",
        "-icount", "shift=0", "-kernel",
    },
    emulator_package = "qemu-system-misc",
    unit = "instructions",
}
