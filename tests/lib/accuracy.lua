-- SPDX-License-Identifier: MIT
--
-- accuracy.lua LABELS.csv OUTPUTS.bin TYPE LEAST: rows of `name, classes, label` against the outputs of consecutive calls;
-- fails below LEAST. Equal outputs: the first counts.
local labels, path, dtype, least = arg[1], arg[2], arg[3], tonumber(arg[4])
local format = ({ int8 = "<i1", uint8 = "<I1", float32 = "<f" })[dtype]
local file = assert(io.open(path, "rb"))
local bytes, position, total, right = file:read("a"), 1, 0, 0
file:close()
for line in io.lines(labels) do
    local classes, label = line:match("^[^,]*,%s*(%d+),%s*(%d+)")
    local best, best_value = -1, -math.huge
    for class = 0, tonumber(classes) - 1 do
        local value
        value, position = string.unpack(format, bytes, position)
        if value > best_value then best, best_value = class, value end
    end
    total = total + 1
    if best == tonumber(label) then right = right + 1 end
end
assert(position == #bytes + 1, "the outputs do not end with the labels")
print(("%s: %d of %d right, %.4f"):format(path:match("[^/]*$"), right, total, right / total))
os.exit(right / total >= least - 5e-4)
