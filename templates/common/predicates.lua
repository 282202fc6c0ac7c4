-- SPDX-License-Identifier: MIT-0
--
-- Named conditions on a node, for the variant lists of targets. `n` is what the node's template sees.

local predicates = {}

function predicates.always()
    return true
end

-- filters of 1 by 1 that touch every point once
function predicates.multiplies_vectors(n)
    return n.vectors > 0
end

-- no copy of the input: windows are clipped where they are read
function predicates.is_direct(n)
    return n.direct ~= 0
end

-- 8 bits with constant weights, the input's zero point folded into the bias, one output channel per input channel, forwards
function predicates.is_folded_single(n)
    return n.folded ~= 0 and n.channel_multiplier == 1 and n.backwards == 0
end

return predicates
