-- SPDX-License-Identifier: MIT
--
-- ram_cost.lua SPEED.json RAM.json: what `etch bench --json` printed for the two levels of --optimize. The least RAM may cost
-- at most 1.3 times the executed instructions.
package.path = "tests/lib/?.lua;" .. package.path

local function instructions(path)
    local file = assert(io.open(path))
    return require("json").read(file:read("a")).instructions
end

local ratio = instructions(arg[2]) / instructions(arg[1])
print(("%.3f times the instructions, at most 1.3"):format(ratio))
os.exit(ratio <= 1.3)
