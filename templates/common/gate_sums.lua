-- SPDX-License-Identifier: MIT-0
--
-- How recurrent layers get the sums of their gates, for lstm_sums.c.tmpl: four channels a unit, of the input and of the hidden vector.

local gate_sums = {}

local function up_to_four(units)
    return units % 4 == 0 and 4 or units % 2 == 0 and 2 or 1
end

-- A form: `prepare` prints what happens to a vector once, `multiply` what makes the sums of `together` units of the words NAME, of which
-- a unit has so many.
local function dsp(bits)
    return {
        headers = { "dsp_expand.h", ("dsp_vector_%d.h"):format(bits) },
        together = up_to_four,
        prepare = function(name, vector, count)
            return ("etch_expand_%d(%s, %s_values, %d);"):format(bits, vector, name, count)
        end,
        multiply = function(name, sums, count, together, words)
            return ("etch_vector_%d_raw(%s_values, %s + unit * %d, %s, %d, %d);"):format(bits, name, name, words, sums, (count + 7) // 8 * 2, 2 * together)
        end,
    }
end

local DSP_16, DSP_8, PAIRS, BYTES = 1, 2, 3, 4 -- the fact "gate_sums"

gate_sums.forms = {
    [DSP_16] = dsp(16),
    [DSP_8] = dsp(8),
    [PAIRS] = {
        headers = { "pair_words.h" },
        together = up_to_four,
        prepare = function(name, vector, count)
            return ("etch_word_values(%s, %s_values, %d);"):format(vector, name, count)
        end,
        multiply = function(name, sums, count, together, words)
            return ("etch_pair_word_sums(%s_values, %s + unit * %d, %s, %d, %d);"):format(name, name, words, sums, (count + 3) // 4 * 4, together)
        end,
    },
    [BYTES] = {
        headers = { "vector_bytes.h" },
        together = function() return 2 end,
        prepare = function(name, vector, count)
            return ("const int32_t %s_excess = etch_vector_excess(%s, %s_values, %d);"):format(name, vector, name, count)
        end,
        multiply = function(name, sums, count, together, words)
            return ("etch_vector_offset_sums(%s_values, %s + unit * %d, %d, %s_start + unit * 4, %s_excess, %s);"):format(name, name, words, (count + 3) // 4 * 4,
                name, name, sums)
        end,
    },
}

-- What all forms prove and drop. `pack(name, weights, count)` packs a table of weights, rows of `count`, as NAME; "start" is a table of
-- what their sums start with.
local function prepare(n, services, form, shift, most, pack)
    if not services.scaling("small_gate_sums", most) or form ~= DSP_16 and form ~= BYTES and not services.scaling("least_gate_weight", -127) then
        return false
    end
    services.number("gate_sums", form)
    services.number("sum_shift", shift)
    services.number("short_sums", shift == 0 and services.scaling("small_gate_sums", 19) and 1 or 0)
    local units = form == BYTES and (n.units + 1) // 2 * 2 or n.units
    local parts = { { "from_input", "input_weights", n.inputs }, { "from_hidden", "recurrent_weights", n.units } }
    for i, part in ipairs(parts) do
        services.pack { name = form == BYTES and part[1] .. "_start" or "start", table = "offsets", dtype = "int32", dims = { n.units, 8 }, shift = { shift },
            axes = { { axis = 1, extent = units }, { axis = 2, extent = 4, offset = 4 * (i - 1) } } }
        pack(table.unpack(part))
        services.drop("packed")
        services.drop("start")
    end
    for _, name in ipairs { "input_weights", "recurrent_weights", "offsets" } do
        services.drop(name)
    end
    return true
end

-- With the DSP extension. `bits` of the weights: 16, with which sums are doubled as scaling wants them, or 8, with which they are
-- multiples of 2^8.
function gate_sums.dsp(bits)
    local shift = bits == 8 and 8 or 1
    return function(n, services)
        return prepare(n, services, bits == 8 and DSP_8 or DSP_16, shift, bits == 8 and 23 or 30, function(name, weights, count)
            local blocks, groups = 2 * n.units, (count + 7) // 8 * 2
            local axes = { { axis = 1, extent = blocks, step = 2 }, { axis = 2, extent = groups, step = 4 }, { axis = 1, extent = 2 } }
            if bits == 16 then -- (k, k + 2), (k + 1, k + 3)
                axes[4], axes[5] = { axis = 2, extent = 2 }, { axis = 2, extent = 2, step = 2 }
            else
                axes[4] = { axis = 2, extent = 4 }
            end
            services.pack { name = "packed", table = weights, dtype = "int" .. bits, dims = { 4 * n.units, count }, axes = axes,
                shift = { bits == 8 and 0 or shift } }
            if bits == 8 then
                services.borrow("packed", "start", 4, 2, 8)
            end
            services.interleave(name, blocks, { { table = "start", per = 2, times = bits // 8 }, { table = "packed" } })
            services.number(name .. "_words", (2 + 2 * groups) * bits // 4)
            services.scratch(name .. "_values", "int32", 2 * groups)
        end)
    end
end

-- Words of two weights (pair_words.h)
function gate_sums.pairs(n, services)
    return prepare(n, services, PAIRS, 0, 30, function(name, weights, count)
        local groups = (count + 3) // 4
        services.pack { name = "packed", table = weights, dtype = "int16", dims = { 4 * n.units, count },
            axes = { { axis = 1, extent = n.units, step = 4 }, { axis = 2, extent = 4 * groups }, { axis = 1, extent = 4 } } }
        services.pair("packed", "start")
        services.interleave(name, n.units, { { table = "start", per = 4 }, { table = "packed" } })
        services.number(name .. "_words", 4 + 8 * groups)
        services.scratch(name .. "_values", "int32", 4 * groups)
    end)
end

-- The same for few weights: every step of a sequence reads all of them, which is worth twice their flash with `balanced`, too.
function gate_sums.few_pairs(n, services)
    return 4 * n.units * (n.inputs + n.units) <= 16384 and gate_sums.pairs(n, services)
end

-- Bytes, eight channels at a time (vector_bytes.h)
function gate_sums.bytes(n, services)
    return prepare(n, services, BYTES, 0, 30, function(name, weights, count)
        local row = (count + 3) // 4 * 4
        services.pack { name = name, table = weights, dtype = "uint8", zero_point = -128, dims = { 4 * n.units, count },
            axes = { { axis = 1, extent = (n.units + 1) // 2, step = 8 }, { axis = 2, extent = row }, { axis = 1, extent = 8 } } }
        services.number(name .. "_words", 4 * row)
        services.scratch(name .. "_values", "int8", row)
    end)
end

return gate_sums
