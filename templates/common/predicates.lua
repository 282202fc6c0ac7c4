-- SPDX-License-Identifier: MIT-0
--
-- Named conditions on a node, for the variant lists of targets. `n` is what the node's template sees.

local predicates = {}

function predicates.always()
    return true
end

return predicates
