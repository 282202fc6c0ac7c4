-- SPDX-License-Identifier: MIT
--
-- Rewrites the table in README.md from docs/benchmarks.md; the last step of `make bench`.
local shown = {
    { "kws_ref_model", "keyword spotting" }, { "pretrainedresnet_quant", "image classification" }, { "vww_96_int8", "visual wake words" },
    { "ad01_int8", "anomaly detection" }, { "person_detect", "person detection" },
}

local figures = {} -- model -> column title -> cell, of all tables
local titles
for line in io.lines("docs/benchmarks.md") do
    local cells = {}
    for cell in line:gmatch("|%s*([^|]-)%s*%f[|]") do cells[#cells + 1] = cell end
    if cells[1] == "model" then
        titles = cells
    elseif titles and #cells == #titles and not cells[1]:match("^%-") then
        figures[cells[1]] = figures[cells[1]] or {}
        for index, title in ipairs(titles) do figures[cells[1]][title] = cells[index] end
    end
end

local rows = { "| | instructions | TFLM | CMSIS-NN | flash | TFLM | CMSIS-NN | RAM | least RAM | TFLM |", "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|" }
for _, entry in ipairs(shown) do
    local f = assert(figures[entry[1]], "docs/benchmarks.md has no " .. entry[1])
    rows[#rows + 1] = "| " .. table.concat({ entry[2], f["M4 balanced"], f["ref, M4"], f["nn, M4"], f["flash"], f["flash ref"], f["flash nn"], f["balanced"], f["ram"],
        f["TFLM arena"] }, " | ") .. " |"
end

local file = assert(io.open("README.md"))
local text = file:read("a")
file:close()
local first = select(2, text:find("<!-- figures: make bench -->\n", 1, true))
local last = text:find("<!-- end of figures -->", 1, true)
file = assert(io.open("README.md", "w"))
file:write(text:sub(1, first), "\n", table.concat(rows, "\n"), "\n\n", text:sub(last))
file:close()
