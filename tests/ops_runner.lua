-- SPDX-License-Identifier: MIT
--
-- Runs the operator cases of one file (form: tests/ops/README.md):
--     lua5.4 tests/ops_runner.lua CASES.json WORK_FOLDER TARGET...
-- A target is `host` (generic kernels under ASan and UBSan) or a target with a QEMU board. Prints one line per check:
-- `ok NAME`, `not ok NAME: reason` or `skip NAME: reason`. All cases of a file share one program per target. `aarch64:own`
-- means only the cases for which that target has kernels of its own.
package.path = arg[0]:gsub("[^/]*$", "") .. "lib/?.lua;" .. package.path
local json = require("json")

local etch = os.getenv("ETCH") or "build/etch"
local host_cc = os.getenv("HOST_CC") or "cc"
local full = os.getenv("FULL") == "1"
local here = arg[0]:gsub("[^/]*$", "")
local STRICT = "-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
local SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=all -g1" -- -g takes half as long again

local case_file, work = arg[1], arg[2]
local targets = { table.unpack(arg, 3) }
local family = case_file:match("([^/]*)%.json$")

local function ok(name) print("ok ops/" .. family .. "/" .. name) end
local function not_ok(name, reason) print("not ok ops/" .. family .. "/" .. name .. ": " .. reason:gsub("%s*\n%s*", " | "):sub(1, 600)) end

local function read_file(path)
    local file = io.open(path, "rb")
    if not file then return nil end
    local text = file:read("a")
    file:close()
    return text
end

local function write_file(path, text)
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
end

-- Status and combined output of a shell command.
local function run(command)
    local log = work .. "/log"
    local _, _, status = os.execute("{ " .. command .. "; } >" .. log .. " 2>&1 </dev/null")
    return status, read_file(log)
end

-- Runs the commands of { case = command }, at most a minute of processor time each, from one shell: processes are what takes
-- time. Returns { case = status } and { case = combined output } of those that failed.
local function run_each(cases, commands)
    local script, statuses, logs = { "ulimit -t 60" }, {}, {}
    for _, case in ipairs(cases) do
        script[#script + 1] = commands[case] and ("%s >%s/%s.log 2>&1 </dev/null; echo $?"):format(commands[case], work, case.name)
    end
    write_file(work .. "/commands", table.concat(script, "\n") .. "\n")
    local results = assert(io.popen("sh " .. work .. "/commands"))
    for _, case in ipairs(cases) do
        if commands[case] then
            statuses[case] = results:read("n") or error("a shell of commands ended early", 0)
            if statuses[case] ~= 0 then logs[case] = read_file(("%s/%s.log"):format(work, case.name)) end
        end
    end
    results:close()
    return statuses, logs
end

---------------------------------------------------------------- element types

-- string.pack format, bytes, least and greatest value drawn at random
local types = {
    int8 = { "<i1", 1, -128, 127 }, uint8 = { "<I1", 1, 0, 255 }, bool = { "<I1", 1, 0, 1 },
    int16 = { "<i2", 2, -32768, 32767 }, uint16 = { "<I2", 2, 0, 65535 }, float16 = { "<I2", 2, 0, 0x7bff }, bfloat16 = { "<I2", 2, 0, 0x7f7f },
    int32 = { "<i4", 4, -1000, 1000 }, uint32 = { "<I4", 4, 0, 1000 },
    int64 = { "<i8", 8, -1000, 1000 }, uint64 = { "<i8", 8, 0, 1000 },
    float32 = { "<f", 4, -4.0, 4.0 }, float64 = { "<d", 8, -4.0, 4.0 },
}
local ctypes = { float = "float32", double = "float64" }
local special = { nan = 0.0 / 0.0, inf = math.huge, ["-inf"] = -math.huge }

local function is_float(dtype) return dtype == "float32" or dtype == "float64" end

local function stored(value, dtype)
    if type(value) == "boolean" then return value and 1 or 0 end
    if type(value) == "string" then value = special[value] or math.tointeger(tonumber(value)) or error("value " .. value, 0) end
    return is_float(dtype) and value + 0.0 or math.tointeger(value) or error(dtype .. " value " .. tostring(value), 0)
end

local function pack(values, dtype)
    local parts = {}
    for index, value in ipairs(values) do
        parts[index] = string.pack(types[dtype][1], stored(value, dtype))
    end
    return table.concat(parts)
end

local function unpack_values(bytes, dtype)
    local out, size = {}, types[dtype][2]
    for position = 1, #bytes - size + 1, size do
        out[#out + 1] = (string.unpack(types[dtype][1], bytes, position))
    end
    return out
end

local function product(shape)
    local result = 1
    for _, extent in ipairs(shape) do result = result * extent end
    return result
end

---------------------------------------------------------------- random values, the same on every machine

local Random = {}
Random.__index = Random

local function random_new(text)
    local state = 0xcbf29ce484222325 -- FNV-1a
    for index = 1, #text do state = (state ~ text:byte(index)) * 0x100000001b3 end
    return setmetatable({ state = state }, Random)
end

function Random:next() -- splitmix64
    self.state = self.state + 0x9e3779b97f4a7c15
    local z = self.state
    z = (z ~ (z >> 30)) * 0xbf58476d1ce4e5b9
    z = (z ~ (z >> 27)) * 0x94d049bb133111eb
    return (z ~ (z >> 31)) >> 11 -- 53 bits
end

-- `first`: integers begin with the ends of the range, where saturation shows.
function Random:values(dtype, count, range, first)
    local info = types[dtype]
    local low, high = info[3], info[4]
    if range then low, high = range[1], range[2] end
    local out = {}
    for index = 1, count do
        if is_float(dtype) then
            out[index] = string.unpack("<f", string.pack("<f", low + (high - low) * (self:next() / 2.0 ^ 53)))
        elseif first and index <= 2 then
            out[index] = index == 1 and low or high
        else
            out[index] = low + self:next() % (high - low + 1)
        end
    end
    return out
end

---------------------------------------------------------------- cases

-- A copy of `value` in which "$name" is replaced from `bindings`.
local function substitute(value, bindings)
    if type(value) == "string" then
        local whole = bindings[value:match("^%$(%w+)$") or ""]
        if whole ~= nil then return whole end
        return (value:gsub("%$(%w+)", function(name) return bindings[name] ~= nil and tostring(bindings[name]) or nil end))
    elseif type(value) ~= "table" or value == json.null then
        return value
    end
    local copy = setmetatable({}, getmetatable(value))
    for key, element in pairs(value) do
        if key ~= "for" then copy[substitute(key, bindings)] = substitute(element, bindings) end
    end
    return copy
end

local function expand(case)
    local names = {}
    for name in pairs(case["for"] or {}) do names[#names + 1] = name end
    table.sort(names)
    local out = {}
    local function step(index, bindings, suffix)
        if index > #names then
            local copy = substitute(case, bindings)
            copy.name = (copy.name .. suffix):gsub("[^%w_]", "_"):lower() -- as the C prefix will be
            out[#out + 1] = copy
            return
        end
        for position, value in ipairs(case["for"][names[index]]) do
            local text = type(value) == "table" and tostring(position) or tostring(value):gsub("-", "m"):gsub("%.", "p")
            bindings[names[index]] = value
            step(index + 1, bindings, suffix .. "_" .. text)
            bindings[names[index]] = nil
        end
    end
    step(1, {}, "")
    return out
end

-- Completes the native model and draws its random constants.
local function prepare_model(case, random)
    local model = case.model
    model.etch, model.name = 1, case.name
    model.tensors = model.tensors or {}
    local names = {}
    for name in pairs(model.tensors) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
        local tensor = model.tensors[name]
        if tensor.random then
            local range = #tensor.random > 0 and tensor.random or nil
            tensor.values = setmetatable(random:values(tensor.dtype, product(tensor.shape), range, false), json.array)
            tensor.random = nil
        end
    end
end

local function call_values(case, random)
    if case.inputs then return case.inputs end
    local wish = case.random or {}
    local calls = {}
    for call = 1, wish.calls or 3 do
        calls[call] = {}
        for index, input in ipairs(case.model.inputs) do
            local range = wish.range and wish.range[index]
            if range == json.null then range = nil end
            calls[call][index] = random:values(input.dtype, product(input.shape or {}), range, call == 1)
        end
    end
    return calls
end

local function write_inputs(case, calls)
    case.input_files = {}
    for index, input in ipairs(case.model.inputs) do
        local parts = {}
        for call, values in ipairs(calls) do
            local given = values[index] or error("call " .. call .. " lacks input " .. index, 0)
            if #given ~= product(input.shape or {}) then
                error(("input %d has %d values, expected %d"):format(index, #given, product(input.shape or {})), 0)
            end
            parts[call] = pack(given, input.dtype)
        end
        local path = ("%s/%s.in%d.bin"):format(work, case.name, index - 1)
        write_file(path, table.concat(parts))
        case.input_files[index] = path
    end
end

---------------------------------------------------------------- the interpreter

local function values_equal(a, b, dtype, tolerance, scale)
    if not is_float(dtype) then return a == b end
    if a ~= a or b ~= b then return a ~= a and b ~= b end
    return a == b or math.abs(a - b) <= tolerance * scale
end

local function check_expected(case, index, dtype)
    local got = unpack_values(read_file(case.output_files[index]), dtype)
    local position, scale = 0, 1e-30
    for _, call in ipairs(case.outputs) do
        for _, value in ipairs(call[index]) do
            local number = stored(value, dtype)
            if is_float(dtype) and number == number and math.abs(number) < math.huge then scale = math.max(scale, math.abs(number)) end
        end
    end
    for call_index, call in ipairs(case.outputs) do
        for element, value in ipairs(call[index]) do
            position = position + 1
            local expected = stored(value, dtype)
            if got[position] == nil or not values_equal(got[position], expected, dtype, case.tolerance, scale) then
                return ("call %d, output %d, element %d: %s, expected %s"):format(call_index - 1, index - 1, element - 1, got[position], expected)
            end
        end
    end
    return position ~= #got and ("output %d has %d values, expected %d"):format(index - 1, #got, position) or nil
end

local function interpreter_command(case)
    case.output_files = {}
    local command = { etch, "run", case.path }
    for _, path in ipairs(case.input_files) do command[#command + 1] = "--input " .. path end
    for index in ipairs(case.model.outputs) do
        case.output_files[index] = ("%s/%s.out%d.bin"):format(work, case.name, index - 1)
        command[#command + 1] = "--output " .. case.output_files[index]
    end
    return table.concat(command, " ")
end

---------------------------------------------------------------- generated code

-- The prototype of NAME_invoke tells the parameters; state and arena are there only when the model needs them.
local function read_prototype(case, folder)
    local header = read_file(folder .. "/" .. case.name .. ".h") or error("no header was written", 0)
    local list = header:match("int " .. case.name .. "_invoke(%b())") or error("no prototype of " .. case.name .. "_invoke in the header", 0)
    local prototype = { state = list:find(case.name .. "_state ", 1, true), arena = list:find(case.name .. "_arena ", 1, true), inputs = {}, outputs = {} }
    for parameter in list:sub(2, -2):gmatch("[^,]+") do
        if not parameter:find(case.name .. "_state ", 1, true) and not parameter:find(case.name .. "_arena ", 1, true) then
            local const, ctype = parameter:match("^%s*(const )%s*([%w_]+)")
            if not const then ctype = parameter:match("^%s*([%w_]+)") end
            table.insert(const and prototype.inputs or prototype.outputs, ctype)
        end
    end
    return prototype
end

local escapes = {}
for byte = 0, 255 do escapes[string.char(byte)] = ("\\%03o"):format(byte) end

-- As a string, which compilers read several times as fast as a list of numbers
local function bytes_text(bytes)
    local lines = {}
    for start = 1, #bytes, 32 do
        lines[#lines + 1] = '    "' .. bytes:sub(start, start + 31):gsub(".", escapes) .. '"'
    end
    return table.concat(lines, "\n")
end

-- The declaration of a file's bytes, the same for all targets; "" for an empty file. Returns the file's size, too.
local function declaration(case, name, path)
    local known = case.declarations[name]
    if not known then
        local bytes = read_file(path)
        known = { text = #bytes > 0 and ("static const uint8_t %s[] =\n%s;"):format(name, bytes_text(bytes)) or "", size = #bytes }
        case.declarations[name] = known
    end
    return known.text, known.size
end

local function add(out, ...) out[#out + 1] = string.format(...) end

local function test_function(case, prototype)
    local out, name = {}, case.name
    local function data(role, index, path, calls)
        local text, size = declaration(case, name .. "_" .. role .. index - 1, path)
        out[#out + 1] = text
        return size // calls
    end
    local sizes = { inputs = {}, outputs = {} }
    for index, path in ipairs(case.input_files) do sizes.inputs[index] = data("input", index, path, case.calls) end
    for index, path in ipairs(case.output_files) do sizes.outputs[index] = data("output", index, path, case.calls) end
    add(out, "static int test_%s(void)\n{", name)
    local arguments = {}
    if prototype.state then add(out, "    static %s_state state;", name) arguments[#arguments + 1] = "&state" end
    if prototype.arena then add(out, "    static %s_arena arena;", name) arguments[#arguments + 1] = "&arena" end
    for _, role in ipairs({ "inputs", "outputs" }) do
        for index, ctype in ipairs(prototype[role]) do
            local size = types[ctypes[ctype] or ctype:gsub("_t$", "")][2]
            add(out, "    static %s %s%d[%d];", ctype, role, index - 1, math.max(1, sizes[role][index] // size))
            arguments[#arguments + 1] = role .. (index - 1)
        end
    end
    if prototype.state then add(out, "    if (%s_init(&state) != 0) return fail(\"%s\", 0, -1, 0, 0, 0);", name, name) end
    add(out, "    for (int call = 0; call < %d; ++call) {", case.calls)
    for index, size in ipairs(sizes.inputs) do
        if size > 0 then add(out, "        memcpy(inputs%d, %s_input%d + call * %d, %d);", index - 1, name, index - 1, size, size) end
    end
    for index, size in ipairs(sizes.outputs) do
        if size > 0 then add(out, "        memset(outputs%d, 0x55, %d);", index - 1, size) end
    end
    if prototype.arena then add(out, "        memset(&arena, 0x%02x, sizeof arena);", 0xa5) end
    add(out, "        if (%s_invoke(%s) != 0) return fail(\"%s\", call, -1, 0, 0, 0);", name, table.concat(arguments, ", "), name)
    for index, size in ipairs(sizes.outputs) do
        local dtype = ctypes[prototype.outputs[index]]
        if size > 0 and dtype then
            add(out, "        if (differs_%s(\"%s\", call, %d, outputs%d, %s_output%d + call * %d, %d, %.9g)) return 1;", prototype.outputs[index], name,
                index - 1, index - 1, name, index - 1, size, size // types[dtype][2], case.tolerance)
        elseif size > 0 then
            add(out, "        if (differs(\"%s\", call, %d, outputs%d, %s_output%d + call * %d, %d)) return 1;", name, index - 1, index - 1, name, index - 1, size, size)
        end
    end
    add(out, "    }\n    return pass(\"%s\");\n}\n", name)
    return table.concat(out, "\n")
end

-- What the case says of the memory plan of the portable kernels; others may copy more, or take scratch memory.
local function check_plan(case, folder, target)
    if target ~= "host" then return nil end
    local _, copies = read_file(("%s/%s.c"):format(folder, case.name)):gsub("memcpy%(", "")
    local arena = tonumber(read_file(("%s/%s.h"):format(folder, case.name)):match("_ARENA_BYTES (%d+)") or 0)
    if case.arena and case.arena ~= arena then return ("arena %d, expected %d"):format(arena, case.arena) end
    if case.copies and case.copies ~= copies then return ("%d calls of memcpy, expected %d"):format(copies, case.copies) end
end

-- The operators for which a target has kernels of its own
local function own_operators(target)
    local operators, templates = {}, here .. "../templates/"
    local rows = dofile(templates .. target .. "/target.lua").variants or {}
    if type(rows) == "function" then rows = rows(function(name) return dofile(templates .. "common/" .. name .. ".lua") end) end
    for _, row in ipairs(rows) do operators[row.op] = true end
    return operators
end

local function has_operator(case, operators)
    return json.write(case.model):gsub('"op":%s*"(%w+)"', function(name) return operators[name] and "\0" or nil end):find("\0", 1, true) ~= nil
end

-- Whether the target's code differs from the portable one, which the host has compiled already
local function has_own_kernels(case, target, folder)
    local function code(of)
        local text = read_file(("%s/%s.c"):format(of, case.name))
        return text and text:gsub("target [%w-]+,", "", 1)
    end
    return code(folder) ~= code(work .. "/host")
end

-- `etch compile` of all cases with the same options at once, since starts are what takes time; when that fails, of each by itself.
-- Returns what run_each does.
local function generate_all(cases, kernels, folder)
    local commands, paths, first = {}, {}, {}
    for _, case in ipairs(cases) do
        local options = ("--target %s -o %s %s"):format(kernels, folder, case.options or "")
        first[options] = first[options] or case
        paths[options] = (paths[options] or "") .. " " .. case.path
        commands[case] = ("%s compile %s --name %s %s"):format(etch, case.path, case.name, options)
    end
    local together = {}
    for options, case in pairs(first) do together[case] = ("%s compile %s %s"):format(etch, paths[options], options) end
    local statuses, failed = run_each(cases, together)
    if next(failed) then return run_each(cases, commands) end
    for _, case in ipairs(cases) do statuses[case] = 0 end
    return statuses, {}
end

-- The pairs that could be written; their test functions in case.test.
local function compile_cases(cases, target, folder, only_own)
    local ready = {}
    local statuses, logs = generate_all(cases, target == "host" and "generic" or target, folder)
    for _, case in ipairs(cases) do
        local status, log = statuses[case], logs[case]
        local fine, prototype = pcall(read_prototype, case, folder)
        local surprise = status == 0 and check_plan(case, folder, target)
        if surprise then
            not_ok(target .. "/" .. case.name, surprise)
        elseif status ~= 0 or not fine then
            not_ok(target .. "/" .. case.name, status ~= 0 and ("etch compile ended with %d: %s"):format(status, log) or prototype)
        elseif not only_own or has_own_kernels(case, target, folder) then
            ready[#ready + 1] = case
            case.test = test_function(case, prototype)
        end
    end
    return ready
end

-- An object per pair: one that fails is a failure of its own, not of its family.
local function build_objects(ready, target, folder, compiler)
    local built, objects = {}, {}
    for _, case in ipairs(ready) do
        local object = ("%s/%s_model.o"):format(folder, case.name)
        local status, log = run(("%s -c -o %s %s/%s.c"):format(compiler, object, folder, case.name))
        if status ~= 0 then
            not_ok(target .. "/" .. case.name, "the generated file does not compile: " .. log)
        else
            built[#built + 1] = case
            objects[#objects + 1] = object
        end
    end
    return built, table.concat(objects, " ")
end

-- All pairs in one translation unit, which takes a third of the time: what they absorb from runtime/ is renamed for each. When it
-- does not compile, build_objects tells who is guilty.
local function build_together(ready, target, folder, compiler)
    local unit = {}
    for _, case in ipairs(ready) do
        local seen, undo, code = {}, {}, read_file(("%s/%s.c"):format(folder, case.name))
        local function rename(name)
            unit[#unit + 1] = not seen[name] and ("#define %s %s_%s"):format(name, case.name, name) or nil
            undo[#undo + 1] = not seen[name] and "#undef " .. name or nil
            seen[name] = true
        end
        for name in code:gmatch("%f[%w_]etch_[%w_]+") do rename(name) end
        for name in code:gmatch("%f[%w_]Etch%w+") do rename(name) end
        for enumerators in code:gmatch("enum[%s%w_]*(%b{})") do
            for name in enumerators:gmatch("%f[%w_]ETCH_[%w_]+") do rename(name) end
        end
        for name in code:gmatch("#%s*define (ETCH_[%w_]+)") do undo[#undo + 1] = "#undef " .. name end
        unit[#unit + 1] = ('#include "%s.c"\n%s'):format(case.name, table.concat(undo, "\n"))
    end
    write_file(folder .. "/_unit.c", table.concat(unit, "\n") .. "\n")
    local object = folder .. "/_unit_model.o"
    if run(("%s -I%s -c -o %s %s/_unit.c"):format(compiler, folder, object, folder)) == 0 then return ready, object end
    local built, objects = build_objects(ready, target, folder, compiler)
    if #built == #ready then print(("ops/%s/%s: each pair compiles, together they do not, which takes longer"):format(family, target)) end
    return built, objects
end

-- What a pair takes from elsewhere: the headers that it includes and the functions, other than its own, that it calls.
local function borrowed(code)
    local names = {}
    for name in code:gmatch("#include <[^>]*>") do names[name] = true end
    for name in code:gmatch("%f[%w_](%w+)%(") do names[name] = true end
    local list = {}
    for name in pairs(names) do list[#list + 1] = name end
    table.sort(list)
    return table.concat(list, " ")
end

-- On the host each pair must stand alone, too: one of those that include and call the same is tried. All of them must be optimised
-- without a warning; what the sanitizers are to find need not be, which would take twice as long.
local function build_on_host(ready, target, folder, compiler)
    local commands, tried = {}, {}
    for _, case in ipairs(ready) do
        local key = borrowed(read_file(("%s/%s.c"):format(folder, case.name)))
        commands[case] = not tried[key] and ("%s %s -fsyntax-only %s/%s.c"):format(host_cc, STRICT, folder, case.name) or nil
        tried[key] = true
    end
    local _, failed = run_each(ready, commands)
    if next(failed) then return build_objects(ready, target, folder, compiler) end
    local built, objects = build_together(ready, target, folder, compiler:gsub(" %-O1 ", " -O0 ", 1))
    if run(("%s %s -O1 -I%s -S -o /dev/null %s/_unit.c"):format(host_cc, STRICT, folder, folder)) == 0 then return built, objects end
    return build_objects(ready, target, folder, compiler)
end

local function write_main(ready, folder)
    local main, calls = { '#include "ops_main.h"\n' }, {}
    for index, case in ipairs(ready) do
        main[#main + 1] = ('#include "%s.h"\n%s'):format(case.name, case.test)
        calls[index] = ("    failures += test_%s();\n"):format(case.name)
    end
    main[#main + 1] = "int main(void)\n{\n    int failures = 0;\n" .. table.concat(calls) .. '    say("done\\n");\n    return failures != 0;\n}\n'
    write_file(folder .. "/main.c", table.concat(main, "\n"))
end

local function run_program(target, folder, objects)
    local program = folder .. "/program"
    if target == "host" then
        -- Around the buffers in main.c there must be guards; that it does nothing undefined need not be shown, which takes as long again.
        local status, log = run(("%s -std=c99 -fsanitize=address -I%s -I%slib -c -o %s.o %s/main.c && %s %s -o %s %s.o %s -lm"):format(host_cc, folder, here,
            program, folder, host_cc, SANITIZE, program, program, objects))
        if status ~= 0 then return status, log end
        return run("timeout 120 " .. program)
    end
    local firmware = ("%slib/firmware.sh %s "):format(here, target)
    local status, log = run(("%s compile -O0 -DETCH_FIRMWARE -I%s -I%slib -o %s/vectors.o %s/main.c && %s link %s %s/vectors.o %s"):format(firmware, folder,
        here, folder, folder, firmware, program, folder, objects))
    if status ~= 0 then return status, log end
    return run(("timeout 120 %slib/firmware.sh %s run %s"):format(here, target, program))
end

local function check_target(cases, target, together)
    local own = target:match("^(.*):own$")
    target = own or target
    local folder = work .. "/" .. target
    os.execute("mkdir -p " .. folder)
    local compiler = target == "host" and ("%s %s -O1 %s -I%s"):format(host_cc, STRICT, SANITIZE, folder) or
        ("%slib/firmware.sh %s compile -I%s -Wall -Wextra -Werror"):format(here, target, folder)
    local build = target ~= "host" and build_together or full and build_objects or together and build_together or build_on_host
    local ready, objects = compile_cases(cases, target, folder, own ~= nil), nil
    if #ready == 0 then return end
    ready, objects = build(ready, target, folder, compiler)
    write_main(ready, folder)
    local status, log = run_program(target, folder, objects)
    for _, case in ipairs(ready) do
        local verdict = ("\n" .. log):match("\n" .. case.name .. ": ([^\n]*)")
        if verdict == "ok" then
            ok(target .. "/" .. case.name)
        else
            not_ok(target .. "/" .. case.name, verdict or ("the program ended with %d: %s"):format(status, log:sub(-500)))
        end
    end
end

---------------------------------------------------------------- one file

local function check_refused(case)
    for _, command in ipairs({ "run " .. case.path, "compile " .. case.path .. " -o " .. work }) do
        if command:match("^run") then
            for _, path in ipairs(case.input_files) do command = command .. " --input " .. path end
        end
        local status, log = run(("timeout 60 %s %s"):format(etch, command))
        if status ~= 3 or not log:find(case.refused, 1, true) then
            return not_ok(case.name, ('etch %s ended with %d: %s; expected 3 and "%s"'):format(command:match("^%a+"), status, log, case.refused))
        end
    end
    ok(case.name)
end

local function prepare(case)
    local random = random_new(case.seed and tostring(case.seed) or case.name)
    case.tolerance = case.tolerance or 1e-5
    prepare_model(case, random)
    case.path = ("%s/%s.json"):format(work, case.name)
    write_file(case.path, json.write(case.model) .. "\n")
    local calls = call_values(case, random)
    case.calls = #calls
    case.declarations = {}
    write_inputs(case, calls)
end

-- As the model declares it, or as the generated header says.
local function output_dtype(case, index)
    local name = case.model.outputs[index]
    local declared = (case.model.tensors[name] or {}).dtype
    for _, input in ipairs(case.model.inputs) do
        if input.name == name then declared = input.dtype end
    end
    if declared then return declared end
    local status, log = run(("timeout 60 %s compile %s --name %s -o %s"):format(etch, case.path, case.name, work))
    local ctype = status == 0 and read_prototype(case, work).outputs[index] or error("etch compile: " .. log, 0)
    return ctypes[ctype] or ctype:gsub("_t$", "")
end

local function check_interpreter(case, status, log)
    local problem = status ~= 0 and ("etch run ended with %d: %s"):format(status, log) or nil
    for index in ipairs(case.outputs and case.model.outputs or {}) do
        local _, found = true, problem
        if not problem then
            _, found = pcall(function() return check_expected(case, index, output_dtype(case, index)) end)
        end
        problem = found
    end
    if problem then
        not_ok("interpreter/" .. case.name, problem)
    else
        ok("interpreter/" .. case.name)
    end
    return not problem
end

local function main()
    os.execute("mkdir -p " .. work)
    local prepared, commands, cases, file = {}, {}, {}, json.read_file(case_file)
    for _, given in ipairs(file.cases) do
        for _, case in ipairs(expand(given)) do
            local fine, problem = pcall(prepare, case)
            if case.skip then
                print(("skip ops/%s/%s: %s"):format(family, case.name, case.skip))
            elseif not fine then
                not_ok(case.name, "the case is not well formed: " .. tostring(problem))
            elseif case.refused then
                check_refused(case)
            else
                prepared[#prepared + 1] = case
                commands[case] = interpreter_command(case)
            end
        end
    end
    local statuses, logs = run_each(prepared, commands)
    for _, case in ipairs(prepared) do
        if check_interpreter(case, statuses[case], logs[case]) then cases[#cases + 1] = case end
    end
    for _, target in ipairs(targets) do
        local wanted, own = {}, target:match("^(.*):own$")
        local operators = own and own_operators(own)
        for _, case in ipairs(cases) do
            local takes = case.targets == nil
            for _, name in ipairs(case.targets or {}) do takes = takes or name == target or name .. ":own" == target end
            takes = takes and (not operators or has_operator(case, operators))
            wanted[#wanted + 1] = takes and case or nil
        end
        check_target(wanted, target, file.together)
    end
end

main()
