/* Who may still write into an evaluation's pipes: see passing.h. */
#include "passing.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "process.h"

/* Most processes that are waited for. More are no filters of output: one may be a fork bomb. */
#define MOST 64

struct eval_passing eval_passing_into(int output, int errors)
{
    const int fds[] = {output, errors};
    struct eval_passing pipes = {.count = 0};
    struct stat info;
    for (size_t i = 0; i < 2; i++)
        if (fstat(fds[i], &info) == 0) {
            pipes.devices[pipes.count] = info.st_dev;
            pipes.inodes[pipes.count++] = info.st_ino;
        }
    return pipes;
}

static bool is_one(const struct eval_passing *pipes, const struct stat *info)
{
    for (size_t i = 0; i < pipes->count; i++)
        if (pipes->devices[i] == info->st_dev && pipes->inodes[i] == info->st_ino)
            return true;
    return false;
}

/* Has the process one of the pipes open? */
static bool holds(const struct eval_passing *pipes, pid_t pid)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    const struct dirent *entry;
    struct stat info;
    bool found = false;
    while (folder && !found && (entry = readdir(folder)))
        found = *entry->d_name != '.' && fstatat(dirfd(folder), entry->d_name, &info, 0) == 0 &&
                is_one(pipes, &info);
    if (folder)
        closedir(folder);
    return found;
}

enum eval_passing_state eval_passing_look(const struct eval_passing *pipes, pid_t root)
{
    struct eval_process_table table = {0};
    size_t processes = 0;
    bool busy = false, held = false;
    eval_process_scan(&table);
    for (size_t i = 0; i < table.count && processes <= MOST; i++) {
        const struct eval_process *row = &table.rows[i];
        if (!eval_process_descends(&table, row, root))
            continue;
        processes++;
        busy = busy || row->state == 'R' || row->state == 'D';
        held = held || holds(pipes, row->pid);
    }
    eval_process_table_free(&table);
    if (!held || processes > MOST)
        return EVAL_PASSING_NONE;
    return busy ? EVAL_PASSING_BUSY : EVAL_PASSING_QUIET;
}
