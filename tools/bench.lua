-- SPDX-License-Identifier: MIT
--
-- Tables of `etch bench --json` objects, one per line of the first file, beside the peers of the second:
--     lua5.4 tools/bench.lua BENCH.json PEERS.tsv [PAGE.md]
package.path = "tests/lib/?.lua;" .. package.path
local json = require("json")

-- model -> target/level -> object; names in order of appearance
local function read_figures(path)
    local models, names = {}, {}
    for line in io.lines(path) do
        local figures = json.read(line)
        if not models[figures.model] then
            models[figures.model] = {}
            names[#names + 1] = figures.model
        end
        models[figures.model][figures.target .. "/" .. figures.optimize] = figures
    end
    return models, names
end

local function split(line)
    local cells = {}
    for cell in (line .. "\t"):gmatch("([^\t]*)\t") do
        cells[#cells + 1] = cell
    end
    return cells
end

local function read_peers(path)
    local peers, columns = {}, nil
    for line in io.lines(path) do
        if line:sub(1, 1) ~= "#" then
            local cells = split(line)
            if not columns then
                columns = cells
            else
                local row = {}
                for i = 2, #columns do
                    row[columns[i]] = tonumber(cells[i])
                end
                peers[cells[1]] = row
            end
        end
    end
    return peers
end

local function grouped(value) -- 1,234,567
    if type(value) ~= "number" then
        return "-"
    end
    local text = ("%d"):format(value):reverse():gsub("(%d%d%d)", "%1,"):reverse()
    return (text:gsub("^,", ""))
end

local function tenths(value)
    return type(value) == "number" and ("%.1f"):format(value) or "-"
end

local models, names = read_figures(arg[1])
local peers = read_peers(arg[2])
local page = {}

local function say(text)
    page[#page + 1] = text
end

-- columns: { title, function(figures by target, peer) -> text }
local function print_table(columns)
    local rows, widths = {}, {}
    local titles = { "model" }
    for _, column in ipairs(columns) do
        titles[#titles + 1] = column[1]
    end
    rows[1] = titles
    for _, name in ipairs(names) do
        local row = { name }
        for _, column in ipairs(columns) do
            row[#row + 1] = column[2](models[name], peers[name] or {})
        end
        rows[#rows + 1] = row
    end
    for _, row in ipairs(rows) do
        for i, cell in ipairs(row) do
            widths[i] = math.max(widths[i] or 0, #cell)
        end
    end
    for index, row in ipairs(rows) do
        local cells = {}
        for i, cell in ipairs(row) do
            local space = (" "):rep(widths[i] - #cell)
            cells[i] = i == 1 and cell .. space or space .. cell
        end
        say("| " .. table.concat(cells, " | ") .. " |")
        if index == 1 then
            local rule = {}
            for i, width in ipairs(widths) do
                rule[i] = i == 1 and ("-"):rep(width) or ("-"):rep(width - 1) .. ":"
            end
            say("| " .. table.concat(rule, " | ") .. " |")
        end
    end
end

local function of(key, field)
    return function(figures)
        return grouped(figures[key] and figures[key][field])
    end
end

local function peer(field, format)
    return function(_, row)
        return (format or grouped)(row[field])
    end
end

local function flash(figures)
    local row = figures["cortex-m4/size"]
    return grouped(row and row.flash_code + row.flash_const)
end

local function ram(figures)
    local row = figures["cortex-m4/balanced"]
    return grouped(row and row.arena_bytes + row.state_bytes + row.io_bytes)
end

say("# Benchmarks\n")
say("Written by `make bench`. Instructions: executed by one inference, -O2, counted in QEMU; they are not cycles. TFLM: TensorFlow Lite")
say("for Microcontrollers at 90b983c2b, its reference kernels (ref) and with CMSIS-NN 4ab83cc3 (nn); gcc 12.2.1 for all.\n")
say("## Executed instructions of one inference\n")
print_table {
    { "MACs", of("cortex-m4/balanced", "macs") },
    { "Cortex-M4", of("cortex-m4/balanced", "instructions") }, { "ref, M4", peer("m4_ref") }, { "nn, M4", peer("m4_nn") },
    { "Cortex-M55", of("cortex-m55/balanced", "instructions") }, { "ref, M55", peer("m55_ref") }, { "nn, M55", peer("m55_nn") },
    { "RV32IMC", of("rv32imc/balanced", "instructions") },
}
say("\n## Flash, RAM and stack in bytes on Cortex-M4\n")
say("Flash is code and constants without the model's data, -Os, with what it needs of the C library; RAM is arena, state and the")
say("caller's inputs and outputs (TFLM: its arena).\n")
print_table {
    { "flash", flash }, { "flash ref", peer("flash_ref") }, { "flash nn", peer("flash_nn") },
    { "weights", of("cortex-m4/size", "flash_weights") },
    { "RAM", ram }, { "TFLM arena", peer("arena_ref") },
    { "stack", of("cortex-m4/balanced", "stack_bytes") }, { "TFLM stack", peer("stack_ref") },
}
say("\n## Time on the host\n")
say("Microseconds, one thread, minimum; generic kernels, gcc -O3 -march=native. Times vary with the machine and its load: only the")
say("order of magnitude can be compared with the columns of others, which were measured on another day.\n")
print_table {
    { "Etch", function(figures)
        local row = figures["generic/balanced"]
        return tenths(row and row.microseconds.min)
    end },
    { "TFLM ref", peer("us_ref", tenths) }, { "TFLM nn, portable", peer("us_nn", tenths) }, { "XNNPACK", peer("us_xnnpack", tenths) },
}

local text = table.concat(page, "\n") .. "\n"
io.write(text)
if arg[3] then
    local file = assert(io.open(arg[3], "w"))
    file:write(text)
    file:close()
end
