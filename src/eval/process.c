/* Trees of processes: see process.h. Parents are read from /proc/PID/stat, since
 * /proc/PID/task/TID/children is missing from many kernels. A scan is no snapshot: whoever was
 * missed, because its parent ended during the scan, is found by the next one. */
#include "process.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"

#define FREEZE_PASSES 50
#define COMMAND_SIZE 4096      /* of a command line, as much as is looked at */
#define NAP 500000             /* nanoseconds */
#define MOST_DESCRIPTORS 65536 /* looked for where they are not listed */

/* /proc/PID/stat: pid (name) state parent … ; field 24 is the resident set in pages. The name
 * may hold anything, so fields are counted from its last parenthesis. */
static bool read_stat(pid_t pid, struct eval_process *out)
{
    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return false;
    text[size] = '\0';
    const char *fields = strrchr(text, ')');
    long parent, pages;
    if (!fields || sscanf(fields,
                          ") %c %ld %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                          "%*s %*s %*s %*s %ld",
                          &out->state, &parent, &pages) != 3)
        return false;
    out->pid = pid;
    out->parent = (pid_t)parent;
    out->resident = pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
    return true;
}

static int by_pid(const void *a, const void *b)
{
    pid_t x = ((const struct eval_process *)a)->pid, y = ((const struct eval_process *)b)->pid;
    return (x > y) - (x < y);
}

bool eval_process_visible(void)
{
    char pid[32];
    ssize_t size = readlink("/proc/self", pid, sizeof pid - 1);
    pid[size > 0 ? size : 0] = '\0';
    return atol(pid) == getpid();
}

void eval_process_scan(struct eval_process_table *table)
{
    table->count = 0;
    DIR *folder = eval_process_visible() ? opendir("/proc") : NULL;
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        struct eval_process row;
        if (*end == '\0' && pid > 0 && read_stat((pid_t)pid, &row))
            *DH_PUSH(table->rows, table->count, table->capacity) = row;
    }
    closedir(folder);
    if (table->count)
        qsort(table->rows, table->count, sizeof *table->rows, by_pid);
}

void eval_process_table_free(struct eval_process_table *table)
{
    free(table->rows);
    *table = (struct eval_process_table){0};
}

static const struct eval_process *find(const struct eval_process_table *table, pid_t pid)
{
    struct eval_process key = {.pid = pid};
    return table->count ? bsearch(&key, table->rows, table->count, sizeof key, by_pid) : NULL;
}

static bool is_spared(const struct eval_spared *spared, pid_t pid)
{
    for (size_t i = 0; spared && i < spared->count; i++)
        if (spared->pids[i] == pid)
            return true;
    return false;
}

/* Is `row` below `root`, and neither spared nor (if so wished) below someone spared? The number of
 * steps is bounded, since a scan that is no snapshot could show a cycle. */
static bool descends(const struct eval_process_table *table, const struct eval_process *row,
                     pid_t root, const struct eval_spared *spared)
{
    if (row->pid == root || is_spared(spared, row->pid))
        return false;
    for (size_t steps = 0; row && steps < table->count; steps++) {
        if (row->parent == root)
            return true;
        if (spared && spared->descendants && is_spared(spared, row->parent))
            return false;
        row = find(table, row->parent);
    }
    return false;
}

static bool alive(const struct eval_process *row)
{
    return row->state != 'Z' && row->state != 'X' && row->state != 'x';
}

/* Does its command line name one of those that clean up after others? One that waits for a disk
 * cannot always be asked. */
static bool cleans_up(const struct eval_process *row)
{
    static const char *const cleaners[] = {
        "torch_shm_manager", "resource_tracker import main", /* python -c "from multiprocessing.… */
        "semaphore_tracker import main",                     /* before Python 3.8 */
    };
    char path[32], command[COMMAND_SIZE];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)row->pid);
    int fd = row->state == 'D' ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, command, sizeof command) : 0;
    if (fd >= 0)
        close(fd);
    for (size_t i = 0; size > 0 && i < DH_COUNT_OF(cleaners); i++)
        if (memmem(command, (size_t)size, cleaners[i], strlen(cleaners[i])))
            return true;
    return false;
}

/* Is `row` alive, below `root` and not spared? Who was stopped before it could be seen that it is
 * spared goes on. */
static bool is_target(const struct eval_process_table *table, const struct eval_process *row,
                      pid_t root, const struct eval_spared *spared)
{
    if (!alive(row) || !descends(table, row, root, spared))
        return false;
    bool cleaner = spared && spared->cleaners && cleans_up(row);
    if (cleaner && row->state == 'T')
        kill(row->pid, SIGCONT);
    return !cleaner;
}

/* Is `row` below someone spared? */
static bool is_below(const struct eval_process_table *table, const struct eval_process *row,
                     const struct eval_spared *spared)
{
    for (size_t steps = 0; row && steps < table->count; steps++) {
        if (is_spared(spared, row->parent))
            return true;
        row = find(table, row->parent);
    }
    return false;
}

bool eval_process_descends(const struct eval_process_table *table, const struct eval_process *row,
                           pid_t root)
{
    return alive(row) && descends(table, row, root, NULL);
}

struct eval_process_use eval_process_tree_use(const struct eval_process_table *table, pid_t root)
{
    struct eval_process_use total = {0};
    for (size_t i = 0; i < table->count; i++)
        if (eval_process_descends(table, &table->rows[i], root)) {
            total.resident += table->rows[i].resident;
            total.processes++;
        }
    return total;
}

/* Pss of `row`; 0 if it has ended. */
static uint64_t share_of(const struct eval_process *row)
{
    char path[48], line[128];
    unsigned long long kilobytes = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)row->pid);
    FILE *file = fopen(path, "re");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file))
        found = sscanf(line, "Pss: %llu", &kilobytes) == 1;
    if (file)
        fclose(file);
    if (found)
        return (uint64_t)kilobytes * 1024;
    struct eval_process now;
    return read_stat(row->pid, &now) && alive(&now) ? row->resident : 0;
}

uint64_t eval_process_tree_memory(const struct eval_process_table *table, pid_t root)
{
    uint64_t total = 0;
    for (size_t i = 0; i < table->count; i++)
        if (eval_process_descends(table, &table->rows[i], root))
            total += share_of(&table->rows[i]);
    return total;
}

/* Send `number` to the living descendants; stopped ones do not count when stopping. */
static size_t signal_descendants(const struct eval_process_table *table, pid_t root,
                                 const struct eval_spared *spared, int number)
{
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct eval_process *row = &table->rows[i];
        if (!is_target(table, row, root, spared) || (number == SIGSTOP && row->state == 'T'))
            continue;
        kill(row->pid, number);
        count++;
    }
    return count;
}

static size_t count_below(const struct eval_process_table *table, pid_t root,
                          const struct eval_spared *spared)
{
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct eval_process *row = &table->rows[i];
        count += is_below(table, row, spared) && is_target(table, row, root, spared);
    }
    return count;
}

size_t eval_process_kill_descendants(pid_t root, const struct eval_spared *spared, size_t *below)
{
    struct eval_process_table table = {0};
    for (int pass = 0; pass < FREEZE_PASSES; pass++) {
        eval_process_scan(&table);
        if (signal_descendants(&table, root, spared, SIGSTOP) == 0)
            break;
    }
    size_t count = signal_descendants(&table, root, spared, SIGKILL);
    if (count && below)
        *below += count_below(&table, root, spared);
    eval_process_table_free(&table);
    return count;
}

void eval_process_nap(void)
{
    const struct timespec time = {.tv_nsec = NAP};
    nanosleep(&time, NULL);
}

static void close_other(int fd, const int *keep, size_t count)
{
    bool kept = fd < 3;
    for (size_t i = 0; i < count; i++)
        kept = kept || keep[i] == fd;
    if (!kept)
        close(fd);
}

void eval_process_close_others(const int *keep, size_t count)
{
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) {
        for (int fd = 3; fd < sysconf(_SC_OPEN_MAX) && fd < MOST_DESCRIPTORS; fd++)
            close_other(fd, keep, count);
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder));)
        if (atoi(entry->d_name) != dirfd(folder))
            close_other(atoi(entry->d_name), keep, count);
    closedir(folder);
}
