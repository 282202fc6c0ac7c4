-- SPDX-License-Identifier: MIT-0
--
-- What the kernels of runtime/resident_words.h need: vectors of eight values.

local resident = {}

local LEFT <const> = 13 -- ETCH_RESIDENT_LEFT

-- What a channel has in the stream before its weights
local columns = { [0] = { "start", "reach", "factor", "offset" }, { "start", "reach", "factor", "offset", "zero", "above" } }

function resident.linear(n, services)
    if n.inputs ~= 8 or n.vectors < 3 or not services.scaling("least_weight", -127) or not services.scaling("one_product", LEFT) then
        return false
    end
    services.pack { name = "packed", input = "weights", dtype = "int8", dims = { n.outputs, 8 }, axes = { { axis = 1, extent = n.outputs }, { axis = 2, extent = 8 } } }
    local parts = {}
    for i, name in ipairs(columns[services.fact("two_sided")]) do
        parts[i] = { table = name, per = 1 }
    end
    parts[#parts + 1] = { table = "packed", per = 8 }
    services.interleave("stream", n.outputs, parts)
    n.library("halves").drop_scales(services)
    services.drop("packed")
    n.library("halves").walk(services, 4, n.outputs, true)
    return true
end

-- The function of the header
function resident.channels(n)
    n.uses("resident_words.h")
    return n.two_sided ~= 0 and "etch_resident_two_sided" or "etch_resident_channels"
end

return resident
