-- SPDX-License-Identifier: MIT
--
-- Tables of `etch bench --json` objects, one per line of the first file, beside the peers of the second:
--     lua5.4 tools/bench.lua BENCH.json PEERS.tsv [PAGE.md]
package.path = "tests/lib/?.lua;" .. package.path
local json = require("json")

-- model -> setting (tools/bench.sh) -> object; names in order of appearance
local function read_figures(path)
    local models, names = {}, {}
    for line in io.lines(path) do
        local figures = json.read(line)
        if not models[figures.model] then
            models[figures.model] = {}
            names[#names + 1] = figures.model
        end
        models[figures.model][figures.setting] = figures
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
        local row, known = { name }, false
        for _, column in ipairs(columns) do
            row[#row + 1] = column[2](models[name], peers[name] or {})
            known = known or row[#row] ~= "-"
        end
        rows[#rows + 1] = known and row or nil
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

-- All RAM of a setting; against what TFLM takes
local function ram(key, against)
    return function(figures, row)
        local of = figures[key]
        local bytes = of and of.arena_bytes + of.state_bytes + of.io_bytes
        if not against then
            return grouped(bytes)
        end
        return bytes and row.arena_ref and ("%.2f"):format(bytes / row.arena_ref) or "-"
    end
end

local function times_fewer(key, field)
    return function(figures, row)
        local of = figures[key]
        return of and row[field] and ("%.2f"):format(row[field] / of.instructions) or "-"
    end
end

-- Instructions per multiply-accumulate of the model file
local function per_mac(key)
    return function(figures, row)
        local of = figures[key]
        return of and ("%.2f"):format(of.instructions / (row.macs or of.macs)) or "-"
    end
end

local function cost_of_ram(figures)
    local low, fast = figures["cortex-m4/ram"], figures["cortex-m4/speed"]
    return low and fast and ("%.2f"):format(low.instructions / fast.instructions) or "-"
end

say("# Benchmarks\n")
say("Written by `make bench`. Instructions: executed by one inference, -O2, counted in QEMU; they are not cycles. TFLM: TensorFlow Lite")
say("for Microcontrollers at 90b983c2b, its reference kernels (ref) and with CMSIS-NN 4ab83cc3 (nn); gcc 12.2.1 for all.\n")
say("## Executed instructions of one inference on Cortex-M4 and M7\n")
say("Levels of `--optimize`; the last two columns: how many times fewer than CMSIS-NN. MACs are those that are left after channels that")
say("carry nothing are removed. Cycles: estimated from the executed instructions, without wait states: on Cortex-M4 by their documented costs, on")
say("Cortex-M7, of which Arm documents no timing, by what is known of its pipes ([boards.md](boards.md#cycles-of-a-cortex-m4-or-m7)).\n")
print_table {
    { "MACs", of("cortex-m4/balanced", "macs") },
    { "M4 speed", of("cortex-m4/speed", "instructions") }, { "M4 balanced", of("cortex-m4/balanced", "instructions") },
    { "M4 size", of("cortex-m4/size", "instructions") },
    { "cycles, speed", of("cortex-m4/speed", "cycles_estimate") }, { "cycles, balanced", of("cortex-m4/balanced", "cycles_estimate") },
    { "M7 cycles, speed", of("cortex-m7/speed", "cycles_estimate") },
    { "ref, M4", peer("m4_ref") }, { "nn, M4", peer("m4_nn") },
    { "speed, fewer", times_fewer("cortex-m4/speed", "m4_nn") }, { "balanced, fewer", times_fewer("cortex-m4/balanced", "m4_nn") },
}
say("\n## On Cortex-M55, Cortex-M0+ and RV32IMC\n")
say("Per MAC: of those that the model file has, removed ones included.\n")
print_table {
    { "M55 speed", of("cortex-m55/speed", "instructions") }, { "M55 balanced", of("cortex-m55/balanced", "instructions") },
    { "ref, M55", peer("m55_ref") }, { "nn, M55", peer("m55_nn") }, { "speed, fewer", times_fewer("cortex-m55/speed", "m55_nn") },
    { "M0+ speed", of("cortex-m0plus/speed", "instructions") }, { "per MAC", per_mac("cortex-m0plus/speed") },
    { "RV32IMC speed", of("rv32imc/speed", "instructions") }, { "per MAC", per_mac("rv32imc/speed") },
}
say("\n## RAM on Cortex-M4\n")
say("Arena, state and the caller's inputs and outputs, in bytes and as a share of TFLM's arena. balanced: `--io=caller`; the others:")
say("`--io=arena`. overlap: `--optimize=ram --rows=off`; ram: row by row, too, without more multiply-accumulates; the last column: its instructions")
say("by those of speed.\n")
print_table {
    { "TFLM arena", peer("arena_ref") }, { "balanced", ram("cortex-m4/balanced") }, { "speed", ram("cortex-m4/speed") },
    { "share", ram("cortex-m4/speed", true) }, { "overlap", ram("cortex-m4/overlap") }, { "share", ram("cortex-m4/overlap", true) },
    { "ram", ram("cortex-m4/ram") }, { "share", ram("cortex-m4/ram", true) }, { "ram / speed", cost_of_ram },
}
say("\n## Flash and stack in bytes on Cortex-M4\n")
say("Flash is code and constants without the model's data, with what it needs of the C library: size with -Os, the others with -O2.\n")
local function flash_of(key)
    return function(figures)
        local row = figures[key]
        return grouped(row and row.flash_code + row.flash_const)
    end
end
print_table {
    { "flash", flash_of("cortex-m4/size") }, { "balanced flash", flash_of("cortex-m4/balanced") }, { "speed flash", flash_of("cortex-m4/speed") },
    { "flash ref", peer("flash_ref") }, { "flash nn", peer("flash_nn") },
    { "weights", of("cortex-m4/size", "flash_weights") }, { "weights, speed", of("cortex-m4/speed", "flash_weights") },
    { "stack", of("cortex-m4/balanced", "stack_bytes") }, { "TFLM stack", peer("stack_ref") },
}
say("\n## Time on the host\n")
say("Microseconds, one thread, minimum; gcc -O3 -march=native. Times vary with the machine and its load: only the")
say("order of magnitude can be compared with TFLM's columns, which were measured on another day.\n")
print_table {
    { "Etch", function(figures)
        local row = figures["host"]
        return tenths(row and row.microseconds.min)
    end },
    { "TFLM ref", peer("us_ref", tenths) }, { "TFLM nn, portable", peer("us_nn", tenths) },
}
say("\n## Beside XNNPACK on the host\n")
say("Microseconds, one thread, minimum of short rounds of both by turns in one process; gcc -O3 -march=native, and -march=haswell: AVX2 and no")
say("instruction for sums of four products, while XNNPACK (Debian's, of 2022) uses what the processor has. Without the final softmax of")
say("int8 models, which it lacks. Models of layers of one vector (ad01, digits_mlp) spend most of their time reading their weights from the second")
say("cache. -: XNNPACK is not installed, or lacks an operator.\n")
local function beside(setting, field)
    return function(figures)
        local row = figures[setting]
        return tenths(row and row[field])
    end
end
local function times_as_fast(setting)
    return function(figures)
        local row = figures[setting]
        return row and ("%.2f"):format(row.xnnpack / row.etch) or "-"
    end
end
print_table {
    { "native", beside("xnnpack/native", "etch") }, { "XNNPACK", beside("xnnpack/native", "xnnpack") }, { "times as fast", times_as_fast("xnnpack/native") },
    { "AVX2 only", beside("xnnpack/avx2", "etch") }, { "XNNPACK", beside("xnnpack/avx2", "xnnpack") }, { "times as fast", times_as_fast("xnnpack/avx2") },
}

local text = table.concat(page, "\n") .. "\n"
io.write(text)
if arg[3] then
    local file = assert(io.open(arg[3], "w"))
    file:write(text)
    file:close()
end
