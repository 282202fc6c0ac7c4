-- SPDX-License-Identifier: MIT-0
--
-- Arm MPS3 with the image AN547 (Corstone SSE-300).

return {
    description = "QEMU: Arm MPS3 AN547, Cortex-M55 with MVE, 512 KB + 2 MB + 256 MB",
    compilers = { "arm-none-eabi-gcc" },
    compiler_package = "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    flags = { "-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard", "-DCOUNT_TICK_PICOSECONDS=31250" },
    optimisation = { speed = "-O3", balanced = "-O2", size = "-Os", ram = "-O2" },
    sources = { "cortex-m/startup.c", "semihosting.c", "console.c", "count.c" },
    linker_script = "cortex-m/mps3-an547.ld",
    libraries = { "--specs=nosys.specs", "-lm" },
    -- One instruction lasts 64 ns, longer than a tick of SysTick, so that ticks tell instructions exactly.
    emulator = {
        "qemu-system-arm", "-M", "mps3-an547", "-nographic", "-semihosting-config", "enable=on,target=native",
        "-icount", "shift=6", "-kernel",
    },
    emulator_package = "qemu-system-arm",
    unit = "instructions",
}
