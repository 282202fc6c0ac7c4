return {tensors = {{"x", "float32", {1}}}, operators = {}, inputs = {0}, outputs = {0}}
