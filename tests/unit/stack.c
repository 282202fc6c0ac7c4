/* SPDX-License-Identifier: MIT
 *
 * Worst-case stack from call graphs and listings written by hand.
 */
#include "compiler.h"

#include "unit.h"

static Arena *arena;

static void check_depth(const char *graph, const char *listing, int64_t bytes, bool bounded, bool complete)
{
    const StackDepth depth = worst_case_stack(arena, graph, listing, "f");
    CHECK_EQUAL(depth.bytes, bytes);
    CHECK_EQUAL(depth.bounded, bounded);
    CHECK_EQUAL(depth.complete, complete);
}

#define NODE(name, label) "node: { title: \"" name "\" label: \"" name "\\nf.c:1:1\\n" label "\" }\n"
#define EDGE(from, to) "edge: { sourcename: \"" from "\" targetname: \"" to "\" label: \"f.c:2:2\" }\n"
#define LIBRARY(name) "node: { title: \"" name "\" label: \"" name "\\n<built-in>\" shape : ellipse }\n"

static void check_graphs(void)
{
    check_depth(NODE("f", "16 bytes (static)"), NULL, 16, true, true);
    check_depth(NODE("f", "16 bytes (static)") NODE("f.c:g", "40 bytes (static)") NODE("f.c:h", "8 bytes (static)") EDGE("f", "f.c:g") EDGE("f", "f.c:h")
                    EDGE("f.c:h", "f.c:g"),
        NULL, 64, true, true);
    /* What is not called does not count. */
    check_depth(NODE("f", "16 bytes (static)") NODE("f.c:g", "40 bytes (dynamic)"), NULL, 16, true, true);
    check_depth(NODE("f", "16 bytes (static)") NODE("f.c:g", "40 bytes (dynamic)") EDGE("f", "f.c:g"), NULL, 56, false, true);
    check_depth(NODE("f", "16 bytes (static)") NODE("f.c:g", "40 bytes (dynamic,bounded)") EDGE("f", "f.c:g"), NULL, 56, true, true);
    check_depth(NODE("f", "16 bytes (static)") EDGE("f", "f"), NULL, 16, false, true);
    check_depth(NODE("f", "16 bytes (static)") LIBRARY("memcpy") EDGE("f", "memcpy"), NULL, 16, true, false);
}

#define CALLS(name) NODE("f", "16 bytes (static)") LIBRARY(name) EDGE("f", name)

static const char thumb[] =
    "SYMBOL TABLE:\n"
    "00008000 g     F .text\t00000010 memcpy\n"
    "00008010 g     F .text\t00000010 .hidden __aeabi_fadd\n"
    "00008010 g     F .text\t00000010 .hidden __addsf3\n"
    "00008020 g     F .text\t00000010 by_address\n"
    "00008030 g     F .text\t00000010 falls\n"
    "00008034 g     F .text\t00000010 variable\n"
    "00008040 g     F .text\t00000010 wide\n"
    "\nDisassembly of section .text:\n\n"
    "00008000 <memcpy>:\n"
    "    8000:\tpush\t{r4, r5, lr}\n"
    "    8002:\tsub\tsp, #16\t@ 0x10\n"
    "    8004:\tbl\t8010 <__addsf3>\n"
    "    8008:\tbne.n\t8002 <memcpy+0x2>\n"
    "    800a:\tadd\tsp, #16\n"
    "    800c:\tpop\t{r4, r5, pc}\n"
    "    800e:\tnop\n"
    "\n00008010 <__addsf3>:\n"
    "    8010:\tstr.w\tlr, [sp, #-4]!\n"
    "    8014:\tvpush\t{d8-d9}\n"
    "    8018:\tldr\tr3, [pc, #4]\t@ (8020 <by_address>)\n"
    "    801a:\tldr.w\tpc, [sp], #4\n"
    "\n00008020 <by_address>:\n"
    "    8020:\tstmdb\tsp!, {r4, r5, r6, r7, r8, r9, sl, lr}\n"
    "    8024:\tblx\tr3\n"
    "    8026:\tldmia.w\tsp!, {r4, r5, r6, r7, r8, r9, sl, pc}\n"
    "\n00008030 <falls>:\n"
    "    8030:\tpush\t{lr}\n"
    "    8032:\tnop\n"
    "\n00008034 <variable>:\n"
    "    8034:\tsub.w\tsp, sp, r3\n"
    "    8038:\tbx\tlr\n"
    "\n00008040 <wide>:\n"
    "    8040:\tsub.w\tsp, sp, #1024\t@ 0x400\n"
    "    8044:\tstrd\tr4, r5, [sp, #-8]!\n"
    "    8048:\tb.w\t8010 <__addsf3>\n";

static void check_thumb(void)
{
    check_depth(CALLS("__addsf3"), thumb, 16 + 20, true, true);
    check_depth(CALLS("__aeabi_fadd"), thumb, 16 + 20, true, true); /* another name of it */
    check_depth(CALLS("memcpy"), thumb, 16 + 28 + 20, true, true);
    check_depth(CALLS("by_address"), thumb, 16 + 32, false, true);
    check_depth(CALLS("variable"), thumb, 16, false, true);
    check_depth(CALLS("falls"), thumb, 16 + 4, false, true); /* into the next one */
    check_depth(CALLS("wide"), thumb, 16 + 1032 + 20, true, true);
    check_depth(CALLS("memset"), thumb, 16, true, false);
    check_depth(CALLS("mem"), thumb, 16, true, false); /* part of a name */
    /* The whole program: a call that is not in it was left out by the compiler, a call by address was not. */
    static const char whole[] =
        "SYMBOL TABLE:\n00008000 g     F .text\t00000010 f\n\nDisassembly of section .text:\n\n00008000 <f>:\n    8000:\tbx\tlr\n";
    check_depth(CALLS("__aeabi_uidiv"), whole, 16, true, true);
    check_depth(CALLS("__indirect_call"), whole, 16, true, false);
}

static const char riscv[] =
    "SYMBOL TABLE:\n"
    "80000000 g     F .text\t00000010 expf\n"
    "80000010 g     F .text\t00000010 memset\n"
    "80000020 g     F .text\t0000000c .hidden __riscv_save_0\n"
    "8000002c g     F .text\t0000000c .hidden __riscv_restore_0\n"
    "\nDisassembly of section .text:\n\n"
    "80000000 <expf>:\n"
    "80000000:\tjal\tt0,80000020 <__riscv_save_0>\n"
    "80000004:\tadd\tsp,sp,-32\n"
    "80000006:\tjal\t80000010 <memset>\n"
    "8000000a:\tadd\tsp,sp,32\n"
    "8000000c:\tj\t8000002c <__riscv_restore_0>\n"
    "\n80000010 <memset>:\n"
    "80000010:\tadd\tsp,sp,-48\n"
    "80000012:\tlb\tt2,0(a1) # 80000000 <expf>\n"
    "80000016:\tbnez\ta2,80000012 <memset+0x2>\n"
    "80000018:\tadd\tsp,sp,48\n"
    "8000001a:\tret\n"
    "\n80000020 <__riscv_save_0>:\n"
    "80000020:\tadd\tsp,sp,-16\n"
    "80000022:\tsub\tsp,sp,t1\n"
    "80000024:\tjr\tt0\n"
    "\n8000002c <__riscv_restore_0>:\n"
    "8000002c:\tadd\tsp,sp,16\n"
    "8000002e:\tret\n";

int main(void)
{
    arena = arena_new(0);
    check_graphs();
    check_thumb();
    check_depth(CALLS("memset"), riscv, 16 + 48, true, true);
    check_depth(CALLS("expf"), riscv, 16 + 16 + 32 + 48, true, true); /* what was saved stays */
    arena_free(arena);
    return unit_result();
}
