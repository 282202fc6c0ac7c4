-- SPDX-License-Identifier: MIT
--
-- check_svg.lua FILE.svg BUFFERS: is the picture of a memory plan well-formed XML (elements nest, only known entities, no control
-- characters, valid UTF-8), and are its boxes as many as there are buffers, inside the picture and apart from each other? Only a
-- node's output may lie over its input, which ends while the output begins.
local path, expected = arg[1], tonumber(arg[2])
local file = assert(io.open(path, "rb"))
local text = file:read("a")
file:close()

local function fail(...)
    io.write(path, ": ", string.format(...), "\n")
    os.exit(1)
end

if not utf8.len(text) then
    fail("not UTF-8")
end
if text:find("[%z\1-\8\11\12\14-\31\127]") then
    fail("a control character")
end
for entity in text:gmatch("&([^&<>%s]*)") do
    if not entity:find("^amp;") and not entity:find("^lt;") and not entity:find("^gt;") then
        fail("unknown entity &%s", entity)
    end
end

-- Elements: outside of tags no < and >; attributes are quoted; what is opened is closed.
local open, boxes, position, size = {}, {}, 1
while position <= #text do
    local start = text:find("[<>]", position)
    if not start then
        break
    end
    local stop = text:match("^<[%w/][^<>]*()>", start)
    if not stop then
        fail("stray %s at %d", text:sub(start, start), start)
    end
    local slash, name, rest, empty = text:sub(start, stop):match("^<(/?)(%w+)(.-)(/?)>$")
    if slash == "/" then
        if table.remove(open) ~= name then
            fail("</%s> at %d closes another element", name, start)
        end
    else
        local attributes = {}
        if rest:gsub('%s+([%w-]+)="([^"]*)"', function(key, value) attributes[key] = value return "" end) ~= "" then
            fail("malformed attributes: %s", rest)
        end
        if name == "svg" and #open == 0 then
            size = {tonumber(attributes.width), tonumber(attributes.height)}
        elseif name == "svg" then
            local x, y = tonumber(attributes.x), tonumber(attributes.y)
            boxes[#boxes + 1] = {x, y, x + tonumber(attributes.width), y + tonumber(attributes.height)}
        end
        if empty == "" then
            open[#open + 1] = name
        end
    end
    position = stop + 1
end
if #open > 0 then
    fail("<%s> is never closed", open[#open])
end

if #boxes ~= expected then
    fail("%d boxes for %d buffers", #boxes, expected)
end
for i, a in ipairs(boxes) do
    if a[1] < 0 or a[2] < 0 or a[3] > size[1] or a[4] > size[2] then
        fail("box %d leaves the picture", i)
    end
    for k = 1, i - 1 do
        local b = boxes[k]
        -- A buffer of less than a pixel is drawn one pixel high and may cover its neighbour's edge.
        local thin = a[4] - a[2] == 1 or b[4] - b[2] == 1
        local one_follows = a[1] <= b[1] and a[3] < b[3] or b[1] <= a[1] and b[3] < a[3]
        if not thin and not one_follows and a[1] < b[3] and b[1] < a[3] and a[2] < b[4] and b[2] < a[4] then
            fail("boxes %d and %d overlap", k, i)
        end
    end
end
