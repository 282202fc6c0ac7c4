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
-- In the order of their first steps: what has ended before meets none of those that follow.
table.sort(buffers, function(a, b) return a.lower < b.lower end)
local peak, alive = 0, {}
for _, a in ipairs(buffers) do
    local still = {}
    peak = math.max(peak, a.top)
    for _, b in ipairs(alive) do
        if a.lower < b.upper then
            assert(a.top <= b.offset or b.top <= a.offset, a.id .. " and " .. b.id .. " overlap")
            still[#still + 1] = b
        end
    end
    still[#still + 1] = a
    alive = still
end
assert(not arg[2] or peak <= tonumber(arg[2]), "the peak is " .. peak)
