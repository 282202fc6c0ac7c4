-- SPDX-License-Identifier: MIT
--
-- figures.lua PEERS.tsv MODEL BALANCED.json SIZE.json: promises of the project, as far as they can be counted exactly: no more RAM
-- than TFLM's arena, at most a quarter of its flash (-Os), no more instructions than its reference kernels (-O2), on Cortex-M4.
package.path = arg[0]:gsub("[^/]*$", "") .. "?.lua;" .. package.path
local json = require("json")
local peers, model = arg[1], arg[2]

local columns, row
for line in io.lines(peers) do
    if line:sub(1, 1) ~= "#" then
        local cells = {}
        for cell in (line .. "\t"):gmatch("([^\t]*)\t") do cells[#cells + 1] = cell end
        if not columns then columns = cells elseif cells[1] == model then row = cells end
    end
end
assert(row, model .. " is not in " .. peers)
local peer = {}
for index, name in ipairs(columns) do peer[name] = tonumber(row[index]) end

local balanced, small = json.read_file(arg[3]), json.read_file(arg[4])
local failed = false
local function at_most(what, value, limit)
    if limit and value > limit then
        print(("%s: %d, more than %d"):format(what, value, limit))
        failed = true
    end
end
at_most("instructions", balanced.instructions, peer.m4_ref)
at_most("flash", small.flash_code + small.flash_const, peer.flash_ref and peer.flash_ref // 4)
at_most("RAM", balanced.arena_bytes + balanced.state_bytes + balanced.io_bytes, peer.arena_ref)
os.exit(not failed)
