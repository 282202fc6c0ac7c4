-- SPDX-License-Identifier: MIT-0
--
-- Arm MPS2+ with the image AN505.

return {
    description = "QEMU: Arm MPS2+ AN505, Cortex-M33, 4 + 4 + 16 MB",
    compilers = { "arm-none-eabi-gcc" },
    compiler_package = "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    flags = { "-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=hard", "-DCOUNT_TICK_PICOSECONDS=50000" },
    optimisation = { speed = "-O3", balanced = "-O2", size = "-Os", ram = "-O2" },
    sources = { "cortex-m/startup.c", "semihosting.c", "console.c", "count.c" },
    linker_script = "cortex-m/mps2-an505.ld",
    libraries = { "--specs=nosys.specs", "-lm" },
    -- One instruction lasts 64 ns, longer than a tick of SysTick, so that ticks tell instructions exactly.
    emulator = {
        "qemu-system-arm", "-M", "mps2-an505", "-nographic", "-semihosting-config", "enable=on,target=native",
        "-icount", "shift=6", "-kernel",
    },
    emulator_package = "qemu-system-arm",
    unit = "instructions",
}
