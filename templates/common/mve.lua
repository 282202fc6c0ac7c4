-- SPDX-License-Identifier: MIT-0
--
-- The inner loops of int8 convolutions and matrix products for Arm's MVE (Helium), as the text of a naked function: eight sums
-- stay in the even core registers, where VMLADAVA adds 16 products at a time. `n` is what the template sees (_ENV).

local mve = {}

local LANES = 16 -- a vector's bytes

-- Runs of up to `NEAR` vectors have addresses that fit the instructions; of longer ones, `TURN` vectors are written out at a time.
local NEAR, TURN = 8, 8

local sums = { "r0", "r2", "r4", "r6", "r8", "r10", "r12", "lr" }

-- Stack: the eight sums; 32 weights and scales; 40 blocks of vectors, groups of channels and 48 outputs that are left; 56 q4
-- to q7; 120 r4 to r11 and lr; 156 arguments
local FRAME, ARGUMENTS = 56, 156

function mve.round_up(value, multiple)
    return (value + multiple - 1) // multiple * multiple
end

-- Facts of a list of vectors, or of windows of a few runs: `rows` runs of `run` bytes, each `stride` bytes after the one before.
-- `across` (2 or 1) vectors are multiplied with `down` (4 or 8) channels at a time.
function mve.prepare(services, outputs, across, rows, run, stride)
    local down = 8 // across
    services.number("across", across)
    services.number("down", down)
    services.number("outputs", outputs)
    services.number("tails", 1)
    services.number("rows_of_window", rows)
    services.number("run", run)
    services.number("stride", stride)
    services.number("groups_of_outputs", mve.round_up(outputs, down) // down)
    if not services.scaling("by_groups", down) then
        return false
    end
    services.drop("folded_bias")
    services.drop("multiplier")
    services.drop("shift")
    return true
end

-- The weights in the order of the kernel: groups of channels, runs, vectors, channels, 16 values. In the model the output
-- channels are the first axis, or (`order` "last") the last one.
function mve.pack(services, outputs, down, rows, run, order)
    local channel, row, column = 1, 2, 3
    if order == "last" then
        channel, row, column = 3, 1, 2
    end
    return services.pack { name = "packed", input = "weights", dtype = "int8", channel_axis = channel,
        dims = order == "last" and { rows, run, outputs } or { outputs, rows, run },
        axes = {
            { axis = channel, extent = mve.round_up(outputs, down) // down, step = down },
            { axis = row, extent = rows },
            { axis = column, extent = mve.round_up(run, LANES) // LANES, step = LANES },
            { axis = channel, extent = down // 4 }, -- of eight channels first the even ones: narrowing brings them together
            { axis = channel, extent = 4, step = down // 4 },
            { axis = column, extent = LANES },
        } }
end

-- 16 values of each vector by 16 weights of each channel; `address`: what follows "[r1" and "[r7"
local function products(add, n, address, is_tail)
    local predicated = is_tail and "t" or ""
    if is_tail then
        add(n.across == 2 and "vpstt" or "vpst")
    end
    add(("vldrb%s.u8 q0, [r1%s"):format(predicated, address))
    if n.across == 2 then
        add(("vldrb%s.u8 q1, [r7%s"):format(predicated, address))
    end
    for channel = 0, n.down - 1 do
        local weights = "q" .. 2 + channel % 2
        add(("vldrb.u8 %s, [r3], #16"):format(weights))
        for vector = 0, n.across - 1 do
            add(("vmladava.s8 %s, q%d, %s"):format(sums[vector * n.down + channel + 1], vector, weights))
        end
    end
end

local function repeated(add, count, print)
    if count == 1 then
        print()
    elseif count > 1 then
        add(".rept " .. count)
        print()
        add(".endr")
    end
end

local function load_constant(add, register, value)
    if value <= 65535 then
        add(("movw %s, #%d"):format(register, value))
    else
        add(("movw %s, #%d"):format(register, value % 65536))
        add(("movt %s, #%d"):format(register, value // 65536))
    end
end

mve.load_constant = load_constant

-- Moves the pointers to the vectors; `spare`: a register for large numbers
local function move(add, n, bytes, spare)
    local size = tostring(math.abs(bytes))
    if bytes == 0 then
        return
    elseif math.abs(bytes) > 4095 then
        load_constant(add, spare, math.abs(bytes))
        size = spare
    else
        size = "#" .. size
    end
    local operation = bytes > 0 and "add" or "sub"
    add(("%s r1, r1, %s"):format(operation, size))
    if n.across == 2 then
        add(("%s r7, r7, %s"):format(operation, size))
    end
end

-- The products of a run; the pointers end where they were, or `whole` vectors later.
local function run_products(add, n, whole, tail)
    if whole <= NEAR and (tail == 0 or whole < NEAR) then
        if whole > 1 then
            add(".set etch_at, 0")
        end
        repeated(add, whole, function()
            products(add, n, whole == 1 and "]" or ", #etch_at]")
            if whole > 1 then
                add(".set etch_at, etch_at + 16")
            end
        end)
        if tail > 0 then
            products(add, n, whole == 0 and "]" or (", #%d]"):format(whole * LANES), true)
        end
        return 0
    end
    local turns = whole // TURN
    if turns > 1 then
        load_constant(add, "r5", turns)
        add("3:")
    end
    repeated(add, TURN, function() products(add, n, "], #16") end)
    if turns > 1 then
        add("subs r5, r5, #1")
        add("bne 3b")
    end
    repeated(add, whole % TURN, function() products(add, n, "], #16") end)
    if tail > 0 then
        products(add, n, "]", true)
    end
    return whole * LANES
end

-- Sums to outputs: the upper half of twice the product, a shift, both rounded; the zero point; the limits.
local function outputs(add, n)
    add("stm sp, {" .. table.concat(sums, ", ") .. "}")
    add("vldrw.32 q0, [sp]")
    add("vldrw.32 q1, [sp, #16]")
    local function each(operation, q)
        for vector = 0, 1 do
            if vector == 0 or n.across == 1 then
                add(("vldrw.32 q%d, [r11], #16"):format(q))
            end
            add(("%s q%d, q%d, q%d"):format(operation, vector, vector, q))
        end
    end
    each("vqrdmulh.s32", 2)
    if n.low < n.output_zero_point then -- ties of negative values go down
        for q = 0, 1 do
            add(("vshr.s32 q2, q%d, #31"):format(q))
            add(("vadd.i32 q%d, q%d, q2"):format(q, q))
        end
    end
    each("vrshl.s32", 3)
    add("vqmovnb.s32 q0, q0")
    add("vqmovnt.s32 q0, q1")
    add("vqadd.s16 q0, q0, q5")
    add("vqmovnb.s16 q0, q0")
    if n.low > -128 then
        add("vmax.s8 q0, q0, q6")
    end
    if n.high < 127 then
        add("vmin.s8 q0, q0, q7")
    end
end

local function store(add, n)
    local ragged = n.outputs % n.down ~= 0
    if ragged then -- in the last group some channels do not exist
        add("ldr r0, [sp, #48]")
        add("vctp.16 r0")
        add("subs r0, r0, #8")
        add("str r0, [sp, #48]")
        add("vpst")
    end
    local operation = ragged and "vstrbt.16" or "vstrb.16"
    if n.across == 1 then
        add(operation .. " q0, [r7], #8") -- a low register
    else
        add(operation .. " q0, [r9, q4]")
        add("add r9, r9, #4")
    end
end

local function prologue(add, n)
    add("push {r4-r11, lr}")
    add("vpush {d8-d15}")
    add("sub sp, sp, #" .. FRAME)
    add("strd r1, r2, [sp, #32]")
    add("mov r1, r0")
    add(n.across == 2 and "mov r9, r3" or "mov r7, r3")
    add(("ldrd r4, r5, [sp, #%d]"):format(ARGUMENTS)) -- blocks, distance of the second vector
    add("str r4, [sp, #40]")
    if n.across == 2 then
        add("add r7, r1, r5")
    end
    add(("ldrd r4, r5, [sp, #%d]"):format(ARGUMENTS + 8)) -- distance of the second four outputs, zero point
    add("mov r0, #0")
    add("vidup.u32 q4, r0, #1") -- where the outputs go: 0, d, 1, d + 1, 2, d + 2, 3, d + 3
    add("mov r0, #0x00010001")
    add("vmul.i32 q4, q4, r0")
    add("lsl r4, r4, #16")
    add("vadd.i32 q4, q4, r4")
    add("vdup.16 q5, r5")
    if n.low > -128 then
        add(("movs r0, #%d"):format(n.low & 255))
        add("vdup.8 q6, r0")
    end
    if n.high < 127 then
        add(("movs r0, #%d"):format(n.high & 255))
        add("vdup.8 q7, r0")
    end
end

-- Whether a run has a loop of its own, whose counter takes the register of that over groups
local function has_inner_loop(n)
    return n.run // LANES // TURN > 1
end

-- The naked function's instructions. Arguments: input, weights, scales, output; on the stack blocks of vectors, distances of
-- the second vector and of the second half of the outputs, zero point.
function mve.instructions(n, step)
    local lines = {}
    local function add(line)
        lines[#lines + 1] = line
    end
    local whole, tail = n.run // LANES, n.run % LANES
    local ragged = n.outputs % n.down ~= 0
    prologue(add, n)
    local function set_tail()
        add(("movs r0, #%d"):format(tail))
        add("vctp.8 r0")
    end
    if tail > 0 and not ragged then
        set_tail()
    end
    add("1:")
    add("ldrd r3, r11, [sp, #32]")
    load_constant(add, "r5", n.groups_of_outputs)
    if has_inner_loop(n) then
        add("str r5, [sp, #44]")
    end
    if ragged then
        load_constant(add, "r0", n.outputs * n.across)
        add("str r0, [sp, #48]")
    end
    add("2:")
    if tail > 0 and ragged then
        set_tail()
    end
    if n.across == 2 then -- both vectors begin with the biases
        add("ldm r11, {r0, r2, r4, r6}")
        add("ldm r11!, {r8, r10, r12, lr}")
    else
        add("ldm r11!, {" .. table.concat(sums, ", ") .. "}")
    end
    local moved = 0
    repeated(add, n.rows_of_window, function()
        moved = run_products(add, n, whole, tail)
        if n.rows_of_window > 1 then
            move(add, n, n.stride - moved, "none")
            moved = n.stride
        end
    end)
    outputs(add, n)
    store(add, n)
    move(add, n, -moved * n.rows_of_window, "r0")
    if has_inner_loop(n) then
        add("ldr r5, [sp, #44]")
        add("subs r5, r5, #1")
        add("str r5, [sp, #44]")
    else
        add("subs r5, r5, #1")
    end
    add("bne 2b")
    add("ldr r0, [sp, #40]")
    move(add, n, step * n.across, "r2")
    local beyond = n.outputs * n.across - n.groups_of_outputs * n.down
    local result = n.across == 2 and "r9" or "r7"
    if beyond > 4095 then
        load_constant(add, "r2", beyond)
        add(("add %s, %s, r2"):format(result, result))
    elseif beyond ~= 0 then
        add(("%s %s, %s, #%d"):format(beyond > 0 and "add" or "sub", result, result, math.abs(beyond)))
    end
    add("subs r0, r0, #1")
    add("str r0, [sp, #40]")
    add("bne 1b")
    add("add sp, sp, #" .. FRAME)
    add("vpop {d8-d15}")
    add("pop {r4-r11, pc}")
    return lines
end

-- The naked function's instructions for sums of one vector, which are stored as they are. Arguments: the vector; weights, with the
-- starts of eight sums before each eight channels' ones; sums; groups of eight channels.
function mve.sum_instructions(length)
    local lines = {}
    local function add(line)
        lines[#lines + 1] = line
    end
    local n = { across = 1, down = 8, run = length }
    local whole, tail = length // LANES, length % LANES
    local all = "{" .. table.concat(sums, ", ") .. "}"
    add("push {r4-r11, lr}")
    add("mov r9, r3")
    add("mov r7, r2")
    add("mov r3, r1")
    add("mov r1, r0")
    if tail > 0 then
        add(("movs r0, #%d"):format(tail))
        add("vctp.8 r0")
    end
    add("1:")
    add("ldm r3!, " .. all)
    local moved = run_products(add, n, whole, tail)
    add("stm r7!, " .. all)
    move(add, n, -moved, "r0")
    add("subs r9, r9, #1")
    add("bne 1b")
    add("pop {r4-r11, pc}")
    return lines
end

-- ---------------------------------------------------------------- depthwise

-- How a line of a depthwise convolution is walked: `pixels` times `vectors` of 16 channels. Few channels at stride 1 are one flat
-- line, whose weights repeat. `near`: the taps of a row have addresses that fit the instructions.
function mve.depthwise(n)
    local flat = n.input_channels < LANES and LANES % n.input_channels == 0 and n.stride_width == 1
    local channels = flat and LANES or n.input_channels
    local line = n.output_width * n.output_channels
    return {
        flat = flat,
        pixels = flat and mve.round_up(line, LANES) // LANES or n.output_width,
        vectors = flat and 1 or mve.round_up(channels, LANES) // LANES,
        ragged = flat and line % LANES ~= 0 or channels % LANES ~= 0,
        left = flat and line or channels,
        near = (n.filter_width - 1) * n.dilation_width * n.input_channels <= 112,
    }
end

-- Groups of taps whose sums have a place: two in registers, the others on the stack as far as addresses reach
mve.MOST_GROUPS = 18

-- Pointers to what lies under the taps: one for each row, or one for each tap; where there are not enough registers, one for all
function mve.depthwise_pointers(n)
    local count = mve.depthwise(n).near and n.filter_height or n.filter_height * n.filter_width
    return count > 9 and 1 or count
end

-- Sums of a group of taps, of 16 channels, in 16 bits: even channels in `even`, odd ones in `odd`
local function tap_sums(add, taps, load, even, odd)
    for i, tap in ipairs(taps) do
        add(load(tap))
        add("vldrb.u8 q5, [r9], #16")
        add(("vmullb.s8 %s, q4, q5"):format(i == 1 and even or "q6"))
        if i > 1 then
            add(("vadd.i16 %s, %s, q6"):format(even, even))
        end
        add(("vmullt.s8 %s, q4, q5"):format(i == 1 and odd or "q6"))
        if i > 1 then
            add(("vadd.i16 %s, %s, q6"):format(odd, odd))
        end
    end
end

-- Every second one of eight sums of each group, in 32 bits, to 4 outputs in 16 bits
local function four_outputs(add, n, half, odd, spilled, result, result_half)
    add(("vmovl%s.s16 q4, q%d"):format(half, odd))
    if #n.tap_groups > 1 then
        add(("vmovl%s.s16 q5, q%d"):format(half, odd + 2))
        add("vadd.i32 q4, q4, q5")
    end
    for k = 0, spilled - 1 do
        add(("vldrw.32 q5, [sp, #%d]"):format(k * 32 + odd * 16))
        add(("vmovl%s.s16 q5, q5"):format(half))
        add("vadd.i32 q4, q4, q5")
    end
    add("vldrw.32 q5, [r12], #16")
    add("vadd.i32 q4, q4, q5")
    add("vldrw.32 q5, [r12], #16")
    add("vqrdmulh.s32 q4, q4, q5")
    if n.low < n.output_zero_point then -- ties of negative values go down
        add("vshr.s32 q5, q4, #31")
        add("vadd.i32 q4, q4, q5")
    end
    add("vldrw.32 q5, [r12], #16")
    add("vrshl.s32 q4, q4, q5")
    add(("vqmovn%s.s32 %s, q4"):format(result_half, result))
end

-- The naked function's instructions: a line of outputs. Arguments: rows, weights, scales, output; on the stack the zero point.
function mve.depthwise_instructions(n, row_stride)
    local lines = {}
    local function add(line)
        lines[#lines + 1] = line
    end
    local walk, groups = mve.depthwise(n), n.tap_groups
    local spilled = math.max(0, #groups - 2)
    local frame = spilled * 32 + 16 -- sums; then weights, scales, pixels that are left
    local column, pointers = n.dilation_width * n.input_channels, mve.depthwise_pointers(n)
    local wanders = pointers == 1 and (walk.near and n.filter_height or n.filter_height * n.filter_width) > 1 -- from tap to tap
    add("push {r4-r11, lr}")
    add("vpush {d8-d15}")
    add("sub sp, sp, #" .. frame)
    add(("strd r1, r2, [sp, #%d]"):format(frame - 16))
    add("mov r10, r3")
    add(("ldr lr, [sp, #%d]"):format(frame + 100))
    load_constant(add, "r11", walk.flat and walk.left or walk.pixels)
    if not walk.flat then
        add(("str r11, [sp, #%d]"):format(frame - 8))
    end
    if walk.near and n.filter_width > 1 and not wanders then -- to the last column
        add(("add r0, r0, #%d"):format((n.filter_width - 1) * column))
    end
    for i = 1, pointers - 1 do
        local offset = walk.near and i * row_stride or i // n.filter_width * row_stride + i % n.filter_width * column
        if offset > 4095 then
            load_constant(add, "r12", offset)
            add(("add r%d, r0, r12"):format(i))
        else
            add(("add r%d, r0, #%d"):format(i, offset))
        end
    end
    add("1:")
    add(("ldrd r9, r12, [sp, #%d]"):format(frame - 16))
    if not walk.flat and walk.vectors > 1 or walk.ragged and not walk.flat then
        load_constant(add, "r11", walk.left)
    end
    if walk.vectors > 1 then
        add("2:")
    end
    local reached = 0 -- where the one pointer is
    local function wander(distance)
        local operation, size = distance > 0 and "add" or "sub", math.abs(distance)
        if size > 4095 then
            load_constant(add, "r1", size)
            add(operation .. " r0, r0, r1")
        elseif size > 0 then
            add(("%s r0, r0, #%d"):format(operation, size))
        end
        reached = reached + distance
    end
    local function load(tap)
        local row, x = tap // n.filter_width, tap % n.filter_width
        if wanders then
            local place = row * row_stride + x * column
            if place - reached > 112 then
                wander(place - reached)
            end
            return ("vldrb.u8 q4, [r0, #%d]"):format(place - reached)
        elseif not walk.near then
            return ("vldrb.u8 q4, [r%d], #16"):format(tap)
        elseif x == n.filter_width - 1 then
            return ("vldrb.u8 q4, [r%d], #16"):format(row)
        end
        return ("vldrb.u8 q4, [r%d, #%d]"):format(row, (x - n.filter_width + 1) * column)
    end
    local tap = 0
    for i, count in ipairs(groups) do
        local taps = {}
        for _ = 1, count do
            taps[#taps + 1] = tap
            tap = tap + 1
        end
        local is_last = i == #groups and i > 1
        tap_sums(add, taps, load, is_last and "q2" or "q0", is_last and "q3" or "q1")
        if i <= spilled then
            add(("vstrw.32 q0, [sp, #%d]"):format((i - 1) * 32))
            add(("vstrw.32 q1, [sp, #%d]"):format((i - 1) * 32 + 16))
        end
    end
    if wanders then
        wander(LANES - reached)
    end
    four_outputs(add, n, "b", 0, spilled, "q7", "b")
    four_outputs(add, n, "t", 0, spilled, "q7", "t")
    four_outputs(add, n, "b", 1, spilled, "q0", "b")
    four_outputs(add, n, "t", 1, spilled, "q0", "t")
    add("vqadd.s16 q7, q7, lr")
    add("vqadd.s16 q0, q0, lr")
    add("vqmovnb.s16 q7, q7")
    add("vqmovnt.s16 q7, q0")
    local function limit(operation, value)
        add(("vmov.i8 q1, #%d"):format(value & 255))
        add(operation .. " q7, q7, q1")
    end
    if n.low > -128 then
        limit("vmax.s8", n.low)
    end
    if n.high < 127 then
        limit("vmin.s8", n.high)
    end
    if walk.ragged then
        add("vctp.8 r11")
        add("vpst")
        add("vstrbt.8 q7, [r10], #16")
    else
        add("vstrb.8 q7, [r10], #16")
    end
    if walk.flat then
        add("subs r11, r11, #16")
        add("bgt 1b")
    else
        if walk.vectors > 1 then
            add("subs r11, r11, #16")
            add("bgt 2b")
        end
        local padding = walk.vectors * LANES - n.input_channels
        local step = n.stride_width * n.input_channels - walk.vectors * LANES
        if step ~= 0 then
            for i = 0, pointers - 1 do
                add(("%s r%d, r%d, #%d"):format(step > 0 and "add" or "sub", i, i, math.abs(step)))
            end
        end
        if padding > 0 then
            add(("sub r10, r10, #%d"):format(padding))
        end
        add(("ldr r11, [sp, #%d]"):format(frame - 8))
        add("subs r11, r11, #1")
        add(("str r11, [sp, #%d]"):format(frame - 8))
        add("bne 1b")
    end
    add("add sp, sp, #" .. frame)
    add("vpop {d8-d15}")
    add("pop {r4-r11, pc}")
    return lines
end

-- ---------------------------------------------------------------- depthwise by windows

-- Rows interleaved in fours make a window of 4 by 4 values of a channel one vector: at stride 1 four neighbouring outputs (2 by
-- 2) are its products with four vectors of weights, at stride 2 each output is the product with one. `across`: outputs of a line
-- in a block; `blocks` of them, and a last one that overlaps, where `rest` outputs are left over.
function mve.windows(n)
    local across = n.stride_width == 1 and 2 or 4
    return {
        across = across, lines = n.stride_width == 1 and 2 or 1,
        blocks = n.output_width // across, rest = n.output_width % across,
        columns = (n.output_width - 1) * n.stride_width + 4,
        weights = n.stride_width == 1 and 4 or 1,
    }
end

-- The naked function's instructions: one or two lines of outputs. Arguments: interleaved rows, weights, scales, output; where the
-- lines may be odd, how many there are.
function mve.window_instructions(n)
    local lines = {}
    local function add(line)
        lines[#lines + 1] = line
    end
    local w, C = mve.windows(n), n.input_channels
    local odd = w.lines == 2 and n.output_height % 2 == 1
    local step = 8 * C -- two columns
    local near = step <= 508
    local line = n.output_width * C
    add("push {r4-r11, lr}")
    add("vpush {d8-d15}")
    if odd then
        add("ldr r4, [sp, #100]")
        add("lsl r4, r4, #1")
        add("vctp.32 r4")
    end
    add("mov r9, r1")
    add("mov r10, r2")
    add("mov r7, r3")
    load_constant(add, "r11", C)
    add("mov r4, #0") -- q0: the columns' addresses, two columns back
    add("vidup.u32 q0, r4, #4")
    add("vmul.i32 q0, q0, r11")
    load_constant(add, "r4", step)
    add("sub r0, r0, r4")
    add("vadd.i32 q0, q0, r0")
    local places = w.lines == 2 and { 0, C, line, line + C } or { 0, C, 2 * C, 3 * C } -- q3: where the outputs go
    for i = 1, 2 do
        load_constant(add, "r4", places[i])
        load_constant(add, "r5", places[i + 2])
        add(("vmov q3[%d], q3[%d], r4, r5"):format(i + 1, i - 1))
    end
    add("1:")
    for i = 0, w.weights - 1 do
        add(("vldrb.u8 q%d, [r9], #16"):format(4 + i))
    end
    add("ldm r10!, {r1, r3, r5, r8}")
    add("vdup.32 q2, r3")
    if not near then
        load_constant(add, "r3", step)
    end
    add("mov r12, r7")
    local function gather()
        if near then
            add(("vldrw.32 q1, [q0, #%d]!"):format(step))
        else
            add("vadd.i32 q0, q0, r3")
            add("vldrw.32 q1, [q0, #0]")
        end
    end
    local function block()
        for i = 0, 3 do
            if i == 0 or w.lines == 1 then
                gather()
            end
            add(("vmladav.s8 r%d, q1, q%d"):format(2 * i, w.lines == 2 and 4 + i or 4))
        end
        add("vmov q1[2], q1[0], r0, r4")
        add("vmov q1[3], q1[1], r2, r6")
        add("vadd.i32 q1, q1, r1")
        add("vqrdmlash.s32 q1, q2, r5")
        add("vshl.s32 q1, r8")
        add("vqmovnb.s32 q1, q1")
        add("vqmovnb.s16 q1, q1")
        if odd then
            add("vpst")
        end
        add(odd and "vstrbt.32 q1, [r12, q3]" or "vstrb.32 q1, [r12, q3]")
    end
    local function change(register, amount, spare)
        if amount == 0 then
            return
        elseif math.abs(amount) > 4095 then
            load_constant(add, spare, math.abs(amount))
            add(("%s %s, %s, %s"):format(amount > 0 and "add" or "sub", register, register, spare))
        else
            add(("%s %s, %s, #%d"):format(amount > 0 and "add" or "sub", register, register, math.abs(amount)))
        end
    end
    local forward = w.across * C
    if w.blocks > 1 then
        load_constant(add, "r0", w.blocks)
        add("dls lr, r0")
        add("2:")
    end
    block()
    if w.blocks > 1 or w.rest > 0 then
        change("r12", forward, "r0")
    end
    if w.blocks > 1 then
        add("le lr, 2b")
    end
    local moved = w.blocks * w.across * n.stride_width * 4 * C -- bytes that q0 has moved
    if w.rest > 0 then
        local back = (w.across - w.rest) * n.stride_width * 4 * C
        load_constant(add, "r0", back)
        add("vsub.i32 q0, q0, r0")
        change("r12", -(w.across - w.rest) * C, "r0")
        block()
        moved = moved - back + w.across * n.stride_width * 4 * C
    end
    load_constant(add, "r0", moved - 4)
    add("vsub.i32 q0, q0, r0")
    add("add r7, r7, #1")
    add("subs r11, r11, #1")
    add("bne 1b")
    add("vpop {d8-d15}")
    add("pop {r4-r11, pc}")
    return lines
end

return mve
