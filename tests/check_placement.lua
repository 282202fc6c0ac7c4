-- SPDX-License-Identifier: MIT
--
-- lua5.4 tests/check_placement.lua PLACED.csv [CAPACITY]: an independent check of a placement. Rows are
-- id,lower,upper,size,offset; no two buffers that live together may share a byte.

local buffers = {}
for line in io.lines(arg[1]) do
    local id, lower, upper, size, offset = line:match("^([^,]*),(%-?%d+),(%-?%d+),(%d+),(%d+)$")
    if id then
        buffers[#buffers + 1] = {
            id = id, lower = tonumber(lower), upper = tonumber(upper), offset = tonumber(offset), top = tonumber(offset) + tonumber(size),
        }
    end
end
assert(#buffers > 0, "no buffers")
local peak = 0
for i, a in ipairs(buffers) do
    peak = math.max(peak, a.top)
    for k = 1, i - 1 do
        local b = buffers[k]
        local together = a.lower < b.upper and b.lower < a.upper
        assert(not together or a.top <= b.offset or b.top <= a.offset, a.id .. " and " .. b.id .. " overlap")
    end
end
assert(not arg[2] or peak <= tonumber(arg[2]), "the peak is " .. peak)
