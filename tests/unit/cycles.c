/* SPDX-License-Identifier: MIT
 *
 * Estimated cycles of listings written by hand, against counts by hand.
 */
#include "compiler.h"

#include "unit.h"

static Arena *arena;
static const char *pipeline = "cortex-m4";

static void check_cycles(const char *listing, const char *executed, int64_t instructions, int64_t cycles)
{
    const CycleEstimate estimate = estimate_cycles(arena, pipeline, listing, executed);
    CHECK_EQUAL(estimate.instructions, instructions);
    CHECK_EQUAL(estimate.cycles, cycles);
}

/* One instruction, executed once, not the one behind it afterwards `taken` times */
static int64_t cost(const char *instruction, int taken)
{
    const char *listing = arena_format(arena, "00001000 <f>:\n    1000:\t%s\n", instruction);
    return estimate_cycles(arena, pipeline, listing, arena_format(arena, "1000 1 %d\n", taken)).cycles;
}

static int64_t cost_of_pair(const char *first, const char *second)
{
    const char *listing = arena_format(arena, "    1000:\t%s\n    1004:\t%s\n", first, second);
    return estimate_cycles(arena, pipeline, listing, "1000 1 0\n1004 1 0\n").cycles;
}

static void check_costs(void)
{
    CHECK_EQUAL(cost("smlad\tr2, r6, sl, r2", 0), 1);
    CHECK_EQUAL(cost("smmla\tr2, r6, sl, r2", 0), 1);
    CHECK_EQUAL(cost("ldr.w\tr0, [r1, #4]", 0), 2);
    CHECK_EQUAL(cost("ldrsb.w\tr0, [r1, r2]", 0), 2);
    CHECK_EQUAL(cost("str\tr0, [r1, #4]", 0), 1);
    CHECK_EQUAL(cost("strb.w\tr0, [r1], #1", 0), 1);
    CHECK_EQUAL(cost("strb\tr0, [r1, r2]", 0), 2);
    CHECK_EQUAL(cost("ldrd\tr0, r1, [r2], #8", 0), 3);
    CHECK_EQUAL(cost("ldmia.w\tr0!, {r6, r7, r8, r9}", 0), 5);
    CHECK_EQUAL(cost("stmdb\tsp!, {r4-r11, lr}", 0), 10);
    CHECK_EQUAL(cost("pop\t{r4, pc}", 1), 5);
    CHECK_EQUAL(cost("bne.n\t1000 <f>", 0), 1);
    CHECK_EQUAL(cost("bne.n\t1000 <f>", 1), 3);
    CHECK_EQUAL(cost("vldr\ts0, [r0]", 0), 2);
    CHECK_EQUAL(cost("vmla.f32\ts0, s1, s2", 0), 3);
    CHECK_EQUAL(cost("vldmia\tr0!, {s0-s3}", 0), 5);
}

static void check_neighbours(void)
{
    CHECK_EQUAL(cost_of_pair("ldr\tr0, [r1, #0]", "ldr\tr2, [r1, #4]"), 3);
    CHECK_EQUAL(cost_of_pair("ldr\tr1, [r0, #0]", "ldr\tr2, [r1, #4]"), 4); /* waits for its address */
    CHECK_EQUAL(cost_of_pair("ldr\tr1, [r0, #0]", "ldr\tr2, [r10, #4]"), 3);
    CHECK_EQUAL(cost_of_pair("str\tr1, [r0, #0]", "ldr\tr2, [r1, #4]"), 2);
    CHECK_EQUAL(cost_of_pair("ldmia\tr0!, {r1, r2}", "ldr\tr3, [r4]"), 5);
}

/* 12 instructions that take 5 + 3 + 10, a count and a branch: 100 turns, 99 of them back, entered through two blocks */
static void check_loop(void)
{
    static const char listing[] =
        "SYMBOL TABLE:\n"
        "00000d70 g     F .text\t00000030 f\n"
        "00000d70 <f>:\n"
        "     d70:\tldmia.w\tr0!, {r6, r7, r8, r9}\n"
        "     d74:\tldmia.w\tr1!, {sl, fp}\n"
        "     d78:\tsmlad\tr2, r6, sl, r2\n"
        "     d7c:\tsmlad\tr4, r8, sl, r4\n"
        "     d80:\tsxtb16\tsl, sl\n"
        "     d84:\tsmlad\tr3, r6, fp, r3\n"
        "     d88:\tsmlad\tr5, r8, fp, r5\n"
        "     d8c:\tsxtb16\tfp, fp\n"
        "     d90:\tsmlad\tr2, r7, sl, r2\n"
        "     d94:\tsmlad\tr4, r9, sl, r4\n"
        "     d98:\tsmlad\tr3, r7, fp, r3\n"
        "     d9c:\tsmlad\tr5, r9, fp, r5\n"
        "     da0:\tsubs\tip, #1\n"
        "     da2:\tbne.n\td70 <f>\n";
    Buffer executed = {0};
    for (int part = 0; part < 2; ++part)
        for (int address = 0xd70; address <= 0xda2; address += address < 0xda0 ? 4 : 2)
            buffer_printf(&executed, "%x %d %d\n", address, part == 0 ? 1 : 99, address != 0xda2 ? 0 : part == 0 ? 1 : 98);
    buffer_append(&executed, "", 1);
    check_cycles(listing, executed.data, 1400, 100 * (18 + 2) + 99 * 2);
    buffer_free(&executed);
    CHECK_EQUAL(listed_symbol(listing, "f"), 0xd70);
    CHECK_EQUAL(listed_symbol(listing, "g"), 0);
    check_cycles(listing, "", 0, 0);
}

/* Cycles of a straight line of instructions on a Cortex-M7 */
static int64_t cost_of_line(const char *const *instructions)
{
    Buffer listing = {0}, executed = {0};
    for (int address = 0x1000; *instructions != NULL; ++instructions, address += 4) {
        buffer_printf(&listing, "    %x:\t%s\n", address, *instructions);
        buffer_printf(&executed, "%x 1 0\n", address);
    }
    buffer_append(&listing, "", 1);
    buffer_append(&executed, "", 1);
    const int64_t cycles = estimate_cycles(arena, "cortex-m7", listing.data, executed.data).cycles;
    buffer_free(&listing);
    buffer_free(&executed);
    return cycles;
}

#define LINE(...) cost_of_line((const char *const[]){__VA_ARGS__, NULL})

static void check_pairs(void)
{
    CHECK_EQUAL(LINE("add\tr0, r1, r2", "add\tr3, r4, r5"), 1);
    CHECK_EQUAL(LINE("add\tr0, r1, r2", "add\tr3, r0, r5"), 2);            /* waits for r0 */
    CHECK_EQUAL(LINE("adds\tr0, #1", "adds\tr0, #1"), 2);                  /* which is read, too */
    CHECK_EQUAL(LINE("ldr\tr0, [r1, #0]", "ldr\tr2, [r1, #4]"), 1);        /* two loads */
    CHECK_EQUAL(LINE("str\tr0, [r1, #0]", "str\tr2, [r1, #4]"), 2);        /* one store */
    CHECK_EQUAL(LINE("ldr\tr0, [r1, #0]", "add\tr2, r0, r0"), 2);
    CHECK_EQUAL(LINE("ldrsb.w\tr0, [r1, #0]", "add\tr2, r0, r0"), 3);      /* bytes come later */
    CHECK_EQUAL(LINE("ldr\tr0, [r1, #0]", "ldr\tr2, [r0, #0]"), 3);        /* addresses are needed earlier */
    CHECK_EQUAL(LINE("ldr.w\tr0, [r1], #4", "ldr.w\tr2, [r1], #4"), 2);
    CHECK_EQUAL(LINE("smlad\tr2, r6, sl, r2", "smlad\tr3, r6, fp, r3"), 2); /* one multiplier */
    CHECK_EQUAL(LINE("smlad\tr2, r6, sl, r2", "smlad\tr2, r6, fp, r2"), 2); /* which takes its own sums at once */
    CHECK_EQUAL(LINE("smlad\tr2, r6, sl, r2", "add\tr3, r2, r2"), 3);
    CHECK_EQUAL(LINE("smlad\tr2, r6, sl, r2", "ldr\tr7, [r1, #0]"), 1);
    CHECK_EQUAL(LINE("sxtb16\tsl, r0", "sxtb16\tfp, r1"), 2);
    CHECK_EQUAL(LINE("ldmia.w\tr0!, {r6, r7, r8, r9}", "add\tr1, r2, r3"), 3); /* alone, two words per cycle */
    CHECK_EQUAL(LINE("subs\tip, #1", "bne.n\td70 <f>"), 2);                 /* needs the flags */
    CHECK_EQUAL(LINE("smull\tr0, r1, r2, r3", "add\tr4, r0, r5"), 3);
    CHECK_EQUAL(LINE("sdiv\tr0, r1, r2", "add\tr4, r5, r6"), 8);
    CHECK_EQUAL(LINE("vldr\ts0, [r0]", "add\tr4, r5, r6"), 1);
    CHECK_EQUAL(LINE("vmul.f32\ts0, s1, s2", "vadd.f32\ts3, s0, s4"), 4);
}

int main(void)
{
    arena = arena_new(0);
    check_pairs();
    check_costs();
    check_neighbours();
    check_loop();
    arena_free(arena);
    return unit_result();
}
