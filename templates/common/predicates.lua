-- SPDX-License-Identifier: MIT-0
--
-- Named conditions on a node, for the variant lists of targets. `n` is what the node's template sees.

local predicates = {}

function predicates.always()
    return true
end

-- int8 with constant weights, where the input's zero point could be folded into the bias
function predicates.is_folded(n)
    return n.folded ~= 0
end

-- likewise, filters of 1 by 1 that touch every point once
function predicates.is_folded_by_points(n)
    return n.folded ~= 0 and n.vectors > 0
end

-- likewise, one output channel per input channel
function predicates.is_folded_single(n)
    return n.folded ~= 0 and n.channel_multiplier == 1
end

return predicates
