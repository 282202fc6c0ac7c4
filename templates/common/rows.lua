-- SPDX-License-Identifier: MIT-0
--
-- How Rows is printed: for every node of the region a function that makes one row of its output, and has the rows that it
-- needs made by the function of the node before; in the entry, a loop over the last one's rows.

local rows = {}

local function element_bytes(operand)
    return operand.bytes // operand.elements
end

local function plus(pointer, offset)
    return offset == 0 and pointer or pointer .. " + " .. offset
end

-- "y * 2 - 1 + i" and the like
local function scaled(name, factor)
    return factor == 1 and name or name .. " * " .. factor
end

-- The same as an offset: a sum in brackets without a factor loses them.
local function term(name, factor)
    return scaled(factor == 1 and name:match("^%((.*)%)$") or name, factor)
end

-- A number of bytes, of which `count` (a text of type int32_t) elements have `size` each
local function size_of(count, size)
    return size == 1 and ("(size_t)(%s)"):format(count) or ("(size_t)(%s) * %d"):format(count, size)
end

local function counted(count, what)
    return ("%d %s%s"):format(count, what, count == 1 and "" or "s")
end

local function minus(text, number)
    return number == 0 and text or text .. " - " .. number
end

local function find(operands, tensor)
    for _, operand in ipairs(operands) do
        if operand.tensor == tensor then
            return operand
        end
    end
    error("no operand " .. tensor)
end

-- Which of the entry's parameters the lines mention
local function mentioned(lines, parameters)
    local words, found = {}, {}
    for word in table.concat(lines, "\n"):gmatch("[%a_][%w_]*") do
        words[word] = true
    end
    for _, parameter in ipairs(parameters) do
        local name = parameter:match("([%w_]+)%[") or parameter:match("%*([%w_]+)$")
        if name and words[name] then
            found[#found + 1] = { name = name, text = parameter:gsub("%s*([%w_]+)%[.*$", " *%1") }
        end
    end
    return found
end

local Stage = {} -- one node's function being printed
Stage.__index = Stage

function Stage:line(text)
    self.body:line(text)
end

-- The address of the whole tensor `operand`, row `row` * stride of it, from column `x` on (texts; x may be nil).
function Stage:whole_row(operand, row, x, stride)
    local _, _, width, channels = table.unpack(operand.shape)
    local offset = term(row, (stride or 1) * width * channels)
    if x then
        offset = term(("(%s + %s)"):format(term(row, (stride or 1) * width), x), channels)
    end
    return self.body:address(operand) .. " + " .. offset
end

function Stage:call_source(row, target)
    local source = self.functions[self.stage.source]
    local arguments = {}
    for _, parameter in ipairs(source.parameters) do
        arguments[#arguments + 1] = parameter.name
    end
    if self.strips then
        arguments[#arguments + 1] = "x"
    end
    arguments[#arguments + 1] = row
    arguments[#arguments + 1] = target
    self:line(self.tools.wrapped_list(source.name .. "(", arguments, ");", self.body.indent))
end

-- Fills one line of the window from row `source` of a whole tensor or of the node before.
function Stage:make_line(line)
    local stage, window = self.stage, self.window
    local channels, size = window.shape[4], element_bytes(window)
    if stage.source == 0 and not self.strips then
        local whole = self.node.operands[stage.whole]
        self:line(("memcpy(%s, %s, %d);"):format(plus(line, stage.pad_left * channels), self:whole_row(whole, "source"),
            stage.source_width * channels * size))
    elseif stage.source == 0 then
        local whole = self.node.operands[stage.whole]
        self:line(("memcpy(%s + %s, %s, %s);"):format(line, scaled("(first - left)", channels), self:whole_row(whole, "source", "first"),
            size_of("last - first", channels * size)))
    else
        self:call_source("source", self.strips and line or plus(line, stage.pad_left * channels))
        if self.strips and self.beyond then
            self:line(("memset(%s, %d, %s);"):format(line, stage.pad_byte, size_of("first - left", channels * size)))
            self:line(("memset(%s + %s, %d, %s);"):format(line, scaled("(last - left)", channels), stage.pad_byte,
                size_of(("left + %d - last"):format(window.shape[3]), channels * size)))
        end
    end
end

-- Columns of the image that lie under the strip's window
function Stage:declare_columns()
    local stage = self.stage
    self:line(("const int32_t left = %s;"):format(minus(term("x", stage.column_step), stage.column_shift)))
    self:line("const int32_t first = left < 0 ? 0 : left;")
    self:line(("const int32_t last = left + %d > %d ? %d : left + %d;"):format(self.window.shape[3], stage.source_width,
        stage.source_width, self.window.shape[3]))
end

function Stage:fill_window()
    local stage, window, size = self.stage, self.window, element_bytes(self.window)
    local name = self.body:address(window)
    local kept = math.max(stage.rows - stage.stride, 0)
    local top = stage.pad_top > 0
    local bottom = (stage.height - 1) * stage.stride - stage.pad_top + stage.rows > stage.source_height
    local blank = not self.strips and (window.shape[3] > stage.source_width)
    -- What lies beyond the image is padding to a filter; pools have none, and what they make of it is cleared in turn.
    self.beyond = self.strips and (stage.column_shift > 0 or window.shape[3] > 1) and not self.inner.op:find("Pool")
    if self.beyond or self.strips and stage.source == 0 then
        self:declare_columns()
    end
    self:line("")
    if blank or kept > 0 then
        self:line("if (y == 0) {")
        if blank then
            self:line(("    memset(%s, %d, %d);"):format(name, stage.pad_byte, window.bytes))
            self:line(kept > 0 and "} else {" or "}")
        else
            self.body.lines[#self.body.lines] = self.body.indent .. "if (y > 0) {"
        end
        if kept == 1 then
            self:line(("    memcpy(%s, %s + %d, %d);"):format(name, name, stage.stride * self.span, self.span * size))
            self:line("}")
        elseif kept > 0 then
            self:line(("    for (int32_t i = 0; i < %d; ++i) {"):format(kept))
            self:line(("        memcpy(%s + %s, %s + %s, %d);"):format(name, term("i", self.span), name,
                term(("(i + %d)"):format(stage.stride), self.span), self.span * size))
            self:line("    }")
            self:line("}")
        end
    end
    local start = kept == 0 and "0" or ("y == 0 ? 0 : %d"):format(kept)
    self:line(("for (int32_t i = %s; i < %d; ++i) {"):format(start, stage.rows))
    self.body:nested(function()
        self:line(("const int32_t source = %s;"):format(minus(term("y", stage.stride) .. " + i", stage.pad_top)))
        self:line(("%s *const line = %s + %s;"):format(window.ctype, name, term("i", self.span)))
        local inside = {}
        if top then
            inside[1] = "source >= 0"
        end
        if bottom then
            inside[#inside + 1] = "source < " .. stage.source_height
        end
        local clear, first = ("memset(line, %d, %d);"):format(stage.pad_byte, self.span * size), self.strips and stage.source == 0
        if first then
            self:line(clear)
        end
        if #inside == 0 then
            self:make_line("line")
            return
        end
        self:line(("if (%s) {"):format(table.concat(inside, " && ")))
        self.body:nested(function() self:make_line("line") end)
        if not first then
            self:line("} else {")
            self:line("    " .. clear)
        end
        self:line("}")
    end)
    self:line("}")
end

-- Tells the body where operands that are rows of something lie; makes those that are made.
function Stage:gather()
    local stage, inner = self.stage, self.inner
    local input = self.window
    if stage.window then
        self:fill_window()
    elseif stage.source > 0 then
        self:call_source("y", self.body:address(input))
    else
        local column = self.strips and term("x", stage.column_step) or nil
        self.body.rows[input.identifier] = self:whole_row(self.node.operands[stage.whole], "y", column, stage.stride)
    end
    if stage.side > 0 then
        local side = find(inner.operands, stage.side_tensor)
        self.body.rows[side.identifier] = self:whole_row(self.node.operands[stage.side], "y", self.strips and "x" or nil)
    end
    for _, operand in ipairs(inner.operands) do
        if operand.direction == "out" then
            self.body.rows[operand.identifier] = "row"
            self.output = operand
        end
    end
end

function Stage:comment()
    local stage, what = self.stage, ""
    local text = ("Row y of %s, %s [%s]"):format(self.inner.name, self.output.dtype, self.tools.join { stage.height, stage.width, self.output.shape[4] })
    if self.strips then
        text = text .. (" in strips of %s, for outputs from column x on"):format(counted(self.output.shape[3], "column"))
    end
    if stage.window then
        local of = stage.source > 0 and self.functions[stage.source].of or "the input"
        what = (". %s of %s under it %s kept at %s%s"):format(stage.rows == 1 and "The row" or ("The %d rows"):format(stage.rows), of,
            stage.rows == 1 and "is" or "are", self.window.identifier, self.window.shape[3] > stage.source_width and ", with their padding" or "")
    end
    return self.tools.wrapped_comment(text .. what .. ".", "")
end

local function stage_function(body, node, k, functions, tools)
    local inner = node.regions[1].nodes[k]
    local stage = node.stages[k]
    local fork = body:fork()
    local self = setmetatable({ body = fork, node = node, stage = stage, inner = inner, functions = functions, tools = tools,
        strips = node.strips > 1, window = find(inner.operands, stage.tensor) }, Stage)
    self.span = self.window.shape[3] * self.window.shape[4]
    if stage.window or stage.source > 0 then
        fork:address(self.window)
    end
    self:gather()
    if #fork.lines > 0 then
        fork:line("")
    end
    fork:invoke(inner, body.next_index)
    body.next_index = body.next_index + 1
    local parameters, texts = mentioned(fork.lines, body.model.parameters), {}
    for _, parameter in ipairs(parameters) do
        texts[#texts + 1] = parameter.text
    end
    if self.strips then
        texts[#texts + 1] = "int32_t x"
    end
    texts[#texts + 1] = "int32_t y"
    texts[#texts + 1] = self.output.ctype .. " *row"
    local name = ("%s_make_%s_row"):format(body.model.prefix, (inner.name:gsub("[^%w_]", "_"):lower()))
    functions[k] = { name = name, of = inner.name, parameters = parameters, comment = self:comment(),
        text = tools.wrapped_list("static void " .. name .. "(", texts, ")", "") .. "\n{\n" .. table.concat(fork.lines, "\n") .. "\n}" }
end

-- Prints node `node`: the stages' functions go to body.functions, the loop to the body.
function rows.print(body, node, tools)
    local functions, names = {}, {}
    for k, inner in ipairs(node.regions[1].nodes) do
        stage_function(body, node, k, functions, tools)
        body.functions[#body.functions + 1] = functions[k]
        names[k] = inner.name
    end
    local output, last = node.operands[#node.operands], functions[#functions]
    local _, height, width, channels = table.unpack(output.shape)
    local arguments = {}
    body:line("")
    body.lines[#body.lines + 1] = tools.wrapped_comment(("%s: %s, row by row%s -> %s [%s]"):format(node.name, table.concat(names, ", "),
        node.strips > 1 and (" in %d strips of %s"):format(node.strips, counted(node.columns, "column")) or "", output.dtype, tools.join(output.shape)), body.indent)
    local address = body:address(output)
    for _, parameter in ipairs(last.parameters) do
        arguments[#arguments + 1] = parameter.name
    end
    local function loop()
        if node.strips > 1 then
            arguments[#arguments + 1] = "x"
        end
        arguments[#arguments + 1] = "y"
        arguments[#arguments + 1] = address .. " + " .. (node.strips > 1 and term(("(%s + x)"):format(term("y", width)), channels)
            or term("y", width * channels))
        body:line(("for (int32_t y = 0; y < %d; ++y) {"):format(height))
        body:line("    " .. tools.wrapped_list(last.name .. "(", arguments, ");", body.indent .. "    "))
        body:line("}")
    end
    if node.strips == 1 then
        loop()
        return
    end
    body:line(("for (int32_t strip = 0; strip < %d; ++strip) {"):format(node.strips))
    body:nested(function()
        local even = node.strips * node.columns == width
        local x = term("strip", node.columns)
        body:line(even and ("const int32_t x = %s;"):format(x)
            or ("const int32_t x = strip < %d ? %s : %d; /* the last strip overlaps */"):format(node.strips - 1, x, width - node.columns))
        body:line("")
        loop()
    end)
    body:line("}")
end

return rows
