-- SPDX-License-Identifier: MIT-0
--
-- The cells of a recurrent layer for Arm's MVE (Helium): eight units at a time, as the text of a naked function. `n` is what the
-- template sees (_ENV). Sums come in 32 bits, those of even units before those of odd ones: narrowing brings them into order.

local recurrent = {}

local GATES = 4
local UNITS = 8 -- at a time: a vector of 16 bits

-- 32-bit values in `values`, each times multiplier (in r4) * 2^(shift - 31), rounded after both steps as TensorFlow Lite's
-- MultiplyByQuantizedMultiplier does (ties up, then ties away from zero), to 16 bits in `result`: even units, odd units
local function requantise(add, n, values, spare, result, multiplier, shift)
    n.library("mve").load_constant(add, "r4", multiplier)
    for half, q in ipairs(values) do
        if shift > 0 then
            add(("vshl.i32 %s, %s, #%d"):format(q, q, shift))
        end
        add(("vqrdmulh.s32 %s, %s, r4"):format(q, q))
        if shift < 0 then
            add(("vshr.s32 %s, %s, #31"):format(spare, q))
            add(("vadd.i32 %s, %s, %s"):format(q, q, spare))
            add(("vrshr.s32 %s, %s, #%d"):format(q, q, -shift))
        end
        add(("vqmovn%s.s32 %s, %s"):format(half == 1 and "b" or "t", result, q))
    end
end

-- The products of a gate (not negative) and 16-bit values, in steps of the result
local function product(add, n, a, b, index, spare, result)
    add(("vmullb.s16 q1, %s, %s"):format(a, b))
    add(("vmullt.s16 q2, %s, %s"):format(a, b))
    requantise(add, n, { "q1", "q2" }, spare, result, n.product_multipliers[index], n.product_shifts[index])
end

-- The table's values at the indices in q2 in `result`, their differences from the next ones in q3
local function look_up(add, result)
    add(("vldrh.u16 %s, [r3, q2, uxtw #1]"):format(result))
    add("vldrh.u16 q3, [r5, q2, uxtw #1]")
    add(("vsub.i16 q3, q3, %s"):format(result))
end

-- etch_logistic_int16(3 * q0): index and fraction are 3 * |q0| / 2^9. The magnitude of -2^15 saturates, which gives the same result.
local function logistic(add, result)
    add("vqabs.s16 q1, q0")
    add("vdup.16 q2, r6")
    add("vmulh.u16 q2, q1, q2")
    add("vmul.i16 q1, q1, r6") -- the fraction in the upper bits
    look_up(add, result)
    add("vmulh.u16 q3, q3, q1")
    add(("vrhadd.u16 %s, %s, q3"):format(result, result))
    add("vmov.i16 q1, #0x8000")
    add("vpt.s16 lt, q0, zr")
    add(("vsubt.i16 %s, q1, %s"):format(result, result))
end

-- etch_tanh_int16 of an argument with the sign of q0: the index is in q2, the fraction in the upper bits of q1
local function finish_tanh(add, result)
    look_up(add, result)
    add("vrmulh.u16 q3, q3, q1")
    add(("vadd.i16 %s, %s, q3"):format(result, result))
    add(("vadd.i16 %s, %s, r8"):format(result, result))
    add("vpt.s16 lt, q0, zr")
    add(("vnegt.s16 %s, %s"):format(result, result))
end

-- etch_tanh_int16(3 * 2^left * q0): beyond 21759 the result is that of 21759, of which 3 times are 16 bits.
local function tanh(add, left, result)
    add("vqabs.s16 q1, q0")
    if left > 0 then
        add(("vqshl.u16 q1, q1, #%d"):format(left))
    end
    add("movw r4, #21759")
    add("vdup.16 q2, r4")
    add("vmin.u16 q1, q1, q2")
    add("vdup.16 q2, r7")
    add("vmulh.u16 q2, q1, q2")
    add("vmul.i16 q1, q1, r7")
    finish_tanh(add, result)
end

-- etch_tanh_int16((3 * q0 + half) >> right)
local function tanh_of_steps(add, right, result)
    add("movs r4, #3")
    for i, half in ipairs { "b", "t" } do
        add(("vmovl%s.s16 q%d, q0"):format(half, i))
        add(("vmul.i32 q%d, q%d, r4"):format(i, i))
        add(("vrshr.s32 q%d, q%d, #%d"):format(i, i, right))
        add(("vabs.s32 q%d, q%d"):format(i, i))
        add(("vqmovun%s.s32 q3, q%d"):format(half, i))
    end
    add("vshr.u16 q2, q3, #8")
    add("vshl.i16 q1, q3, #8")
    finish_tanh(add, result)
end

local function gate(add, n, index, result)
    local function load(first) -- 32 bytes of sums per gate
        add(("vldrw.32 q0, [r0, #%d]"):format(first + (index - 1) * 4 * UNITS))
        add(("vldrw.32 q1, [r0, #%d]"):format(first + (index - 1) * 4 * UNITS + 16))
    end
    load(0)
    requantise(add, n, { "q0", "q1" }, "q2", "q3", n.input_multipliers[index], n.input_shifts[index])
    load(4 * GATES * UNITS)
    requantise(add, n, { "q0", "q1" }, "q2", "q0", n.recurrent_multipliers[index], n.recurrent_shifts[index])
    add("vqadd.s16 q0, q0, q3")
    if index == 3 then
        tanh(add, 0, result)
    else
        logistic(add, result)
    end
end

-- The naked function's instructions up to the gates. Arguments: sums of the input (four gates of eight units), then of the hidden vector;
-- cells; outputs; the table of etch_logistic_int16; on the stack the number of units that are left, where it may be less than eight.
function recurrent.gates(n)
    local lines = {}
    local function add(line)
        lines[#lines + 1] = line
    end
    add("push {r4-r8, lr}")
    add("vpush {d8-d15}")
    add("adds r5, r3, #2")
    add("movw r6, #384")
    add("movw r7, #768")
    add("movw r8, #0x8000")
    for index = 1, GATES do
        gate(add, n, index, "q" .. 3 + index)
    end
    return lines
end

-- The rest of them: cells and outputs
function recurrent.cells(n)
    local lines = {}
    local function add(line)
        lines[#lines + 1] = line
    end
    local ragged = n.units % UNITS ~= 0
    local function memory(operation, size, operands)
        if ragged then
            add("vctp.16 r12")
            add("vpst")
        end
        add(("%s%s.%d %s"):format(operation, ragged and "t" or "", size, operands))
    end
    if ragged then
        add("ldr r12, [sp, #88]")
    end
    memory("vldrh", 16, "q0, [r1]")
    product(add, n, "q5", "q0", 1, "q3", "q5")
    product(add, n, "q4", "q6", 2, "q3", "q4")
    add("vqadd.s16 q0, q4, q5")
    if n.cell_clip > 0 then
        add(("movw r4, #%d"):format(n.cell_clip))
        add("vdup.16 q1, r4")
        add("vmin.s16 q0, q0, q1")
        add("vneg.s16 q1, q1")
        add("vmax.s16 q0, q0, q1")
    end
    memory("vstrh", 16, "q0, [r1]")
    if n.cell_shift > 0 then
        tanh_of_steps(add, n.cell_shift, "q6")
    else
        tanh(add, -n.cell_shift, "q6")
    end
    product(add, n, "q6", "q7", 3, "q3", "q0")
    add(("movw r4, #%d"):format(n.hidden_zero_point & 65535))
    add("vqadd.s16 q0, q0, r4")
    add("vqmovnb.s16 q0, q0")
    memory("vstrb", 16, "q0, [r2]")
    add("vpop {d8-d15}")
    add("pop {r4-r8, pc}")
    return lines
end

return recurrent
