-- SPDX-License-Identifier: MIT-0
--
-- Plain C99: complete, readable, the reference for every other target.

return {
    description = "portable C99, any compiler and processor",
    board = "host",
    variants = {},
}
