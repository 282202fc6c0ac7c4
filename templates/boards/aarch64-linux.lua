-- SPDX-License-Identifier: MIT-0
--
-- Linux on AArch64 in QEMU's user mode. Time there says little about a processor.

return {
    description = "QEMU: Linux on AArch64, with dot products",
    compilers = { "aarch64-linux-gnu-gcc" },
    compiler_package = "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    flags = { "-march=armv8.2-a+dotprod", "-static" },
    optimisation = { speed = "-O3", balanced = "-O3", size = "-Os", ram = "-O3" },
    sources = { "host.c", "console.c", "count_host.c" },
    libraries = { "-lm" },
    emulator = { "qemu-aarch64", "-cpu", "max" },
    emulator_package = "qemu-user",
    unit = "nanoseconds",
}
