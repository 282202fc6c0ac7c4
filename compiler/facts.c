/* SPDX-License-Identifier: MIT
 *
 * Facts: the finished numbers, tables and scratch buffers that an operator hands to its template.
 */
#include "compiler.h"

#include <string.h>

static Fact *add_fact(Facts *facts, const char *name, FactKind kind)
{
    ARENA_PUSH(facts->arena, facts->facts, facts->count, facts->capacity);
    Fact *fact = &facts->facts[facts->count++];
    *fact = (Fact){.name = name, .kind = kind};
    return fact;
}

void fact_int(Facts *facts, const char *name, int64_t value)
{
    add_fact(facts, name, FACT_INT)->integer = value;
}

void fact_float(Facts *facts, const char *name, double value)
{
    add_fact(facts, name, FACT_FLOAT)->real = value;
}

void fact_string(Facts *facts, const char *name, const char *text)
{
    add_fact(facts, name, FACT_STRING)->text = arena_string(facts->arena, text);
}

void fact_ints(Facts *facts, const char *name, int count, const int64_t *values)
{
    Fact *fact = add_fact(facts, name, FACT_INTS);
    fact->count = count;
    fact->integers = arena_copy(facts->arena, values, (size_t)count * sizeof *values);
}

void fact_table(Facts *facts, const char *name, DType dtype, int count, const void *data, bool is_weight)
{
    Fact *fact = add_fact(facts, name, FACT_TABLE);
    fact->dtype = dtype;
    fact->count = count;
    fact->data = arena_copy(facts->arena, data, ((size_t)count * dtype_bits(dtype) + 7) / 8);
    fact->is_weight = is_weight;
}

void fact_scratch(Facts *facts, const char *name, DType dtype, int count)
{
    Fact *fact = add_fact(facts, name, FACT_SCRATCH);
    fact->dtype = dtype;
    fact->count = count;
}

void fact_hide(Facts *facts, int index)
{
    facts->hidden |= UINT64_C(1) << index;
}

void fact_replace(Facts *facts, const char *name, int64_t value)
{
    for (int i = 0; i < facts->count; ++i)
        if (strcmp(facts->facts[i].name, name) == 0 && facts->facts[i].kind == FACT_INT) {
            facts->facts[i].integer = value;
            return;
        }
    fact_int(facts, name, value);
}

void fact_remark(Facts *facts, const char *text)
{
    for (int i = 0; i < facts->count; ++i)
        if (strcmp(facts->facts[i].name, "comment") == 0)
            facts->facts[i].text = arena_format(facts->arena, "%s; %s", facts->facts[i].text, text);
}

void facts_replace(Facts *facts, const Facts *by)
{
    for (int i = 0; i < by->count; ++i) {
        int kept = 0;
        for (int k = 0; k < facts->count; ++k)
            if (strcmp(facts->facts[k].name, by->facts[i].name) != 0)
                facts->facts[kept++] = facts->facts[k];
        facts->count = kept;
        *add_fact(facts, by->facts[i].name, by->facts[i].kind) = by->facts[i];
    }
    facts->hidden |= by->hidden;
}

bool fact_hides(const Facts *facts, int index)
{
    return facts != NULL && index < 64 && (facts->hidden >> index & 1) != 0;
}

const Fact *fact_find(const Facts *facts, const char *name)
{
    for (int i = 0; facts != NULL && i < facts->count; ++i)
        if (strcmp(facts->facts[i].name, name) == 0)
            return &facts->facts[i];
    return NULL;
}
