/* SPDX-License-Identifier: MIT-0
 *
 * A plugin for QEMU: how often each instruction of an inference is executed, and how often the branch behind it is taken.
 * Arguments: open=ADDRESS, close=ADDRESS (what runs between the two is counted), out=FILE. The file: "ADDRESS COUNT TAKEN" per
 * instruction, in hexadecimal and decimal. The declarations are those of version 1 of QEMU's plugin interface.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void block_executed(unsigned cpu, void *data);
typedef void block_translated(plugin_id id, struct qemu_plugin_tb *block);
extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, block_translated *call);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, block_executed *call, int flags, void *data);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *instruction);
extern void qemu_plugin_register_atexit_cb(plugin_id id, void (*call)(plugin_id id, void *data), void *data);

EXPORTED extern int qemu_plugin_version;
int qemu_plugin_version = 1;

/* A translated block: straight-line code */
struct block {
    struct block *next;
    uint64_t end;                 /* address behind the last instruction */
    uint64_t running, counted;    /* times executed: since the window was opened, in all windows */
    uint64_t running_away, away;  /* times that something else than `end` followed */
    size_t length;
    uint64_t address[];
};

static struct block *blocks, *last;
static uint64_t open_address, close_address;
static int is_open;
static char path[4096];

static void start_window(void)
{
    for (struct block *block = blocks; block != NULL; block = block->next)
        block->running = block->running_away = 0;
    is_open = 1;
    last = NULL;
}

static void end_window(void)
{
    for (struct block *block = blocks; block != NULL; block = block->next) {
        block->counted += block->running;
        block->away += block->running_away;
        block->running = block->running_away = 0;
    }
    is_open = 0;
}

static void executed(unsigned cpu, void *data)
{
    struct block *const block = data;
    (void)cpu;
    if (block->address[0] == open_address)
        start_window();
    if (!is_open)
        return;
    if (last != NULL && last->end != block->address[0])
        ++last->running_away;
    last = block;
    if (block->address[0] == close_address)
        end_window();
    else
        ++block->running;
}

static void translated(plugin_id id, struct qemu_plugin_tb *translation)
{
    const size_t length = qemu_plugin_tb_n_insns(translation);
    struct block *const block = calloc(1, sizeof *block + length * sizeof block->address[0]);
    (void)id;
    if (block == NULL || length == 0) {
        free(block);
        return;
    }
    for (size_t i = 0; i < length; ++i) {
        const struct qemu_plugin_insn *const instruction = qemu_plugin_tb_get_insn(translation, i);
        block->address[i] = qemu_plugin_insn_vaddr(instruction);
        block->end = block->address[i] + qemu_plugin_insn_size(instruction);
    }
    block->length = length;
    block->next = blocks;
    blocks = block;
    qemu_plugin_register_vcpu_tb_exec_cb(translation, executed, 0, block);
}

/* An instruction may be in several blocks: the reader adds up. */
static void finish(plugin_id id, void *data)
{
    FILE *const file = fopen(path, "w");
    (void)id, (void)data;
    if (file == NULL)
        return;
    for (const struct block *block = blocks; block != NULL; block = block->next)
        for (size_t i = 0; i < block->length && block->counted > 0; ++i)
            fprintf(file, "%llx %llu %llu\n", (unsigned long long)block->address[i], (unsigned long long)block->counted,
                (unsigned long long)(i + 1 == block->length ? block->away : 0));
    fclose(file);
}

EXPORTED int qemu_plugin_install(plugin_id id, const void *info, int count, char **arguments);
int qemu_plugin_install(plugin_id id, const void *info, int count, char **arguments)
{
    (void)info;
    for (int i = 0; i < count; ++i) {
        if (strncmp(arguments[i], "open=", 5) == 0)
            open_address = strtoull(arguments[i] + 5, NULL, 0);
        else if (strncmp(arguments[i], "close=", 6) == 0)
            close_address = strtoull(arguments[i] + 6, NULL, 0);
        else if (strncmp(arguments[i], "out=", 4) == 0)
            snprintf(path, sizeof path, "%s", arguments[i] + 4);
    }
    if (path[0] == '\0')
        return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, finish, NULL);
    return 0;
}
