-- SPDX-License-Identifier: MIT
--
-- JSON for the test drivers: json.read(text), json.write(value). Arrays carry the metatable json.array, so that an empty one
-- is written as [] again; null becomes json.null. Keys are written in sorted order.
local json = { array = {}, null = setmetatable({}, { __tostring = function() return "null" end }) }

local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function fail(text, position, what)
    local _, line = text:sub(1, position):gsub("\n", "")
    error(("line %d: %s"):format(line + 1, what), 0)
end

local read_value

local function skip(text, position)
    return text:find("[^ \t\r\n]", position) or #text + 1
end

local function read_string(text, position)
    local out, start = {}, position + 1
    while true do
        local stop = text:find('["\\]', start) or fail(text, position, "string without an end")
        out[#out + 1] = text:sub(start, stop - 1)
        if text:sub(stop, stop) == '"' then
            return table.concat(out), stop + 1
        end
        local escape = text:sub(stop + 1, stop + 1)
        if escape == "u" then
            out[#out + 1] = utf8.char(tonumber(text:sub(stop + 2, stop + 5), 16))
            start = stop + 6
        else
            out[#out + 1] = escapes[escape] or escape
            start = stop + 2
        end
    end
end

local function read_array(text, position)
    local out = setmetatable({}, json.array)
    position = skip(text, position + 1)
    if text:sub(position, position) == "]" then
        return out, position + 1
    end
    while true do
        out[#out + 1], position = read_value(text, position)
        position = skip(text, position)
        local mark = text:sub(position, position)
        if mark == "]" then
            return out, position + 1
        elseif mark ~= "," then
            fail(text, position, "expected , or ] in an array")
        end
        position = position + 1
    end
end

local function read_object(text, position)
    local out = {}
    position = skip(text, position + 1)
    if text:sub(position, position) == "}" then
        return out, position + 1
    end
    while true do
        position = skip(text, position)
        if text:sub(position, position) ~= '"' then
            fail(text, position, "expected a key in quotes")
        end
        local key
        key, position = read_string(text, position)
        position = skip(text, position)
        if text:sub(position, position) ~= ":" then
            fail(text, position, "expected : after a key")
        end
        out[key], position = read_value(text, position + 1)
        position = skip(text, position)
        local mark = text:sub(position, position)
        if mark == "}" then
            return out, position + 1
        elseif mark ~= "," then
            fail(text, position, "expected , or } in an object")
        end
        position = position + 1
    end
end

local words = { ["true"] = true, ["false"] = false, null = json.null }

function read_value(text, position)
    position = skip(text, position)
    local first = text:sub(position, position)
    if first == "{" then
        return read_object(text, position)
    elseif first == "[" then
        return read_array(text, position)
    elseif first == '"' then
        return read_string(text, position)
    end
    local word = text:match("^%a+", position)
    if word and words[word] ~= nil then
        return words[word], position + #word
    end
    local number = text:match("^-?[%d.eE+-]+", position)
    local value = number and tonumber(number) or fail(text, position, "expected a value")
    return value, position + #number
end

function json.read(text)
    local value, position = read_value(text, 1)
    if skip(text, position) <= #text then
        fail(text, position, "text after the end")
    end
    return value
end

local function write_string(value)
    return '"' .. value:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
end

function json.write(value)
    if type(value) == "string" then
        return write_string(value)
    elseif value == json.null or type(value) == "boolean" then
        return tostring(value)
    elseif type(value) == "number" then
        return math.type(value) == "integer" and tostring(value) or ("%.17g"):format(value)
    end
    local parts = {}
    if getmetatable(value) == json.array then
        for index, element in ipairs(value) do
            parts[index] = json.write(element)
        end
        return "[" .. table.concat(parts, ", ") .. "]"
    end
    local keys = {}
    for key in pairs(value) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    for index, key in ipairs(keys) do
        parts[index] = write_string(key) .. ": " .. json.write(value[key])
    end
    return "{" .. table.concat(parts, ", ") .. "}"
end

function json.read_file(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("a")
    file:close()
    local ok, value = pcall(json.read, text)
    return ok and value or error(path .. ": " .. tostring(value), 0)
end

return json
