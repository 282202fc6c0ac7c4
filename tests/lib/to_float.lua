-- SPDX-License-Identifier: MIT
-- Bytes of uint8 pixels to float32 values.
local map = {}
for byte = 0, 255 do map[string.char(byte)] = string.pack("<f", byte) end
io.write((io.read("a"):gsub(".", map)))
