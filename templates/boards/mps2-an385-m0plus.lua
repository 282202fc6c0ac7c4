-- SPDX-License-Identifier: MIT-0
--
-- Arm MPS2+ with the image AN385. Code for a Cortex-M0+: a part of the Cortex-M3 executes it as it is.

return {
    description = "QEMU: Arm MPS2+ AN385, code for a Cortex-M0+, 4 + 4 + 16 MB",
    compilers = { "arm-none-eabi-gcc" },
    compiler_package = "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    flags = { "-mcpu=cortex-m0plus", "-mthumb", "-DCOUNT_TICK_PICOSECONDS=40000" },
    optimisation = { speed = "-O3", balanced = "-O2", size = "-Os", ram = "-O2" },
    sources = { "cortex-m/startup.c", "semihosting.c", "console.c", "count.c" },
    linker_script = "cortex-m/mps2.ld",
    libraries = { "--specs=nosys.specs", "-lm" },
    -- One instruction lasts 64 ns, longer than a tick of SysTick, so that ticks tell instructions exactly.
    emulator = {
        "qemu-system-arm", "-M", "mps2-an385", "-nographic", "-semihosting-config", "enable=on,target=native",
        "-icount", "shift=6", "-kernel",
    },
    emulator_package = "qemu-system-arm",
    unit = "instructions",
}
