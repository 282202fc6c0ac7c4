-- SPDX-License-Identifier: MIT
--
-- Prints a generated file without the elements of its arrays: the part that is laid out like hand-written code.
local inside = false
for line in io.lines(arg[1]) do
    local opens = line:match("%] = {$")
    if inside and line:match("^};") then inside = false end
    if not inside then print(line) end
    if opens then inside = true end
end
