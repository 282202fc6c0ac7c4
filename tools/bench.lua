-- SPDX-License-Identifier: MIT
--
-- A table of `etch bench --json` objects, one per line of the file given.
package.path = "tests/lib/?.lua;" .. package.path
local json = require("json")

local function cell(value, width)
    return (" "):rep(width - #tostring(value)) .. tostring(value)
end

local function grouped(value) -- 1,234,567
    if type(value) ~= "number" then return "-" end
    local text = ("%d"):format(value)
    return (text:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", ""))
end

print("model                     target       instructions   us (min)      code     const   weights       RAM")
for line in io.lines(arg[1]) do
    local row = json.read(line)
    local microseconds = type(row.microseconds) == "table" and row.microseconds.min
    print(("%-25s %-11s %s %s %s %s %s %s"):format(row.model, row.target, cell(grouped(row.instructions), 13),
        cell(microseconds and ("%.1f"):format(microseconds) or "-", 10), cell(grouped(row.flash_code), 9), cell(grouped(row.flash_const), 9),
        cell(grouped(row.flash_weights), 9), cell(grouped(row.arena_bytes + row.state_bytes + row.io_bytes), 9)))
end
