-- SPDX-License-Identifier: MIT-0
--
-- Named conditions on a node, for the variant lists of targets. `n` is what the node's template sees.

local predicates = {}

function predicates.always()
    return true
end

-- sums of neighbouring outputs can be made together: no tap needs a test, padding is copied with the rows
function predicates.goes_in_blocks(n)
    return n.in_blocks ~= 0
end

-- likewise, filters of 1 by 1 that touch every point once
function predicates.goes_in_blocks_by_points(n)
    return n.in_blocks ~= 0 and n.vectors > 0
end

-- 8 bits with constant weights, the input's zero point folded into the bias, one output channel per input channel
function predicates.is_folded_single(n)
    return n.in_blocks ~= 0 and n.folded ~= 0 and n.channel_multiplier == 1
end

return predicates
