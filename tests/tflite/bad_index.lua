-- An operand beyond the subgraph's tensors.
return {tensors = {{"x", "float32", {1}}, {"y", "float32", {1}}}, operators = {{"RELU", {7}, {1}}}, inputs = {0}, outputs = {1}}
