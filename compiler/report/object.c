/* SPDX-License-Identifier: MIT
 *
 * What an object file or a linked program takes in flash, read from its sections and symbols. ELF, little-endian, 32 or 64
 * bits (System V ABI, chapters 4 and 5).
 */
#include "compiler.h"

#include <string.h>

enum { SECTION_SYMBOLS = 2,
    SECTION_NO_BITS = 8 };
enum { FLAG_ALLOCATED = 2,
    FLAG_EXECUTABLE = 4 };
enum { SYMBOL_OBJECT = 1 };

typedef struct Elf {
    const uint8_t *data;
    size_t bytes;
    bool wide; /* 64 bits */
    uint64_t table; /* of section headers */
    unsigned entry, count;
} Elf;

typedef struct Section {
    unsigned type, link;
    uint64_t flags, offset, bytes, entry;
} Section;

/* Little-endian; 0 past the end of the file. */
static uint64_t number(const Elf *elf, uint64_t offset, unsigned width)
{
    uint64_t value = 0;
    if (offset > elf->bytes || width > elf->bytes - offset)
        return 0;
    for (unsigned i = 0; i < width; ++i)
        value |= (uint64_t)elf->data[offset + i] << 8 * i;
    return value;
}

static bool open_elf(const char *path, Elf *elf)
{
    if (elf->bytes < 52 || memcmp(elf->data, "\177ELF", 4) != 0 || elf->data[5] != 1)
        return error_at(path, "not a little-endian ELF file; sizes cannot be read from it");
    elf->wide = elf->data[4] == 2;
    elf->table = number(elf, elf->wide ? 40 : 32, elf->wide ? 8 : 4);
    elf->entry = (unsigned)number(elf, elf->wide ? 58 : 46, 2);
    elf->count = (unsigned)number(elf, elf->wide ? 60 : 48, 2);
    if (elf->table > elf->bytes || (uint64_t)elf->entry * elf->count > elf->bytes - elf->table)
        return error_at(path, "malformed ELF file: its sections pass its end");
    return true;
}

static Section section_at(const Elf *elf, unsigned index)
{
    const uint64_t at = elf->table + (uint64_t)index * elf->entry;
    if (index >= elf->count)
        return (Section){0};
    if (elf->wide)
        return (Section){(unsigned)number(elf, at + 4, 4), (unsigned)number(elf, at + 40, 4), number(elf, at + 8, 8), number(elf, at + 24, 8),
            number(elf, at + 32, 8), number(elf, at + 56, 8)};
    return (Section){(unsigned)number(elf, at + 4, 4), (unsigned)number(elf, at + 24, 4), number(elf, at + 8, 4), number(elf, at + 16, 4),
        number(elf, at + 20, 4), number(elf, at + 36, 4)};
}

static bool takes_flash(const Section *section)
{
    return (section->flags & FLAG_ALLOCATED) != 0 && section->type != SECTION_NO_BITS;
}

/* Unwind tables are for debuggers and C++: a C program drops them. */
static bool is_unwind_table(const Elf *elf, unsigned index)
{
    const Section names = section_at(elf, (unsigned)number(elf, elf->wide ? 62 : 50, 2));
    const uint64_t at = names.offset + number(elf, elf->table + (uint64_t)index * elf->entry, 4);
    static const char *const dropped[] = {".eh_frame", ".ARM.exidx", ".ARM.extab", ".note"};
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; ++i)
        if (at < elf->bytes && elf->bytes - at > strlen(dropped[i]) && memcmp(elf->data + at, dropped[i], strlen(dropped[i])) == 0)
            return true;
    return false;
}

/* The symbol's name when it is a terminated text inside the file; NULL otherwise. */
static const char *symbol_name(const Elf *elf, const Section *names, uint64_t offset)
{
    const uint64_t at = names->offset + offset;
    if (offset >= names->bytes || at >= elf->bytes || memchr(elf->data + at, 0, elf->bytes - at) == NULL)
        return NULL;
    return (const char *)elf->data + at;
}

static void count_symbols(const Elf *elf, const Section *table, bool (*choose)(void *context, const char *symbol), void *context, ObjectSize *size)
{
    const Section names = section_at(elf, table->link);
    const uint64_t least = elf->wide ? 24 : 16;
    for (uint64_t at = table->offset; table->entry >= least && at < elf->bytes && at + table->entry <= table->offset + table->bytes; at += table->entry) {
        const unsigned type = (unsigned)number(elf, at + (elf->wide ? 4 : 12), 1) & 15;
        const Section home = section_at(elf, (unsigned)number(elf, at + (elf->wide ? 6 : 14), 2));
        const char *name = symbol_name(elf, &names, number(elf, at, 4));
        if (type == SYMBOL_OBJECT && name != NULL && takes_flash(&home) && choose(context, name))
            size->chosen += (int64_t)number(elf, at + (elf->wide ? 16 : 8), elf->wide ? 8 : 4);
    }
}

bool object_size(Arena *arena, const char *path, bool (*choose)(void *context, const char *symbol), void *context, ObjectSize *size)
{
    Elf elf = {0};
    *size = (ObjectSize){0};
    elf.data = read_file(arena, path, &elf.bytes);
    if (elf.data == NULL || !open_elf(path, &elf))
        return false;
    for (unsigned i = 0; i < elf.count; ++i) {
        const Section section = section_at(&elf, i);
        if (section.type == SECTION_SYMBOLS)
            count_symbols(&elf, &section, choose, context, size);
        if (!takes_flash(&section) || is_unwind_table(&elf, i))
            continue;
        if (section.flags & FLAG_EXECUTABLE)
            size->code += (int64_t)section.bytes;
        else
            size->data += (int64_t)section.bytes;
    }
    return true;
}
