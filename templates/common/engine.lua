-- SPDX-License-Identifier: MIT-0
--
-- The template engine: turns templates into functions, chooses kernel variants, renders the pair.
-- A template line is one line of the translated chunk, so an error names the template's own line.

local engine = {}

local chain = {}       -- the target and what it inherits from, nearest first
local variants = {}    -- all of their variants, nearest target's first
local predicates       -- named conditions of variants
local level            -- --optimize
local alignment        -- of constants in bytes, where vectors are loaded from them
local runtime          -- the target's headers and what else templates that several targets share need to know of it
local cache = {}       -- path of a template -> function

-- ---------------------------------------------------------------- templates

-- The brace that closes an expression; braces in strings do not count.
local function closing_brace(line, position)
    local depth, quote = 1, nil
    while position <= #line do
        local c = line:sub(position, position)
        if quote then
            if c == "\\" then
                position = position + 1
            elseif c == quote then
                quote = nil
            end
        elseif c == '"' or c == "'" then
            quote = c
        elseif c == "{" then
            depth = depth + 1
        elseif c == "}" then
            depth = depth - 1
            if depth == 0 then
                return position
            end
        end
        position = position + 1
    end
    error("unbalanced ${ in: " .. line)
end

-- "text ${expression} text" -> "_o("text "); _v(expression) ...", the end of the line included
local function translate_text(line, out)
    local position = 1
    while true do
        local first = line:find("${", position, true)
        if not first then
            out[#out + 1] = ("_o(%q"):format(line:sub(position)):sub(1, -2) .. "\\n\")\n"
            return
        elseif first > position then
            out[#out + 1] = ("_o(%q) "):format(line:sub(position, first - 1))
        end
        local last = closing_brace(line, first + 2)
        out[#out + 1] = "_v(" .. line:sub(first + 2, last - 1) .. ") "
        position = last + 1
    end
end

-- The chunk gets the names that it may see as its environment, and what prints text and values.
local function translate(text)
    local out, position = { "local _ENV, _o, _v = ... " }, 1
    while position <= #text do
        local last = text:find("\n", position, true) or #text + 1
        local line = text:sub(position, last - 1)
        local statement = line:match("^%s*%%(.*)$")
        if statement then
            out[#out + 1] = statement .. "\n"
        else
            translate_text(line, out)
        end
        position = last + 1
    end
    return table.concat(out)
end

local function load_template(path)
    if not cache[path] then
        local chunk, message = load(translate(template_text(path)), "@" .. path, "t", {})
        if not chunk then
            error(message, 0)
        end
        cache[path] = chunk
    end
    return cache[path]
end

local function find_template(name)
    for _, target in ipairs(chain) do
        local path = "templates/" .. target .. "/" .. name .. ".c.tmpl"
        if has_template(path) then
            return path
        end
    end
    error("no template " .. name .. ".c.tmpl in " .. table.concat(chain, ", "))
end

local function number_text(value)
    if math.type(value) == "float" then
        error("a float must be printed with flt()", 3)
    end
    return tostring(value)
end

-- Renders the template at `path`; `names` is everything that it may see.
local function render(path, names)
    local out = {}
    local environment = setmetatable({}, {
        __index = function(environment, name)
            local value = names[name]
            if value == nil then
                error("unknown name \"" .. tostring(name) .. "\"", 2)
            end
            rawset(environment, name, value)
            return value
        end,
    })
    local function print_text(text)
        out[#out + 1] = text
    end
    local function print_value(value)
        if value == nil or value == false then
            error("${} of a value that is absent", 2)
        end
        out[#out + 1] = type(value) == "number" and number_text(value) or tostring(value)
    end
    local function run(template)
        load_template(template)(environment, print_text, print_value)
    end
    -- Another template's text, at this place: what several families print alike.
    rawset(environment, "part", function(name) run(find_template(name)) end)
    run(path)
    return table.concat(out)
end

-- ---------------------------------------------------------------- what every template may use

local runtime_files, headers -- absorbed by the file being rendered, in order of first use
local guarded_headers -- #if lines with the headers that they guard, as text

local function once(list, item)
    for _, present in ipairs(list) do
        if present == item then
            return ""
        end
    end
    list[#list + 1] = item
    return ""
end

local function float_literal(value)
    if value ~= value then
        once(headers, "math.h")
        return "NAN"
    elseif value == math.huge then
        once(headers, "math.h")
        return "INFINITY"
    elseif value == -math.huge then
        once(headers, "math.h")
        return "(-INFINITY)"
    end
    local text = ("%.9g"):format(value)
    if not text:find("[.e]") then
        text = text .. ".0"
    end
    return value < 0 and "(" .. text .. "f)" or text .. "f"
end

local function join(list, separator)
    local texts = {}
    for i, item in ipairs(list) do
        texts[i] = tostring(item)
    end
    return table.concat(texts, separator or ", ")
end

-- Names of nested loops' variables, outermost first
local function loop_variable(depth)
    return ("ijkmnpqrstuvwxyz"):sub(depth, depth)
end

-- "i * 40 + j + 5": the sum of loop variables (or `names`) times strides, and an offset; "0" when there is nothing
local function position(strides, offset, names)
    local text = ""
    local function add(term, negative)
        if text == "" then
            text = negative and "-" .. term or term
        else
            text = text .. (negative and " - " or " + ") .. term
        end
    end
    for pass = 1, 2 do
        for i, stride in ipairs(strides) do
            if pass == 1 and stride > 0 or pass == 2 and stride < 0 then
                local size = math.abs(stride)
                add((names and names[i] or loop_variable(i)) .. (size ~= 1 and " * " .. size or ""), stride < 0)
            end
        end
        if pass == 1 and offset and offset ~= 0 then
            add(tostring(math.abs(offset)), offset < 0)
        end
    end
    return text == "" and "0" or text
end

local function element_bytes(operand)
    return ({ int8 = 1, uint8 = 1, bool = 1 })[operand.dtype] or 2
end

local helpers = {
    ipairs = ipairs, pairs = pairs, next = next, tostring = tostring, tonumber = tonumber, type = type, error = error,
    math = math, string = string, table = table, select = select, assert = assert,
    flt = float_literal,
    join = join,
    range = function(first, last)
        local list = {}
        for i = first, last do
            list[#list + 1] = i
        end
        return list
    end,
    product = function(list, first, last)
        local result = 1
        for i = first or 1, last or #list do
            result = result * list[i]
        end
        return result
    end,
    indent = function(depth)
        return ("    "):rep(depth)
    end,
    loop = loop_variable,
    position = position,
    shifted = function(pointer, offset)
        return offset == "0" and tostring(pointer) or tostring(pointer) .. " + " .. offset
    end,
    bytes = function(operand, count)
        return element_bytes(operand) == 1 and tostring(count) or count .. " * sizeof(" .. operand.ctype .. ")"
    end,
    uses = function(file)
        return once(runtime_files, file)
    end,
    include = function(file)
        return once(headers, file)
    end,
}

-- Functions that several templates share: templates/common/NAME.lua.
local libraries = {}

function helpers.library(name)
    if not libraries[name] then
        libraries[name] = engine.load_table("templates/common/" .. name .. ".lua") or error("no library " .. name, 2)
    end
    return libraries[name]
end

-- ---------------------------------------------------------------- targets and variants

local function load_table(path)
    local text = template_text(path)
    if not text then
        return nil
    end
    local chunk, message = load(text, "@" .. path, "t", { math = math, string = string, table = table, ipairs = ipairs, pairs = pairs, tostring = tostring, setmetatable = setmetatable, error = error })
    if not chunk then
        error(message, 0)
    end
    return chunk()
end

engine.load_table = load_table

-- Loads target `name` and all that it inherits from; `families` maps operators to families: each must have a template.
function engine.load_target(name, optimize, families)
    level = optimize
    predicates = load_table("templates/common/predicates.lua")
    local target = name
    while target do
        local description = load_table("templates/" .. target .. "/target.lua")
        if not description then
            error("target \"" .. target .. "\" has no target.lua; `etch targets` lists them", 0)
        end
        chain[#chain + 1] = target
        alignment = alignment or description.alignment
        runtime = runtime or description.runtime
        local rows = description.variants or {}
        for _, variant in ipairs(type(rows) == "function" and rows(helpers.library) or rows) do
            if not predicates[variant.when] then
                error(target .. "/target.lua: unknown predicate \"" .. tostring(variant.when) .. "\"", 0)
            end
            variants[#variants + 1] = variant
        end
        target = description.inherits
    end
    local names = {}
    for _, family in pairs(families) do
        names[#names + 1] = family
    end
    table.sort(names)
    for _, family in ipairs(names) do
        find_template(family)
    end
end

local operand_metatable = { __tostring = function(operand) return operand.name end }

-- What the template of `node` sees: operands by role, facts, attributes, helpers.
local function node_names(node)
    local names = setmetatable({}, { __index = helpers })
    for _, roles in ipairs { node.input_roles, node.output_roles } do
        for role, mark in roles:gmatch("([%w_]+)([?*]?)") do
            names[role] = mark == "*" and {} or false
        end
    end
    for _, operand in ipairs(node.operands) do
        setmetatable(operand, operand_metatable)
        local group = operand.name:match("^(.*)_%d+$")
        if group and type(rawget(names, group)) == "table" and not rawget(names, operand.name) then
            table.insert(names[group], operand)
        else
            names[operand.name] = operand
        end
    end
    for name, value in pairs(node.facts) do
        names[name] = value
    end
    names.attribute = node.attribute
    names.op = node.op
    names.optimize = level
    names.runtime = runtime
    return names
end

-- Which levels of --optimize a variant is for: those it names; all where it names none. What is good for speed is good for ram.
local function is_right_level(variant)
    local levels = " " .. (variant.optimize or level) .. " "
    return levels:find(" " .. level .. " ", 1, true) or level == "ram" and levels:find(" speed ", 1, true)
end

-- Which forms of kernels a variant has (words of: direct, backwards, staged, channels, lean): those it names; all where it names none.
local function has_form(variant, form)
    for word in form:gmatch("%S+") do
        if variant.forms and not (" " .. variant.forms .. " "):find(" " .. word .. " ", 1, true) then
            return false
        end
    end
    return true
end

-- What tuning files call a variant
local function variant_name(variant)
    return variant.name or variant.template
end

-- Why a variant of the node's operator is not for it; nil where it fits: predicate holds, and `prepare` (packed weights, scratch,
-- proofs: the services of emit/bridge.c) has succeeded.
local function refusal(variant, node, names, services)
    if not has_form(variant, node.form) then
        return "it does not have the form that the memory plan asks for"
    elseif not is_right_level(variant) then
        return "it is not for --optimize=" .. level
    elseif not predicates[variant.when](names) then
        return ("its condition %s does not hold"):format(variant.when)
    elseif variant.prepare and not variant.prepare(names, services) then
        services.back()
        return "its proofs do not hold for these weights"
    end
end

-- The family's own template: any form but the one that has variants of its own
local function default_fits(node)
    return not node.form:find("direct", 1, true)
end

-- The variant that a tuning names -> template's name, reason; or nil and why not.
local function tuned_variant(node, names, services, wanted)
    local known, why = {}, nil
    for _, variant in ipairs(variants) do
        if variant.op == node.op then
            once(known, variant_name(variant))
            if variant_name(variant) == wanted then
                local reason = refusal(variant, node, names, services)
                if not reason then
                    return variant.template, variant.when .. ", tuned"
                end
                why = why or reason
            end
        end
    end
    if wanted == node.family and default_fits(node) then
        return node.family, "always, tuned"
    end
    once(known, node.family)
    return nil, why or ("%s has %s for %s"):format(chain[1], join(known), node.op)
end

-- -> template's name, reason, name; and, where `wanted` (a tuning's choice, or nil) does not fit, why not. Without one, the first
-- variant that fits.
function engine.choose_variant(node, services, wanted)
    local names, why = node_names(node), nil
    if wanted then
        local template, reason = tuned_variant(node, names, services, wanted)
        if template then
            return template, reason, wanted
        end
        why = reason
    end
    for _, variant in ipairs(variants) do
        if variant.op == node.op and not refusal(variant, node, names, services) then
            return variant.template, variant.when, variant_name(variant), why
        end
    end
    return node.family, "always", node.family, why
end

-- -> the names of all variants that fit, in the target's order
function engine.list_variants(node, services)
    local names, list = node_names(node), {}
    for _, variant in ipairs(variants) do
        if variant.op == node.op and not refusal(variant, node, names, services) then
            once(list, variant_name(variant))
            services.back()
        end
    end
    if default_fits(node) or #list == 0 then
        once(list, node.family)
    end
    return join(list, " ")
end

-- ---------------------------------------------------------------- kernels

local MAX_LINE = 110

-- "head(a, b, c)tail", broken after the bracket and between items when it is too long for a line
local function wrapped(head, items, separator, tail, indent)
    local line = head .. table.concat(items, separator .. " ") .. tail
    if #indent + #line <= MAX_LINE then
        return line
    end
    local lines, current = { head }, indent .. "    "
    for i, item in ipairs(items) do
        local text = item .. (i < #items and separator or tail)
        if #current + #text + 1 > MAX_LINE and current:match("%S") then
            lines[#lines + 1] = current
            current = indent .. "    "
        end
        current = current .. (current:match("%S") and " " or "") .. text
    end
    lines[#lines + 1] = current
    return table.concat(lines, "\n")
end

local function wrapped_list(head, items, tail, indent)
    return wrapped(head, items, ",", tail, indent)
end

-- Words to lines of a comment
local function wrapped_comment(text, indent)
    local lines, current = {}, indent .. "/*"
    for word in text:gmatch("%S+") do
        if #current + #word + 1 > MAX_LINE and current:match("%w") then
            lines[#lines + 1] = current
            current = indent .. " *"
        end
        current = current .. " " .. word
    end
    lines[#lines + 1] = current .. " */"
    return table.concat(lines, "\n")
end

local function comment_text(text)
    return (text:gsub("%*/", "* /"):gsub("/%*", "/ *"):gsub("%c", " "))
end

local function describe(operand)
    return operand.name .. " " .. operand.dtype .. " [" .. join(operand.shape) .. "]"
end

local function kernel_parameters(node)
    local parameters = {}
    for _, operand in ipairs(node.operands) do
        local writable = operand.direction == "out" or operand.direction == "scratch" or operand.state
        if not operand.placed then
            parameters[#parameters + 1] = (writable and "" or "const ") .. operand.ctype .. " *" .. operand.name
        end
    end
    return parameters
end

local PLACEHOLDER = "@KERNEL@"

local function kernel_comment(node, users)
    local inputs, outputs = {}, {}
    for _, operand in ipairs(node.operands) do
        if operand.direction == "in" then
            inputs[#inputs + 1] = describe(operand)
        elseif operand.direction == "out" then
            outputs[#outputs + 1] = describe(operand)
        end
    end
    local text = ("%s: %s -> %s. Kernel %s (%s). Used by %s."):format(
        node.op, table.concat(inputs, ", "), table.concat(outputs, ", "), node.variant, node.reason, table.concat(users, ", "))
    return wrapped_comment(comment_text(text), "")
end

local function for_each_node(graph, visit)
    for _, node in ipairs(graph.nodes) do
        visit(node)
        for _, region in ipairs(node.regions) do
            for_each_node(region, visit)
        end
    end
end

-- Renders every node's kernel; equal texts become one function. Sets node.kernel; returns the list of functions.
local function render_kernels(model)
    local functions, by_text = {}, {}
    for_each_node(model, function(node)
        if node.free or #node.regions > 0 then
            return
        end
        local names = node_names(node)
        names.kernel = PLACEHOLDER
        names.parameters = PLACEHOLDER .. "PARAMETERS"
        node.numbers = {}
        names.argument = function(ctype, name, value)
            for _, number in ipairs(node.numbers) do
                if number.name == name then
                    return name
                end
            end
            node.numbers[#node.numbers + 1] = { ctype = ctype, name = name, value = value }
            return name
        end
        local parameters = kernel_parameters(node)
        local text = render(find_template(node.variant), names)
        for _, number in ipairs(node.numbers) do
            parameters[#parameters + 1] = number.ctype .. " " .. number.name
        end
        local key = table.concat(parameters, ",") .. text
        local kernel = by_text[key]
        if not kernel then
            kernel = { name = model.prefix .. "_" .. node.name:gsub("[^%w_]", "_"):lower(), node = node, users = {} }
            by_text[key] = kernel
            functions[#functions + 1] = kernel
            kernel.text = text:gsub("([^\n]*%()" .. PLACEHOLDER .. "PARAMETERS%)", function(head)
                return wrapped_list((head:gsub(PLACEHOLDER, kernel.name)), parameters, ")", "")
            end):gsub(PLACEHOLDER, function() return kernel.name end)
        end
        kernel.users[#kernel.users + 1] = node.name
        node.kernel = kernel
    end)
    for _, kernel in ipairs(functions) do
        kernel.comment = kernel_comment(kernel.node, kernel.users)
    end
    return functions
end

-- ---------------------------------------------------------------- the entry function's body

local function real_range(operand)
    if operand.scale_count ~= 1 or operand.min == 0 and operand.max == 0 then
        return ""
    end
    local low, high = (operand.min - operand.zero_point) * operand.scale, (operand.max - operand.zero_point) * operand.scale
    return (", real %.4g to %.4g"):format(low, high)
end

local Body = {}
Body.__index = Body

function Body:line(text)
    local last = self.lines[#self.lines]
    if text == "" and last and last:sub(-1) == "{" then
        return -- a block does not begin with an empty line
    end
    self.lines[#self.lines + 1] = text == "" and "" or self.indent .. text
end

function Body:nested(visit)
    local declared, indent = self.declared, self.indent
    self.declared = setmetatable({}, { __index = declared })
    self.indent = indent .. "    "
    visit()
    self.declared, self.indent = declared, indent
end

-- The C expression of an operand's address; declares the local pointer of a planned tensor where it is first needed.
function Body:address(operand, writable)
    if operand.storage == "row" or self.rows[operand.identifier] then
        return self.rows[operand.identifier]
    end
    if operand.storage == "constant" and operand.root == operand.identifier then
        return self.model.constants[operand.identifier]
    elseif operand.storage == "state" and operand.root == operand.identifier then
        return "state->" .. operand.identifier
    elseif (operand.storage == "input" or operand.storage == "output") and operand.root == operand.identifier then
        return operand.identifier
    end
    if not self.declared[operand.identifier] then
        self.declared[operand.identifier] = true
        local const = (operand.storage == "constant" or operand.storage == "input") and "const " or ""
        local base, base_type = operand.root, operand.root_ctype
        if operand.storage == "arena" then
            base, base_type = ("(arena->bytes + %d)"):format(operand.offset), "uint8_t"
        elseif operand.storage == "constant" then
            base = self.model.constants[operand.root]
        elseif operand.storage == "state" then
            base = "state->" .. operand.root
        end
        if operand.storage ~= "arena" and operand.root_position > 0 then
            base = ("%s + %d"):format(base, operand.root_position)
            base = base_type ~= operand.ctype and "(" .. base .. ")" or base
        end
        local wide = base_type ~= operand.ctype and operand.ctype ~= "int8_t" and operand.ctype ~= "uint8_t"
        local cast = base_type ~= operand.ctype and ("(%s%s *)%s"):format(const, operand.ctype, wide and ("(%svoid *)"):format(const) or "") or ""
        if operand.storage == "arena" and cast == "" then
            base = base:sub(2, -2)
        end
        self:line(("%s%s *const %s = %s%s;"):format(const, operand.ctype, operand.identifier, cast, base))
    end
    return operand.identifier
end

-- Another function's body: with its own lines and locals.
function Body:fork()
    return setmetatable({ model = self.model, lines = {}, indent = "    ", declared = {}, rows = {} }, Body)
end

-- The kernel's call
function Body:invoke(node, index)
    local arguments = {}
    for _, operand in ipairs(node.operands) do
        if not operand.placed then
            arguments[#arguments + 1] = self:address(operand)
        end
    end
    for _, number in ipairs(node.numbers) do
        arguments[#arguments + 1] = number_text(number.value)
    end
    self:line(wrapped_list(node.kernel.name .. "(", arguments, ");", self.indent))
    self:line(("%s_PROFILE(%d);"):format(self.model.macro, index))
end

function Body:call(node, index)
    local outputs = {}
    for _, operand in ipairs(node.operands) do
        if operand.direction == "out" then
            outputs[#outputs + 1] = ("%s [%s]%s"):format(operand.dtype, join(operand.shape), real_range(operand))
        end
    end
    local note = rawget(node.facts, "comment")
    self:line("")
    local text = ("%s: %s -> %s%s"):format(node.name, node.op, table.concat(outputs, "; "), note and ". " .. note or "")
    self.lines[#self.lines + 1] = wrapped_comment(comment_text(text), self.indent)
    self:invoke(node, index)
end

function Body:copy(to, from)
    if to.bytes > 0 and not (to.storage == from.storage and to.root == from.root and to.offset == from.offset) then
        local target, source = self:address(to), self:address(from)
        self:line(("memcpy(%s, %s, %d);"):format(target, source, to.bytes))
    end
end

local function split_operands(node)
    local inputs, outputs = {}, {}
    for _, operand in ipairs(node.operands) do
        table.insert(operand.direction == "in" and inputs or outputs, operand)
    end
    return inputs, outputs
end

function Body:while_loop(node)
    local inputs, outputs = split_operands(node)
    local condition, body = node.regions[1], node.regions[2]
    self:line("")
    self:line(("/* %s: While over %d loop variable%s */"):format(node.name, #outputs, #outputs == 1 and "" or "s"))
    for i, output in ipairs(outputs) do
        self:copy(output, inputs[i])
    end
    self:line("for (;;) {")
    self:nested(function()
        self:graph(condition)
        self:line(("if (!*%s) {"):format(self:address(condition.outputs[1])))
        self:line("    break;")
        self:line("}")
        self:graph(body)
        for i, output in ipairs(outputs) do
            self:copy(output, body.outputs[i])
        end
    end)
    self:line("}")
end

function Body:if_else(node)
    local inputs, outputs = split_operands(node)
    for _, output in ipairs(outputs) do
        self:address(output)
    end
    self:line("")
    self:line(("/* %s: If */"):format(node.name))
    self:line(("if (*%s) {"):format(self:address(inputs[1])))
    for k, region in ipairs(node.regions) do
        self:nested(function()
            self:graph(region)
            for i, output in ipairs(outputs) do
                self:copy(output, region.outputs[i])
            end
        end)
        self:line(k == 1 and "} else {" or "}")
    end
end

-- Why there is no code for a node, by family
local free_notes = {
    state = "made in place",
    concatenate = "the parts were made in their places",
    split = "the parts are read where they lie",
    slice = "read where it lies",
}

function Body:graph(graph)
    for _, node in ipairs(graph.nodes) do
        if node.op == "While" then
            self:while_loop(node)
        elseif node.op == "If" then
            self:if_else(node)
        elseif node.op == "Rows" then
            helpers.library("rows").print(self, node, { join = join, wrapped_list = wrapped_list, wrapped_comment = wrapped_comment })
        elseif node.free then
            self:line("")
            self:line(("/* %s: %s, %s */"):format(node.name, node.op, free_notes[node.family] or "a view of the same bytes"))
        else
            self:call(node, self.next_index)
            self.next_index = self.next_index + 1
        end
    end
end

local function render_body(model)
    local body = setmetatable({ model = model, lines = {}, indent = "    ", declared = {}, rows = {}, functions = {}, next_index = 0 }, Body)
    body:graph(model)
    while body.lines[1] == "" do
        table.remove(body.lines, 1)
    end
    return table.concat(body.lines, "\n"), body.next_index, body.functions
end

-- ---------------------------------------------------------------- the pair

-- A runtime header's parts: functions and tables with their comments (named), and what stands between them.
local function runtime_parts(text)
    local parts, lines, ending = {}, {}, nil -- ending: what the last line of the definition looks like
    local function finish()
        if #lines > 0 then
            local part = table.concat(lines, "\n")
            local name = part:match("static inline [^\n(]-([%w_]+)%(") or part:match("static ETCH_NOINLINE [^\n(]-([%w_]+)%(")
                or part:match("static const [^\n=]-([%w_]+)%[")
            parts[#parts + 1] = { text = part, name = name }
        end
        lines = {}
    end
    for line in (text .. "\n"):gmatch("(.-)\n") do
        ending = ending or line == "{" and "^}$" or line:find("^%S.*= {$") and "};$" or nil
        if line == "" and not ending then
            finish()
        else
            lines[#lines + 1] = line
        end
        if ending and line:find(ending) then
            ending = nil
            finish()
        end
    end
    finish()
    return parts
end

-- Keeps the functions and tables that `code` needs, directly or through others; drops headers of which none is left.
local function prune_runtime(files, code)
    local used = {}
    local function use(text)
        for word in text:gmatch("[%a_][%w_]*") do
            used[word] = true
        end
    end
    use(code)
    local changed = true
    while changed do
        changed = false
        for _, parts in ipairs(files) do
            for _, part in ipairs(parts) do
                if not part.kept and (not part.name or used[part.name]) then
                    part.kept, changed = true, true
                    if part.name then
                        use(part.text)
                    end
                end
            end
        end
    end
    local texts = {}
    for _, parts in ipairs(files) do
        local kept, named, needed = {}, false, false
        for _, part in ipairs(parts) do
            named = named or part.name ~= nil
            needed = needed or (part.name and part.kept)
            if part.kept then
                kept[#kept + 1] = part.text
            end
        end
        if needed or not named then
            texts[#texts + 1] = table.concat(kept, "\n\n")
        end
    end
    return table.concat(texts, "\n\n")
end

-- The absorbed headers, after those that they include, as far as `code` needs them.
local function runtime_text(code)
    local loaded, files = {}, {}
    local function visit(file)
        if loaded[file] then
            return
        end
        loaded[file] = true
        local text = template_text("runtime/" .. file)
        if not text then
            error("runtime/" .. file .. " does not exist", 0)
        end
        for needed in text:gmatch('#include "([%w./_]+)"') do
            visit(needed)
        end
        text = text:gsub("#if [^\n]*\n#include <[^\n]*\n#endif\n", function(guarded)
            once(guarded_headers, guarded)
            return ""
        end)
        for header in text:gmatch("#include <([%w./_]+)>") do
            once(headers, header)
        end
        files[#files + 1] = runtime_parts((text:gsub("/%* SPDX.-%*/\n*", "", 1):gsub("#include [^\n]*\n", "")))
    end
    for _, file in ipairs(runtime_files) do
        visit(file)
    end
    return prune_runtime(files, code)
end

local function upper(text)
    return text:upper()
end

-- Macro stems: KWS_INPUT for a single tensor, KWS_<TENSOR> for several.
local function name_interface(model)
    model.macro = upper(model.prefix)
    model.source = ({ etch = "native", tflite = "TFLite" })[model.format] or model.format
    for _, list in ipairs { model.inputs, model.outputs } do
        for _, operand in ipairs(list) do
            setmetatable(operand, operand_metatable)
            operand.name = operand.identifier
            operand.macro = model.macro .. "_" .. upper(operand.identifier)
            operand.length = math.max(operand.elements, 1)
        end
    end
    for _, operand in ipairs(model.states) do
        operand.name = operand.identifier
        operand.length = math.max(operand.elements, 1)
    end
end

-- Parameters of the entry, in the order of the contract: weights, state, arena, inputs, outputs.
local function entry_parameters(model)
    local parameters = {}
    local function add(condition, text)
        if condition then
            parameters[#parameters + 1] = text
        end
    end
    add(model.weights == "extern" and next(model.constants), ("const %s_weights *weights"):format(model.prefix))
    add(#model.states > 0, ("%s_state *state"):format(model.prefix))
    add(model.arena_bytes > 0, ("%s_arena *arena"):format(model.prefix))
    if model.io == "caller" then
        for _, input in ipairs(model.inputs) do
            add(true, ("const %s %s[%s_ELEMENTS]"):format(input.ctype, input.name, input.macro))
        end
        for _, output in ipairs(model.outputs) do
            add(true, ("%s %s[%s_ELEMENTS]"):format(output.ctype, output.name, output.macro))
        end
    end
    if #parameters == 0 then
        parameters[1] = "void"
    end
    return parameters
end

-- Model text for the skeleton and the driver: everything that they may see.
local function model_names(model)
    local names = setmetatable({ model = model }, { __index = helpers })
    names.wrapped = wrapped
    names.wrapped_list = wrapped_list
    names.comment_text = comment_text
    names.parameters = entry_parameters(model)
    return names
end

-- -> the .c up to the constants, the .h
function engine.render(model)
    runtime_files, headers, guarded_headers = {}, {}, {}
    name_interface(model)
    once(headers, "string.h")
    local names = model_names(model)
    names.kernels = render_kernels(model)
    model.parameters = names.parameters
    local functions
    names.body, names.node_count, functions = render_body(model)
    table.move(functions, 1, #functions, #names.kernels + 1, names.kernels)
    local texts = {}
    for _, kernel in ipairs(names.kernels) do
        texts[#texts + 1] = kernel.text
    end
    names.runtime = runtime_text(table.concat(texts, "\n"))
    if model.constant_declarations:find("INFINITY") or model.constant_declarations:find("NAN") then
        once(headers, "math.h")
    end
    table.sort(headers)
    names.headers = headers
    names.alignment = alignment or false
    table.sort(guarded_headers)
    names.guarded_headers = table.concat(guarded_headers)
    local source = render("templates/common/model.c.tmpl", names)
    local header = render("templates/common/model.h.tmpl", names)
    return source, header
end

-- Renders a companion of the pair (driver, test glue) from templates/common/NAME.c.tmpl.
function engine.render_companion(model, name)
    runtime_files, headers, guarded_headers = {}, {}, {}
    name_interface(model)
    return render("templates/common/" .. name .. ".c.tmpl", model_names(model))
end

return engine
