/* SPDX-License-Identifier: MIT
 *
 * Other programs: compilers, linkers, emulators. They are started without a shell, with a time limit, and what they print is
 * captured. Temporary folders are removed when the process ends.
 */
#define _XOPEN_SOURCE 700 /* nftw */
#include "compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* ---------------------------------------------------------------- lists of words */

void words_add(Arena *arena, Words *words, const char *word)
{
    /* One more than needed: the list always ends with NULL, as execv wants it. */
    if (words->count + 1 >= words->capacity)
        words->list = arena_grow(arena, words->list, sizeof *words->list, words->count, &words->capacity);
    words->list[words->count++] = arena_string(arena, word);
    words->list[words->count] = NULL;
}

void words_add_all(Arena *arena, Words *words, const Words *more)
{
    for (int i = 0; i < more->count; ++i)
        words_add(arena, words, more->list[i]);
}

/* Blanks separate; single and double quotes hold blanks together. */
void words_split(Arena *arena, Words *words, const char *text)
{
    if (text == NULL)
        return;
    while (*text != '\0') {
        char quote = '\0';
        size_t length = 0;
        text += strspn(text, " \t\n");
        char *word = arena_alloc(arena, strlen(text) + 1);
        const char *start = text;
        for (; *text != '\0' && (quote != '\0' || strchr(" \t\n", *text) == NULL); ++text) {
            if (*text == quote)
                quote = '\0';
            else if (quote == '\0' && (*text == '\'' || *text == '"'))
                quote = *text;
            else
                word[length++] = *text;
        }
        if (text > start)
            words_add(arena, words, word);
    }
}

/* ---------------------------------------------------------------- finding programs */

static bool is_executable(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

bool program_exists(Arena *arena, const char *name)
{
    if (strchr(name, '/') != NULL)
        return is_executable(name);
    const char *path = getenv("PATH");
    while (path != NULL && *path != '\0') {
        const size_t length = strcspn(path, ":");
        if (is_executable(arena_format(arena, "%.*s/%s", (int)length, path, name)))
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}

const char *find_program(Arena *arena, const Words *candidates, const char *what, const char *package)
{
    for (int i = 0; i < candidates->count; ++i)
        if (program_exists(arena, candidates->list[i]))
            return candidates->list[i];
    error_at(candidates->count > 0 ? candidates->list[0] : NULL, "the %s is not installed; on Debian: apt-get install %s", what, package);
    return NULL;
}

/* ---------------------------------------------------------------- running programs */

enum { OUTPUT_LIMIT = 64 << 20 };

static int64_t milliseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Standard input is empty, both outputs go into the pipe. */
static int spawn(const Words *command, int output, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    const int error = posix_spawnp(child, command->list[0], &actions, NULL, (char *const *)command->list, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Until the program closes its output; false when the time is over. */
static bool collect_output(int input, int64_t deadline, Buffer *output)
{
    for (;;) {
        const int64_t rest = deadline - milliseconds_now();
        struct pollfd ready = {.fd = input, .events = POLLIN};
        if (rest <= 0)
            return false;
        if (poll(&ready, 1, rest > 1000 ? 1000 : (int)rest) <= 0)
            continue;
        char block[16384];
        const ssize_t bytes = read(input, block, sizeof block);
        if (bytes < 0 && errno == EINTR)
            continue;
        if (bytes <= 0)
            return true;
        if (output->length < OUTPUT_LIMIT)
            buffer_append(output, block, (size_t)bytes);
    }
}

static int exit_status(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : -1;
}

static volatile sig_atomic_t running_child; /* for the signal handler */

bool run_program(const Words *command, int timeout_seconds, ProgramRun *run)
{
    int ends[2];
    pid_t child;
    *run = (ProgramRun){0};
    fflush(NULL);
    if (pipe(ends) != 0)
        return error_at(command->list[0], "cannot be started: %s", strerror(errno));
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    const int error = spawn(command, ends[1], &child);
    close(ends[1]);
    if (error != 0) {
        close(ends[0]);
        return error_at(command->list[0], "cannot be started: %s", strerror(error));
    }
    running_child = (sig_atomic_t)child;
    run->timed_out = !collect_output(ends[0], milliseconds_now() + (int64_t)timeout_seconds * 1000, &run->output);
    close(ends[0]);
    if (run->timed_out)
        kill(child, SIGKILL);
    run->status = exit_status(child);
    running_child = 0;
    buffer_append(&run->output, "", 1);
    --run->output.length; /* a terminating 0 behind the text */
    return true;
}

bool run_tool(Arena *arena, const Words *command, int timeout_seconds, const char *purpose)
{
    ProgramRun run;
    if (!run_program(command, timeout_seconds, &run))
        return false;
    const bool ok = !run.timed_out && run.status == 0;
    if (!ok) {
        const char *line = "";
        for (int i = 0; i < command->count; ++i)
            line = arena_format(arena, "%s%s%s", line, i > 0 ? " " : "", command->list[i]);
        fwrite(run.output.data, 1, run.output.length, stderr);
        if (run.timed_out)
            error_at(command->list[0], "%s did not end within %d s: %s", purpose, timeout_seconds, line);
        else
            error_at(command->list[0], "%s failed with status %d: %s", purpose, run.status, line);
    }
    buffer_free(&run.output);
    return ok;
}

/* ---------------------------------------------------------------- folders */

enum { MAX_TEMPORARY_FOLDERS = 16 };

static char temporary_folders[MAX_TEMPORARY_FOLDERS][256];
static int temporary_folder_count;

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static void remove_temporary_folders(void)
{
    for (int i = 0; i < temporary_folder_count; ++i)
        nftw(temporary_folders[i], remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Ctrl-C, or a time limit around etch: no program and no folder stays behind. Only calls that a handler may make. */
static void clean_up(int signal_number)
{
    if (running_child > 0)
        kill((pid_t)running_child, SIGKILL);
    for (int i = 0; i < temporary_folder_count; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            execl("/bin/rm", "rm", "-rf", temporary_folders[i], (char *)NULL);
            _exit(127);
        }
        if (child > 0)
            waitpid(child, NULL, 0);
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void clean_up_at_end(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    atexit(remove_temporary_folders);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; ++i)
        signal(signals[i], clean_up);
}

const char *temporary_folder(void)
{
    const char *base = getenv("TMPDIR");
    if (temporary_folder_count == MAX_TEMPORARY_FOLDERS)
        fatal(EXIT_WORK_FAILED, "too many temporary folders");
    char *path = temporary_folders[temporary_folder_count];
    const int length = snprintf(path, sizeof temporary_folders[0], "%s/etch-XXXXXX", base != NULL && base[0] != '\0' ? base : "/tmp");
    if (length >= (int)sizeof temporary_folders[0] || mkdtemp(path) == NULL) {
        error_at(path, "a temporary folder cannot be made: %s; TMPDIR names another place", strerror(errno));
        return NULL;
    }
    if (temporary_folder_count++ == 0)
        clean_up_at_end();
    return path;
}

bool make_folders(const char *path)
{
    char part[4096];
    const size_t length = strlen(path);
    if (length >= sizeof part)
        return error_at(path, "the path is too long");
    for (size_t i = 1; i <= length; ++i) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return error_at(part, "the folder cannot be made: %s", strerror(errno));
    }
    return true;
}
