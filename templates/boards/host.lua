-- SPDX-License-Identifier: MIT-0
--
-- The machine that etch runs on.

return {
    description = "this machine",
    compilers = { "cc", "gcc", "clang" },
    compiler_package = "gcc libc6-dev",
    flags = { "-march=native" },
    optimisation = { speed = "-O3", balanced = "-O3", size = "-Os", ram = "-O3" },
    sources = { "host.c", "console.c", "count_host.c" },
    libraries = { "-lm" },
    unit = "nanoseconds",
}
