-- SPDX-License-Identifier: MIT-0
--
-- What the kernels of runtime/dsp_lean_16.h share: their packed weights, and the calls for all channels of an output.

local lean = {}

-- Most bytes of a window that are gathered on the stack, where they are no multiples of four
lean.MOST_GATHERED = 160

-- The weights, rows of `length` inputs per output channel (columns, where `is_depthwise`), by fours of channels and groups of four inputs,
-- between the sums' starts and their scales.
function lean.pack(services, channels, length, is_depthwise)
    if channels < 2 or not services.scaling("high_product", 0) then
        return false
    end
    local blocks, groups = (channels + 3) // 4, (length + 3) // 4
    local row, column = is_depthwise and 2 or 1, is_depthwise and 1 or 2
    services.pack { name = "packed", input = "weights", dtype = "int16", shift = { services.fact("sum_shift") },
        dims = is_depthwise and { length, channels } or { channels, length },
        axes = { { axis = row, extent = blocks, step = 4 }, { axis = column, extent = groups, step = 4 }, { axis = row, extent = 4 },
            { axis = column, extent = 2 }, { axis = column, extent = 2, step = 2 } } } -- (k, k + 2), (k + 1, k + 3)
    services.interleave("filters", blocks, { { table = "start", per = 4 }, { table = "packed" }, { table = "factor", per = 4 },
        { table = "offset", per = 4 }, { table = "right", per = 4 } })
    for _, name in ipairs { "packed", "start", "factor", "offset", "right", "multiplier", "shift", "folded_bias", "unpacked" } do
        services.drop(name)
    end
    services.number("block_words", 16 + groups * 8)
    services.number("across", 1)
    services.number("down", 4)
    services.number("tails", 1)
    return true
end

-- Calls for all `channels` of a window: `runs`, `count` of them, to `target`. `print` gets the text.
function lean.channels(n, runs, count, target, channels, indent, print)
    local backward, suffix = n.backwards ~= 0, n.one_sided ~= 0 and "_relu" or ""
    local blocks, rest = channels // 4, channels % 4
    local function call(weights, result, blocks, step)
        print(("%setch_lean_16%s(%s, %s, %s, %s, %d, %d);\n"):format(indent, suffix, runs, weights, result, count, blocks, step))
    end
    local function whole()
        if blocks > 0 and backward then
            call(blocks > 1 and "filters + " .. (blocks - 1) * n.block_words or "filters", blocks > 1 and target .. " + " .. 4 * (blocks - 1) or target,
                blocks, -8 * n.block_words)
        elseif blocks > 0 then
            call("filters", target, blocks, 0)
        end
    end
    if not backward then
        whole()
    end
    if rest > 0 then
        print(("%sint8_t last[4]; /* the channels that are left over */\n"):format(indent))
        call(blocks > 0 and "filters + " .. blocks * n.block_words or "filters", "last", 1, 0)
        print(("%smemcpy(%s, last, %d);\n"):format(indent, blocks > 0 and target .. " + " .. 4 * blocks or target, rest))
    end
    if backward then
        whole()
    end
end

return lean
